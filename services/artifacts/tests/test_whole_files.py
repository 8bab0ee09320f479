"""Many files in one stream, each in one message: they are written together, and refused one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import grpc
import pytest

from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_testing.artifacts import Artifacts, whole
from trivet_testing.errors import failure_in

FILES = 150


def test_many_files_are_answered_in_order_and_refused_one_by_one(artifacts: Artifacts) -> None:
    wrong = range(0, FILES, 7)
    answers = artifacts.upload_all(
        whole(artifacts.run(), f"d/{number:03}", b"%d" % number, bytes(32) if number in wrong else None)
        for number in range(FILES)
    )
    assert [answer.index for answer in answers] == list(range(FILES))
    refused = {answer.index: failure_in(answer.refused).reason for answer in answers if answer.HasField("refused")}
    assert refused == dict.fromkeys(wrong, "ARTIFACT_DIGEST_MISMATCH")
    taken = [number for number in range(FILES) if number not in wrong]
    assert artifacts.paths(artifacts.run(), "d") == [f"d/{number:03}" for number in taken]
    for number in taken[:: len(taken) // 5]:
        assert artifacts.download(artifacts.run(), f"d/{number:03}")[1] == b"%d" % number


def test_streams_that_are_called_off_leave_room_for_others(artifacts: Artifacts) -> None:
    def endless(owner: str) -> Iterator[pb.UploadArtifactsRequest]:
        for number in itertools.count():
            yield whole(owner, f"{number}", b"%d" % number * 1000)

    for attempt in range(8):
        stream = artifacts.stub.UploadArtifacts(endless(artifacts.run(f"off-{attempt}")), timeout=60)
        assert next(stream).artifact.path == "0"
        stream.cancel()
        with pytest.raises(grpc.RpcError):
            list(stream)
    answers = artifacts.upload_all(whole(artifacts.run(), f"{number}", b"%d" % number) for number in range(FILES))
    assert sum(answer.HasField("artifact") for answer in answers) == FILES
