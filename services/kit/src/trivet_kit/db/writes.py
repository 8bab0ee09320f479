"""What one change writes, which PostgreSQL is sent as the call of one function that keeps the plans (ADR 38).

Written one by one, PostgreSQL parses and plans each statement of a change anew, which takes longer than to write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db.bulk import DriverStatement, Scalar
from trivet_kit.db.functions import procedure_of

Write = sa.Insert | sa.Update | sa.Delete


class Writes:
    """The parts of a change, each of one or more statements; a change may have any of them. Safe for threads."""

    def __init__(self, schema: str, name: str, parts: Mapping[str, Sequence[Write]]) -> None:
        """Takes them; they are compiled when the first change is written.

        Args:
            schema: Of the function.
            name: What the function's begins with.
            parts: By their names, in the order in which they are written. Inserts are `inline`: they give no key back.
        """
        self._statements = parts
        self.function = procedure_of(schema, name, parts)
        self._driver = DriverStatement(self.function)

    @cached_property
    def _parts(self) -> Mapping[str, Sequence[tuple[Write, Sequence[str]]]]:
        """The statements of each part, with what each is bound to."""
        return {
            part: [(statement, _bound_by(statement)) for statement in statements]
            for part, statements in self._statements.items()
        }

    @cached_property
    def _left_out(self) -> Mapping[str, Scalar]:
        """What is bound for parts that are not written."""
        return dict.fromkeys(self._statements) | {
            f"{part}_{bound}": None
            for part, statements in self._parts.items()
            for _, binds in statements
            for bound in binds
        }

    def execute_later(self, connection: Connection, values: Mapping[str, Mapping[str, Scalar]]) -> None:
        """Writes parts, in a transaction: without a round trip, as `Statement.execute_later` does.

        Args:
            connection: Of the transaction.
            values: By the name of each part that is written, what its statements are bound to.
        """
        if connection.dialect.name == "postgresql":
            bound: dict[str, Scalar] = dict(self._left_out)
            for part, its in values.items():
                bound[part] = True
                bound.update((f"{part}_{name}", value) for name, value in its.items())
            self._driver.execute_later(connection, bound)
            return
        for part, statements in self._parts.items():
            if part in values:
                for statement, binds in statements:
                    connection.execute(statement, {bound: values[part][bound] for bound in binds})


def _bound_by(statement: Write) -> tuple[str, ...]:
    """The names of the values that a statement needs."""
    return tuple(name for name, bound in statement.compile().binds.items() if bound.required)
