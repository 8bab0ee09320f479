"""The current-value rows of series, reckoned anew from their chunks after points were removed."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_tracking.store import chunks, columns, tables
from trivet_tracking.store.contexts import NO_CONTEXT_NUMBER
from trivet_tracking.store.latest import LatestRows
from trivet_tracking.store.point_rows import PLACE, ChunkPlace

_chunk = tables.metric_chunk
_latest = tables.metric_latest

# Of keys that are looked at together: a bound on the summaries in memory, some 0.3 bytes a point.
_POINTS_AT_ONCE = 20_000_000
_KEYS_AT_ONCE = 500
_DECODED_AT_ONCE = 200

_Series: TypeAlias = tuple[str, int]
"""A key, and the number of a context."""


@dataclass(frozen=True)
class _Total:
    """What points add up to. NaN is NaN here."""

    step: int
    time: int
    value: float
    min: float
    max: float
    points: int

    def joined(self, other: _Total) -> _Total:
        """What the points of both add up to."""
        last = max(self, other, key=lambda total: (total.step, total.time, not math.isnan(total.value), total.value))
        low, high = float(np.fmin(self.min, other.min)), float(np.fmax(self.max, other.max))
        return _Total(last.step, last.time, last.value, low, high, self.points + other.points)


def restate(
    connection: Connection,
    latest: LatestRows,
    run_pk: int,
    experiment_pk: int,
    keys: Collection[str],
    lasts: Mapping[_Series, float] = MappingProxyType({}),
) -> None:
    """Writes what series of some keys are now. All points of the run are in chunks, and nobody else writes any.

    Args:
        connection: In a transaction.
        latest: What writes them.
        run_pk: The run.
        experiment_pk: Its experiment.
        keys: Of the series.
        lasts: The values of the last points of series where they are known, by key and number of the context.
    """
    for some_keys in keys_in_parts(connection, run_pk, frozenset(keys)):
        totals = _totals(connection, run_pk, some_keys, lasts)
        connection.execute(sa.delete(_latest).where(_latest.c.run_pk == run_pk, _latest.c.key.in_(some_keys)))
        if totals:
            latest.write(connection, _columns(run_pk, experiment_pk, list(_rows(totals))))


def keys_in_parts(connection: Connection, run_pk: int, keys: Collection[str] | None = None) -> Iterator[list[str]]:
    """Keys of a run that have points, of some or all, in order, in parts of not too many keys and points."""
    part: list[str] = []
    size = 0
    for key, points in _sizes(connection, run_pk, keys):
        if part and (size + points > _POINTS_AT_ONCE or len(part) >= _KEYS_AT_ONCE):
            yield part
            part, size = [], 0
        part.append(key)
        size += points
    if part:
        yield part


def _sizes(connection: Connection, run_pk: int, keys: Collection[str] | None) -> list[tuple[str, int]]:
    statement = (
        sa.select(_latest.c.key, _latest.c.points)
        .where(_latest.c.run_pk == run_pk, _latest.c.context == NO_CONTEXT_NUMBER)
        .order_by(_latest.c.key)
    )
    if keys is not None and len(keys) <= _KEYS_AT_ONCE:
        statement = statement.where(_latest.c.key.in_(sorted(keys)))
    return [(key, points) for key, points in connection.execute(statement) if keys is None or key in keys]


def _totals(
    connection: Connection, run_pk: int, keys: Collection[str], lasts: Mapping[_Series, float]
) -> dict[_Series, _Total]:
    """What each series of keys adds up to, by key and number of the context, in order."""
    statement = (
        sa.select(*PLACE, _chunk.c.last_step, _chunk.c.last_time, _chunk.c.points, _chunk.c.summary)
        .where(_chunk.c.run_pk == run_pk, _chunk.c.key.in_(keys))
        .order_by(*PLACE)
    )
    by_series: dict[_Series, list[Row[Any]]] = {}
    rows: Iterable[Row[Any]] = connection.execute(statement)
    for row in rows:
        by_series.setdefault((row.key, row.context), []).append(row)
    unknown = [_place_of(parts[-1]) for series, parts in by_series.items() if series not in lasts]
    values = {**lasts, **_last_values(connection, run_pk, unknown)}
    totals = {}
    for series, parts in by_series.items():
        summary = chunks.read_summaries([part.summary for part in parts])
        totals[series] = _Total(
            step=parts[-1].last_step,
            time=parts[-1].last_time,
            value=values[series],
            min=float(np.fmin.reduce(summary["min"])),
            max=float(np.fmax.reduce(summary["max"])),
            points=sum(part.points for part in parts),
        )
    return totals


def _last_values(connection: Connection, run_pk: int, places: list[ChunkPlace]) -> dict[_Series, float]:
    """The value of the last point of chunks."""
    values = {}
    for begin in range(0, len(places), _DECODED_AT_ONCE):
        statement = sa.select(_chunk.c.key, _chunk.c.context, _chunk.c.data).where(
            _chunk.c.run_pk == run_pk, sa.tuple_(*PLACE).in_(places[begin : begin + _DECODED_AT_ONCE])
        )
        for key, context, data in connection.execute(statement):
            values[key, context] = float(columns.decode(data).values[-1])
    return values


def _rows(totals: dict[_Series, _Total]) -> Iterator[tuple[str, int, _Total]]:
    """Of each key the row over all contexts, and one for each series that has a context."""
    for key, of_key in groupby(totals.items(), key=lambda item: item[0][0]):
        series = [(context, total) for (_, context), total in of_key]
        yield key, NO_CONTEXT_NUMBER, _joined(total for _, total in series)
        for context, total in series:
            if context != NO_CONTEXT_NUMBER:
                yield key, context, total


def _columns(run_pk: int, experiment_pk: int, rows: Sequence[tuple[str, int, _Total]]) -> dict[str, Sequence[Any]]:
    totals = [total for _, _, total in rows]
    return {
        "run_pk": [run_pk] * len(rows),
        "key": [key for key, _, _ in rows],
        "context": [context for _, context, _ in rows],
        "experiment_pk": [experiment_pk] * len(rows),
        "step": [total.step for total in totals],
        "time": [total.time for total in totals],
        "value": [_nullable(total.value) for total in totals],
        "min": [_nullable(total.min) for total in totals],
        "max": [_nullable(total.max) for total in totals],
        "points": [total.points for total in totals],
        # Only of the last commit that brought points.
        "batch_step": [None] * len(rows),
        "batch_time": [None] * len(rows),
    }


def _joined(totals: Iterable[_Total]) -> _Total:
    first, *others = totals
    for total in others:
        first = first.joined(total)
    return first


def _place_of(row: Row[Any]) -> ChunkPlace:
    return row.key, row.context, row.first_step, row.first_time


def _nullable(value: float) -> float | None:
    return None if math.isnan(value) else value
