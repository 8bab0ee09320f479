"""Runs with very many metrics, with very many points, and very many runs at once: is there a cliff anywhere?"""

from __future__ import annotations

import asyncio
import itertools
import math
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial

import grpc
from flood import Shape, Writer, async_stub
from harness import PARENT, Cell, Report, Setting, median_millis, millis, percentile
from ingest import memory_cells
from processes import memory_mib

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns
from trivet_proto.tracking.v1.run_pb2 import Run

KEYS = 100_000
SERIES = 100
FEW_RUNS, MANY_RUNS = 100, 10_000

_KEYS_A_CALL = 1000
_STEPS_A_MESSAGE = 100
_LIVE_SECONDS = 10.0
_LIVE_SERIES = 20
_WINDOW = 32
# What counts as a cliff was asked of nobody: half of what it was.
_NO_CLIFF = 0.5


def cells(setting: Setting, report: Report, steps: int) -> Iterator[Cell]:
    """Wide runs, long runs, many runs; and the memory that the service came to need."""
    idle_mib = memory_mib(setting.service_pid)
    yield from _many_keys(setting)
    yield from _many_steps(setting, steps)
    yield from _many_runs(setting, report)
    yield from memory_cells(setting, idle_mib)


def _many_keys(setting: Setting) -> Iterator[Cell]:
    stub = setting.stub
    run = stub.CreateRun(pb.CreateRunRequest(parent=PARENT, run=Run(display_name="wide"))).name
    rates: list[float] = []

    def write(step: int) -> float:
        """Keys a second."""
        rates.clear()
        for begin in range(0, KEYS, _KEYS_A_CALL):
            keys = [f"layer/{number:06}" for number in range(begin, begin + _KEYS_A_CALL)]
            count = len(keys)
            metrics = MetricColumns(keys=keys, steps=[step] * count, times_millis=[step], values=[0.5] * count)
            rates.append(count / millis(partial(stub.WriteRun, pb.WriteRunRequest(run=run, metrics=metrics))) * 1000)
        return KEYS / sum(_KEYS_A_CALL / rate for rate in rates)

    yield Cell(f"a run gets {KEYS:,} keys, {_KEYS_A_CALL:,} a call", "keys/s", partial(write, 1), rounds=1)
    yield Cell("its last tenth beside its first", "of the first", lambda: _last_tenth(rates), _NO_CLIFF, rounds=1)
    yield Cell("each of them gets a second point", "keys/s", partial(write, 2), rounds=1)
    yield Cell("its last tenth beside its first", "of the first", lambda: _last_tenth(rates), _NO_CLIFF, rounds=1)

    pages: list[float] = []

    def list_all() -> float:
        pages.clear()
        request = pb.ListMetricsRequest(parent=run, page_size=1000)
        found = 0
        while True:
            begin = time.perf_counter()
            answer = stub.ListMetrics(request)
            pages.append(1 / (time.perf_counter() - begin))
            found += len(answer.metrics)
            request.page_token = answer.next_page_token
            if not request.page_token:
                break
        assert found == KEYS, found
        return statistics.median(1000 / page for page in pages)

    yield Cell("a page of 1,000 of its metrics", "ms", list_all, less_is_better=True, rounds=1)
    yield Cell("the last tenth of these pages beside the first", "of the first", lambda: _last_tenth(pages), _NO_CLIFF)
    key = f"layer/{KEYS - 1:06}"
    search = pb.SearchRunsRequest(
        parent=PARENT, filter=f"metrics.{key} > 0.4", order_by=f"metrics.{key}", metric_keys=[key]
    )

    def find() -> None:
        (found,) = stub.SearchRuns(search).runs
        assert found.name == run

    yield Cell(
        "search by one of its keys, which alone is shown", "ms", partial(median_millis, find), less_is_better=True
    )

    def read_history() -> None:
        (answer,) = stub.ReadMetricHistory(pb.ReadMetricHistoryRequest(run=run, key=key))
        assert list(answer.metrics.steps) == [1, 2]

    yield Cell("history of one of its keys", "ms", partial(median_millis, read_history), less_is_better=True)
    get = pb.GetRunRequest(name=run)
    yield Cell(
        "the run itself, without them", "ms", partial(median_millis, partial(stub.GetRun, get)), less_is_better=True
    )


