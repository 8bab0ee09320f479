"""Uploads that are refused, and messages out of order: what is not right leaves nothing, and the stream goes on."""

from __future__ import annotations

import hashlib
import itertools
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_testing.artifacts import MESSAGE_BYTES, Artifacts, messages
from trivet_testing.errors import error_of, failure_in

WRONG_DIGEST = hashlib.sha256(b"other").digest()
Request = pb.UploadArtifactsRequest


def test_wrong_digest_is_refused(artifacts: Artifacts) -> None:
    failure = artifacts.refusal(artifacts.run(), "file", b"12345", sha256=WRONG_DIGEST)
    assert (failure.code.name, failure.reason) == ("INVALID_ARGUMENT", "ARTIFACT_DIGEST_MISMATCH")
    assert failure.fields == ("finish.sha256",)
    assert failure.metadata["sha256"] == hashlib.sha256(b"12345").hexdigest()
    assert failure.metadata["expectedSha256"] == WRONG_DIGEST.hex()
    assert artifacts.paths(artifacts.run()) == []


@pytest.mark.parametrize("announced", [0, 4, 6, 2**62])
def test_wrong_size_is_refused(artifacts: Artifacts, announced: int) -> None:
    failure = artifacts.refusal(artifacts.run(), "file", b"12345", size_bytes=announced)
    assert (failure.code.name, failure.reason) == ("INVALID_ARGUMENT", "ARTIFACT_SIZE_MISMATCH")
    assert failure.metadata["expectedSizeBytes"] == str(announced)
    assert artifacts.paths(artifacts.run()) == []


def test_refused_file_leaves_the_one_that_is_there(artifacts: Artifacts) -> None:
    artifacts.upload(artifacts.run(), "file", b"first")
    artifacts.refusal(artifacts.run(), "file", b"second", sha256=WRONG_DIGEST)
    assert artifacts.download(artifacts.run(), "file")[1] == b"first"


