"""Folds the log of a run into chunks.

Readers take chunks and log together, so when that happens matters to nobody. The transaction locks the run against
other folders, and no writer: writers append to the log, and where they write chunks these come after all that is in it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_tracking.domain.metrics import Points, concatenate, merge_ordered
from trivet_tracking.domain.series import SeriesPoints, by_series
from trivet_tracking.store import chunks, segments, tables
from trivet_tracking.store.point_rows import PLACE, ChunkPlace, ChunkRow, PointRows, take_chunks
from trivet_tracking.store.segments import Segment

# So much of a run's log is folded at the latest, and at once; on SQLite, where a transaction stops all writers, less.
FOLD_BYTES = 8 * 1024 * 1024
_SQLITE_FOLD_BYTES = 512 * 1024
# A chunk before the new points is written again with them while it has at most so many times as many. So a point is
# written again a few times as its chunk grows, not each time (a log-structured merge).
_GROWTH = 2
_KEYS_AT_ONCE = 1000
# Of advisory locks, whose numbers are one space for all who use the database: "trfo", above the keys of runs.
_LOCK_SPACE = 0x7472666F << 32

_log = tables.metric_log
_chunk = tables.metric_chunk
_latest = tables.metric_latest

_Series: TypeAlias = tuple[str, int]
"""A key, and the number of a context."""

_logger = logging.getLogger("trivet.tracking.folding")


@dataclass
class _Fold:
    """What becomes of the points of a log."""

    merged: dict[_Series, Points] = field(default_factory=dict)
    replaced: dict[_Series, list[ChunkPlace]] = field(default_factory=dict)
    """The chunks that are written again."""
    repeated: dict[_Series, int] = field(default_factory=dict)
    """How many points came again in a later commit."""


class Folding:
    """Folds logs. Safe for threads and for several processes on one database."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        """`now` gives milliseconds since the Unix epoch."""
        self._database = database
        self._now = now
        self._rows = PointRows(database.dialect)
        self._max_bytes = _SQLITE_FOLD_BYTES if database.is_sqlite else FOLD_BYTES

    def due(self, age_millis: int) -> list[int]:
        """The runs whose log is to be folded: it is as old as that, or large. The oldest first."""
        oldest = sa.func.min(_log.c.time)
        size = sa.func.sum(sa.func.length(_log.c.data))
        statement = (
            sa.select(_log.c.run_pk)
            .group_by(_log.c.run_pk)
            .having(sa.or_(oldest <= self._now() - age_millis, size >= self._max_bytes))
            .order_by(oldest)
        )
        with self._database.transaction("read") as connection:
            return list(connection.execute(statement).scalars())

    def fold(self, run_pk: int) -> int:
        """Folds the log of a run, the oldest `FOLD_BYTES` of it; returns how many segments. 0: another folder does."""
        with self._database.transaction("write") as connection:
            return self._fold_some(connection, run_pk) if self._is_alone(connection, run_pk) else 0

    def fold_all(self, connection: Connection, run_pk: int) -> None:
        """Folds the whole log of a run, whose row is locked FOR UPDATE, so that all its points are in chunks.

        Until the end of the transaction nothing is written to the run, and no folder works on it.
        """
        wait_for_folder(connection, run_pk)
        while self._fold_some(connection, run_pk):
            pass

    def _fold_some(self, connection: Connection, run_pk: int) -> int:
        rows = self._read_log(connection, run_pk)
        if not rows:
            return 0
        keys, series, counts = _series_of([segments.decode(row.data) for row in rows])
        fold = _plan(connection, run_pk, keys, series, counts)
        self._rows.append_chunks(
            connection,
            (
                ChunkRow((run_pk, *its_series), chunk)
                for its_series, points in fold.merged.items()
                for chunk in chunks.cut(points)
            ),
        )
        _delete_log(connection, run_pk, [row.log_id for row in rows])
        _settle(connection, run_pk, fold.repeated)
        _logger.debug("folded %d segments of run %d into %d series", len(rows), run_pk, len(keys))
        return len(rows)

    def _is_alone(self, connection: Connection, run_pk: int) -> bool:
        if self._database.is_sqlite:
            return True
        return bool(connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(_lock_of(run_pk)))).scalar_one())

    def _read_log(self, connection: Connection, run_pk: int) -> Sequence[Row[Any]]:
        of_run = _log.c.run_pk == run_pk
        wanted = []
        size = 0
        sizes = sa.select(_log.c.log_id, sa.func.length(_log.c.data)).where(of_run).order_by(_log.c.log_id)
        for log_id, its_size in connection.execute(sizes).all():
            wanted.append(log_id)
            size += its_size
            if size >= self._max_bytes:
                break
        segments_of: sa.Select[Any] = sa.select(_log.c.log_id, _log.c.data).where(of_run)
        return [
            row
            for begin in range(0, len(wanted), _KEYS_AT_ONCE)
            for row in connection.execute(segments_of.where(_log.c.log_id.in_(wanted[begin : begin + _KEYS_AT_ONCE])))
        ]


def wait_for_folder(connection: Connection, run_pk: int) -> None:
    """Waits for whoever folds the log of a run, and keeps others off until the end of the transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_lock_of(run_pk))))


def _lock_of(run_pk: int) -> sa.ColumnElement[int]:
    return sa.cast(_LOCK_SPACE + run_pk, sa.BigInteger)