def _many_steps(setting: Setting, steps: int) -> Iterator[Cell]:
    rates: list[float] = []
    runs: list[str] = []

    def write() -> float:
        rates[:], run = asyncio.run(_write_steps(setting.address, steps))
        runs.append(run)
        return steps * SERIES / sum(steps / 10 * SERIES / rate for rate in rates)

    yield Cell(f"a run gets {steps:,} steps x {SERIES} metrics, one stream", "points/s", write, rounds=1)
    yield Cell("its last tenth beside its first", "of the first", lambda: _last_tenth(rates), _NO_CLIFF, rounds=1)

    def read_history() -> None:
        request = pb.ReadMetricHistoryRequest(run=runs[-1], key="7")
        found = sum(len(answer.metrics.steps) for answer in setting.stub.ReadMetricHistory(request))
        assert found == steps, found

    yield Cell("history of one of the metrics", "ms", partial(median_millis, read_history, 3), less_is_better=True)

    def read_curves() -> None:
        request = pb.ReadMetricCurvesRequest(runs=runs[-1:], keys=[str(key) for key in range(10)], bucket_count=2000)
        assert sum(len(answer.curves) for answer in setting.stub.ReadMetricCurves(request)) == 10

    yield Cell(
        "charts of ten of the metrics, 2,000 buckets", "ms", partial(median_millis, read_curves, 3), less_is_better=True
    )


def _many_runs(setting: Setting, report: Report) -> Iterator[Cell]:
    calls: dict[int, float] = {}

    def write(runs: int) -> float:
        figure, waits = asyncio.run(_write_runs(setting.address, runs))
        calls[runs] = figure
        report.notes.append(
            f"A call to one of {runs:,} live runs: p50 {percentile(waits, 50):.1f}, p95 {percentile(waits, 95):.1f} ms."
        )
        return figure

    for runs in (FEW_RUNS, MANY_RUNS):
        yield Cell(
            f"{runs:,} live runs write {_LIVE_SERIES} points in turn, {_WINDOW} calls on the way",
            "calls/s",
            partial(write, runs),
            rounds=1,
        )
    yield Cell(
        f"{MANY_RUNS:,} live runs beside {FEW_RUNS}",
        "of the few",
        lambda: calls[MANY_RUNS] / calls[FEW_RUNS],
        _NO_CLIFF,
        rounds=1,
    )


async def _write_steps(address: str, steps: int) -> tuple[list[float], str]:
    """Points a second of each tenth, and the run."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = async_stub(channel)
        run = (await stub.CreateRun(pb.CreateRunRequest(parent=PARENT, run=Run(display_name="long")))).name
        shape = Shape(SERIES, _STEPS_A_MESSAGE)
        writer = Writer(run, shape, "")
        messages = steps // _STEPS_A_MESSAGE
        marks = [time.monotonic()]

        async def send() -> AsyncIterator[pb.StreamWritesRequest]:
            for _ in range(messages):
                yield pb.StreamWritesRequest(write=writer.next())

        async for answer in stub.StreamWrites(send()):
            while answer.acknowledged_count >= len(marks) * messages / 10:
                marks.append(time.monotonic())
        tenth = steps * SERIES / 10
        # Several tenths may come with one acknowledgement where they are small.
        return [tenth / max(1e-3, end - begin) for begin, end in itertools.pairwise(marks)], run


async def _write_runs(address: str, runs: int) -> tuple[float, list[float]]:
    """Calls a second, and how many milliseconds each took."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = async_stub(channel)
        names: list[str] = []

        async def create() -> None:
            while len(names) < runs:
                names.append("")
                number = len(names) - 1
                names[number] = (await stub.CreateRun(pb.CreateRunRequest(parent=PARENT))).name

        await asyncio.gather(*(create() for _ in range(_WINDOW)))
        writers = [Writer(name, Shape(_LIVE_SERIES, 1), "m") for name in names]
        turns = itertools.cycle(writers)
        waits: list[float] = []
        begin = time.monotonic()

        async def write() -> None:
            while time.monotonic() < begin + _LIVE_SECONDS:
                writer = next(turns)
                sent = time.perf_counter()
                await stub.WriteRun(writer.next())
                waits.append((time.perf_counter() - sent) * 1000)

        await asyncio.gather(*(write() for _ in range(_WINDOW)))
        return len(waits) / (time.monotonic() - begin), waits


def _last_tenth(rates: list[float]) -> float:
    """How fast the last tenth of equal parts went, beside the first one."""
    tenth = math.ceil(len(rates) / 10)
    return statistics.median(rates[-tenth:]) / statistics.median(rates[:tenth])
