"""PostgreSQL connections that make few round trips.

psycopg2 begins transactions by itself, by a round trip before the first statement, and what a transaction needs to be
set would be another. Here it never does: whoever opens a transaction sends BEGIN with all settings at once. And a
statement whose result nobody needs waits for the next one, or for the commit, and travels with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from psycopg2 import extensions
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from trivet_kit.db.traced import statement_span

DRIVER_NAME = "postgresql+trivet"
_SYSTEM = "postgresql"


class Connection(extensions.connection):
    """A connection with statements that wait."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """As psycopg2 makes it."""
        super().__init__(*args, **options)
        self.waiting = b""
        """Each with its semicolon. Their errors come from what they travel with."""

    def forget(self) -> None:
        """Drops what waits."""
        self.waiting = b""


class Cursor(extensions.cursor):
    """A cursor that sends what waits before what it is asked for."""

    connection: Connection

    def wait(self, query: str, parameters: Any) -> None:
        """Keeps a statement until the next one, or the commit."""
        self.connection.waiting += self.mogrify(query, parameters) + b";"

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 - as the driver names it
        """Sends what waits and a statement, in one message."""
        waiting = self._taken()
        with statement_span(_SYSTEM, query):
            if waiting:
                super().execute(waiting + self.mogrify(query, vars))
            else:
                super().execute(query, vars)

    def executemany(self, query: Any, vars_list: Iterable[Any]) -> None:
        """Sends what waits, then the statements."""
        self._flush()
        with statement_span(_SYSTEM, query):
            super().executemany(query, vars_list)

    def copy_query(self, query: str, parameters: Any, file: Any) -> None:
        """Sends what waits, then copies the rows of a query into a file, in the binary format."""
        self._flush()
        copy = "COPY (%s) TO STDOUT (FORMAT binary)"
        # COPY takes no parameters, and a span no values.
        with statement_span(_SYSTEM, copy % query):
            super().copy_expert(copy % self.mogrify(query, parameters).decode(), file)

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        """Sends what waits, then copies."""
        self._flush()
        with statement_span(_SYSTEM, sql):
            super().copy_expert(sql, file, size)

    def _flush(self) -> None:
        waiting = self._taken()
        if waiting:
            super().execute(waiting)

    def _taken(self) -> bytes:
        waiting, self.connection.waiting = self.connection.waiting, b""
        return waiting


class Dialect(PGDialect_psycopg2):
    """psycopg2 that sends no BEGIN of its own, which the isolation level AUTOCOMMIT keeps it from."""

    supports_statement_cache = True

    def do_commit(self, dbapi_connection: Any) -> None:
        """Ends the transaction."""
        _execute(dbapi_connection, "COMMIT")

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Ends the transaction, where there is one; the pool asks for it whenever a connection comes back."""
        dbapi_connection.forget()
        if dbapi_connection.get_transaction_status() != extensions.TRANSACTION_STATUS_IDLE:
            _execute(dbapi_connection, "ROLLBACK")


def execute_later(connection: sa.Connection, statement: str) -> None:
    """Runs a statement without parameters with the next one: it makes no round trip of its own."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        cursor.wait(statement, None)


def _execute(dbapi_connection: Any, statement: str) -> None:
    with dbapi_connection.cursor() as cursor:
        cursor.execute(statement)


registry.register("postgresql.trivet", __name__, Dialect.__name__)
