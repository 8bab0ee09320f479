"""One of the client processes of `scaling.py`, which starts it: threads that make one call after the other.

A line of its input is a `Stretch` as JSON. It says `ready` once each thread has made its first calls, begins when it
gets one more line, and prints how many calls that were.
"""

from __future__ import annotations

import itertools
import json
import secrets
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import grpc
from flood import Shape, Writer
from harness import PARENT

from trivet_proto.artifacts.v1 import artifact_service_pb2
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_proto.registry.v1 import model_version_pb2, registry_service_pb2
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_proto.tracking.v1 import run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.artifacts import whole

FLOOD: Final = Shape(series=10, points=100)
FILE_BYTES: Final = 16 * 1024
PAGE: Final = 100
_WARM_UP_CALLS: Final = 3
_OUTSIDE: Final = model_version_pb2.ModelVersion(
    source=model_version_pb2.ModelSource(external_uri="s3://models/elsewhere")
)

_Act = Callable[[], object]


def _writing(channel: grpc.Channel, name: str, shape: Shape) -> _Act:
    stub = TrackingServiceStub(channel)
    run = stub.CreateRun(pb.CreateRunRequest(parent=PARENT)).name
    writer = Writer(run, shape, f"{name}/")
    return lambda: stub.WriteRun(writer.next())


def _floods(channel: grpc.Channel, name: str) -> _Act:
    return _writing(channel, name, FLOOD)


def _points(channel: grpc.Channel, name: str) -> _Act:
    return _writing(channel, name, Shape(series=1, points=1))


def _runs(channel: grpc.Channel, name: str) -> _Act:
    stub = TrackingServiceStub(channel)
    params = {f"param-{number}": f"{number} of {name}" for number in range(5)}
    return lambda: stub.CreateRun(pb.CreateRunRequest(parent=PARENT, run=run_pb2.Run(params=params)))


def _searches(channel: grpc.Channel, name: str) -> _Act:
    stub = TrackingServiceStub(channel)
    thresholds = itertools.cycle(0.3 + 0.01 * number for number in range(40))

    def search() -> None:
        found = stub.SearchRuns(
            pb.SearchRunsRequest(
                parent=PARENT,
                experiments=[f"{PARENT}/experiments/1"],
                filter=f"metrics.rmse < {next(thresholds)} AND params.model = 'xgb'",
                order_by="metrics.rmse",
                page_size=PAGE,
            )
        )
        assert found.runs, name

    return search


def _uploads(channel: grpc.Channel, name: str) -> _Act:
    stub = ArtifactServiceStub(channel)
    numbers = itertools.count()
    rest = secrets.token_bytes(FILE_BYTES - 8)

    def upload() -> None:
        number = next(numbers)
        content = number.to_bytes(8) + rest  # no two files are the same
        (answer,) = stub.UploadArtifacts(iter([whole(_owner(name), f"{number}.bin", content)]))
        assert answer.WhichOneof("result") == "artifact", answer

    return upload


def _downloads(channel: grpc.Channel, name: str) -> _Act:
    stub = ArtifactServiceStub(channel)
    content = secrets.token_bytes(FILE_BYTES)
    (answer,) = stub.UploadArtifacts(iter([whole(_owner(name), "read.bin", content)]))
    assert answer.WhichOneof("result") == "artifact", answer
    request = artifact_service_pb2.DownloadArtifactRequest(owner=_owner(name), path="read.bin")

    def download() -> None:
        got = b"".join(message.data for message in stub.DownloadArtifact(request))
        assert got == content

    return download


def _owner(name: str) -> str:
    return f"{PARENT}/runs/files-of-{name}"


def _models(channel: grpc.Channel, name: str) -> _Act:
    stub = RegistryServiceStub(channel)
    numbers = itertools.count()

    def create() -> None:
        stub.CreateModel(
            registry_service_pb2.CreateModelRequest(parent=PARENT, model_id=f"model-{name}-{next(numbers)}")
        )

    return create


def _versions(channel: grpc.Channel, name: str) -> _Act:
    stub = RegistryServiceStub(channel)
    model = stub.CreateModel(registry_service_pb2.CreateModelRequest(parent=PARENT, model_id=f"versions-{name}")).name
    request = registry_service_pb2.CreateModelVersionRequest(parent=model, model_version=_OUTSIDE)
    return lambda: stub.CreateModelVersion(request)


def _aliases(channel: grpc.Channel, name: str) -> _Act:
    stub = RegistryServiceStub(channel)
    model = stub.CreateModel(registry_service_pb2.CreateModelRequest(parent=PARENT, model_id=f"aliases-{name}")).name
    stub.CreateModelVersion(registry_service_pb2.CreateModelVersionRequest(parent=model, model_version=_OUTSIDE))
    stub.SetModelAlias(registry_service_pb2.SetModelAliasRequest(name=model, alias="champion", version=1))
    request = registry_service_pb2.GetModelVersionByAliasRequest(name=model, alias="champion")
    return lambda: stub.GetModelVersionByAlias(request)


WORKS: Final[Mapping[str, Callable[[grpc.Channel, str], _Act]]] = {
    "floods": _floods,
    "points": _points,
    "runs": _runs,
    "searches": _searches,
    "uploads": _uploads,
    "downloads": _downloads,
    "models": _models,
    "versions": _versions,
    "aliases": _aliases,
}


@dataclass(frozen=True)
class Stretch:
    """What a process is to do for a time."""

    work: str
    number: int
    """Of the process."""
    callers: int
    seconds: float
    addresses: list[str]


def _do(stretch: Stretch) -> None:
    begun = threading.Event()
    warm = threading.Barrier(stretch.callers + 1)

    def call(place: int) -> int:
        # Threads of all processes together spread evenly. Each has a connection of its own, as a job has.
        address = stretch.addresses[(stretch.number * stretch.callers + place) % len(stretch.addresses)]
        with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            try:
                act = WORKS[stretch.work](channel, f"{secrets.token_hex(4)}-{stretch.number}-{place}")
                for _ in range(_WARM_UP_CALLS):
                    act()
            except BaseException:
                warm.abort()  # nobody waits for it then
                raise
            warm.wait()
            begun.wait()
            calls = 0
            end = time.monotonic() + stretch.seconds
            while time.monotonic() < end:
                act()
                calls += 1
            return calls

    with ThreadPoolExecutor(stretch.callers) as pool:
        made = [pool.submit(call, place) for place in range(stretch.callers)]
        try:
            warm.wait()
        except threading.BrokenBarrierError:
            failed = [error for each in made if (error := each.exception())]
            raise next(error for error in failed if not isinstance(error, threading.BrokenBarrierError)) from None
        print("ready", flush=True)
        sys.stdin.readline()
        begun.set()
        print(sum(each.result() for each in made), flush=True)


if __name__ == "__main__":
    for line in sys.stdin:
        _do(Stretch(**json.loads(line)))
