"""Uploads that end midway, by the client or with the server: nothing is visible, and no bytes stay."""

from __future__ import annotations

import queue
import random
import time
from contextlib import suppress
from typing import Any

import grpc

from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_testing.artifacts import Artifacts, messages
from trivet_testing.depot import MIB, Depot, await_no_litter, await_that, connected
from trivet_testing.tracking import full


def begin(artifacts: Artifacts, path: str, sent: int) -> tuple[Any, queue.Queue[pb.UploadArtifactsRequest | None]]:
    """An upload that has sent so many bytes of a file and waits."""
    waiting: queue.Queue[pb.UploadArtifactsRequest | None] = queue.Queue()
    stream = artifacts.stub.UploadArtifacts(iter(waiting.get, None))
    for message in list(messages(artifacts.run(), path, random.Random(1).randbytes(sent)))[:-1]:
        waiting.put(message)
    return stream, waiting


def test_upload_that_its_client_leaves_leaves_nothing(depot: Depot) -> None:
    with depot.start() as server, connected(server) as artifacts:
        artifacts.upload(artifacts.run(), "kept", b"kept")
        stream, waiting = begin(artifacts, "model/weights", 20 * MIB)
        await_that(depot.unfinished)
        assert artifacts.paths(artifacts.run()) == ["kept"]
        stream.cancel()
        waiting.put(None)
        await_no_litter(depot)
        assert artifacts.paths(artifacts.run()) == ["kept"]
        assert artifacts.download(artifacts.run(), "kept")[1] == b"kept"
        assert "Traceback" not in server.stderr


def test_upload_whose_server_is_killed_leaves_nothing_after_a_restart(depot: Depot) -> None:
    with depot.start() as server, connected(server) as artifacts:
        artifacts.upload(artifacts.run(), "model/weights", b"the first version")
        _, waiting = begin(artifacts, "model/weights", 20 * MIB)
        await_that(depot.unfinished)
        server.kill()
        waiting.put(None)
    assert depot.unfinished()
    with depot.start() as server, connected(server) as artifacts:
        assert artifacts.download(artifacts.run(), "model/weights")[1] == b"the first version"
        await_no_litter(depot)
        assert artifacts.download(artifacts.run(), "model/weights")[1] == b"the first version"


def test_upload_of_a_living_server_is_left_alone_by_another(depot: Depot) -> None:
    with depot.start() as server, depot.start() as other, connected(server) as artifacts:
        content = random.Random(1).randbytes(20 * MIB)
        stream, waiting = begin(artifacts, "model/weights", len(content))
        await_that(depot.unfinished)
        held = depot.reserved()
        # The other server looks four times a second; what it would take for left behind, it would take within two.
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            assert depot.reserved() == held
        waiting.put(list(messages(artifacts.run(), "model/weights", content))[-1])
        waiting.put(None)
        (answer,) = stream
        assert answer.artifact.size_bytes == len(content)
        with connected(other) as at_other:
            assert at_other.download(artifacts.run(), "model/weights")[1] == content
        await_no_litter(depot)


def test_refused_and_doubled_files_leave_no_bytes(depot: Depot) -> None:
    with depot.start() as server, connected(server) as artifacts:
        for size in (0, 5, 9 * MIB):
            content = random.Random(size).randbytes(size)
            artifacts.refusal(artifacts.run(), "file", content, sha256=b"x" * 32)
            artifacts.refusal(artifacts.run(), "file", content, size_bytes=size + 1)
        assert await_clean(depot, objects=0)
        for number in range(5):
            artifacts.upload(artifacts.run(), f"file-{number}", b"the same bytes")
        artifacts.refusal(artifacts.run(), "file-1/x", b"other bytes")
        assert await_clean(depot, objects=1)
        assert artifacts.paths(artifacts.run()) == [f"file-{number}" for number in range(5)]


def await_clean(depot: Depot, objects: int) -> bool:
    await_no_litter(depot)
    return len(depot.whole()) == objects


def test_uploads_cut_off_anywhere_are_whole_or_not_there(depot: Depot, seed: int) -> None:
    chosen = random.Random(seed)
    with depot.start() as server, connected(server) as artifacts:
        contents = {}
        for number in range(full(25, 500)):
            path = f"f/{number}"
            contents[path] = chosen.randbytes(chosen.choice([10, 100_000, 3 * MIB]))
            requests = list(messages(artifacts.run(), path, contents[path], message_bytes=256 * 1024))
            waiting: queue.Queue[pb.UploadArtifactsRequest | None] = queue.Queue()
            stream = artifacts.stub.UploadArtifacts(iter(waiting.get, None))
            for message in requests[: chosen.randint(1, len(requests))]:
                waiting.put(message)
            if chosen.random() < 0.5:
                await_that(waiting.empty)
            stream.cancel()
            waiting.put(None)
        await_no_litter(depot)
        for path in artifacts.paths(artifacts.run(), recursive=True):
            assert artifacts.download(artifacts.run(), path)[1] == contents[path]
        assert "Traceback" not in server.stderr


def test_server_killed_again_and_again_loses_nothing_it_acknowledged(depot: Depot, seed: int) -> None:
    chosen = random.Random(seed)
    acknowledged: dict[str, bytes] = {}
    for number in range(full(2, 100)):
        with depot.start() as server, connected(server) as artifacts:
            contents = [chosen.randbytes(chosen.choice([10, 200_000, MIB])) for _ in range(40)]
            requests = [
                message
                for index, content in enumerate(contents)
                for message in messages(artifacts.run(), f"{number}/{index}", content)
            ]
            stop = chosen.randint(0, 30)
            # All answers may have been on their way when it was killed.
            with suppress(grpc.RpcError):
                for answer in artifacts.stub.UploadArtifacts(iter(requests)):
                    acknowledged[answer.artifact.path] = contents[answer.index]
                    if answer.index == stop:
                        server.kill()
    with depot.start() as server, connected(server) as artifacts:
        await_no_litter(depot)
        there = artifacts.paths(artifacts.run(), recursive=True)
        assert acknowledged.keys() <= set(there)
        for path, content in acknowledged.items():
            assert artifacts.download(artifacts.run(), path)[1] == content
