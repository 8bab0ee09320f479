"""Searches for runs: the rule by which a plan is chosen (ADR 13), without statistics of the database.

1. **Drive**: where few runs pass a term that an index serves, or the terms of an OR together, those runs are looked at
   one by one.
2. **Walk**: else the index of the order is walked from where the page begins, testing each run, for a bounded number of
   entries.
3. **Sets**: where that does not fill the page, the sets of runs that pass each term are read from indexes and joined.

All of them give the same pages.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from trivet_tracking.store.run_terms import (
    AllOf,
    AnyOf,
    EntryTerm,
    LeafTerm,
    RowTerm,
    RunTerm,
    compiled,
    entries_of,
    has_entry,
    has_value,
    is_nan,
    joined,
    of_key,
    row_passes,
)

_run = tables.run

# Probes of more terms would cost more than they save.
_MAX_PROBES = 16
# A pattern that passes more than one in so many of a sample passes many.
_SAMPLE_SHARE = 50


@dataclass(frozen=True)
class PlanBounds:
    """How far plans go; measured (metric-storage.md)."""

    driven: int = 1000
    """Fewer runs than this are looked at one by one."""
    walked: int = 4000
    """At most this many entries of an index are walked."""


DEFAULT_BOUNDS = PlanBounds()


@dataclass(frozen=True)
class Searched:
    """Where a search looks."""

    workspace: str
    experiments: list[int] | sa.Select[tuple[int]]
    """Keys of the experiments, those that are not in view included."""
    in_view: sa.ColumnElement[bool]
    """Whether the run of a statement is in view."""

    def scope(self, table: sa.FromClause) -> sa.ColumnElement[bool]:
        """Which rows of a table with `experiment_pk` are of these experiments."""
        return table.c.experiment_pk.in_(self.experiments)

    def runs(self, leaves: Sequence[LeafTerm]) -> sa.Select[Any] | sa.CompoundSelect[Any]:
        """The keys of the runs that pass one of some terms that indexes serve."""
        selects = []
        for leaf in leaves:
            found = leaf.runs(self.scope)
            # Run ids have an index by workspace.
            selects += [
                select.where(_run.c.workspace == self.workspace) if isinstance(leaf, RowTerm) else select
                for select in found
            ]
        return joined(selects)

    @property
    def is_single(self) -> bool:
        """Whether it is one experiment, whose indexes have an order then."""
        return isinstance(self.experiments, list) and len(self.experiments) == 1


@dataclass(frozen=True)
class Found:
    """A run that passes, and its place in the order."""

    run_pk: int
    cursor: Cursor


@dataclass(frozen=True)
class _Entries:
    """The entries that a search is sorted by."""

    table: sa.Table
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
        self._where = compiled(where)
        self._top_level = where.terms
        self._order_by = tuple(order_by)
        self._bounds = bounds
        bound_planning(connection, len(where.terms) + len(order_by))

    def page(self, after: Cursor | None, size: int) -> list[Found]:
        """Up to `size` runs from after a cursor on, in order. Raises PageTokenInvalid."""
        prefer_lookups(self._connection)
        few = self._few(self._where)
        if few is not None:
            return self._sorted(after, size, few=few)
        found = self._walked(after, size) if self._searched.is_single else None
        return self._sorted(after, size) if found is None else found

    def count(self) -> int:
        """How many runs pass."""
        prefer_lookups(self._connection)
        statement = sa.select(sa.func.count()).select_from(_run).where(self._passes(self._few(self._where)))
        total: int = self._connection.execute(statement).scalar_one()
        return total

    # --- driving

    def _few(self, term: RunTerm) -> Sequence[LeafTerm] | None:
        """Leaves that together hold all that passes, and few runs; None if there are no such."""
        probed = _served_by_index(term)[:_MAX_PROBES]
        if not probed:
            return None
        row = self._connection.execute(sa.select(*(self._probe(leaf) for leaf in probed))).one()
        best = _cover(term, {id(leaf): count for leaf, count in zip(probed, row, strict=True)})
        return best[1] if best is not None and best[0] < self._bounds.driven else None

    def _probe(self, leaf: LeafTerm) -> sa.ColumnElement[int]:
        """How many runs pass, up to where it does not matter any more."""
        few = self._bounds.driven
        passing = self._searched.runs([leaf]).limit(few).subquery()
        count = sa.select(sa.func.count()).select_from(passing).scalar_subquery()
        if not isinstance(leaf, EntryTerm) or not leaf.is_pattern:
            return count
        # All texts may have to be looked at. Where some of them show that many pass, that is spared.
        sampled = leaf.sampled(self._searched.scope, self._bounds.walked).scalar_subquery()
        return sa.case((sampled > self._bounds.walked // _SAMPLE_SHARE, few), else_=count)

    def _passes(self, few: Sequence[LeafTerm] | None, extra: RunTerm | None = None) -> sa.ColumnElement[bool]:
        """Whether the run of a statement passes; for few runs by lookups, else by sets. Tells the database so."""
        where = AllOf((self._where, extra)) if extra is not None else self._where
        if few is None:
            prefer_sets(self._connection)
            return sa.and_(self._searched.in_view, where.in_set(self._searched.scope))
        prefer_lookups(self._connection)
        driving = self._searched.runs(few).subquery("driving")
        # The bound only tells the database how few there are.
        keys = sa.select(driving.c.run_pk).limit(self._bounds.driven)
        return sa.and_(_run.c.run_pk.in_(keys), self._searched.in_view, where.of_run())

    def _sorted(
        self,
        after: Cursor | None,
        size: int,
        *,
        few: Sequence[LeafTerm] | None = None,
        extra: RunTerm | None = None,
    ) -> list[Found]:
        """The page out of all that passes, sorted."""
        order = order_of(self._order_by, self._searched.scope)
        source = order.joined(_run)
        statement = sa.select(_run.c.run_pk).select_from(source).where(self._passes(few, extra))
        return self._found(statement, SortKey(order.columns), after, size)

    # --- walking

    def _walked(self, after: Cursor | None, size: int) -> list[Found] | None:
        """The page from the index of the order; None if there is none, or its bound came before the page was full."""
        if not self._order_by:
            return self._walked_by_start(after, size)
        clause = self._order_by[0]
        if clause.key.entity is Entity.ATTRIBUTE:
            return self._walked_by_start(after, size) if clause.key.name == "start_time" else None
        return self._walked_by_entries(after, size) if clause.key.aggregate is Aggregate.LAST else None

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
        order = order_of(clauses, self._searched.scope)
        key = SortKey(order.columns)
        lead = key.columns[0]
        conditions = [self._searched.scope(_run)]
        if after is not None:
            conditions.append(_from(lead, key.checked(after)[0]))
        terms = [self._where] if extra is None else [self._where, extra]
        bound = None
        if any(term != AllOf(()) for term in terms):
            bound = self._bound(sa.select(lead.expression).where(*conditions), lead)
            if bound is not None:
                conditions.append(_before(lead, bound))
        statement = (
            sa.select(_run.c.run_pk)
            .select_from(order.joined(_run))
            .where(*conditions, self._searched.in_view, *(term.of_run() for term in terms))
        )
        found = self._found(statement, key, after, size, prefix)
        return None if len(found) < size and bound is not None else found

    def _walked_by_entries(self, after: Cursor | None, size: int) -> list[Found] | None:
        """The page by the values of a metric, a param or a tag; behind them NaN, then the runs that have none."""
        clause, rest = self._order_by[0], self._order_by[1:]
        rank = VALUE_RANK if after is None else checked(after[0] if after else None, int)
        found: list[Found] = []
        if rank == VALUE_RANK:
            behind = after[1:] if after else None
            values = self._walked_values(behind, size)
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
            found += self._sorted(after, missing, few=self._few(nan), extra=nan)
            missing, after = size - len(found), None
        if not missing:
            return found
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
        bound = self._bound(sa.select(entries.lead.expression).where(*entries.conditions), entries.lead)
        walked = (
            sa.select(entries.table.c.run_pk, entries.table.c.value, entries.lead.expression.label("lead"))
            .where(*entries.conditions, *([] if bound is None else [_before(entries.lead, bound)]))
            .order_by(_sorted_by(entries.lead))
            # No more are left by the bound; said for the planner.
            .limit(self._bounds.walked)
            .subquery("walked")
        )
        return self._of_entries(walked, entries, after, size, is_all=bound is None)

    def _intersected_values(self, after: Cursor | None, size: int) -> list[Found] | None:
        """The same from the entries of runs that are in the sets of the other terms; the runs are looked up last."""
        entries = self._entries(after)
        sets = [term for term in entries.others if isinstance(term, EntryTerm)]
        if not sets:
            return None
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
                sa.select(table.c.run_pk, table.c.value, lead.expression.label("lead"))
                .where(table.c.run_pk.in_(run_pks), of_key(table, self._order_by[0].key))
                .subquery("walked")
            )
            found = self._of_entries(looked_up, entries, after, size, is_all=is_all)
            if found is not None:
                return found
        return None

    def _entries(self, after: Cursor | None) -> _Entries:
        """The entries that the first clause sorts by, from after a cursor on."""
        clause = self._order_by[0]
        table = entries_of(clause.key)
        is_metric = clause.key.entity is Entity.METRIC
        kind = float if is_metric else str
        lead = SortColumn(table.c.value if is_metric else table.c.head, kind, clause.descending)
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
        return _Entries(table, lead, conditions, [compiled(term) for term in others])

    def _of_entries(
        self, walked: sa.Subquery, entries: _Entries, after: Cursor | None, size: int, *, is_all: bool
    ) -> list[Found] | None:
        """The page of the runs of some entries; None if it is not full, though there are more than those."""
        lead = entries.lead
        order = order_of(self._order_by[1:], self._searched.scope)
        key = SortKey((SortColumn(walked.c.value, lead.kind, lead.descending), *order.columns))
        statement = (
            sa.select(_run.c.run_pk)
            .select_from(order.joined(walked.join(_run, _run.c.run_pk == walked.c.run_pk)))
            .where(self._searched.in_view, *(term.of_run() for term in entries.others))
            # As the index has it, so that the page can end before the walk does.
            .order_by(walked.c.lead.desc() if lead.descending else walked.c.lead.asc())
        )
        found = self._found(statement, key, after, size, (VALUE_RANK,))
        return None if len(found) < size and not is_all else found

    def _bound(self, entries: sa.Select[Any], lead: SortColumn) -> Any:
        """What the walk has to stop before; None if it reaches the end."""
        return self._connection.execute(
            entries.order_by(_sorted_by(lead)).offset(self._bounds.walked).limit(1)
        ).scalar_one_or_none()

    def _found(
        self,
        statement: sa.Select[Any],
        key: SortKey,
        after: Cursor | None,
        size: int,
        prefix: tuple[int | str | float, ...] = (),
    ) -> list[Found]:
        rows = self._connection.execute(key.apply(statement, after).limit(size)).all()
        return [Found(row[0], [*prefix, *row[1:]]) for row in rows]


def _served_by_index(term: RunTerm) -> list[LeafTerm]:
    """The leaves whose runs an index finds."""
    match term:
        case AllOf(terms) | AnyOf(terms):
            return [leaf for inner in terms for leaf in _served_by_index(inner)]
        case EntryTerm(negated=False) | RowTerm(negated=False, indexed=True):
            return [term]
    return []


def _cover(term: RunTerm, counts: dict[int, int]) -> tuple[int, list[LeafTerm]] | None:
    """The leaves that together hold all that passes, with the fewest runs; None if there are no such."""
    match term:
        case AllOf(terms):
            covers = [cover for cover in (_cover(inner, counts) for inner in terms) if cover is not None]
            return min(covers, key=lambda cover: cover[0], default=None)
        case AnyOf(terms):
            total, leaves = 0, []
            for inner in terms:
                cover = _cover(inner, counts)
                if cover is None:
                    return None
                total += cover[0]
                leaves += cover[1]
            return total, leaves
    return (counts[id(term)], [term]) if id(term) in counts else None


def _sorted_by(lead: SortColumn) -> sa.ColumnElement[Any]:
    return lead.expression.desc() if lead.descending else lead.expression.asc()


def _from(lead: SortColumn, value: Any) -> sa.ColumnElement[bool]:
    """From a value on, itself included: what an index can begin at."""
    reached: sa.ColumnElement[bool] = lead.expression <= value if lead.descending else lead.expression >= value
    return reached


def _before(lead: SortColumn, value: Any) -> sa.ColumnElement[bool]:
    before: sa.ColumnElement[bool] = lead.expression > value if lead.descending else lead.expression < value
    return before
