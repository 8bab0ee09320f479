"""Curves of charts, read from the summaries of chunks where these are fine enough, and from points where not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_tracking.domain.charts import Axis, Curve, CurveQuery, Ranges, into_buckets, ranges_of_points
from trivet_tracking.domain.metrics import Points, merge_ordered
from trivet_tracking.store import chunks, columns, tables
from trivet_tracking.store.contexts import context_number, run_key
from trivet_tracking.store.history import logged_points

# With so many summaries a bucket, that a bucket may end only where a summary does is not seen.
_SUMMARIES_A_BUCKET = 2
_READ_AT_ONCE = 200

_chunk = tables.metric_chunk
_place = (_chunk.c.context, _chunk.c.first_step, _chunk.c.first_time)


@dataclass(frozen=True)
class _Curve:
    """What is read."""

    run_pk: int
    key: str
    context: int | None
    start_time: int
    query: CurveQuery

    def xs(self, steps: Any, times: Any) -> Any:
        """The places on the axis of points of these steps and times."""
        if self.query.axis is Axis.STEP:
            return steps
        return times if self.query.axis is Axis.WALL_TIME else times - self.start_time


def read(
    connection: Connection, workspace: str, run_id: str, keys: Sequence[str], query: CurveQuery
) -> Sequence[Curve]:
    """The curves of keys of a run that have points. Raises RunNotFound."""
    run_pk = run_key(connection, workspace, run_id)
    context = None
    if query.context is not None:
        context = context_number(connection, run_pk, query.context)
        if context is None:
            return ()
    run = tables.run
    start_time = connection.execute(sa.select(run.c.start_time).where(run.c.run_pk == run_pk)).scalar_one()
    curves = (Curve(key, _read(connection, _Curve(run_pk, key, context, start_time, query))) for key in keys)
    return [curve for curve in curves if len(curve.buckets)]


def _read(connection: Connection, curve: _Curve) -> Ranges:
    query = curve.query
    logged = logged_points(connection, curve.run_pk, curve.key, curve.context)
    rows = _chunks(connection, curve)
    fine = sum(-(-row.points // chunks.SUMMARY_POINTS) for row in rows) >= _SUMMARIES_A_BUCKET * query.buckets
    summarised = [row for row in rows if fine and _is_summed_up(row, curve, logged)]
    parts = list(_summaries(summarised, curve))
    kept = {_place_of(row) for row in summarised}
    decoded: dict[int, list[Points]] = {context: [points] for context, points in logged.items()}
    for context, points in _decoded(connection, curve, [_place_of(row) for row in rows if _place_of(row) not in kept]):
        decoded.setdefault(context, []).append(points)
    # In each series first, then over all of them, so that a point that came twice counts once.
    points = merge_ordered([merge_ordered(its_parts) for its_parts in decoded.values()])
    parts.append(ranges_of_points(curve.xs(points.steps, points.times), points.values))
    return into_buckets(parts, query.buckets, query.min_x, query.max_x)


def _chunks(connection: Connection, curve: _Curve) -> Sequence[Row[Any]]:
    """The chunks that may have points within the bounds, without their data."""
    statement: sa.Select[Any] = sa.select(
        *_place, _chunk.c.last_step, _chunk.c.last_time, _chunk.c.points, _chunk.c.summary
    ).where(_chunk.c.run_pk == curve.run_pk, _chunk.c.key == curve.key)
    if curve.context is not None:
        statement = statement.where(_chunk.c.context == curve.context)
    if curve.query.axis is Axis.STEP:
        if curve.query.min_x is not None:
            statement = statement.where(_chunk.c.last_step >= curve.query.min_x)
        if curve.query.max_x is not None:
            statement = statement.where(_chunk.c.first_step <= curve.query.max_x)
    return connection.execute(statement.order_by(*_place)).all()


def _is_summed_up(row: Row[Any], curve: _Curve, logged: dict[int, Points]) -> bool:
    """Whether the summaries of a chunk say all: it is within the bounds, and the log has nothing in between."""
    query = curve.query
    if query.axis is Axis.STEP:
        within = (query.min_x is None or row.first_step >= query.min_x) and (
            query.max_x is None or row.last_step <= query.max_x
        )
    else:
        # Times need not rise with steps, so that its first and last point do not bound a chunk.
        within = query.min_x is None and query.max_x is None
    points = logged.get(row.context)
    return within and (
        points is None or not points.has_between((row.first_step, row.first_time), (row.last_step, row.last_time))
    )


def _summaries(rows: Sequence[Row[Any]], curve: _Curve) -> Iterator[Ranges]:
    if rows:
        summary = chunks.read_summaries([row.summary for row in rows])
        xs = np.ascontiguousarray(curve.xs(summary["step"], summary["time"]))
        yield Ranges(xs, summary["min"], summary["max"], summary["nans"].astype(np.int64))


def _place_of(row: Row[Any]) -> tuple[int, int, int]:
    return row.context, row.first_step, row.first_time


def _decoded(
    connection: Connection, curve: _Curve, places: Sequence[tuple[int, int, int]]
) -> Iterator[tuple[int, Points]]:
    """The points of chunks, each with the number of its context; in order for each context."""
    for begin in range(0, len(places), _READ_AT_ONCE):
        statement = (
            sa.select(_chunk.c.context, _chunk.c.data)
            .where(_chunk.c.run_pk == curve.run_pk, _chunk.c.key == curve.key)
            .where(sa.tuple_(*_place).in_(places[begin : begin + _READ_AT_ONCE]))
            .order_by(*_place)
        )
        for context, data in connection.execute(statement):
            yield context, columns.decode(data)
