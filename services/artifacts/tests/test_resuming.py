"""Uploads that outlive clients and servers, streamed through the service."""

from __future__ import annotations

import hashlib
import queue
import random
from pathlib import Path
from typing import Any

import grpc
import pytest

from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1 import upload_pb2
from trivet_testing.artifacts import Artifacts, Place, messages, migrate, resumed, start_server
from trivet_testing.depot import MIB, Depot, await_no_litter, await_that, connected
from trivet_testing.errors import error_of, failure_in

CONTENT = random.Random(7).randbytes(24 * MIB)


def send_until(artifacts: Artifacts, upload: str, content: bytes, end: int) -> tuple[Any, queue.Queue[Any]]:
    """A stream that has sent an upload up to a byte, and waits."""
    waiting: queue.Queue[pb.UploadArtifactsRequest | None] = queue.Queue()
    stream = artifacts.stub.UploadArtifacts(iter(waiting.get, None))
    for message in list(resumed(upload, content[:end], 0))[:-1]:
        waiting.put(message)
    return stream, waiting


def test_upload_goes_on_in_another_client_and_another_server(depot: Depot) -> None:
    with depot.start() as server, connected(server) as artifacts:
        upload = artifacts.create_upload(artifacts.run(), "m/weights", len(CONTENT), resume_key="k")
        assert (upload.held_bytes, upload.part_size_bytes, upload.path) == (0, 8 * MIB, "m/weights")
        _, waiting = send_until(artifacts, upload.name, CONTENT, 20 * MIB)
        await_that(lambda: artifacts.get_upload(upload.name).held_bytes >= 16 * MIB)
        assert artifacts.paths(artifacts.run()) == []
        server.kill()
        waiting.put(None)
    with depot.start() as server, connected(server) as artifacts:
        again = artifacts.create_upload(artifacts.run(), "m/weights", len(CONTENT), resume_key="k")
        assert again.name == upload.name
        assert again.held_bytes >= 16 * MIB
        (answer,) = artifacts.upload_all(resumed(again.name, CONTENT, again.held_bytes))
        assert (answer.artifact.size_bytes, answer.artifact.verified) == (len(CONTENT), True)
        assert artifacts.download(artifacts.run(), "m/weights")[1] == CONTENT
        assert error_of(lambda: artifacts.get_upload(again.name)).reason == "UPLOAD_NOT_FOUND"
        await_no_litter(depot)
        assert "Traceback" not in server.stderr


def test_upload_whose_client_leaves_keeps_what_came(depot: Depot) -> None:
    with depot.start() as server, connected(server) as artifacts:
        upload = artifacts.create_upload(artifacts.run(), "f", len(CONTENT))
        stream, waiting = send_until(artifacts, upload.name, CONTENT, 10 * MIB)
        await_that(lambda: artifacts.get_upload(upload.name).held_bytes >= 8 * MIB)
        stream.cancel()
        waiting.put(None)

        def finished() -> bool:
            held = artifacts.get_upload(upload.name).held_bytes
            (answer,) = artifacts.upload_all(resumed(upload.name, CONTENT, held))
            # The server may still be at the end of the call before.
            return answer.WhichOneof("result") == "artifact"

        await_that(finished)
        assert artifacts.download(artifacts.run(), "f")[1] == CONTENT
        await_no_litter(depot)


def test_upload_in_one_go_is_like_any_other(artifacts: Artifacts) -> None:
    upload = artifacts.create_upload(artifacts.run(), "f", len(CONTENT), part_size_bytes=5 * MIB)
    (answer,) = artifacts.upload_all(resumed(upload.name, CONTENT, 0))
    assert answer.artifact.sha256 == hashlib.sha256(CONTENT).digest()
    assert artifacts.download(artifacts.run(), "f", 5 * MIB - 3, 6)[1] == CONTENT[5 * MIB - 3 : 5 * MIB + 3]


def test_bytes_that_do_not_begin_where_those_held_end_are_refused(artifacts: Artifacts) -> None:
    upload = artifacts.create_upload(artifacts.run(), "f", 3)
    (answer,) = artifacts.upload_all(resumed(upload.name, b"abc", 1))
    failure = failure_in(answer.refused)
    assert (failure.reason, failure.metadata["heldBytes"]) == ("UPLOAD_OFFSET_WRONG", "0")
    (answer,) = artifacts.upload_all(resumed(upload.name, b"abc", 0))
    assert artifacts.download(artifacts.run(), "f")[1] == b"abc"


