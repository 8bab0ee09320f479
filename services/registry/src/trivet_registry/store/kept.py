"""Statements that PostgreSQL has as functions, because planning them takes longer than they do (ADR 35)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from trivet_kit.db.functions import Function, function_of
from trivet_kit.db.statements import Statement
from trivet_registry.store.tables import SCHEMA


def kept(
    name: str, query: sa.Select[Any], *, before: Sequence[sa.Select[Any]] = (), on_sqlite: sa.Select[Any] | None = None
) -> Statement:
    """A query whose plan PostgreSQL keeps.

    Args:
        name: What the function is called.
        query: What is asked.
        before: What takes locks first, which SQLite needs none of.
        on_sqlite: What SQLite is asked instead, where that is spelled in another way.
    """
    return Statement(query, on_sqlite=on_sqlite, function=function_of(SCHEMA, name, query, before))


def functions_of(*statements: Statement) -> tuple[Function, ...]:
    """What has to be in the database for them."""
    return tuple(statement.function for statement in statements if statement.function is not None)
