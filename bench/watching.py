"""Whether 2,000 connected idle clients and 200 watchers leave calls as fast as they are without.

`python bench/watching.py ADDRESS COUNT` is the process of the watchers.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, cast

import grpc
from harness import PARENT, Setting
from processes import cpu_seconds, memory_mib

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_proto.tracking.v1.watch_pb2 import WatchRunsRequest
from trivet_testing.idle_clients import idle_clients

if TYPE_CHECKING:
    from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceAsyncStub  # of the types alone

_IDLE = 2000
_WATCHERS = 200
_SECONDS = 5.0
_OPEN = "open"


def report(setting: Setting, rounds: int) -> None:
    """Prints a table: p50 and p99 of calls alone and in the crowd, in turn, and the ratio of the medians."""
    run = setting.stub.CreateRun(pb.CreateRunRequest(parent=PARENT)).name
    steps = count(1)

    def write() -> None:
        step = next(steps)
        columns = MetricColumns(keys=["loss"], steps=[step], times_millis=[step], values=[1 / step])
        setting.stub.WriteRun(pb.WriteRunRequest(run=run, writer_id=1, sequence=step, metrics=columns))

    def read() -> None:
        setting.stub.GetRun(pb.GetRunRequest(name=run))

    # Watchers hear of the writes: some messages a second for each of them.
    calls: dict[str, Callable[[], None]] = {"WriteRun, one point": write, "GetRun": read}
    alone: dict[str, list[list[float]]] = {name: [] for name in calls}
    crowded: dict[str, list[list[float]]] = {name: [] for name in calls}
    memory: dict[str, float] = {}
    cpu: dict[str, float] = {}
    for call in calls.values():
        _latencies(call)  # to warm up
    for _ in range(rounds):
        memory.setdefault("alone", memory_mib(setting.service_pid))  # later it keeps what it once had
        for name, call in calls.items():
            alone[name].append(_latencies(call))
        with idle_clients(setting.address, _IDLE), _watchers(setting.address, _WATCHERS):
            memory["crowded"] = memory_mib(setting.service_pid)
            before, began = cpu_seconds([setting.service_pid]), time.monotonic()
            time.sleep(_SECONDS)
            cpu["crowd"] = (cpu_seconds([setting.service_pid]) - before) / (time.monotonic() - began)
            for name, call in calls.items():
                crowded[name].append(_latencies(call))
    print("| call | alone: p50, p99 | in the crowd: p50, p99 | ratio of p99 |\n|---|---|---|---|")
    for name in calls:
        a50, a99 = _percentiles(alone[name])
        c50, c99 = _percentiles(crowded[name])
        print(f"| {name} | {a50:.2f}, {a99:.2f} ms | {c50:.2f}, {c99:.2f} ms | {c99 / a99:.2f} |")
    print(
        f"\nThe service has {memory['crowded'] - memory['alone']:.0f} MiB more in the crowd, and uses "
        f"{cpu['crowd']:.3f} of a core while nothing changes, with its folder."
    )


def _latencies(call: Callable[[], None]) -> list[float]:
    """Milliseconds of calls, one after the other."""
    latencies = []
    end = time.perf_counter() + _SECONDS
    while (began := time.perf_counter()) < end:
        call()
        latencies.append((time.perf_counter() - began) * 1000)
    return latencies


def _percentiles(rounds: list[list[float]]) -> tuple[float, float]:
    """The medians over rounds of their p50 and p99."""
    cuts = [statistics.quantiles(latencies, n=100) for latencies in rounds]
    return statistics.median(cut[49] for cut in cuts), statistics.median(cut[98] for cut in cuts)


@contextmanager
def _watchers(address: str, number: int) -> Iterator[None]:
    """Watchers of all runs, over connections of their own, in a process of their own."""
    command = [sys.executable, __file__, address, str(number)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().strip() == _OPEN
            yield
        finally:
            process.kill()


async def _watch(address: str, number: int) -> None:
    options = (("grpc.use_local_subchannel_pool", 1),)
    channels = [grpc.aio.insecure_channel(address, options) for _ in range(number)]
    opened = asyncio.Semaphore(0)
    reading = [asyncio.create_task(_read(channel, opened)) for channel in channels]
    for _ in reading:
        await opened.acquire()
    print(_OPEN, flush=True)
    await asyncio.gather(*reading)


async def _read(channel: grpc.aio.Channel, opened: asyncio.Semaphore) -> None:
    stub = cast("TrackingServiceAsyncStub", TrackingServiceStub(channel))
    is_open = False
    async for _ in stub.WatchRuns(WatchRunsRequest(parent=PARENT)):
        if not is_open:
            opened.release()
            is_open = True


if __name__ == "__main__":
    asyncio.run(_watch(sys.argv[1], int(sys.argv[2])))
