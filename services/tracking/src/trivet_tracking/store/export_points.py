"""The points of all series of runs: of several runs at once where they are short, else a window of one run at a time.

Chunks and log are seen together in one transaction, and a window is a range of (key, context, step, time), so that
whatever the folder does between two windows no point is missed and none comes twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db.bulk import read_large
from trivet_tracking.domain.exports import ExportedSeries
from trivet_tracking.domain.metrics import NO_CONTEXT, Points, concatenate, empty_points
from trivet_tracking.domain.series import SeriesPoints, by_series
from trivet_tracking.store import columns, segments, tables
from trivet_tracking.store.contexts import NO_CONTEXT_NUMBER, numbered_contexts
from trivet_tracking.store.export_runs import fitting_count

# Of a batch: three megabytes of columns.
BATCH_POINTS = 131_072
# Of a window: series may have chunks of a few points each.
_WINDOW_CHUNKS = 2048
_FIRST = -(2**63)

_chunk = tables.metric_chunk
_log = tables.metric_log
_latest = tables.metric_latest
_CHUNK_ORDER = (_chunk.c.key, _chunk.c.context, _chunk.c.first_step, _chunk.c.first_time)


class Place(NamedTuple):
    """Where a window of a run begins or ends: in the order of its points."""

    key: str
    context: int
    step: int
    time: int


class Run(Protocol):
    """A run whose points are read."""

    @property
    def run_pk(self) -> int:
        """Its key."""
        ...

    @property
    def run_id(self) -> str:
        """Its id."""
        ...


class _Piece(NamedTuple):
    """Points of a series, in order."""

    run_pk: int
    key: str
    context: int
    points: Points


@dataclass(frozen=True, eq=False)
class Window:
    """The points of whole runs, or of a part of one."""

    series: Sequence[ExportedSeries]
    points: SeriesPoints
    """Of each of `series`, in their order."""
    run_count: int
    """How many runs end with it."""
    end: Place | None
    """Where the run that does not end goes on; None: all of them end."""


def read(connection: Connection, runs: Sequence[Run], begin: Place | None) -> Window:
    """The points of the runs, from a place in the first one on, for as many of them as make a batch."""
    count = _fitting(connection, [run.run_pk for run in runs]) if begin is None else 0
    if count:
        return Window(*_of_runs(connection, runs[:count]), count, None)
    series, points, end = _of_long_run(connection, runs[0], begin)
    return Window(series, points, int(end is None), end)


def _fitting(connection: Connection, run_pks: Sequence[int]) -> int:
    """How many of the runs, from the first on, make a batch; 0: the first one is too long for that."""
    counts = dict.fromkeys(run_pks, 0)
    of_runs = (
        sa.select(_latest.c.run_pk, sa.func.sum(_latest.c.points))
        .where(_latest.c.run_pk.in_(run_pks), _latest.c.context == NO_CONTEXT_NUMBER)
        .group_by(_latest.c.run_pk)
    )
    for run_pk, points in connection.execute(of_runs):
        counts[run_pk] = int(points)
    return fitting_count(counts.values(), BATCH_POINTS)


def _of_runs(connection: Connection, runs: Sequence[Run]) -> tuple[list[ExportedSeries], SeriesPoints]:
    """All series of runs."""
    run_pks = [run.run_pk for run in runs]
    pieces = _chunks(connection, _chunk.c.run_pk.in_(run_pks))
    return _merged(connection, runs, [*pieces, *_logged(connection, run_pks)])


def _of_long_run(
    connection: Connection, run: Run, begin: Place | None
) -> tuple[list[ExportedSeries], SeriesPoints, Place | None]:
    """A window of the series of a run, from a place on, and where the next one begins; None: this is the last one."""
    window = _window(connection, run.run_pk, begin)
    end = _end(window)
    # One row beyond the window says where it ends.
    taken = window if end is None else window[:-1]
    pieces = []
    if taken:
        begins = sa.tuple_(*_CHUNK_ORDER)
        within = sa.and_(begins >= sa.tuple_(*taken[0][:4]), begins <= sa.tuple_(*taken[-1][:4]))
        pieces = _chunks(connection, _chunk.c.run_pk == run.run_pk, within)
    pieces += _logged(connection, [run.run_pk])
    return *_merged(connection, [run], [_within(piece, begin, end) for piece in pieces]), end


def _chunks(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[_Piece]:
    """The points of chunks. What they belong to is asked for apart: large values come faster alone."""

    def selected(*wanted: sa.Column[Any]) -> sa.Select[Any]:
        return sa.select(*wanted).where(*conditions).order_by(_chunk.c.run_pk, *_CHUNK_ORDER)

    owners = connection.execute(selected(_chunk.c.run_pk, _chunk.c.key, _chunk.c.context)).all()
    rows = read_large(connection, selected(_chunk.c.data))
    return [
        _Piece(run_pk, key, context, columns.decode(data))
        for (run_pk, key, context), (data,) in zip(owners, rows, strict=True)
    ]


def _window(connection: Connection, run_pk: int, begin: Place | None) -> Sequence[Row[Any]]:
    """Where the chunks begin that may hold points from a place on, of some more than a window has."""
    statement: sa.Select[Any] = (
        sa.select(*_CHUNK_ORDER, _chunk.c.points).where(_chunk.c.run_pk == run_pk).order_by(*_CHUNK_ORDER)
    )
    if begin is not None:
        # A chunk may begin before the place and end after it. Chunks of a series do not overlap: it is the last such.
        astride = connection.execute(
            sa.select(_chunk.c.first_step, _chunk.c.first_time)
            .where(
                _chunk.c.run_pk == run_pk,
                _chunk.c.key == begin.key,
                _chunk.c.context == begin.context,
                sa.tuple_(_chunk.c.first_step, _chunk.c.first_time) <= sa.tuple_(begin.step, begin.time),
            )
            .order_by(_chunk.c.first_step.desc(), _chunk.c.first_time.desc())
            .limit(1)
        ).one_or_none()
        first = begin if astride is None else Place(begin.key, begin.context, *astride)
        statement = statement.where(sa.tuple_(*_CHUNK_ORDER) >= sa.tuple_(*first))
    rows = connection.execute(statement.limit(_WINDOW_CHUNKS + 1)).all()
    ends = np.cumsum([row.points for row in rows])
    # With the chunk that fills it, and with the one after that.
    return rows[: int(np.searchsorted(ends, BATCH_POINTS)) + 2]


def _end(window: Sequence[Row[Any]]) -> Place | None:
    """Where a window of chunks ends: at its last one, which is no longer of it."""
    if len(window) <= _WINDOW_CHUNKS and sum(row.points for row in window[:-1]) < BATCH_POINTS:
        return None
    before, last = window[-2], window[-1]
    if (before.key, before.context) == (last.key, last.context):
        return Place(last.key, last.context, last.first_step, last.first_time)
    return Place(last.key, last.context, _FIRST, _FIRST)


def _logged(connection: Connection, run_pks: Sequence[int]) -> Iterator[_Piece]:
    """What the log has of runs."""
    for run_pk, data in read_large(connection, sa.select(_log.c.run_pk, _log.c.data).where(_log.c.run_pk.in_(run_pks))):
        for key, context, points in segments.decode(data).pieces():
            yield _Piece(run_pk, key, context, points)


def _within(piece: _Piece, begin: Place | None, end: Place | None) -> _Piece:
    """The part of a piece from a place up to, not including, another."""
    series = (piece.key, piece.context)
    low, high = 0, len(piece.points)
    if begin is not None and series <= (begin.key, begin.context):
        low = piece.points.place_of((begin.step, begin.time)) if series == (begin.key, begin.context) else high
    if end is not None and series >= (end.key, end.context):
        high = piece.points.place_of((end.step, end.time)) if series == (end.key, end.context) else 0
    return piece._replace(points=piece.points.part(low, max(low, high)))


def _merged(
    connection: Connection, runs: Sequence[Run], pieces: Sequence[_Piece]
) -> tuple[list[ExportedSeries], SeriesPoints]:
    """The series of pieces in order, each point once. There is no loop over points."""
    pieces = [piece for piece in pieces if len(piece.points)]
    if not pieces:
        return [], SeriesPoints(np.zeros(1, np.int64), empty_points())
    places = {run.run_pk: place for place, run in enumerate(runs)}
    keys = [(places[piece.run_pk], piece.key, piece.context) for piece in pieces]
    numbers = {key: number for number, key in enumerate(sorted(set(keys)))}
    of_pieces = np.fromiter(map(numbers.__getitem__, keys), np.int64, len(keys))
    counts = np.fromiter((len(piece.points) for piece in pieces), np.int64, len(pieces))
    merged = by_series(np.repeat(of_pieces, counts), concatenate([piece.points for piece in pieces]))
    contexts = numbered_contexts(connection, [run.run_pk for run in runs])
    series = [
        ExportedSeries(
            runs[place].run_id,
            key,
            contexts[runs[place].run_pk, context] if context != NO_CONTEXT_NUMBER else NO_CONTEXT,
        )
        for place, key, context in numbers
    ]
    return series, merged