def _series_of(parts: Sequence[Segment]) -> tuple[list[_Series], SeriesPoints, list[int]]:
    """The series of segments, their points, and how many each had before those that repeat were dropped."""
    numbers: dict[_Series, int] = {}
    of_pieces = np.array(
        [
            numbers.setdefault(its_series, len(numbers))
            for part in parts
            for its_series in zip(part.keys, part.contexts, strict=True)
        ],
        np.int64,
    )
    of_points = np.repeat(of_pieces, np.concatenate([part.counts for part in parts]))
    series = by_series(of_points, concatenate([part.points for part in parts]))
    return list(numbers), series, np.bincount(of_points).tolist()


def _plan(
    connection: Connection, run_pk: int, keys: Sequence[_Series], series: SeriesPoints, counts: Sequence[int]
) -> _Fold:
    fold = _Fold()
    existing = _existing(connection, run_pk, keys)
    for number, its_series in enumerate(keys):
        points = series.of(number)
        fold.merged[its_series] = points
        if replaced := _replaced(points, existing.get(its_series, ())):
            fold.replaced[its_series] = replaced
        if repeated := counts[number] - len(points):
            fold.repeated[its_series] = repeated
    old = take_chunks(connection, run_pk, [place for places in fold.replaced.values() for place in places])
    for its_series, parts in old.items():
        merged = merge_ordered([fold.merged[its_series], *parts])
        before = len(fold.merged[its_series]) + sum(map(len, parts))
        if repeated := before - len(merged):
            fold.repeated[its_series] = fold.repeated.get(its_series, 0) + repeated
        fold.merged[its_series] = merged
    return fold


def _existing(connection: Connection, run_pk: int, keys: Iterable[_Series]) -> dict[_Series, list[Row[Any]]]:
    """What chunks there are, by series and in order, without their points."""
    names = sorted({key for key, _ in keys})
    existing: dict[_Series, list[Row[Any]]] = {}
    for begin in range(0, len(names), _KEYS_AT_ONCE):
        statement: sa.Select[Any] = (
            sa.select(*PLACE, _chunk.c.last_step, _chunk.c.last_time, _chunk.c.points)
            .where(_chunk.c.run_pk == run_pk, _chunk.c.key.in_(names[begin : begin + _KEYS_AT_ONCE]))
            .order_by(*PLACE)
        )
        for row in connection.execute(statement):
            existing.setdefault((row.key, row.context), []).append(row)
    return existing


def _replaced(points: Points, existing: Sequence[Row[Any]]) -> list[ChunkPlace]:
    """The chunks that are written again with new points: those that they overlap, and small ones right before them.

    What lies between the first and the last new point is written again whole, since they may be anywhere in it.
    """
    first = (int(points.steps[0]), int(points.times[0]))
    last = (int(points.steps[-1]), int(points.times[-1]))
    replaced = []
    size = len(points)
    for row in reversed(existing):
        if (row.first_step, row.first_time) > last:
            continue
        overlaps = (row.last_step, row.last_time) >= first
        if not overlaps and (row.points >= chunks.FULL_CHUNK_POINTS or row.points > _GROWTH * size):
            break
        replaced.append((row.key, row.context, row.first_step, row.first_time))
        size += row.points
    return replaced


def _delete_log(connection: Connection, run_pk: int, log_ids: Sequence[int]) -> None:
    for begin in range(0, len(log_ids), _KEYS_AT_ONCE):
        some = log_ids[begin : begin + _KEYS_AT_ONCE]
        connection.execute(sa.delete(_log).where(_log.c.run_pk == run_pk, _log.c.log_id.in_(some)))


def _settle(connection: Connection, run_pk: int, repeated: dict[_Series, int]) -> None:
    """Corrects the counts of series, and says that they are right where the log holds no more of the run."""
    wrong: dict[_Series, int] = {}
    for (key, context), count in repeated.items():
        for number in {0, context}:  # the row of the key over all contexts counts the sum
            wrong[key, number] = wrong.get((key, number), 0) + count
    of_run = _latest.c.run_pk == run_pk
    series = sa.tuple_(_latest.c.key, _latest.c.context)
    unsettled = connection.execute(sa.select(_latest.c.key, _latest.c.context).where(of_run, _latest.c.unsettled))
    names = sorted({*wrong, *((key, context) for key, context in unsettled)})
    batches = [names[begin : begin + _KEYS_AT_ONCE] for begin in range(0, len(names), _KEYS_AT_ONCE)]
    # Locked in the order in which writers lock them, before the log is looked at: whoever wrote a row before has
    # committed then, and the next statement sees it; whoever writes one later finds it settled.
    lock = sa.select(_latest.c.run_pk).where(of_run).order_by(_latest.c.key, _latest.c.context).with_for_update()
    for batch in batches:
        connection.execute(lock.where(series.in_(batch)))
    if wrong:
        connection.execute(
            sa.update(_latest)
            .where(of_run, _latest.c.key == sa.bindparam("its_key"), _latest.c.context == sa.bindparam("its_context"))
            .values(points=_latest.c.points - sa.bindparam("repeated")),
            [{"its_key": key, "its_context": number, "repeated": count} for (key, number), count in wrong.items()],
        )
    logged = sa.exists().where(_log.c.run_pk == run_pk)
    for batch in batches:
        settle = sa.update(_latest).where(of_run, series.in_(batch), _latest.c.unsettled, ~logged)
        connection.execute(settle.values(unsettled=False))
