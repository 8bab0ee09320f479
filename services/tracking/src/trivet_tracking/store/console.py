"""Lines of consoles, many in a row of a table.

A commit makes a row for each run of which it has lines. As a process that prints now and then would make a row for each
line, the rows of a thousand lines become one when the thousand is full: a line is written twice at most, and a page is
read from few rows.

Of each run the newest lines are kept, up to so many bytes of text. It is looked whether there are more than that
whenever another part of it has come, not with every commit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db import Database
from trivet_kit.db.keyset import checked
from trivet_kit.db.upserts import insert_into
from trivet_kit.errors import PageTokenInvalid
from trivet_tracking.domain.console import ConsoleLine, ConsolePage, ConsoleQuery, ConsoleStream
from trivet_tracking.store import columns, tables
from trivet_tracking.store.contexts import run_key

# Of a row, and where rows begin that are made of others.
_LINES = 1000
_BYTES = 512 * 1024
_PARTS_OF_LIMIT = 64

_state = tables.console
_chunk = tables.console_chunk


class ConsoleWrites:
    """Writes lines, in the transaction of a group of writes."""

    def __init__(self, dialect: str, max_bytes: int) -> None:
        """Prepares it; `max_bytes` is how much text is kept of a run."""
        self._max_bytes = max_bytes
        upsert = insert_into(dialect, _state)
        self._count = upsert.on_conflict_do_update(
            index_elements=[_state.c.run_pk],
            set_={
                "end_number": _state.c.end_number + upsert.excluded.end_number,
                "bytes": _state.c.bytes + upsert.excluded.bytes,
            },
        ).returning(_state.c.run_pk, _state.c.end_number, _state.c.bytes)

    def write(self, connection: Connection, writes: Sequence[tuple[int, Sequence[ConsoleLine]]]) -> None:
        """Writes lines of runs, each with the key of its run."""
        of_runs: dict[int, list[ConsoleLine]] = {}
        for run_pk, lines in writes:
            of_runs.setdefault(run_pk, []).extend(lines)
        counted = [
            {"run_pk": run_pk, "end_number": len(lines), "bytes": sum(map(_size, lines))}
            for run_pk, lines in sorted(of_runs.items())
        ]
        rows: list[dict[str, Any]] = []
        for run_pk, end, end_bytes in connection.execute(self._count, counted).all():
            lines = of_runs[run_pk]
            rows += _rows(run_pk, end - len(lines), end_bytes - sum(map(_size, lines)), lines)
        connection.execute(sa.insert(_chunk), rows)
        for row in counted:
            run_pk = row["run_pk"]
            self._tidy(connection, [new for new in rows if new["run_pk"] == run_pk], run_pk)

    def _tidy(self, connection: Connection, new: Sequence[dict[str, Any]], run_pk: int) -> None:
        first, last = new[0], new[-1]
        begin, end = first["first_number"], last["first_number"] + last["lines"]
        if begin % _LINES and begin // _LINES != end // _LINES:
            _join(connection, run_pk, begin // _LINES * _LINES)
        before, after = first["end_bytes"] - first["bytes"], last["end_bytes"]
        step = max(1, self._max_bytes // _PARTS_OF_LIMIT)
        if after > self._max_bytes and before // step != after // step:
            too_old = _chunk.c.end_bytes <= after - self._max_bytes
            connection.execute(sa.delete(_chunk).where(_chunk.c.run_pk == run_pk, too_old))


class SqlConsole:
    """Implements `Console`. Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, workspace: str, run_id: str, query: ConsoleQuery) -> ConsolePage:
        """Returns a page of lines."""
        with self._database.transaction("read") as connection:
            of_run = _chunk.c.run_pk == run_key(connection, workspace, run_id)
            kept = connection.execute(
                sa.select(
                    sa.func.min(_chunk.c.first_number), sa.func.max(_chunk.c.first_number + _chunk.c.lines)
                ).where(of_run)
            ).one()
            if kept[0] is None:
                return ConsolePage((), 0, 0, 0)
            kept_from, end = kept
            first = max(_begin(query, end), kept_from)
            if first >= end:
                return ConsolePage((), first, kept_from, end)
            containing = sa.select(sa.func.max(_chunk.c.first_number)).where(of_run, _chunk.c.first_number <= first)
            places = connection.execute(
                sa.select(_chunk.c.first_number, _chunk.c.bytes)
                .where(of_run, _chunk.c.first_number >= containing.scalar_subquery())
                .order_by(_chunk.c.first_number)
                .limit(query.size)
            ).all()
            wanted = list(_wanted([(row.first_number, row.bytes) for row in places], first, query))
            data = (
                connection.execute(
                    sa.select(_chunk.c.data)
                    .where(of_run, _chunk.c.first_number.between(wanted[0], wanted[-1]))
                    .order_by(_chunk.c.first_number)
                )
                .scalars()
                .all()
            )
        lines = [line for some in data for line in _decode(some)][first - wanted[0] :]
        return ConsolePage(tuple(_within(lines, query)), first, kept_from, end)


