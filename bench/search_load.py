"""Searches while runs are being written, and writes while runs are being searched."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.sharedctypes import SynchronizedArray
from multiprocessing.synchronize import Event
from typing import cast

import dataset
import grpc
import search
from flood import Shape, async_stub, by_stream
from harness import PARENT, Cell, Report, Setting, millis, percentile

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns
from trivet_proto.tracking.v1.run_pb2 import Run
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub

JOBS = 20
SECONDS = 5.0
_EVERY_SECONDS = 0.1
"""Between two writes of a job, and between two searches."""
_KEYS = ("rmse", *(f"metric {number}" for number in range(9)))

# What is measured shares no interpreter with what disturbs it. Started anew: a fork would copy gRPC's threads.
_processes = multiprocessing.get_context("spawn")


def cells(setting: Setting, report: Report, calls: int) -> Iterator[Cell]:
    """On a database with the shared data."""
    yield Cell(
        f"two terms, ordered by a metric, while {JOBS} jobs write {len(_KEYS)} metrics {1 / _EVERY_SECONDS:g} times a "
        "second to runs that it finds: p95; no acknowledged value is missing",
        "ms",
        partial(_search_beside_jobs, setting, report, calls),
        150,
        less_is_better=True,
        rounds=1,
    )
    yield Cell(
        f"flood of one stream while a page of that search runs every {_EVERY_SECONDS * 1000:g} ms, beside it alone",
        "of alone",
        partial(_share_beside_searches, setting),
        0.8,
    )


def _search_beside_jobs(setting: Setting, report: Report, calls: int) -> float:
    """Raises AssertionError where a search or a history lacks a value that was acknowledged before it began."""
    job = Run(experiment=dataset.EXPERIMENT, params={"model": "xgb"})
    runs = [setting.stub.CreateRun(pb.CreateRunRequest(parent=PARENT, run=job)).name for _ in range(JOBS)]
    request = search.request_of(setting.stub, search.two_terms(1))
    took = []
    with _beside(_log, setting.address, runs) as acknowledged:
        for _ in range(calls):
            begin = time.monotonic()
            known = acknowledged[:]
            answers: list[pb.SearchRunsResponse] = []
            took.append(millis(lambda: answers.append(setting.stub.SearchRuns(request))))  # noqa: B023 - used at once
            _check_found(answers[0], runs, known)
            time.sleep(max(0.0, begin + _EVERY_SECONDS - time.monotonic()))
    points = 0
    for run, steps in zip(runs, acknowledged[:], strict=True):
        assert steps, f"{run} was never written"
        for key in _KEYS:
            history = setting.stub.ReadMetricHistory(pb.ReadMetricHistoryRequest(run=run, key=key))
            found = [step for answer in history for step in answer.metrics.steps]
            assert found == list(range(1, steps + 1)), f"{run} lacks points of {key}"
            points += len(found)
    report.notes.append(f"The jobs had {points:,} points acknowledged; all were found, each once.")
    for run in runs:
        setting.stub.DeleteRun(pb.DeleteRunRequest(name=run))
    return percentile(took, 95)


def _check_found(answer: pb.SearchRunsResponse, runs: Sequence[str], known: Sequence[int]) -> None:
    steps = {run.name: metric.step for run in answer.runs for metric in run.metrics if metric.key == "rmse"}
    for run, step in zip(runs, known, strict=True):
        assert not step or steps.get(run, 0) >= step, f"step {step} of {run} was acknowledged and not found"


def _share_beside_searches(setting: Setting) -> float:
    alone = by_stream(setting.address, Shape(1, 1000), SECONDS)
    with _beside(_search, setting.address, [""]):
        return by_stream(setting.address, Shape(1, 1000), SECONDS) / alone


@contextmanager
def _beside(
    work: Callable[[str, Sequence[str], SynchronizedArray[int], Event], None], address: str, names: Sequence[str]
) -> Iterator[SynchronizedArray[int]]:
    """Runs something in a process of its own, from when all of its parts have begun; yields how far each part is."""
    done = cast("SynchronizedArray[int]", _processes.Array("q", len(names)))
    ended = _processes.Event()
    process = _processes.Process(target=work, args=(address, names, done, ended))
    process.start()
    try:
        while not all(done[:]) and process.is_alive():
            time.sleep(0.01)
        yield done
    finally:
        ended.set()
        process.join()
    assert process.exitcode == 0, "what ran beside failed"


def _log(address: str, runs: Sequence[str], acknowledged: SynchronizedArray[int], ended: Event) -> None:
    asyncio.run(_log_all(address, runs, acknowledged, ended))


async def _log_all(address: str, runs: Sequence[str], acknowledged: SynchronizedArray[int], ended: Event) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = async_stub(channel)

        async def log(number: int) -> None:
            begin = time.monotonic() + number * _EVERY_SECONDS / len(runs)
            step = 0
            while not ended.is_set():
                await asyncio.sleep(max(0.0, begin + step * _EVERY_SECONDS - time.monotonic()))
                step += 1
                # Below all others, so that each of these runs is on the first page.
                values = [-float(step)] * len(_KEYS)
                metrics = MetricColumns(keys=_KEYS, steps=[step] * len(_KEYS), times_millis=[step], values=values)
                await stub.WriteRun(
                    pb.WriteRunRequest(run=runs[number], writer_id=1 + number, sequence=step, metrics=metrics)
                )
                acknowledged[number] = step

        await asyncio.gather(*(log(number) for number in range(len(runs))))


def _search(address: str, _: Sequence[str], done: SynchronizedArray[int], ended: Event) -> None:
    with grpc.insecure_channel(address) as channel:
        stub = TrackingServiceStub(channel)
        request = search.request_of(stub, search.two_terms(1))
        begin = time.monotonic()
        while not ended.wait(max(0.0, begin + done[0] * _EVERY_SECONDS - time.monotonic())):
            assert stub.SearchRuns(request).runs
            done[0] += 1
