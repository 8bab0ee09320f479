"""Rows of the tables of points, appended and taken out in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db.bulk import bytea, copy_rows, insert_later, int4, int8, text
from trivet_tracking.domain.metrics import Points
from trivet_tracking.store import columns, tables
from trivet_tracking.store.chunks import Chunk
from trivet_tracking.store.latest import SeriesKey

_chunk = tables.metric_chunk

ChunkPlace: TypeAlias = tuple[str, int, int, int]
"""Where a chunk of a run is: key, number of the context, first step and time."""
PLACE = (_chunk.c.key, _chunk.c.context, _chunk.c.first_step, _chunk.c.first_time)
# Chunks that one statement names.
_TAKEN_AT_ONCE = 200

_LOG_COLUMNS = ("run_pk", "time", "points", "data")
_CHUNK_COLUMNS = (
    "run_pk",
    "key",
    "context",
    "first_step",
    "first_time",
    "last_step",
    "last_time",
    "points",
    "summary",
    "data",
)


@dataclass(frozen=True)
class LogRow:
    """A row of `metric_log`."""

    run_pk: int
    time: int
    """When it was written, in milliseconds since the Unix epoch."""
    points: int
    data: bytes

    def fields(self) -> tuple[bytes, ...]:
        """In the order of the columns, for COPY."""
        return int8(self.run_pk), int8(self.time), int4(self.points), bytea(self.data)

    def values(self) -> tuple[Any, ...]:
        """In the order of the columns."""
        return self.run_pk, self.time, self.points, self.data


@dataclass(frozen=True)
class ChunkRow:
    """A row of `metric_chunk`."""

    series: SeriesKey
    chunk: Chunk

    def fields(self) -> tuple[bytes, ...]:
        """In the order of the columns, for COPY."""
        (run_pk, key, context), chunk = self.series, self.chunk
        moments = (chunk.first_step, chunk.first_time, chunk.last_step, chunk.last_time)
        return (
            int8(run_pk),
            text(key),
            int4(context),
            *map(int8, moments),
            int4(chunk.points),
            bytea(chunk.summary),
            bytea(chunk.data),
        )

    def values(self) -> tuple[Any, ...]:
        """In the order of the columns."""
        chunk = self.chunk
        moments = (chunk.first_step, chunk.first_time, chunk.last_step, chunk.last_time)
        return (*self.series, *moments, chunk.points, chunk.summary, chunk.data)


# COPY takes two round trips more than an INSERT that travels with the commit, and half the bytes for each value.
_INSERTED_ROWS = 32
_INSERTED_BYTES = 32 * 1024


class PointRows:
    """Appends to the tables of points: many by COPY on PostgreSQL, a few and those of SQLite by INSERT."""

    def __init__(self, dialect: str) -> None:
        self._copies = dialect == "postgresql"

    def append_log(self, connection: Connection, rows: Iterable[LogRow]) -> None:
        """Appends segments."""
        its_rows = list(rows)
        few = len(its_rows) <= _INSERTED_ROWS and sum(len(row.data) for row in its_rows) <= _INSERTED_BYTES
        self._append(connection, tables.metric_log, _LOG_COLUMNS, its_rows, few=few)

    def append_chunks(self, connection: Connection, rows: Iterable[ChunkRow]) -> None:
        """Appends chunks."""
        its_rows = list(rows)
        sizes = (len(row.chunk.summary) + len(row.chunk.data) for row in its_rows)
        few = len(its_rows) <= _INSERTED_ROWS and sum(sizes) <= _INSERTED_BYTES
        self._append(connection, tables.metric_chunk, _CHUNK_COLUMNS, its_rows, few=few)

    def _append(
        self,
        connection: Connection,
        table: sa.Table,
        names: tuple[str, ...],
        rows: list[LogRow] | list[ChunkRow],
        *,
        few: bool,
    ) -> None:
        if not rows:
            return
        if not self._copies:
            connection.execute(sa.insert(table), [dict(zip(names, row.values(), strict=True)) for row in rows])
        elif few:
            insert_later(connection, _qualified(table), names, [row.values() for row in rows])
        else:
            copy_rows(connection, _qualified(table), names, (row.fields() for row in rows))


def _qualified(table: sa.Table) -> str:
    return f"{tables.SCHEMA}.{table.name}"


def take_chunks(
    connection: Connection, run_pk: int, places: Sequence[ChunkPlace]
) -> dict[tuple[str, int], list[Points]]:
    """Deletes chunks of a run, and returns their points by key and number of the context."""
    taken: dict[tuple[str, int], list[Points]] = {}
    for begin in range(0, len(places), _TAKEN_AT_ONCE):
        statement = (
            sa.delete(_chunk)
            .where(_chunk.c.run_pk == run_pk, sa.tuple_(*PLACE).in_(places[begin : begin + _TAKEN_AT_ONCE]))
            .returning(_chunk.c.key, _chunk.c.context, _chunk.c.data)
        )
        for key, context, data in connection.execute(statement):
            taken.setdefault((key, context), []).append(columns.decode(data))
    return taken