def _begin(query: ConsoleQuery, end: int) -> int:
    match query.after:
        case None:
            return max(query.min_number, end - query.newest if query.newest else 0)
        case [number]:
            return max(query.min_number, int(checked(number, int)) + 1)
    raise PageTokenInvalid


def _wanted(places: Sequence[tuple[int, int]], first: int, query: ConsoleQuery) -> Iterator[int]:
    """Of rows, by their first numbers and bytes, those that a page is made of."""
    size = 0
    for first_number, row_bytes in places:
        if first_number >= first + query.size or size > query.max_bytes:
            return
        yield first_number
        size += row_bytes


def _within(lines: Sequence[ConsoleLine], query: ConsoleQuery) -> Iterator[ConsoleLine]:
    size = 0
    for count, line in enumerate(lines[: query.size]):
        # Beside its text a line has numbers, and the tags of fields.
        size += _size(line) + 40
        if count and size > query.max_bytes:
            return
        yield line


def _join(connection: Connection, run_pk: int, begin: int) -> None:
    """Makes one row of the rows of a thousand lines, or a few where it has many bytes."""
    some = [_chunk.c.run_pk == run_pk, _chunk.c.first_number >= begin, _chunk.c.first_number < begin + _LINES]
    removed = connection.execute(
        sa.delete(_chunk)
        .where(*some)
        .returning(_chunk.c.first_number, _chunk.c.end_bytes, _chunk.c.bytes, _chunk.c.data)
    ).all()
    found = sorted(removed, key=lambda row: int(row.first_number))
    if found:
        lines = [line for row in found for line in _decode(row.data)]
        rows = _rows(run_pk, found[0].first_number, found[0].end_bytes - found[0].bytes, lines)
        connection.execute(sa.insert(_chunk), list(rows))


def _rows(run_pk: int, begin: int, begin_bytes: int, lines: Sequence[ConsoleLine]) -> Iterator[dict[str, Any]]:
    """The rows of lines that have the numbers from `begin` on; no row goes beyond a full thousand."""
    at, end_bytes = 0, begin_bytes
    while at < len(lines):
        room = _LINES - (begin + at) % _LINES
        size, stop = 0, at
        while stop < min(len(lines), at + room) and (stop == at or size + _size(lines[stop]) <= _BYTES):
            size += _size(lines[stop])
            stop += 1
        end_bytes += size
        yield {
            "run_pk": run_pk,
            "first_number": begin + at,
            "lines": stop - at,
            "bytes": size,
            "end_bytes": end_bytes,
            "data": _encode(lines[at:stop]),
        }
        at = stop


def _size(line: ConsoleLine) -> int:
    """The bytes of a line, with its line break."""
    text = line.text
    return 1 + (len(text) if text.isascii() else len(text.encode()))


def _encode(lines: Sequence[ConsoleLine]) -> bytes:
    """Lines as bytes: the size of what follows (4, little-endian), then JSON, compressed where that is smaller."""
    plain = json.dumps(lines, ensure_ascii=False, separators=(",", ":")).encode()
    return len(plain).to_bytes(4, "little") + columns.compress(plain)[1]


def _decode(data: bytes) -> list[ConsoleLine]:
    size, body = int.from_bytes(data[:4], "little"), data[4:]
    plain = body if len(body) == size else columns.decompress(body, size)
    return [
        ConsoleLine(time, ConsoleStream(stream), rank, text, unfinished)
        for time, stream, rank, text, unfinished in json.loads(plain)
    ]
