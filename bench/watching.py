"""Whether 2,000 connected idle clients and 200 watchers leave calls as fast as they are without.

`python bench/watching.py ADDRESS COUNT` is the process of the watchers.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, cast

import grpc
from harness import PARENT, Cell, Report, Setting, Side, percentile
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


def cells(setting: Setting, report: Report) -> Iterator[Cell]:
    """The p99 of calls in the crowd, beside that of the same calls alone."""
    run = setting.stub.CreateRun(pb.CreateRunRequest(parent=PARENT)).name
    steps = count(1)

    def write() -> None:
        step = next(steps)
        columns = MetricColumns(keys=["loss"], steps=[step], times_millis=[step], values=[1 / step])
        setting.stub.WriteRun(pb.WriteRunRequest(run=run, writer_id=1, sequence=step, metrics=columns))

    def read() -> None:
        setting.stub.GetRun(pb.GetRunRequest(name=run))

    report.notes.append(_cost_of_the_crowd(setting))
    # Watchers hear of the writes: some messages a second for each of them.
    for name, call in (("WriteRun, one point", write), ("GetRun", read)):
        _p99(call)  # to warm up
        yield Cell(
            f"p99 of {name}, in the crowd",
            "ms",
            partial(_in_the_crowd, setting, partial(_p99, call)),
            less_is_better=True,
            limit=Side("alone", partial(_p99, call)),
        )


def _in_the_crowd(setting: Setting, measure: Callable[[], float]) -> float:
    with idle_clients(setting.address, _IDLE), _watchers(setting.address, _WATCHERS):
        return measure()


def _cost_of_the_crowd(setting: Setting) -> str:
    before = memory_mib(setting.service_pid)

    def cores() -> float:
        used, began = cpu_seconds([setting.service_pid]), time.monotonic()
        time.sleep(_SECONDS)
        return (cpu_seconds([setting.service_pid]) - used) / (time.monotonic() - began)

    used = _in_the_crowd(setting, cores)
    return (
        f"The service has {memory_mib(setting.service_pid) - before:.0f} MiB more after the first crowd, and uses "
        f"{used:.3f} of a core beside it while nothing changes, with its folder."
    )


def _p99(call: Callable[[], None]) -> float:
    """In milliseconds, of calls one after the other."""
    latencies = []
    end = time.perf_counter() + _SECONDS
    while (began := time.perf_counter()) < end:
        call()
        latencies.append((time.perf_counter() - began) * 1000)
    return percentile(latencies, 99)


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