BAD_FILES: dict[str, tuple[dict[str, object], str, str]] = {
    "digest too short": ({"sha256": b"x" * 31}, "FIELD_INVALID", "finish.sha256"),
    "digest too long": ({"sha256": b"x" * 33}, "FIELD_INVALID", "finish.sha256"),
    "no digest": ({"sha256": b""}, "FIELD_INVALID", "finish.sha256"),
    "size below 0": ({"size_bytes": -1}, "FIELD_INVALID", "start.size_bytes"),
    "message too long": ({"message_bytes": MESSAGE_BYTES + 1}, "FIELD_TOO_LONG", "data"),
    "media type without a slash": ({"media_type": "text"}, "FIELD_INVALID", "start.media_type"),
    "media type with a line": ({"media_type": "text/plain\r\nX: 1"}, "FIELD_INVALID", "start.media_type"),
    "media type too long": ({"media_type": "text/" + "x" * 251}, "FIELD_TOO_LONG", "start.media_type"),
    "no path": ({"path": ""}, "FIELD_REQUIRED", "start.path"),
    "path too long": ({"path": "x" * 1025}, "FIELD_TOO_LONG", "start.path"),
    "path too long in bytes": ({"path": "ä" * 513}, "FIELD_TOO_LONG", "start.path"),
    "absolute path": ({"path": "/etc/passwd"}, "FIELD_INVALID", "start.path"),
    "path to a folder above": ({"path": "a/../b"}, "FIELD_INVALID", "start.path"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_file_is_refused_with_its_field_and_does_not_end_the_stream(artifacts: Artifacts, case: str) -> None:
    fields, reason, field = BAD_FILES[case]
    content = b"x" * (MESSAGE_BYTES + 1)
    bad: dict[str, object] = {"path": "bad", "content": content} | fields
    requests = itertools.chain(
        messages(artifacts.run(), "before", b"1"),
        messages(artifacts.run(), **bad),  # type: ignore[arg-type] # fields of messages
        messages(artifacts.run(), "after", b"2"),
    )
    before, refused, after = artifacts.upload_all(requests)
    assert (before.artifact.path, after.artifact.path) == ("before", "after")
    failure = failure_in(refused.refused)
    assert (failure.reason, failure.fields) == (reason, (field,))
    assert artifacts.paths(artifacts.run(), recursive=True) == ["after", "before"]


def out_of_order(owner: str) -> dict[str, tuple[list[Request], str, str]]:
    start = Request(start=pb.UploadStart(owner=owner, path="second"))
    finish = Request(finish=pb.UploadFinish(sha256=WRONG_DIGEST))
    whole = list(messages(owner, "first", b"1"))
    return {
        "data before a start": ([*whole, Request(data=b"x")], "FIELD_INVALID", "data"),
        "finish before a start": ([*whole, finish], "FIELD_INVALID", "finish"),
        "start in a file": ([*whole, start, start], "FIELD_INVALID", "start"),
        "no finish": ([*whole, start, Request(data=b"x")], "FIELD_REQUIRED", "finish"),
        "nothing in a message": ([*whole, Request()], "FIELD_REQUIRED", "message"),
    }


@pytest.mark.parametrize("case", out_of_order(""))
def test_messages_out_of_order_end_the_stream_and_leave_what_was_whole(artifacts: Artifacts, case: str) -> None:
    requests, reason, field = out_of_order(artifacts.run())[case]
    answers: list[pb.UploadArtifactsResponse] = []
    failure = error_of(lambda: answers.extend(artifacts.stub.UploadArtifacts(iter(requests), timeout=30)))
    assert (failure.code.name, failure.reason, failure.fields) == ("INVALID_ARGUMENT", reason, (field,))
    assert [answer.artifact.path for answer in answers] == ["first"]
    assert artifacts.paths(artifacts.run()) == ["first"]


FIRST: dict[str, tuple[Callable[[Artifacts], list[Request]], str]] = {
    "no message": (lambda _: [], "FIELD_REQUIRED"),
    "data": (lambda _: [Request(data=b"x")], "FIELD_REQUIRED"),
    "no owner": (lambda _: [Request(start=pb.UploadStart(path="x"))], "FIELD_REQUIRED"),
    "no name": (lambda _: list(messages("runs/x", "x", b"")), "RESOURCE_NAME_INVALID"),
    "an experiment": (
        lambda artifacts: list(messages(f"workspaces/{artifacts.workspace}/experiments/1", "x", b"")),
        "RESOURCE_NAME_INVALID",
    ),
    "a workspace that is not": (lambda _: list(messages("workspaces/nowhere/runs/r", "x", b"")), "WORKSPACE_NOT_FOUND"),
}


@pytest.mark.parametrize("case", FIRST)
def test_stream_that_begins_wrongly_is_refused(artifacts: Artifacts, case: str) -> None:
    requests, reason = FIRST[case]
    assert error_of(lambda: artifacts.upload_all(requests(artifacts))).reason == reason


def test_stream_may_not_change_its_workspace(artifacts: Artifacts) -> None:
    requests = [*messages(artifacts.run(), "file", b"1"), *messages("workspaces/default/runs/r", "file", b"2")]
    answers: list[pb.UploadArtifactsResponse] = []
    failure = error_of(lambda: answers.extend(artifacts.stub.UploadArtifacts(iter(requests), timeout=30)))
    assert failure.reason == "WORKSPACES_MIXED"
    assert failure.metadata == {"workspaces": f"default,{artifacts.workspace}"}
    assert Artifacts(artifacts.stub, "default").paths("workspaces/default/runs/r") == []


def test_stream_may_have_several_owners(artifacts: Artifacts) -> None:
    owners = [artifacts.run("a"), artifacts.version(), artifacts.run("b"), artifacts.run("a")]
    requests = [message for number, owner in enumerate(owners) for message in messages(owner, f"f{number}", b"x")]
    answers = artifacts.upload_all(requests)
    assert [answer.artifact.owner for answer in answers] == owners
    assert artifacts.paths(artifacts.run("a")) == ["f0", "f3"]


def test_every_file_is_answered_before_the_next_is_sent(artifacts: Artifacts) -> None:
    """A client that waits for each answer must not wait for ever."""
    waiting: queue.Queue[Request | None] = queue.Queue()
    stream = artifacts.stub.UploadArtifacts(iter(waiting.get, None), timeout=60)
    for number in range(5):
        for message in messages(artifacts.run(), f"f{number}", b"x"):
            waiting.put(message)
        assert next(stream).index == number
    waiting.put(None)
    assert list(stream) == []


def test_one_path_written_by_many_at_once_has_the_bytes_of_one(artifacts: Artifacts) -> None:
    contents = [bytes([number]) * 100_000 for number in range(12)]
    with ThreadPoolExecutor(12) as threads:
        list(threads.map(lambda data: artifacts.upload(artifacts.run(), "d/file", data), contents))
    assert artifacts.download(artifacts.run(), "d/file")[1] in contents
    assert artifacts.paths(artifacts.run(), recursive=True) == ["d/file"]


def test_same_contents_in_many_streams_at_once_are_all_taken(artifacts: Artifacts) -> None:
    def send(number: int) -> int:
        contents = [b"%d" % (kind % 10) for kind in (range(30) if number % 2 else reversed(range(30)))]
        requests = [
            message
            for index, data in enumerate(contents)
            for message in messages(artifacts.run(f"r{number}"), f"f{index}", data)
        ]
        return sum(answer.WhichOneof("result") == "artifact" for answer in artifacts.upload_all(requests))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(send, range(8))) == [30] * 8
