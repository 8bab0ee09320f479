"""How fast long histories and charts are read, and how much room points take."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import psycopg2
from harness import PARENT, Cell, Setting, Side, median_millis

import trivet
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns
from trivet_proto.tracking.v1.run_pb2 import Run

_BATCH = 100_000
_BUCKETS = 2000


def cells(setting: Setting) -> Iterator[Cell]:
    """Histories, charts and room; makes the data first."""
    empty = _chunk_bytes(setting.database_url)
    million = make_series(setting, 1_000_000, np.float32)
    million_bytes = _chunk_bytes(setting.database_url) - empty
    make_series(setting, 1_000_000, np.float64)
    doubles_bytes = _chunk_bytes(setting.database_url) - empty - million_bytes
    ten_million = make_series(setting, 10_000_000, np.float32)
    yield Cell(
        "history of 1,000,000 points to NumPy, by the SDK",
        "ms",
        partial(median_millis, partial(_read_history, setting, million)),
        200,
        less_is_better=True,
        limit=Side(
            "the same bytes as one value, by psycopg2",
            partial(median_millis, partial(_read_raw, setting.database_url, 24_000_000)),
        ),
    )
    for points, run, reach in ((1_000_000, million, 25), (10_000_000, ten_million, 120)):
        yield Cell(
            f"chart of {_BUCKETS:,} buckets of {points:,} points",
            "ms",
            partial(median_millis, partial(_read_curve, setting, run)),
            reach,
            less_is_better=True,
            limit=Side(
                "the summaries alone, by SQL",
                partial(median_millis, partial(_read_summaries, setting.database_url, run)),
            ),
        )
    for born, size, reach in (("float32", million_bytes, 5), ("float64", doubles_bytes, 9)):
        yield Cell(
            f"room of 1,000,000 points of a loss born as {born}, indexes and all",
            "bytes a point",
            partial(float, size / 1_000_000),
            reach,
            less_is_better=True,
            limit=Side("step, time and value of 8 bytes each", partial(float, 24)),
            rounds=1,
        )


def make_series(setting: Setting, points: int, kind: Any) -> str:
    """A run with a noisy loss, a point about every 100 ms, by the name that MLflow's has in `peer.py`."""
    new = Run(display_name=f"points-{points}")
    run = setting.stub.CreateRun(pb.CreateRunRequest(parent=PARENT, run=new)).name
    random = np.random.default_rng(0)
    for begin in range(0, points, _BATCH):
        steps = np.arange(begin, begin + _BATCH)
        values = (2.0 / np.sqrt(1.0 + steps) + random.normal(0.0, 0.05, _BATCH)).astype(kind)
        times = 1_700_000_000_000 + 100 * steps + random.integers(0, 5, _BATCH)
        columns = MetricColumns(
            keys=["loss"], counts=[_BATCH], steps=steps.tolist(), times_millis=times.tolist(), values=values.tolist()
        )
        setting.stub.WriteRun(pb.WriteRunRequest(run=run, metrics=columns))
    return run


def _read_history(setting: Setting, run: str) -> None:
    with trivet.Client(f"grpc://{setting.address}") as client:
        columns = client.tracking.get_metric_columns(run.rpartition("/")[2], "loss")
    assert len(columns.values) == 1_000_000


def _read_raw(database_url: str, size: int) -> None:
    _fetch(database_url, f"SELECT decode(repeat('00', {size}), 'hex')")


def _read_curve(setting: Setting, run: str) -> None:
    request = pb.ReadMetricCurvesRequest(runs=[run], keys=["loss"], bucket_count=_BUCKETS)
    (answer,) = setting.stub.ReadMetricCurves(request)
    assert _BUCKETS // 2 <= len(answer.curves[0].xs) <= _BUCKETS


def _read_summaries(database_url: str, run: str) -> None:
    _fetch(database_url, f"SELECT summary FROM {_of_run(run)}")


def _chunk_bytes(database_url: str) -> int:
    """What the table of chunks takes on the disk with its indexes and large values."""
    ((size,),) = _fetch(
        database_url,
        "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('trivet_tracking.metric_chunk')",
    )
    return int(size)


def _of_run(run: str) -> str:
    return (
        "trivet_tracking.metric_chunk c JOIN trivet_tracking.run r USING (run_pk) "
        f"WHERE r.run_id = '{run.rpartition('/')[2]}'"
    )


def _fetch(database_url: str, query: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(database_url)
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    connection.close()
    return rows
