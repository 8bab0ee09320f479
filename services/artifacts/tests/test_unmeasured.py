"""Uploads whose client knows neither the size nor digests: parts by signed URLs, and the service reads the whole."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
import urllib3

from trivet_proto.artifacts.v1 import artifact_pb2, direct_pb2, upload_pb2
from trivet_testing.artifacts import Artifacts, Place, migrate, resumed
from trivet_testing.depot import MIB, Depot, await_no_litter, await_that, connected
from trivet_testing.errors import CallFailure, error_of, rpc_error_of
from trivet_testing.minio import MinioServer
from trivet_testing.servers import ServerProcess
from trivet_testing.tcp_proxy import TcpProxy

PARTS = [random.Random(3).randbytes(5 * MIB), random.Random(4).randbytes(6 * MIB), b"the end"]
CONTENT = b"".join(PARTS)
HTTP = urllib3.PoolManager(retries=False)


@pytest.fixture(params=["sqlite", "postgres"])
def depot(request: pytest.FixtureRequest, minio_server: MinioServer, tmp_path: Path) -> Depot:
    """A bucket, which clients reach."""
    url = f"sqlite:///{tmp_path / 'artifacts.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    migrate(url)
    return Depot(Place(url, minio_server.store(minio_server.create_bucket()), minio_server.credentials))


@pytest.fixture
def direct(depot: Depot) -> Iterator[Artifacts]:
    with depot.start() as server, connected(server) as artifacts:
        yield artifacts
        assert "Traceback" not in server.stderr


def create(artifacts: Artifacts, path: str = "weights", **fields: Any) -> upload_pb2.Upload:
    request = upload_pb2.CreateUploadRequest(owner=artifacts.run(), path=path, **{"part_count": len(PARTS), **fields})
    return artifacts.stub.CreateUpload(request, timeout=30)


def send(artifacts: Artifacts, upload: str, parts: Sequence[bytes] = PARTS) -> list[str]:
    wanted = [direct_pb2.UploadPart(number=number) for number in range(1, len(parts) + 1)]
    signed = artifacts.stub.SignUploadParts(
        direct_pb2.SignUploadPartsRequest(upload=upload, parts=wanted), timeout=30
    ).requests
    etags = []
    for each, data in zip(signed, parts, strict=True):
        assert not each.headers
        answer = HTTP.request(each.method, each.url, body=data)
        assert answer.status == 200, answer.data
        etags.append(answer.headers["etag"])
    return etags


def complete(
    artifacts: Artifacts, upload: str, etags: Sequence[str], *, timeout: float = 60, **fields: Any
) -> artifact_pb2.Artifact:
    request = direct_pb2.CompleteUploadRequest(upload=upload, part_etags=etags, **fields)
    return artifacts.stub.CompleteUpload(request, timeout=timeout)


def refused(artifacts: Artifacts, upload: str, etags: Sequence[str], **fields: Any) -> CallFailure:
    return error_of(lambda: complete(artifacts, upload, etags, **fields))


def test_file_is_read_before_it_is_visible(depot: Depot, direct: Artifacts) -> None:
    upload = create(direct)
    assert (upload.direct, upload.part_count, upload.size_bytes, upload.part_size_bytes) == (True, 3, 0, 0)
    etags = send(direct, upload.name)
    held = direct.get_upload(upload.name)
    assert (list(held.held_parts), held.held_bytes) == ([1, 2, 3], len(CONTENT))
    assert direct.paths(direct.run()) == []
    artifact = complete(direct, upload.name, etags)
    assert (artifact.size_bytes, artifact.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).digest())
    assert artifact.verified
    assert direct.download(direct.run(), "weights")[1] == CONTENT
    # The answer may be lost: the same call again has the same.
    assert complete(direct, upload.name, etags) == artifact
    # Another call, which names other parts, has not.
    failure = refused(direct, upload.name, [*etags[:2], etags[0]])
    assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", "UPLOAD_INCOMPLETE")
    assert refused(direct, upload.name, etags[:2]).reason == "FIELD_INVALID"
    # The same bytes again are the same object.
    again = create(direct, "copy")
    assert complete(direct, again.name, send(direct, again.name)).sha256 == artifact.sha256
    await_no_litter(depot)


def test_parts_that_are_missing_or_others_or_too_small_are_refused(depot: Depot, direct: Artifacts) -> None:
    upload = create(direct)
    etags = send(direct, upload.name, PARTS[:2])
    failure = refused(direct, upload.name, [*etags, etags[0]])
    assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", "UPLOAD_INCOMPLETE")
    etags = send(direct, upload.name)
    assert refused(direct, upload.name, [etags[1], etags[0], etags[2]]).reason == "UPLOAD_INCOMPLETE"
    assert refused(direct, upload.name, etags[:2]).reason == "FIELD_INVALID"
    small = create(direct, "small")
    etags_of_small = send(direct, small.name, [b"too small", *PARTS[1:]])
    assert refused(direct, small.name, etags_of_small).reason == "UPLOAD_INCOMPLETE"
    assert direct.paths(direct.run()) == []
    direct.stub.DeleteUpload(upload_pb2.DeleteUploadRequest(name=small.name), timeout=30)
    assert refused(direct, small.name, etags_of_small).reason == "UPLOAD_NOT_FOUND"
    complete(direct, upload.name, etags)
    await_no_litter(depot)


def test_calls_that_are_repeated_before_the_first_is_answered_have_one_answer(depot: Depot, direct: Artifacts) -> None:
    upload = create(direct)
    etags = send(direct, upload.name)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: complete(direct, upload.name, etags), range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert direct.download(direct.run(), "weights")[1] == CONTENT
    await_no_litter(depot)


@contextmanager
def held_up(depot: Depot, minio_server: MinioServer) -> Iterator[tuple[TcpProxy, ServerProcess, Artifacts]]:
    """A server whose answers of the store a test may hold."""
    with TcpProxy(f"127.0.0.1:{minio_server.port}") as proxy:
        store = depot.place.store.replace(str(minio_server.port), proxy.address.rpartition(":")[2])
        place = replace(depot.place, store=store)
        with Depot(place).start() as server, connected(server) as artifacts:
            yield proxy, server, artifacts
            assert "Traceback" not in server.stderr


def reading(depot: Depot, artifacts: Artifacts, upload: upload_pb2.Upload) -> bytes:
    """How a request begins that reads what came of an upload."""
    bucket = depot.place.store.split("/")[2].partition("?")[0]
    return f"GET /{bucket}/{artifacts.workspace}/{upload.name.rpartition('/')[2]} HTTP".encode()


def begin(artifacts: Artifacts, upload: str, etags: Sequence[str]) -> grpc.Future[artifact_pb2.Artifact]:
    """A completion that is not waited for."""
    return artifacts.stub.CompleteUpload.future(
        direct_pb2.CompleteUploadRequest(upload=upload, part_etags=etags), timeout=60
    )


def test_completions_take_no_threads_of_other_calls(depot: Depot, minio_server: MinioServer) -> None:
    with held_up(depot, minio_server) as (proxy, _, artifacts):
        uploads = [create(artifacts, path) for path in ("a", "b", "c")]
        etags = [send(artifacts, upload.name) for upload in uploads]
        proxy.hold_responses_after(marker := reading(depot, artifacts, uploads[0]))
        # Each is asked for by more calls than there are threads.
        completing = [begin(artifacts, uploads[0].name, etags[0]) for _ in range(20)]
        proxy.wait_for_request(marker)
        completing += [begin(artifacts, uploads[1].name, etags[1]) for _ in range(20)]
        proxy.wait_for_request(f"{uploads[1].name.rpartition('/')[2]}?".encode())
        failure = refused(artifacts, uploads[2].name, etags[2])
        assert (failure.code.name, failure.reason) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
        assert (failure.metadata, failure.retry_seconds) == ({"queue": "completions"}, 5)
        assert artifacts.paths(artifacts.run()) == []
        assert not any(each.done() for each in completing)
        proxy.release()
        assert [each.result().path for each in completing] == ["a"] * 20 + ["b"] * 20
        assert complete(artifacts, uploads[2].name, etags[2]).sha256 == hashlib.sha256(CONTENT).digest()
        assert artifacts.paths(artifacts.run()) == ["a", "b", "c"]
    await_no_litter(depot)


def ended_calls(server: ServerProcess, word: str) -> int:
    """How many calls the access log has with a word; the log of the audit has them too."""
    return sum(word in line for line in server.stderr.splitlines() if '"logger": "trivet.calls"' in line)


def test_reading_ends_with_the_last_call_that_waits_for_it(depot: Depot, minio_server: MinioServer) -> None:
    with held_up(depot, minio_server) as (proxy, server, artifacts):
        upload = create(artifacts)
        etags = send(artifacts, upload.name)
        proxy.hold_responses_after(marker := reading(depot, artifacts, upload))
        calls = [begin(artifacts, upload.name, etags) for _ in range(2)]
        proxy.wait_for_request(marker)
        for number, call in enumerate(calls, 1):
            call.cancel()
            await_that(lambda number=number: ended_calls(server, "CANCELLED") == number)  # type: ignore[misc]
        proxy.release()
        # This one comes when that has ended.
        assert refused(artifacts, upload.name, etags[:2]).reason == "FIELD_INVALID"
        assert artifacts.paths(artifacts.run()) == []
        assert complete(artifacts, upload.name, etags).sha256 == hashlib.sha256(CONTENT).digest()
    await_no_litter(depot)


def test_reading_goes_on_for_a_call_that_waits_still(depot: Depot, minio_server: MinioServer) -> None:
    with held_up(depot, minio_server) as (proxy, server, artifacts):
        upload = create(artifacts)
        etags = send(artifacts, upload.name)
        proxy.hold_responses_after(marker := reading(depot, artifacts, upload))
        first = begin(artifacts, upload.name, etags)
        proxy.wait_for_request(marker)
        second = begin(artifacts, upload.name, etags)
        # When a third one has ended at its deadline, the second one has come.
        late = rpc_error_of(lambda: complete(artifacts, upload.name, etags, timeout=1))
        assert late.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        first.cancel()
        await_that(lambda: ended_calls(server, "CompleteUpload") == 2)
        proxy.release()
        assert second.result().sha256 == hashlib.sha256(CONTENT).digest()
    await_no_litter(depot)


def test_what_was_put_together_before_a_crash_is_read_then(depot: Depot, minio_server: MinioServer) -> None:
    with held_up(depot, minio_server) as (proxy, server, artifacts):
        upload = create(artifacts)
        etags = send(artifacts, upload.name)
        proxy.hold_responses_after(marker := reading(depot, artifacts, upload))
        completing = begin(artifacts, upload.name, etags)
        proxy.wait_for_request(marker)
        server.kill()
        assert rpc_error_of(completing.result).code() == grpc.StatusCode.UNAVAILABLE
    with depot.start() as server, connected(server) as artifacts:
        failure = refused(artifacts, upload.name, [etags[1], etags[0], etags[2]])
        assert (failure.reason, failure.metadata["heldBytes"]) == ("UPLOAD_INCOMPLETE", str(len(CONTENT)))
        assert artifacts.paths(artifacts.run()) == []
        assert complete(artifacts, upload.name, etags).sha256 == hashlib.sha256(CONTENT).digest()
    await_no_litter(depot)


def test_a_completion_whose_server_is_killed_is_completed_by_another(depot: Depot) -> None:
    with depot.start() as server, connected(server) as artifacts, ThreadPoolExecutor(1) as threads:
        upload = create(artifacts)
        etags = send(artifacts, upload.name)
        completing = threads.submit(complete, artifacts, upload.name, etags)
        server.kill()
        try:
            completing.result()
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE  # noqa: PT017 - whether it raises is by chance
    with depot.start() as server, connected(server) as artifacts:
        assert complete(artifacts, upload.name, etags).sha256 == hashlib.sha256(CONTENT).digest()
        assert artifacts.download(artifacts.run(), "weights")[1] == CONTENT
    await_no_litter(depot)


def test_the_two_kinds_of_uploads_are_kept_apart(direct: Artifacts) -> None:
    for fields in ({"size_bytes": 1}, {"part_size_bytes": 5 * MIB}, {"resume_key": "k"}, {"part_count": 10_001}):
        assert error_of(lambda fields=fields: create(direct, **fields)).reason == "FIELD_INVALID"  # type: ignore[misc]
    unmeasured, measured = create(direct), direct.create_upload(direct.run(), "m", len(CONTENT))
    assert measured.part_count == 2
    digest = hashlib.sha256(CONTENT).digest()

    def sign(upload: str, sha256: bytes) -> object:
        part = direct_pb2.UploadPart(number=1, sha256=sha256)
        return direct.stub.SignUploadParts(direct_pb2.SignUploadPartsRequest(upload=upload, parts=[part]), timeout=30)

    assert error_of(lambda: sign(unmeasured.name, digest)).reason == "FIELD_INVALID"
    assert error_of(lambda: sign(measured.name, b"")).reason == "FIELD_INVALID"
    assert refused(direct, measured.name, ["e", "e"]).reason == "FIELD_INVALID"
    assert refused(direct, unmeasured.name, ["e"] * 3, sha256=digest).reason == "FIELD_INVALID"
    assert refused(direct, unmeasured.name, [], sha256=digest).reason == "FIELD_INVALID"
    (answer,) = direct.upload_all(resumed(unmeasured.name, CONTENT, 0))
    assert answer.WhichOneof("result") == "refused"


def test_a_store_that_clients_do_not_reach_has_none(tmp_path: Path) -> None:
    place = Place(f"sqlite:///{tmp_path / 'artifacts.db'}", str(tmp_path / "store"), {})
    migrate(place.database_url)
    with Depot(place).start() as server, connected(server) as artifacts:
        assert error_of(lambda: create(artifacts)).reason == "DIRECT_TRANSFER_UNAVAILABLE"
