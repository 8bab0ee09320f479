"""Small files by calls of their own: they end up as those of streams do, and leave as little."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import grpc
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trivet_artifacts.server import open_database
from trivet_artifacts.store import tables
from trivet_proto.artifacts.v1 import artifact_pb2, garbage_pb2
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_testing.artifacts import MESSAGE_BYTES, Artifacts, start_server, whole
from trivet_testing.depot import Depot, await_no_litter, connected
from trivet_testing.errors import CallFailure, error_of, failure_in
from trivet_testing.minio import MinioServer
from trivet_testing.workspaces import unused_workspace

CALLERS = 16
# Each lies above, below or beside another one.
PATHS = ("a", "a/b", "a/b/c", "a/d", "e", 'e "{},f')
CONTENTS = (b"", b"one", b"two", bytes(10_000))
Step = tuple[str, str, bytes]


def put(
    artifacts: Artifacts, owner: str, path: str, content: bytes, sha256: bytes | None = None
) -> artifact_pb2.Artifact:
    file = whole(owner, path, content, sha256).file
    return artifacts.stub.UploadArtifact(pb.UploadArtifactRequest(file=file), timeout=60)


def refusal(artifacts: Artifacts, path: str, content: bytes, sha256: bytes | None = None) -> CallFailure:
    return error_of(lambda: put(artifacts, artifacts.run(), path, content, sha256))


def told(failure: CallFailure) -> tuple[object, ...]:
    return failure.code, failure.reason, failure.metadata.get("path"), failure.metadata.get("kind")


def outcome_of_call(artifacts: Artifacts, path: str, content: bytes) -> object:
    try:
        return put(artifacts, artifacts.run(), path, content).sha256
    except grpc.RpcError as error:
        return told(error_of(partial(_raise, error)))


def _raise(error: Exception) -> None:
    raise error


def outcome_of_stream(artifacts: Artifacts, path: str, content: bytes) -> object:
    (answer,) = artifacts.upload_all([whole(artifacts.run(), path, content)])
    return told(failure_in(answer.refused)) if answer.HasField("refused") else answer.artifact.sha256


def other_step(artifacts: Artifacts, what: str, path: str) -> None:
    match what:
        case "delete":
            artifacts.stub.DeleteArtifacts(pb.DeleteArtifactsRequest(owner=artifacts.run(), path=path), timeout=30)
        case "hold":
            artifacts.stub.CreateHold(garbage_pb2.CreateHoldRequest(owner=artifacts.run(), reason="kept"), timeout=30)
        case "release":
            artifacts.stub.DeleteHold(garbage_pb2.DeleteHoldRequest(owner=artifacts.run()), timeout=30)
        case "collect":
            artifacts.collect()


def seen(artifacts: Artifacts) -> dict[str, tuple[str, bytes]]:
    paths = artifacts.paths(artifacts.run(), recursive=True)
    files = {path: artifacts.download(artifacts.run(), path) for path in paths}
    return {path: (file.media_type, data) for path, (file, data) in files.items()}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(("put", "put", "put", "put", "delete", "hold", "release", "collect")),
            st.sampled_from(PATHS),
            st.sampled_from(CONTENTS),
        ),
        max_size=12,
    )
)
def test_calls_do_what_streams_do(artifacts: Artifacts, steps: list[Step]) -> None:
    by_calls = Artifacts(artifacts.stub, unused_workspace())
    by_streams = Artifacts(artifacts.stub, unused_workspace())
    for what, path, content in steps:
        if what == "put":
            assert outcome_of_call(by_calls, path, content) == outcome_of_stream(by_streams, path, content)
            continue
        for each in (by_calls, by_streams):
            if what != "delete" or not is_held(each):
                other_step(each, what, path)
    assert seen(by_calls) == seen(by_streams)
    assert by_calls.paths(by_calls.run()) == by_streams.paths(by_streams.run())


def is_held(artifacts: Artifacts) -> bool:
    return bool(artifacts.stub.ListHolds(garbage_pb2.ListHoldsRequest(parent=artifacts.parent), timeout=30).holds)


def test_a_file_is_answered_as_it_is_kept(artifacts: Artifacts) -> None:
    for path in ("first.json", "d/e/second.json"):
        made = put(artifacts, artifacts.run(), path, b"{}")
        assert made == artifacts.get(artifacts.run(), path)
        assert (made.size_bytes, made.media_type, made.verified) == (2, "application/json", True)
    assert artifacts.paths(artifacts.run(), "d") == ["d/e/"]
    assert put(artifacts, artifacts.run(), "most", bytes(MESSAGE_BYTES)).size_bytes == MESSAGE_BYTES


def test_what_is_wrong_with_a_file_is_told(artifacts: Artifacts) -> None:
    put(artifacts, artifacts.run(), "a", b"file")
    failure = refusal(artifacts, "new", b"bytes", sha256=bytes(32))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ARTIFACT_DIGEST_MISMATCH")
    failure = refusal(artifacts, "a/b", b"bytes")
    assert (failure.reason, failure.metadata["path"]) == ("ARTIFACT_PATH_TAKEN", "a")
    failure = refusal(artifacts, "../up", b"bytes")
    assert failure.fields == ("file.start.path",)
    failure = refusal(artifacts, "long", bytes(MESSAGE_BYTES + 1))
    assert (failure.reason, failure.fields) == ("FIELD_TOO_LONG", ("file.data",))
    failure = refusal(artifacts, "short", b"bytes", sha256=b"short")
    assert failure.fields == ("file.sha256",)
    failure = error_of(lambda: artifacts.stub.UploadArtifact(pb.UploadArtifactRequest(), timeout=30))
    assert (failure.reason, failure.fields) == ("FIELD_REQUIRED", ("file",))
    assert artifacts.paths(artifacts.run()) == ["a"]


def test_many_callers_at_once_lose_nothing_and_leave_nothing(depot: Depot) -> None:
    # With so many writers SQLite lets a server wait for longer than the second that it has to say that it lives.
    with start_server(depot.place, TRIVET_UPLOAD_LEASE="20") as server, connected(server) as artifacts:

        def send(caller: int) -> None:
            for number in range(20):
                put(artifacts, artifacts.run(), f"{caller}/{number}", b"%d of %d" % (number, caller))
                put(
                    artifacts, artifacts.run(), f"shared/{number}", b"the same of all" if number % 2 else b"%d" % caller
                )
                put(artifacts, artifacts.run(f"own-{caller}"), "file", b"%d" % number)

        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(send, range(CALLERS)))
        for caller in range(CALLERS):
            for number in range(20):
                assert artifacts.download(artifacts.run(), f"{caller}/{number}")[1] == b"%d of %d" % (number, caller)
            assert artifacts.download(artifacts.run(f"own-{caller}"), "file")[1] == b"19"
        assert {artifacts.download(artifacts.run(), f"shared/{number}")[1] for number in range(1, 20, 2)} == {
            b"the same of all"
        }
        await_no_litter(depot)  # a key that waits for another file is given up when none comes
        assert "Traceback" not in server.stderr


def test_a_server_that_ends_gives_up_what_it_reserved(depot: Depot) -> None:
    with depot.start() as server, connected(server) as artifacts:
        for number in range(5):
            put(artifacts, artifacts.run(), f"{number}", b"%d" % number)
        server.terminate()
    assert depot.litter() == {}


def test_a_server_that_is_killed_leaves_nothing_to_the_next_one(depot: Depot) -> None:
    with depot.start() as server, connected(server) as artifacts:
        for number in range(5):
            put(artifacts, artifacts.run(), f"{number}", b"%d" % number)
        server.kill()
    with depot.start() as server, connected(server) as artifacts:
        await_no_litter(depot)
        assert artifacts.paths(artifacts.run()) == [f"{number}" for number in range(5)]


def test_a_reservation_that_is_lost_is_told_and_the_next_file_is_taken(depot: Depot) -> None:
    with depot.start() as server, connected(server) as artifacts:
        put(artifacts, artifacts.run(), "first", b"first")
        put(artifacts, artifacts.run(), "second", b"second")
        with closing(open_database(depot.place.database_url)) as database, database.transaction("write") as connection:
            connection.execute(sa.delete(tables.artifact_upload))
        # It is not told where a server has given its key up by now, and reserved another one, as with SQLite always.
        first, second = (outcome_of_call(artifacts, "third", b"third") for _ in range(2))
        taken = hashlib.sha256(b"third").digest()
        assert first in (taken, (grpc.StatusCode.ABORTED, "UPLOAD_EXPIRED", None, None))
        assert second == taken
        await_no_litter(depot)
        assert artifacts.paths(artifacts.run()) == ["first", "second", "third"]


def test_what_the_store_refuses_is_the_error_of_the_call(depot: Depot, minio_server: MinioServer) -> None:
    if not depot.place.store.startswith("s3:"):
        return
    bucket = depot.place.store.removeprefix("s3://").partition("?")[0]
    with depot.start() as server, connected(server) as artifacts:
        minio_server.client().remove_bucket(bucket)
        failure = refusal(artifacts, "f", b"bytes")
        assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", "ARTIFACT_STORE_REFUSES")
        minio_server.client().make_bucket(bucket)
        put(artifacts, artifacts.run(), "f", b"bytes")
        assert artifacts.paths(artifacts.run()) == ["f"]
        await_no_litter(depot)
