"""Keyset paging: a page begins after the sort key of the last entry of the one before, whatever was inserted since."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from trivet_kit.errors import PageTokenInvalid
from trivet_kit.page_tokens import Cursor

Scalar = str | int | float


@dataclass(frozen=True)
class SortColumn:
    """A part of a sort key that is never NULL."""

    expression: sa.ColumnElement[Any]
    kind: type[str] | type[int] | type[float]
    descending: bool = False


@dataclass(frozen=True)
class SortKey:
    """Columns by which entries are ordered, the first one first; together they are unique."""

    columns: tuple[SortColumn, ...]

    def apply(self, statement: sa.Select[Any], after: Cursor | None) -> sa.Select[Any]:
        """The statement with the key's columns selected as `sort_0`, …, ordered by them, from after a cursor on.

        Raises:
            PageTokenInvalid: the cursor is not one of this key.
        """
        statement = statement.add_columns(
            *(column.expression.label(f"sort_{i}") for i, column in enumerate(self.columns))
        )
        if after is not None:
            statement = statement.where(self._after(self.checked(after)))
        return statement.order_by(
            *(column.expression.desc() if column.descending else column.expression.asc() for column in self.columns)
        )

    def cursor(self, row: Row[Any]) -> Cursor:
        """The cursor of a row that `apply` gave."""
        return [getattr(row, f"sort_{i}") for i in range(len(self.columns))]

    def _after(self, values: Sequence[Scalar]) -> sa.ColumnElement[bool]:
        alternatives = []
        for i, column in enumerate(self.columns):
            equal = [earlier.expression == value for earlier, value in zip(self.columns[:i], values, strict=False)]
            value = values[i]
            beyond = column.expression < value if column.descending else column.expression > value
            alternatives.append(sa.and_(*equal, beyond))
        return sa.or_(*alternatives)

    def checked(self, cursor: Cursor) -> list[Scalar]:
        """The values of a cursor. Raises PageTokenInvalid: it is not one of this key."""
        if len(cursor) != len(self.columns):
            raise PageTokenInvalid
        return [checked(value, column.kind) for value, column in zip(cursor, self.columns, strict=True)]


def checked(value: Scalar | None, kind: type[Scalar]) -> Scalar:
    """A value out of a token, which may have been forged, as something that a database takes.

    Raises:
        PageTokenInvalid: not of that kind, or beyond what both databases take.
    """
    match value:
        case str() if kind is str and "\0" not in value and not _has_surrogates(value):
            return value
        case int() if kind in (int, float) and -(2**63) <= value < 2**63:
            return kind(value)
        case float() if kind is float and not math.isnan(value):
            return value
    raise PageTokenInvalid


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
