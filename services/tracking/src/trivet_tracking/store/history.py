"""The points of a metric of a run, read from chunks and log, a window of moments at a time.

Each window is read in a transaction of its own, in which chunks and log are seen together, so that whatever the folder
does no point is missed and none comes twice; and no transaction waits for a slow reader. What is written meanwhile may
be seen or not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db import Database
from trivet_kit.db.bulk import read_large
from trivet_tracking.domain.metrics import HistoryQuery, Moment, Points, in_turn, merge
from trivet_tracking.store import columns, segments, tables
from trivet_tracking.store.contexts import context_number, run_key

_MIN, _MAX = -(2**63), 2**63 - 1
# Some 130,000 points: a megabyte from the database, three in memory.
_WINDOW_CHUNKS = 32

_Chunk = Sequence[Any]
"""First step, first time, data."""

_log = tables.metric_log
_chunk = tables.metric_chunk


@dataclass(frozen=True)
class _Series:
    """What is read: a key of a run, of one context or of all."""

    run_pk: int
    key: str
    context: int | None
    last: Moment


def read(database: Database, workspace: str, run_id: str, query: HistoryQuery) -> Iterator[Points]:
    """The points that a query asks for, in order, each once, in parts of at least one. Raises RunNotFound at once."""
    series = database.read(lambda connection: _series(connection, workspace, run_id, query))
    if series is None:
        return iter(())
    first = (_MIN if query.min_step is None else query.min_step, _MIN)
    return _windows(database, series, first)


def _series(connection: Connection, workspace: str, run_id: str, query: HistoryQuery) -> _Series | None:
    """What a query asks for; None where the run knows no such context."""
    run_pk = run_key(connection, workspace, run_id)
    context = None
    if query.context is not None:
        context = context_number(connection, run_pk, query.context)
        if context is None:
            return None
    last = (_MAX if query.max_step is None else query.max_step, _MAX)
    return _Series(run_pk, query.key, context, last)


def logged_points(connection: Connection, run_pk: int, key: str, context: int | None = None) -> dict[int, Points]:
    """The points of a key that are in the log, by number of the context; of one context or of all. In order."""
    contexts = None if context is None else {run_pk: context}
    return logged_series(connection, [run_pk], [key], contexts).get((run_pk, key), {})


def logged_series(
    connection: Connection,
    run_pks: Collection[int],
    keys: Collection[str],
    contexts: Mapping[int, int] | None = None,
) -> dict[tuple[int, str], dict[int, Points]]:
    """The points that are in the log by run and key, then by number of the context. In order.

    With `contexts`, of each run those of one context alone.
    """
    parts: dict[tuple[int, str], dict[int, list[Points]]] = {}
    wanted = frozenset(keys)
    statement = sa.select(_log.c.run_pk, _log.c.data).where(_log.c.run_pk.in_(run_pks))
    for run_pk, data in read_large(connection, statement):
        for key, number, points in segments.decode(data, wanted).pieces():
            if contexts is None or contexts.get(run_pk) == number:
                parts.setdefault((run_pk, key), {}).setdefault(number, []).append(points)
    return {
        series: {number: merge(its_parts) for number, its_parts in by_context.items()}
        for series, by_context in parts.items()
    }


def _windows(database: Database, series: _Series, first: Moment) -> Iterator[Points]:
    begin: Moment | None = first
    while begin is not None:
        chunks, end, logged = database.read(partial(_window, series=series, begin=begin))
        parts = [*logged.values(), *(columns.decode(data) for _, _, data in chunks)]
        yield from in_turn([_window_of(part, begin, end, series.last) for part in parts])
        begin = end


def _window(
    connection: Connection, series: _Series, begin: Moment
) -> tuple[Sequence[_Chunk], Moment | None, dict[int, Points]]:
    """What `_chunks` gives, and the points in the log."""
    chunks, end = _chunks(connection, series, begin)
    return chunks, end, logged_points(connection, series.run_pk, series.key, series.context)


def _chunks(connection: Connection, series: _Series, begin: Moment) -> tuple[Sequence[_Chunk], Moment | None]:
    """The chunks of the window that begins there, and where the next one begins; None: this is the last one."""
    statement: sa.Select[Any] = (
        sa.select(_chunk.c.first_step, _chunk.c.first_time, _chunk.c.data)
        .where(
            _chunk.c.run_pk == series.run_pk,
            _chunk.c.key == series.key,
            sa.tuple_(_chunk.c.last_step, _chunk.c.last_time) >= sa.tuple_(*begin),
            _chunk.c.first_step <= series.last[0],
        )
        .order_by(_chunk.c.first_step, _chunk.c.first_time)
    )
    if series.context is not None:
        statement = statement.where(_chunk.c.context == series.context)
    size = _WINDOW_CHUNKS
    while True:
        rows = read_large(connection, statement.limit(size + 1))
        if len(rows) <= size:
            return rows, None
        first_step, first_time, _ = rows[size]
        end = (first_step, first_time)
        if end > begin:
            return rows[:size], end
        # More contexts than chunks in a window, all of which begin before it.
        size *= 4


def _window_of(points: Points, begin: Moment, end: Moment | None, last: Moment) -> Points:
    """The points in order from `begin` up to, not including, `end`, and not after `last`."""
    if not len(points):
        return points
    high = points.place_after(last)
    if end is not None:
        high = min(high, points.place_of(end))
    low = points.place_of(begin)
    return points.part(low, max(low, high))
