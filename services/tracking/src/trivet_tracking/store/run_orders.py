"""The order of a search for runs in SQL: missing values last in both directions, NaN before them (ADR 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from trivet_kit.db.keyset import SortColumn
from trivet_kit.search.expressions import Entity, OrderClause
from trivet_tracking.store import tables
from trivet_tracking.store.run_terms import TEXTS, TIMES, Scope, entries_of, metric_column, of_key

_run = tables.run

TIES = (SortColumn(_run.c.start_time, int, descending=True), SortColumn(_run.c.run_id, str))
"""By these runs are sorted that are equal otherwise."""

VALUE_RANK, NAN_RANK, ABSENT_RANK = 0, 1, 2
_ABSENT_TEXT_RANK = 1


@dataclass(frozen=True)
class Order:
    """Columns to sort by, and the joins that they need."""

    columns: tuple[SortColumn, ...]
    joins: tuple[tuple[sa.FromClause, sa.ColumnElement[bool]], ...]

    def joined(self, source: sa.FromClause) -> sa.FromClause:
        """The source with what the columns need."""
        for table, condition in self.joins:
            source = source.outerjoin(table, condition)
        return source


def order_of(clauses: Sequence[OrderClause], scope: Scope) -> Order:
    """The order that clauses say, ties included."""
    columns: list[SortColumn] = []
    joins: list[tuple[sa.FromClause, sa.ColumnElement[bool]]] = []
    for clause in clauses:
        if clause.key.entity is Entity.ATTRIBUTE:
            columns += _attribute_columns(clause)
            continue
        table = entries_of(clause.key).alias(f"order_{len(joins)}")
        joins.append((table, sa.and_(table.c.run_pk == _run.c.run_pk, scope(table), of_key(table, clause.key))))
        columns += _entry_columns(table, clause)
    return Order((*columns, *TIES), tuple(joins))


def absent_rank(clause: OrderClause) -> int:
    """The rank of runs that lack what a clause of a metric, param or tag sorts by."""
    return ABSENT_RANK if clause.key.entity is Entity.METRIC else _ABSENT_TEXT_RANK


def _entry_columns(table: sa.FromClause, clause: OrderClause) -> list[SortColumn]:
    missing = table.c.run_pk.is_(None)
    if clause.key.entity is Entity.METRIC:
        value = metric_column(table, clause.key)
        rank = sa.case((missing, ABSENT_RANK), (value.is_(None), NAN_RANK), else_=VALUE_RANK)
        return [SortColumn(rank, int), SortColumn(sa.func.coalesce(value, 0.0), float, clause.descending)]
    rank = sa.case((missing, _ABSENT_TEXT_RANK), else_=VALUE_RANK)
    return [SortColumn(rank, int), SortColumn(sa.func.coalesce(table.c.value, ""), str, clause.descending)]


def _attribute_columns(clause: OrderClause) -> list[SortColumn]:
    name = clause.key.name
    if name not in TIMES:
        return [SortColumn(TEXTS[name], str, clause.descending)]
    time: sa.ColumnElement[Any] = TIMES[name]
    if name == "start_time":
        return [SortColumn(time, int, clause.descending)]
    rank = sa.case((time.is_(None), 1), else_=0)
    return [SortColumn(rank, int), SortColumn(sa.func.coalesce(time, 0), int, clause.descending)]
