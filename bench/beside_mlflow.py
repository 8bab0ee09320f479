"""The same things asked of Trivet and of MLflow, each by its own client, on one PostgreSQL server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import search
from flood import Shape, by_calls, by_stream
from harness import PARENT, Cell, Report, Setting, median_millis, per_second
from metric_reads import make_series
from peer import Answer, Peer, mlflow_on

import trivet
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns
from trivet_testing.postgres import PostgresServer

SECONDS = 5.0
QUERYABLE_POINTS = 100_000
HISTORIES = (100_000, 1_000_000)


@dataclass(frozen=True)
class Sizes:
    """How much to compare with."""

    runs: int
    """In the experiment that is searched."""
    long_history: bool
    """Whether MLflow is to read a million points, which takes it minutes."""


def report_on(report: Report, postgres: PostgresServer, setting: Setting, sizes: Sizes) -> None:
    """Fills MLflow with what is in the service's database, and prints the table."""
    with mlflow_on(postgres) as peer:
        peer.fill(sizes.runs, HISTORIES)
        report.notes.append(
            f"MLflow's {sizes.runs:,} runs and its long histories were copied into its tables by COPY; Trivet searches "
            f"the same runs. {peer.versions()}."
        )
        report.table("Beside MLflow", cells(setting, peer, sizes))


def cells(setting: Setting, peer: Peer, sizes: Sizes) -> Iterator[Cell]:
    """What people do most, in the units of what they wait for."""

    @cache
    def log_batch() -> Answer:
        return peer.best("log_batch", most=True)

    with trivet.Client(f"grpc://{setting.address}") as client:
        yield Cell(
            "log_metric, each durable before the next, one client",
            "calls/s",
            partial(_single_points_per_second, setting),
            peer=lambda: peer.best("log_metric", most=True),
        )
        yield Cell(
            "1,000 points a call, one client",
            "points/s",
            partial(by_calls, setting.address, Shape(1, 1000), 1, SECONDS),
            peer=log_batch,
        )
        yield Cell(
            "1,000 points a message, one stream",
            "points/s",
            partial(by_stream, setting.address, Shape(1, 1000), SECONDS),
            peer=log_batch,
        )
        yield Cell(
            f"run of {QUERYABLE_POINTS:,} points, logged one by one, until queryable",
            "s",
            partial(_seconds_until_queryable, client),
            less_is_better=True,
            peer=lambda: peer.best(
                "batches_until_queryable",
                "async_until_queryable",
                number=QUERYABLE_POINTS,
                sample=QUERYABLE_POINTS // 10,
            ),
            peer_reach=50,
        )
        yield Cell(
            "create a run, 20 params, 10 metrics, 5 tags, end it",
            "runs/s",
            partial(per_second, partial(_make_whole_run, client), SECONDS),
            peer=lambda: peer.best("whole_runs", most=True),
        )
        for points in HISTORIES[: 1 + sizes.long_history]:
            run = make_series(setting, points, np.float32).rpartition("/")[2]
            yield Cell(
                f"history of {points:,} points to a list of the client's objects",
                "ms",
                partial(median_millis, partial(client.get_metric_history, run, "loss"), 3),
                less_is_better=True,
                peer=partial(_in_millis, partial(peer.best, "history", number=points)),
            )
    million = make_series(setting, 1_000_000, np.float32)
    yield Cell(
        "chart of 1,000,000 points: 2,000 buckets with every extreme; MLflow: a sample of 2,500 points",
        "ms",
        partial(median_millis, partial(_read_curve, setting, million)),
        less_is_better=True,
        peer=partial(_in_millis, partial(peer.best, "chart", number=1_000_000)),
    )
    for page in (1, 50):
        try:
            request = search.request_of(setting.stub, search.two_terms(page))
        except LookupError:
            continue  # a smaller set of runs has no such page
        yield Cell(
            f"search of {sizes.runs:,} runs, two terms ordered by a metric, page {page}",
            "ms",
            partial(median_millis, partial(setting.stub.SearchRuns, request)),
            less_is_better=True,
            peer=partial(_in_millis, partial(peer.best, "search", number=page)),
        )


def _in_millis(ask: Callable[[], Answer]) -> Answer:
    answer = ask()
    return Answer(1000 * answer.figure, answer.workers, answer.way)


def _single_points_per_second(setting: Setting) -> float:
    run = setting.stub.CreateRun(pb.CreateRunRequest(parent=PARENT)).name
    step = 0

    def write() -> None:
        nonlocal step
        step += 1
        metrics = MetricColumns(keys=["loss"], steps=[step], times_millis=[step], values=[1 / step])
        setting.stub.WriteRun(pb.WriteRunRequest(run=run, metrics=metrics))

    return per_second(write, SECONDS)


def _seconds_until_queryable(client: trivet.Client) -> float:
    run = client.create_run("0").info.run_id
    begin = time.perf_counter()
    for step in range(1, 1 + QUERYABLE_POINTS):
        client.log_metric(run, "loss", 1 / step, step=step)
    client.flush(60)
    assert client.get_run(run).data.metrics["loss"] == 1 / QUERYABLE_POINTS
    took = time.perf_counter() - begin
    assert len(client.tracking.get_metric_columns(run, "loss").values) == QUERYABLE_POINTS
    return took


def _make_whole_run(client: trivet.Client) -> None:
    run = client.create_run("0").info.run_id
    client.log_batch(
        run,
        metrics=[trivet.Metric(f"metric {number}", 0.5, 1, 0) for number in range(10)],
        params={f"param {number}": str(number) for number in range(20)},
        tags={f"tag {number}": str(number) for number in range(5)},
    )
    client.set_terminated(run)
    receipt = client.flush(60)
    assert receipt.stored == receipt.logged


def _read_curve(setting: Setting, run: str) -> None:
    request = pb.ReadMetricCurvesRequest(runs=[run], keys=["loss"], bucket_count=2000)
    (answer,) = setting.stub.ReadMetricCurves(request)
    assert answer.curves[0].xs