def test_second_stream_on_a_file_is_refused_while_the_first_one_sends(tmp_path: Path) -> None:
    # Of a folder: in S3 each stream puts together the parts that it sent itself.
    place = Place(f"sqlite:///{tmp_path / 'artifacts.db'}", str(tmp_path / "store"), {})
    migrate(place.database_url)
    with start_server(place) as server, connected(server) as artifacts:
        upload = artifacts.create_upload(artifacts.run(), "f", 10 * MIB)
        stream, waiting = send_until(artifacts, upload.name, CONTENT, 2 * MIB)
        await_that(lambda: artifacts.get_upload(upload.name).held_bytes == 2 * MIB)
        (answer,) = artifacts.upload_all(resumed(upload.name, CONTENT[: 10 * MIB], 2 * MIB))
        assert failure_in(answer.refused).reason == "UPLOAD_BUSY"
        # It is told at once: whoever waits for that sends no byte in vain.
        second = pb.UploadArtifactsRequest(start=pb.UploadStart(upload=upload.name, offset_bytes=2 * MIB))
        (answer,) = artifacts.stub.UploadArtifacts(iter([second]), timeout=60)
        assert failure_in(answer.refused).reason == "UPLOAD_BUSY"
        stream.cancel()
        waiting.put(None)


def test_start_of_an_upload_is_answered_before_its_bytes_come(artifacts: Artifacts) -> None:
    upload = artifacts.create_upload(artifacts.run(), "f", 3)
    waiting: queue.Queue[pb.UploadArtifactsRequest | None] = queue.Queue()
    stream = artifacts.stub.UploadArtifacts(iter(waiting.get, None), timeout=60)
    start, *others = resumed(upload.name, b"abc", 0)
    for message in (*messages(artifacts.run(), "small", b"of another kind"), start):
        waiting.put(message)
    answers = [next(stream), next(stream)]
    assert [(answer.index, answer.WhichOneof("result")) for answer in answers] == [(0, "artifact"), (1, "begun")]
    assert answers[1].begun.offset_bytes == 0
    for message in others:
        waiting.put(message)
    waiting.put(None)
    assert [(answer.index, answer.artifact.path) for answer in stream] == [(1, "f")]


def test_refusal_comes_before_the_rest_of_the_file(artifacts: Artifacts) -> None:
    waiting: queue.Queue[pb.UploadArtifactsRequest | None] = queue.Queue()
    stream = artifacts.stub.UploadArtifacts(iter(waiting.get, None), timeout=60)
    first, data, finish = messages(artifacts.run(), "f", b"four", size_bytes=3)
    waiting.put(first)
    waiting.put(data)
    waiting.put(data)
    assert failure_in(next(stream).refused).reason == "ARTIFACT_SIZE_MISMATCH"
    # The rest may come, or not; what comes after it is taken.
    waiting.put(data)
    waiting.put(finish)
    for message in messages(artifacts.run(), "g", b"good"):
        waiting.put(message)
    waiting.put(None)
    assert [(answer.index, answer.artifact.path) for answer in stream] == [(1, "g")]


@pytest.mark.parametrize("offset", [0, 8 * MIB])
def test_other_bytes_than_said_end_the_upload(depot: Depot, offset: int) -> None:
    with depot.start() as server, connected(server) as artifacts:
        upload = artifacts.create_upload(artifacts.run(), "f", 10 * MIB)
        if offset:
            stream, waiting = send_until(artifacts, upload.name, CONTENT, offset)
            await_that(lambda: artifacts.get_upload(upload.name).held_bytes == offset)
            stream.cancel()
            waiting.put(None)
        reasons = []

        def ended() -> bool:
            messages = resumed(upload.name, CONTENT[: 10 * MIB], offset, sha256=bytes(32))
            (answer,) = artifacts.upload_all(messages)
            reasons.append(failure_in(answer.refused).reason)
            return reasons[-1] != "UPLOAD_BUSY"

        await_that(ended)
        assert reasons[-1] == "ARTIFACT_DIGEST_MISMATCH"
        await_that(lambda: not depot.reserved())
        assert error_of(lambda: artifacts.get_upload(upload.name)).reason == "UPLOAD_NOT_FOUND"
        assert artifacts.paths(artifacts.run()) == []
        await_no_litter(depot)


