"""Searches for runs: the rule by which a plan is chosen (ADR 13), without statistics of the database.

1. **Drive**: where few runs pass a term that an index serves, or the terms of an OR together, those runs are looked at
   one by one.
2. **Walk**: else the index of the order is walked from where the page begins, testing each run, for a bounded number of
   entries.
3. **Sets**: where that does not fill the page, the sets of runs that pass each term are read from indexes and joined.

All of them give the same pages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db.keyset import SortColumn, SortKey, checked
from trivet_kit.db.planning import bound_planning, prefer_lookups, prefer_sets
from trivet_kit.page_tokens import Cursor
from trivet_kit.search.expressions import Aggregate, And, Comparison, Entity, Expression, Operator, OrderClause
from trivet_tracking.store import tables
from trivet_tracking.store.run_orders import VALUE_RANK, absent_rank, order_of
from trivet_tracking.store.run_probes import PlanBounds, Probes, Runs, Searched
from trivet_tracking.store.run_terms import (
    AllOf,
    EntryTerm,
    RunTerm,
    compiled,
    entries_of,
    has_entry,
    has_value,
    is_nan,
    metric_column,
    of_key,
    row_passes,
)

_run = tables.run

# A walk begins with this part of its entries; where those have less of the page than their share, it ends there.
_FIRST_PART = 4


@dataclass(frozen=True)
class Found:
    """A run that passes, and its place in the order."""

    run_pk: int
    cursor: Cursor


@dataclass(frozen=True)
class _Entries:
    """The entries that a search is sorted by."""

    table: sa.Table
    value: sa.ColumnElement[Any]
    """What the search is sorted by."""
    lead: SortColumn
    """What their index is ordered by, behind experiment and key."""
    conditions: list[sa.ColumnElement[bool]]
    others: list[RunTerm]
    """What the conditions do not say of a run."""


class RunSearch:
    """A search in one transaction."""

    def __init__(
        self,
        connection: Connection,
        searched: Searched,
        where: And,
        order_by: Sequence[OrderClause],
        bounds: PlanBounds,
    ) -> None:
        self._connection = connection
        self._searched = searched
        self._where = compiled(where, searched.attributes)
        self._top_level = where.terms
        self._order_by = tuple(order_by)
        self._bounds = bounds
        self._probes = Probes(connection, searched, bounds)
        bound_planning(connection, len(where.terms) + len(order_by))

    def page(self, after: Cursor | None, size: int) -> list[Found]:
        """Up to `size` runs from after a cursor on, in order. Raises PageTokenInvalid."""
        prefer_lookups(self._connection)
        few = self._probes.few(self._where)
        if few is not None:
            return self._sorted(after, size, few=few)
        found = self._walked(after, size)
        return self._sorted(after, size) if found is None else found

    def count(self) -> int:
        """How many runs pass."""
        prefer_lookups(self._connection)
        statement = sa.select(sa.func.count()).select_from(_run).where(self._passes(self._probes.few(self._where)))
        total: int = self._connection.execute(statement).scalar_one()
        return total

    def _passes(self, few: Runs | None, extra: RunTerm | None = None) -> sa.ColumnElement[bool]:
        """Whether the run of a statement passes; for few runs by lookups, else by sets. Tells the database so."""
        where = AllOf((self._where, extra)) if extra is not None else self._where
        if few is None:
            prefer_sets(self._connection)
            return sa.and_(self._searched.in_view, where.in_set(self._searched.scope))
        prefer_lookups(self._connection)
        return sa.and_(_run.c.run_pk.in_(few), self._searched.in_view, where.of_run())

    def _sorted(
        self,
        after: Cursor | None,
        size: int,
        *,
        few: Runs | None = None,
        extra: RunTerm | None = None,
    ) -> list[Found]:
        """The page out of all that passes, sorted."""
        order = order_of(self._order_by, self._searched.scope, self._searched.attributes)
        source = order.joined(_run)
        statement = sa.select(_run.c.run_pk).select_from(source).where(self._passes(few, extra))
        return self._found(statement, SortKey(order.columns), after, size)

    # --- walking

    def _walked(self, after: Cursor | None, size: int) -> list[Found] | None:
        """The page from the index of the order; None if there is none, or its bound came before the page was full."""
        key = self._order_by[0].key if self._order_by else None
        if key is not None and key.entity is not Entity.ATTRIBUTE:
            return self._walked_by_entries(after, size)
        by_start = key is None or key.name == "start_time"
        # The index of each experiment has an order of its own.
        return self._walked_by_start(after, size) if by_start and self._searched.is_single else None

    def _walked_by_start(
        self,
        after: Cursor | None,
        size: int,
        *,
        extra: RunTerm | None = None,
        prefix: tuple[int | str | float, ...] = (),
    ) -> list[Found] | None:
        """The page by `start_time`, which leads the order; or, of the runs that pass `extra`, by ties alone."""
        clauses = self._order_by if extra is None else ()
        order = order_of(clauses, self._searched.scope, self._searched.attributes)
        key = SortKey(order.columns)
        lead = key.columns[0]
        conditions = [self._searched.scope(_run)]
        if after is not None:
            conditions.append(_from(lead, key.checked(after)[0]))
        terms = [self._where] if extra is None else [self._where, extra]
        statement = (
            sa.select(_run.c.run_pk)
            .select_from(order.joined(_run))
            .where(*conditions, self._searched.in_view, *(term.of_run() for term in terms))
        )
        if all(term == AllOf(()) for term in terms):
            return self._found(statement, key, after, size, prefix)

        def walk(_entries: int, bound: Any) -> list[Found]:
            up_to = [] if bound is None else [_before(lead, bound)]
            return self._found(statement.where(*up_to), key, after, size, prefix)

        return self._in_parts(sa.select(lead.expression).where(*conditions), lead, size, walk)

    def _walked_by_entries(self, after: Cursor | None, size: int) -> list[Found] | None:
        """The page by the values of a metric, a param or a tag; behind them NaN, then the runs that have none."""
        clause, rest = self._order_by[0], self._order_by[1:]
        rank = VALUE_RANK if after is None else checked(after[0] if after else None, int)
        found: list[Found] = []
        if rank == VALUE_RANK:
            behind = after[1:] if after else None
            has_index = self._searched.is_single and clause.key.aggregate is Aggregate.LAST
            values = self._walked_values(behind, size) if has_index else None
            if values is None:
                values = self._intersected_values(behind, size)
            if values is None or len(values) == size:
                return values
            found, after = values, None
        missing = size - len(found)
        if rest:
            return [*found, *self._sorted(after, missing, extra=has_value(clause.key, negated=True))]
        absent = absent_rank(clause)
        if clause.key.entity is Entity.METRIC and rank != absent:
            nan = is_nan(clause.key)
            found += self._sorted(after, missing, few=self._probes.few(nan), extra=nan)
            missing, after = size - len(found), None
        if not missing:
            return found
        if not self._searched.is_single:
            return None
        prefer_lookups(self._connection)
        last = self._walked_by_start(
            after[2:] if after else None,
            missing,
            extra=has_entry(clause.key, negated=True),
            prefix=(absent, 0.0 if clause.key.entity is Entity.METRIC else ""),
        )
        return None if last is None else [*found, *last]

    def _walked_values(self, after: Cursor | None, size: int) -> list[Found] | None:
        """The part of the page in which runs have a value."""
        entries = self._entries(after)
        lead = entries.lead

        def walk(n_entries: int, bound: Any) -> list[Found]:
            walked = (
                sa.select(entries.table.c.run_pk, entries.value.label("value"), lead.expression.label("lead"))
                .where(*entries.conditions, *([] if bound is None else [_before(lead, bound)]))
                .order_by(_sorted_by(lead))
                # No more are left by the bound; said for the planner.
                .limit(n_entries)
                .subquery("walked")
            )
            return self._of_entries(walked, entries, after, size)

        return self._in_parts(sa.select(lead.expression).where(*entries.conditions), lead, size, walk)

    def _intersected_values(self, after: Cursor | None, size: int) -> list[Found] | None:
        """The same from the entries of runs that are in the sets of the other terms; the runs are looked up last."""
        entries = self._entries(after)
        sets = [term for term in entries.others if isinstance(term, EntryTerm)]
        prefer_sets(self._connection)
        table, lead = entries.table, entries.lead
        rows = self._connection.execute(
            sa.select(table.c.run_pk, lead.expression)
            .where(*entries.conditions, *(term.in_set(self._searched.scope, table.c.run_pk) for term in sets))
            .order_by(_sorted_by(lead))
            .limit(self._bounds.walked + 1)
        ).all()
        prefer_lookups(self._connection)
        # Most of them pass, so that a few more than the page has are tried first. Equal ones stay together: their order
        # is not that of the index.
        for tried in (min(2 * size, self._bounds.walked), self._bounds.walked):
            is_all = len(rows) <= tried
            run_pks = [run_pk for run_pk, value in rows[:tried] if is_all or value != rows[tried][1]]
            looked_up = (
                sa.select(table.c.run_pk, entries.value.label("value"), lead.expression.label("lead"))
                .where(table.c.run_pk.in_(run_pks), of_key(table, self._order_by[0].key))
                .subquery("walked")
            )
            found = self._of_entries(looked_up, entries, after, size)
            if is_all or len(found) == size:
                return found
        return None

    def _entries(self, after: Cursor | None) -> _Entries:
        """The entries that the first clause sorts by, from after a cursor on."""
        clause = self._order_by[0]
        table = entries_of(clause.key)
        is_metric = clause.key.entity is Entity.METRIC
        kind = float if is_metric else str
        value_column = metric_column(table, clause.key) if is_metric else table.c.value
        lead = SortColumn(value_column if is_metric else table.c.head, kind, clause.descending)
        conditions = [self._searched.scope(table), of_key(table, clause.key), lead.expression.is_not(None)]
        # Terms on the key itself end the walk early, and need not be tested again.
        others: list[Expression] = []
        for term in self._top_level:
            if isinstance(term, Comparison) and term.key == clause.key and term.operator is not Operator.IS_NULL:
                conditions.append(row_passes(table, term))
            else:
                others.append(term)
        if after is not None:
            value = checked(after[0] if after else None, kind)
            conditions.append(_from(lead, value[: tables.HEAD_CHARACTERS] if isinstance(value, str) else value))
        others_compiled = [compiled(term, self._searched.attributes) for term in others]
        return _Entries(table, value_column, lead, conditions, others_compiled)

    def _of_entries(self, walked: sa.Subquery, entries: _Entries, after: Cursor | None, size: int) -> list[Found]:
        """The page of the runs of some entries."""
        lead = entries.lead
        order = order_of(self._order_by[1:], self._searched.scope, self._searched.attributes)
        key = SortKey((SortColumn(walked.c.value, lead.kind, lead.descending), *order.columns))
        statement = (
            sa.select(_run.c.run_pk)
            .select_from(order.joined(walked.join(_run, _run.c.run_pk == walked.c.run_pk)))
            .where(self._searched.in_view, *(term.of_run() for term in entries.others))
            # As the index has it, so that the page can end before the walk does.
            .order_by(walked.c.lead.desc() if lead.descending else walked.c.lead.asc())
        )
        return self._found(statement, key, after, size, (VALUE_RANK,))

    def _in_parts(
        self, leads: sa.Select[Any], lead: SortColumn, size: int, walk: Callable[[int, Any], list[Found]]
    ) -> list[Found] | None:
        """The page from a walk; None if its bound came before the page was full.

        Args:
            leads: What the entries are ordered by, from where the page begins.
            lead: The same as a column to sort by.
            size: Of the page.
            walk: The page from at most so many entries, before one of `leads` or, for None, to the end.
        """
        for n_entries in (self._bounds.walked // _FIRST_PART, self._bounds.walked):
            bound = self._connection.execute(
                leads.order_by(_sorted_by(lead)).offset(n_entries).limit(1)
            ).scalar_one_or_none()
            # Equal entries stay on one side: their order is not that of the index.
            found = walk(n_entries, bound)
            if bound is None or len(found) == size:
                return found
            if len(found) * _FIRST_PART < size:
                return None
        return None

    def _found(
        self,
        statement: sa.Select[Any],
        key: SortKey,
        after: Cursor | None,
        size: int,
        prefix: tuple[int | str | float, ...] = (),
    ) -> list[Found]:
        rows = self._connection.execute(key.apply(statement, after).limit(size)).all()
        return [Found(run_pk, [*prefix, *place]) for run_pk, *place in rows]


def _sorted_by(lead: SortColumn) -> sa.ColumnElement[Any]:
    return lead.expression.desc() if lead.descending else lead.expression.asc()


def _from(lead: SortColumn, value: Any) -> sa.ColumnElement[bool]:
    """From a value on, itself included: what an index can begin at."""
    reached: sa.ColumnElement[bool] = lead.expression <= value if lead.descending else lead.expression >= value
    return reached


def _before(lead: SortColumn, value: Any) -> sa.ColumnElement[bool]:
    before: sa.ColumnElement[bool] = lead.expression > value if lead.descending else lead.expression < value
    return before
