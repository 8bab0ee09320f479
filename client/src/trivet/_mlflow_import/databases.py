"""Databases of MLflow, read only, without a library between."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from trivet._errors import InvalidArgument, ServerUnavailable

Row = tuple[Any, ...]


class Database(Protocol):
    """Answers queries."""

    def rows(self, query: str, *parameters: object) -> Iterator[Row]:
        """The rows of a query, in which `?` stands for each parameter."""
        ...

    def columns(self, table: str) -> frozenset[str]:
        """The columns of a table; none where it is missing."""
        ...

    def close(self) -> None:
        """Ends the connection."""
        ...


def open_database(url: str) -> Database:
    """Connects to `sqlite:///FILE` or `postgresql://…`.

    Raises:
        InvalidArgument: there is no such file, it is no database, or the driver is missing.
        ServerUnavailable: the server does not answer, or refuses.
    """
    scheme, _, rest = url.partition("://")
    if scheme.startswith("sqlite"):
        return _Sqlite(Path(rest.removeprefix("/").partition("?")[0]))
    return _Postgres(f"postgresql://{rest}")


class _Sqlite:
    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InvalidArgument(f"There is no file {path}.")
        self._path = path
        self._connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)

    def rows(self, query: str, *parameters: object) -> Iterator[Row]:
        try:
            yield from self._connection.execute(query, parameters)
        except sqlite3.DatabaseError as error:
            raise InvalidArgument(f"{self._path} cannot be read as a database of SQLite: {error}.") from error

    def columns(self, table: str) -> frozenset[str]:
        return frozenset(row[0] for row in self.rows("SELECT name FROM pragma_table_info(?)", table))

    def close(self) -> None:
        self._connection.close()


class _Postgres:
    def __init__(self, url: str) -> None:
        try:
            import psycopg2  # noqa: PLC0415 - an extra
        except ImportError:
            raise InvalidArgument("PostgreSQL needs an extra: pip install 'trivet[import]'") from None
        self._error = psycopg2.Error
        try:
            self._connection = psycopg2.connect(url, connect_timeout=10)
            # One moment for all of it, whatever is logged meanwhile.
            self._connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        except psycopg2.Error as error:
            raise ServerUnavailable(f"The database cannot be read: {str(error).strip()}") from error

    def rows(self, query: str, *parameters: object) -> Iterator[Row]:
        try:
            with contextlib.closing(self._connection.cursor()) as cursor:
                cursor.execute(query.replace("?", "%s"), parameters)
                yield from cursor
        except self._error as error:
            raise ServerUnavailable(f"The database cannot be read: {str(error).strip()}") from error

    def columns(self, table: str) -> frozenset[str]:
        query = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped"
        return frozenset(row[0] for row in self.rows(query, table))

    def close(self) -> None:
        self._connection.close()
