"""Statements that are compiled once, when they are first run, for what runs at every call (ADR 22)."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from trivet_kit.db.bulk import DriverStatement, Scalar
from trivet_kit.db.database import Database
from trivet_kit.db.functions import Function

Compilable = sa.Select[Any] | sa.Insert | sa.Update | sa.Delete


class Statement:
    """A statement for both databases, whose rows have their columns as attributes. Safe for threads.

    PostgreSQL's driver gets it as it is. SQLite's goes by SQLAlchemy, which costs little beside SQLite itself.
    """

    def __init__(
        self, statement: Compilable, *, on_sqlite: Compilable | None = None, function: Function | None = None
    ) -> None:
        """Takes it; its bound parameters are numbers, texts and bytes.

        Args:
            statement: What is asked.
            on_sqlite: What SQLite is asked instead, where that is spelled in another way.
            function: What PostgreSQL is asked instead: one that was made of the statement, and is in the database.
        """
        self._statement = statement if on_sqlite is None else on_sqlite
        self._driver = DriverStatement(statement if function is None else function)
        self.function = function
        self._asked = statement

    @cached_property
    def _row(self) -> Callable[..., Any]:
        columns = [str(name) for name in self._asked.exported_columns.keys()]  # noqa: SIM118 - no mapping
        return namedtuple("Row", columns)

    def execute(self, connection: Connection, values: Mapping[str, Scalar]) -> Sequence[Any]:
        """Runs it in a transaction; returns its rows. Raises as statements do."""
        if connection.dialect.name == "postgresql":
            return [self._row(*row) for row in self._driver.execute(connection, values)]
        result = connection.execute(self._statement, dict(values))
        return result.all() if result.returns_rows else ()

    def execute_later(self, connection: Connection, values: Mapping[str, Scalar]) -> None:
        """Runs it without a round trip of its own: its errors come from the next statement, or from the commit."""
        if connection.dialect.name == "postgresql":
            self._driver.execute_later(connection, values)
        else:
            connection.execute(self._statement, dict(values))

    def read(self, database: Database, values: Mapping[str, Scalar]) -> Sequence[Any]:
        """Runs it as a transaction by itself, in one round trip where that is. It must be a SELECT.

        Raises as `Database.transaction` and statements do.
        """
        if database.is_sqlite:
            with database.transaction("read") as connection:
                return self.execute(connection, values)
        return [self._row(*row) for row in database.run_once(self._driver.text, self._driver.parameters(values))]


class JsonRows(FunctionElement[str]):
    """An aggregate: the rows of a group as the text of a JSON array of arrays, in no order. NULL or `[]` for none."""

    inherit_cache = True
    type = sa.Text()


@compiles(JsonRows, "postgresql")
def _postgresql(element: JsonRows, compiler: Any, **options: Any) -> str:
    return f"CAST(json_agg(json_build_array({compiler.process(element.clauses, **options)})) AS TEXT)"


@compiles(JsonRows, "sqlite")
def _sqlite(element: JsonRows, compiler: Any, **options: Any) -> str:
    return f"json_group_array(json_array({compiler.process(element.clauses, **options)}))"