def test_upload_is_found_only_by_the_same_file_and_key(artifacts: Artifacts) -> None:
    first = artifacts.create_upload(artifacts.run(), "f", 9, resume_key="k")
    assert artifacts.create_upload(artifacts.run(), "f", 9, resume_key="k").name == first.name
    others = [
        artifacts.create_upload(artifacts.run(), "f", 9),
        artifacts.create_upload(artifacts.run(), "f", 9, resume_key="l"),
        artifacts.create_upload(artifacts.run(), "g", 9, resume_key="k"),
        artifacts.create_upload(artifacts.run("s"), "f", 9, resume_key="k"),
        artifacts.create_upload(artifacts.run(), "f", 8, resume_key="k"),
    ]
    assert len({first.name, *(other.name for other in others)}) == 6


def test_deleted_upload_is_gone_with_its_bytes(depot: Depot) -> None:
    with depot.start() as server, connected(server) as artifacts:
        upload = artifacts.create_upload(artifacts.run(), "f", 20 * MIB)
        stream, waiting = send_until(artifacts, upload.name, CONTENT, 9 * MIB)
        await_that(lambda: artifacts.get_upload(upload.name).held_bytes)
        stream.cancel()
        waiting.put(None)
        artifacts.stub.DeleteUpload(upload_pb2.DeleteUploadRequest(name=upload.name))
        artifacts.stub.DeleteUpload(upload_pb2.DeleteUploadRequest(name=upload.name))
        assert error_of(lambda: artifacts.get_upload(upload.name)).reason == "UPLOAD_NOT_FOUND"
        await_no_litter(depot)
        (answer,) = artifacts.upload_all(resumed(upload.name, CONTENT, 0))
        assert failure_in(answer.refused).reason == "UPLOAD_NOT_FOUND"


def test_upload_of_another_workspace_is_not_found(artifacts: Artifacts) -> None:
    upload = artifacts.create_upload(artifacts.run(), "f", 9)
    stolen = upload.name.replace(artifacts.workspace, "default")
    failure = error_of(lambda: artifacts.get_upload(stolen))
    assert failure.reason in ("UPLOAD_NOT_FOUND", "WORKSPACE_NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"size_bytes": 0}, "size_bytes"),
        ({"size_bytes": -1}, "size_bytes"),
        ({"size_bytes": 5 * 1024**4 + 1}, "size_bytes"),
        ({"part_size_bytes": 5 * MIB - 1}, "part_size_bytes"),
        ({"part_size_bytes": -1}, "part_size_bytes"),
        ({"path": "a/../b"}, "path"),
        ({"media_type": "nonsense"}, "media_type"),
        ({"resume_key": "x" * 129}, "resume_key"),
        ({"resume_key": "\0"}, "resume_key"),
    ],
)
def test_upload_with_a_bad_field_is_refused(artifacts: Artifacts, fields: dict[str, Any], field: str) -> None:
    request: dict[str, Any] = {"owner": artifacts.run(), "path": "f", "size_bytes": 1} | fields
    failure = error_of(lambda: artifacts.stub.CreateUpload(upload_pb2.CreateUploadRequest(**request)))
    assert (failure.code, failure.metadata["field"]) == (grpc.StatusCode.INVALID_ARGUMENT, field)


def test_parts_are_as_large_as_their_number_needs(artifacts: Artifacts) -> None:
    size = 5 * 1024**4
    upload = artifacts.create_upload(artifacts.run(), "f", size)
    assert upload.part_size_bytes * 10_000 >= size > 0
    assert upload.part_size_bytes % MIB == 0


@pytest.mark.parametrize("field", ["owner", "path", "media_type", "size_bytes"])
def test_stream_that_says_again_what_its_upload_says_is_refused(artifacts: Artifacts, field: str) -> None:
    upload = artifacts.create_upload(artifacts.run(), "f", 1)
    values: dict[str, Any] = {"owner": artifacts.run(), "path": "f", "media_type": "a/b", "size_bytes": 1}
    start = pb.UploadStart(upload=upload.name, **{field: values[field]})
    requests = [pb.UploadArtifactsRequest(start=start), *list(resumed(upload.name, b"x", 0))[1:]]
    (answer,) = artifacts.upload_all(requests)
    assert failure_in(answer.refused).metadata["field"] == f"start.{field}"
