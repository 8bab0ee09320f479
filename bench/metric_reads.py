"""How fast long histories and charts are read, and how much room points take."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import psycopg2
from harness import PARENT, Comparison, Setting, per_second

import trivet
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns

_BATCH = 100_000
_BUCKETS = 2000


def comparisons(setting: Setting) -> list[Comparison]:
    """Histories, charts and room; makes the data first."""
    empty = _chunk_bytes(setting.database_url)
    million = _make_series(setting, 1, np.float32)
    million_bytes = _chunk_bytes(setting.database_url) - empty
    _make_series(setting, 1, np.float64)
    doubles_bytes = _chunk_bytes(setting.database_url) - empty - million_bytes
    ten_million = _make_series(setting, 10, np.float32)
    return [
        Comparison(
            "history of 1,000,000 points to NumPy, by the SDK",
            "histories/s",
            partial(per_second, partial(_read_history, setting, million)),
            "the same bytes as one value, by psycopg2",
            partial(per_second, partial(_read_raw, setting.database_url, 24_000_000)),
        ),
        *(
            Comparison(
                f"chart of {_BUCKETS:,} buckets of {name} points",
                "charts/s",
                partial(per_second, partial(_read_curve, setting, run)),
                "the summaries alone, by SQL",
                partial(per_second, partial(_read_summaries, setting.database_url, run)),
            )
            for name, run in (("1,000,000", million), ("10,000,000", ten_million))
        ),
        *(
            Comparison(
                f"room of 1,000,000 points of {name}, indexes and all",
                "points a kB",
                partial(_points_a_kilobyte, size),
                "step, time and value of 8 bytes each",
                partial(_points_a_kilobyte, 24_000_000),
            )
            for name, size in (("32 bits", million_bytes), ("64 bits", doubles_bytes))
        ),
    ]


def _make_series(setting: Setting, millions: int, kind: Any) -> str:
    """A run with a noisy loss, a point about every 100 ms."""
    run = setting.stub.CreateRun(pb.CreateRunRequest(parent=PARENT)).name
    random = np.random.default_rng(0)
    for begin in range(0, millions * 1_000_000, _BATCH):
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
    assert _BUCKETS // 2 <= len(answer.curve.xs) <= _BUCKETS


def _read_summaries(database_url: str, run: str) -> None:
    _fetch(database_url, f"SELECT summary FROM {_of_run(run)}")


def _points_a_kilobyte(size: int) -> float:
    return 1_000_000 / size * 1000


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
