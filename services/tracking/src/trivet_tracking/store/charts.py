"""Curves of charts, read from the summaries of chunks where these are fine enough, and from points where not.

Charts show many series at once, so what is read of all of them takes a few statements, however many they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db import Database
from trivet_kit.db.bulk import read_large
from trivet_kit.resources import RunName
from trivet_tracking.domain.charts import Axis, Curve, CurveQuery, Ranges, into_buckets, ranges_of_points
from trivet_tracking.domain.errors import RunNotFound
from trivet_tracking.domain.metrics import Points, merge_ordered
from trivet_tracking.store import chunks, columns, tables
from trivet_tracking.store.contexts import NO_CONTEXT_NUMBER, context_numbers
from trivet_tracking.store.history import logged_series

# With so many summaries a bucket, that a bucket may end only where a summary does is not seen.
_SUMMARIES_A_BUCKET = 2
# What is read in one transaction, unless one series has more: some 24 MB as points, so that long answers hold none.
_POINTS_AT_ONCE = 1_000_000
_CHUNKS_AT_ONCE = 200

_chunk = tables.metric_chunk
_latest = tables.metric_latest
_log = tables.metric_log
_place = (_chunk.c.run_pk, _chunk.c.key, _chunk.c.context, _chunk.c.first_step, _chunk.c.first_time)


_Place: TypeAlias = tuple[int, str, int, int, int]
"""What a chunk is found by: run, key, context, first step, first time."""


@dataclass(frozen=True)
class _Run:
    """What of a run it takes."""

    run_id: str
    run_pk: int
    start_time: int


@dataclass(frozen=True)
class _Batch:
    """What is read at once: some keys of some runs."""

    runs: Sequence[_Run]
    keys: Sequence[str]


class _Chunk(NamedTuple):
    """A chunk that may have points within the bounds, without these."""

    run_pk: int
    key: str
    context: int
    first_step: int
    first_time: int
    last_step: int
    last_time: int
    points: int
    summary: bytes | memoryview

    @property
    def place(self) -> _Place:
        return self[:5]


def read(
    database: Database, workspace: str, run_ids: Sequence[str], keys: Sequence[str], query: CurveQuery
) -> Iterator[Sequence[Curve]]:
    """The curves of keys of runs that have points, some at a time. Raises RunNotFound at once."""
    batches = database.read(lambda connection: _batches(connection, _runs(connection, workspace, run_ids), keys))
    return (database.read(partial(_curves, batch=batch, query=query)) for batch in batches)


def _runs(connection: Connection, workspace: str, run_ids: Sequence[str]) -> Sequence[_Run]:
    run = tables.run
    statement = sa.select(run.c.run_id, run.c.run_pk, run.c.start_time).where(
        run.c.workspace == workspace, run.c.run_id.in_(run_ids)
    )
    found = {row.run_id: _Run(row.run_id, row.run_pk, row.start_time) for row in connection.execute(statement)}
    for run_id in run_ids:
        if run_id not in found:
            raise RunNotFound(str(RunName(workspace, run_id)))
    return [found[run_id] for run_id in run_ids]


def _batches(connection: Connection, runs: Sequence[_Run], keys: Sequence[str]) -> Sequence[_Batch]:
    """All keys of a few runs each, and of a run that has too many points some of its keys."""
    statement = sa.select(_latest.c.run_pk, _latest.c.key, _latest.c.points).where(
        _latest.c.run_pk.in_({run.run_pk for run in runs}),
        _latest.c.key.in_(keys),
        # Stands for all contexts.
        _latest.c.context == NO_CONTEXT_NUMBER,
    )
    points = {(run_pk, key): count for run_pk, key, count in connection.execute(statement)}
    # The log of a run is read whole, whatever keys are in it.
    logged = sa.select(_log.c.run_pk, sa.func.sum(_log.c.points)).where(_log.c.run_pk.in_({run.run_pk for run in runs}))
    in_log = {run_pk: int(count) for run_pk, count in connection.execute(logged.group_by(_log.c.run_pk))}
    batches: list[_Batch] = []
    waiting: list[_Run] = []
    size = 0
    for run in runs:
        counts = [points.get((run.run_pk, key), 0) for key in keys]
        of_run = sum(counts) + in_log.get(run.run_pk, 0)
        if waiting and size + of_run > _POINTS_AT_ONCE:
            batches.append(_Batch(waiting, keys))
            waiting, size = [], 0
        if sum(counts) > _POINTS_AT_ONCE:
            batches.extend(_Batch([run], some) for some in _some_at_once(keys, counts))
        else:
            waiting.append(run)
            size += of_run
    return [*batches, _Batch(waiting, keys)] if waiting else batches


def _some_at_once(keys: Sequence[str], counts: Sequence[int]) -> Iterator[Sequence[str]]:
    some: list[str] = []
    size = 0
    for key, count in zip(keys, counts, strict=True):
        if some and size + count > _POINTS_AT_ONCE:
            yield some
            some, size = [], 0
        some.append(key)
        size += count
    yield some


def _curves(connection: Connection, batch: _Batch, query: CurveQuery) -> Sequence[Curve]:
    drawn = _series(connection, batch, query)
    decoded = _decoded(connection, [chunk.place for series in drawn for chunk in series.too_coarse])
    curves = (Curve(series.run.run_id, series.key, series.buckets(decoded)) for series in drawn)
    return [curve for curve in curves if len(curve.buckets)]


class _Series:
    """A key of a run: what is known of it before points of chunks are read."""

    def __init__(
        self, run: _Run, key: str, chunks_: Sequence[_Chunk], logged: Mapping[int, Points], query: CurveQuery
    ) -> None:
        self.run = run
        self.key = key
        self._logged = logged
        self._query = query
        summaries = sum(-(-chunk.points // chunks.SUMMARY_POINTS) for chunk in chunks_)
        is_fine = summaries >= _SUMMARIES_A_BUCKET * query.buckets
        self._summed_up = [chunk for chunk in chunks_ if is_fine and self._is_summed_up(chunk)]
        kept = {chunk.place for chunk in self._summed_up}
        self.too_coarse = [chunk for chunk in chunks_ if chunk.place not in kept]
        """Whose points are to be read."""

    def buckets(self, decoded: Mapping[_Place, Points]) -> Ranges:
        """What is drawn, where the points of `too_coarse` are known."""
        by_context = {context: [points] for context, points in self._logged.items()}
        for chunk in self.too_coarse:
            by_context.setdefault(chunk.context, []).append(decoded[chunk.place])
        # In each series first, then over all of them, so that a point that came twice counts once.
        points = merge_ordered([merge_ordered(parts) for parts in by_context.values()])
        parts = [ranges_of_points(self._xs(points.steps, points.times), points.values)]
        if self._summed_up:
            summary = chunks.read_summaries([chunk.summary for chunk in self._summed_up])
            xs = np.ascontiguousarray(self._xs(summary["step"], summary["time"]))
            parts.insert(0, Ranges(xs, summary["min"], summary["max"], summary["nans"].astype(np.int64)))
        return into_buckets(parts, self._query.buckets, self._query.min_x, self._query.max_x)

    def _xs(self, steps: Any, times: Any) -> Any:
        """The places on the axis of points of these steps and times."""
        if self._query.axis is Axis.STEP:
            return steps
        return times if self._query.axis is Axis.WALL_TIME else times - self.run.start_time

    def _is_summed_up(self, chunk: _Chunk) -> bool:
        """Whether the summaries of a chunk say all: it is within the bounds, and the log has nothing in between."""
        query = self._query
        if query.axis is Axis.STEP:
            within = (query.min_x is None or chunk.first_step >= query.min_x) and (
                query.max_x is None or chunk.last_step <= query.max_x
            )
        else:
            # Times need not rise with steps, so that its first and last point do not bound a chunk.
            within = query.min_x is None and query.max_x is None
        points = self._logged.get(chunk.context)
        return within and (
            points is None
            or not points.has_between((chunk.first_step, chunk.first_time), (chunk.last_step, chunk.last_time))
        )


def _series(connection: Connection, batch: _Batch, query: CurveQuery) -> Sequence[_Series]:
    run_pks = [run.run_pk for run in batch.runs]
    contexts = None if query.context is None else context_numbers(connection, run_pks, query.context)
    if contexts is not None:
        run_pks = list(contexts)
    logged = logged_series(connection, run_pks, batch.keys, contexts)
    found: dict[tuple[int, str], list[_Chunk]] = {}
    for chunk in _chunks(connection, run_pks, batch.keys, contexts, query):
        found.setdefault((chunk.run_pk, chunk.key), []).append(chunk)
    return [
        _Series(run, key, found.get((run.run_pk, key), ()), logged.get((run.run_pk, key), {}), query)
        for run in batch.runs
        for key in batch.keys
    ]


def _chunks(
    connection: Connection,
    run_pks: Sequence[int],
    keys: Sequence[str],
    contexts: Mapping[int, int] | None,
    query: CurveQuery,
) -> Iterator[_Chunk]:
    """The chunks that may have points within the bounds, in order of the series; of all contexts or one."""
    statement: sa.Select[Any] = sa.select(
        *_place, _chunk.c.last_step, _chunk.c.last_time, _chunk.c.points, _chunk.c.summary
    ).where(_chunk.c.run_pk.in_(run_pks), _chunk.c.key.in_(keys))
    if contexts is not None:
        # The same context may have another number in another run.
        statement = statement.where(_chunk.c.context.in_(set(contexts.values())))
    if query.axis is Axis.STEP:
        if query.min_x is not None:
            statement = statement.where(_chunk.c.last_step >= query.min_x)
        if query.max_x is not None:
            statement = statement.where(_chunk.c.first_step <= query.max_x)
    found = (_Chunk(*row) for row in read_large(connection, statement.order_by(*_place)))
    return (chunk for chunk in found if contexts is None or contexts[chunk.run_pk] == chunk.context)


def _decoded(connection: Connection, places: Sequence[_Place]) -> Mapping[_Place, Points]:
    """The points of chunks."""
    found: dict[_Place, Points] = {}
    for begin in range(0, len(places), _CHUNKS_AT_ONCE):
        statement = sa.select(*_place, _chunk.c.data).where(
            sa.tuple_(*_place).in_(places[begin : begin + _CHUNKS_AT_ONCE])
        )
        for *place, data in read_large(connection, statement):
            found[tuple(place)] = columns.decode(data)
    return found
