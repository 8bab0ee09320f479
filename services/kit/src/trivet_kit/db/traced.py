"""Spans of statements: what is asked of a database, without the values that are bound in it."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from typing import Any, Self

from trivet_kit.tracing import Span, is_tracing, span

# Some list every column of a table, and whoever reads a trace wants to know which of them it is.
_MOST_CHARACTERS = 2000


def statement_span(system: str, query: Any) -> AbstractContextManager[Span]:
    """A span around a statement, which has its text; `system` is the database's name in OpenTelemetry."""
    if not is_tracing():
        return span("SQL")
    text = query.decode(errors="replace") if isinstance(query, bytes) else str(query)
    return span("SQL", "client", db_system_name=system, db_query_text=text[:_MOST_CHARACTERS])


class _SqliteCursor(sqlite3.Cursor):
    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        with statement_span("sqlite", sql):
            return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> Self:
        with statement_span("sqlite", sql):
            return super().executemany(sql, parameters)


class SqliteConnection(sqlite3.Connection):
    """A connection of SQLite whose statements have spans."""

    def cursor(self, factory: Any = _SqliteCursor) -> Any:
        """As Python has it."""
        return super().cursor(factory)
