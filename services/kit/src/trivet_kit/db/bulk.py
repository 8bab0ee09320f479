"""Much data into and out of PostgreSQL at once: COPY, and arrays for `unnest`. Both are data, never SQL."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any

import psycopg2
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from trivet_kit.db.database import caller_error
from trivet_kit.db.functions import Function
from trivet_kit.db.postgres import Dialect

Scalar = str | int | bytes | None
"""What statements for the driver are bound to."""

# https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_END = struct.pack(">h", -1)
_INT4 = struct.Struct(">ii")
_INT8 = struct.Struct(">iq")
_LENGTH = struct.Struct(">i")


def int4(value: int) -> bytes:
    """A field of type integer."""
    return _INT4.pack(4, value)


def int8(value: int) -> bytes:
    """A field of type bigint."""
    return _INT8.pack(8, value)


def bytea(value: bytes) -> bytes:
    """A field of type bytea."""
    return _LENGTH.pack(len(value)) + value


def text(value: str) -> bytes:
    """A field of type text."""
    return bytea(value.encode())


def insert_later(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Scalar]],
    replaced_by: Sequence[str] = (),
) -> None:
    """Appends a few small rows without a round trip of their own: they travel with the next statement or the commit.

    Arguments and errors are those of `copy_rows`, with plain values for fields; errors come from what they travel with.
    With the columns of a key in `replaced_by`, rows take the place of those that have the same key.
    """
    row = f"({', '.join(['%s'] * len(columns))})"
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * len(rows))}"  # noqa: S608 - names are ours
    if replaced_by:
        others = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in replaced_by)
        statement = f"{statement} ON CONFLICT ({', '.join(replaced_by)}) DO UPDATE SET {others}"
    with _driver_cursor(connection) as cursor:
        cursor.wait(statement, [value for row in rows for value in row])


def copy_rows(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[bytes]]) -> None:
    """Appends rows by COPY: large values travel as they are, half the bytes and no parsing beside INSERT.

    Args:
        connection: In a transaction on PostgreSQL.
        table: Its name with the schema.
        columns: Their names.
        rows: Of fields that the functions above made, as many as columns and of their types.

    Raises:
        DatabaseUnavailable, DeadlineExceeded, StorageFull: as statements do.
    """
    count = struct.pack(">h", len(columns))
    data = b"".join((_SIGNATURE, *(count + b"".join(row) for row in rows), _END))
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary, ENCODING 'UTF8')"
    with _driver_cursor(connection) as cursor:
        cursor.copy_expert(statement, io.BytesIO(data))


class DriverStatement:
    """A statement for PostgreSQL that goes to the driver as it is.

    For the few that run at every write: what SQLAlchemy does for an execution takes longer than they do.
    """

    def __init__(self, statement: sa.ClauseElement | Function) -> None:
        """It is compiled when it is first run. A function is called; bound parameters are numbers, texts and bytes."""
        self._statement = statement

    @cached_property
    def text(self) -> str:
        """As the driver takes it."""
        return str(self._compiled)

    @cached_property
    def _constants(self) -> Mapping[str, Any]:
        return dict(self._compiled.params)

    @cached_property
    def _compiled(self) -> sa.Compiled:
        statement = self._statement.call if isinstance(self._statement, Function) else self._statement
        return statement.compile(dialect=Dialect())  # type: ignore[no-untyped-call]

    def parameters(self, values: Mapping[str, Scalar]) -> dict[str, Any]:
        """What to bind for these values."""
        return {**self._constants, **values}

    def execute(self, connection: Connection, values: Mapping[str, Scalar]) -> list[tuple[Any, ...]]:
        """Runs it in a transaction; returns its rows, none where it has none.

        Raises:
            DatabaseUnavailable, DeadlineExceeded, StorageFull: as statements do.
        """
        with _driver_cursor(connection) as cursor:
            cursor.execute(self.text, self.parameters(values))
            return cursor.fetchall() if cursor.description else []

    def execute_later(self, connection: Connection, values: Mapping[str, Scalar]) -> None:
        """Runs it with the next statement or the commit, where its errors come from: no round trip of its own."""
        with _driver_cursor(connection) as cursor:
            cursor.wait(self.text, self.parameters(values))


class RowsOfKeys:
    """A statement for the rows of many keys, built and compiled once: for pages that read thousands of rows."""

    def __init__(
        self,
        statement: sa.Select[Any] | sa.Delete,
        numbers: sa.Column[int] | None = None,
        texts: sa.ColumnElement[str] | None = None,
    ) -> None:
        """Prepares it for both databases.

        Args:
            statement: Without bound parameters that have no value.
            numbers: The column by whose values rows are chosen.
            texts: The same with texts. At least one of both is there.
        """
        given = {"numbers": numbers, "texts": texts}
        columns: dict[str, sa.ColumnElement[Any]] = {name: each for name, each in given.items() if each is not None}
        self._lists = statement.where(
            *(column.in_(sa.bindparam(name, expanding=True)) for name, column in columns.items())
        )
        self._arrays = DriverStatement(
            statement.where(
                *(
                    column == sa.any_(sa.cast(sa.bindparam(name, type_=sa.Text), ARRAY(column.type)))
                    for name, column in columns.items()
                )
            )
        )

    def read(
        self, connection: Connection, numbers: Sequence[int] = (), texts: Sequence[str] = ()
    ) -> Sequence[Sequence[Any]]:
        """The rows, in a transaction. Raises as statements do."""
        if connection.dialect.name == "postgresql":
            return self._arrays.execute(connection, _arrays(numbers, texts))
        return connection.execute(self._lists, {"numbers": list(numbers), "texts": list(texts)}).all()

    def delete_later(self, connection: Connection, numbers: Sequence[int] = (), texts: Sequence[str] = ()) -> None:
        """Removes the rows, without a round trip: as `DriverStatement.execute_later` does."""
        if connection.dialect.name == "postgresql":
            self._arrays.execute_later(connection, _arrays(numbers, texts))
        else:
            connection.execute(self._lists, {"numbers": list(numbers), "texts": list(texts)})


def _arrays(numbers: Sequence[int], texts: Sequence[str]) -> dict[str, Scalar]:
    return {"numbers": array_of_numbers(numbers), "texts": array_of_texts(texts)}


def read_large(connection: Connection, statement: sa.Select[Any]) -> Sequence[Sequence[Any]]:
    """The rows of a query whose values are large, by COPY where that is: psycopg2 gets them as text otherwise.

    Args:
        connection: In a transaction.
        statement: Selects columns of the types BigInteger, Integer, Text and LargeBinary, none of which is NULL.

    Returns:
        Rows of integers, texts and bytes, or views of bytes.

    Raises:
        DatabaseUnavailable, DeadlineExceeded: as statements do.
    """
    if connection.dialect.name != "postgresql":
        return connection.execute(statement).all()
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    data = io.BytesIO()
    with _driver_cursor(connection) as cursor:
        cursor.copy_query(str(compiled), compiled.params, data)
    return _rows_of(data.getbuffer(), [_reader_of(column.type) for column in statement.selected_columns])


def _reader_of(kind: sa.types.TypeEngine[Any]) -> Callable[[memoryview], Any]:
    """What makes a value of a field of COPY."""
    if isinstance(kind, sa.LargeBinary):
        return memoryview
    if isinstance(kind, sa.Text):
        return lambda field: str(field, "utf-8")
    return partial(int.from_bytes, signed=True)


def _rows_of(data: memoryview, readers: Sequence[Callable[[memoryview], Any]]) -> list[list[Any]]:
    rows = []
    at = len(_SIGNATURE)
    while data[at : at + 2] != _END:
        at += 2
        row: list[Any] = []
        for read in readers:
            begin = at + 4
            at = begin + int.from_bytes(data[at:begin])
            row.append(read(data[begin:at]))
        rows.append(row)
    return rows


@contextmanager
def _driver_cursor(connection: Connection) -> Iterator[Any]:
    """A cursor of the driver itself, with errors as those of statements are."""
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor:
            yield cursor
    except psycopg2.Error as error:
        is_disconnect = bool(driver.closed)
        if is_disconnect:
            connection.invalidate(error)
        raise caller_error(error, is_disconnect=is_disconnect) or error from error


def array_of_numbers(values: Iterable[float | None]) -> str:
    """The literal of an array of numbers for a bound parameter that is cast; None is NULL.

    One text is some ten times cheaper to bind than a list, of which psycopg2 quotes each element by itself.
    """
    return "{" + ",".join("NULL" if value is None else repr(value) for value in values) + "}"


def array_of_texts(values: Iterable[str]) -> str:
    """The literal of an array of texts for a bound parameter that is cast."""
    quoted = ['"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values]
    return "{" + ",".join(quoted) + "}"
