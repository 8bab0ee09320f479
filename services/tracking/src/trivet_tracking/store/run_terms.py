"""What a search for runs compares, in SQL, in two forms.

A comparison can be tested run by run, by primary key, or stand for the set of all runs of an experiment that pass it,
read from an index alone. Which of the two is faster depends on how many runs there are to test; run_search.py decides.
Names become columns of our choice; everything else becomes bound parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa

from trivet_kit.db import comparisons
from trivet_kit.search.expressions import And, Comparison, Entity, Expression, Key, Not, Operator, Or
from trivet_tracking.store import tables
from trivet_tracking.store.run_attributes import RunAttributes
from trivet_tracking.store.tables import HEAD_CHARACTERS

_run = tables.run

# Attributes with an index of their own, and the operators that it serves.
_INDEXED: dict[str, frozenset[Operator]] = {
    "run_id": frozenset({Operator.EQ, Operator.IN}),
    "parent_run_id": frozenset({Operator.EQ, Operator.IN}),
    "forked_from_run_id": frozenset({Operator.EQ, Operator.IN}),
    "start_time": frozenset({Operator.EQ, Operator.LT, Operator.LE, Operator.GT, Operator.GE, Operator.BETWEEN}),
}
_ENTRIES = {
    Entity.METRIC: tables.metric_latest,
    Entity.PARAM: tables.param,
    Entity.TAG: tables.tag,
    Entity.DATASET: tables.dataset_input,
}
_PASS_NAN = {Operator.NE, Operator.NOT_IN, Operator.NOT_BETWEEN}

Scope: TypeAlias = Callable[[sa.FromClause], sa.ColumnElement[bool]]
"""Which rows of a table with `experiment_pk` are of the experiments that are searched."""


@dataclass(frozen=True)
class EntryTerm:
    """Passes runs that have a row of a table; negated, those that have none."""

    table: sa.Table
    of_key: sa.ColumnElement[bool]
    passes: sa.ColumnElement[bool]
    parts: tuple[sa.ColumnElement[bool], ...]
    """Conditions that together are `passes`; no row meets two, and each can be read from an index."""
    negated: bool = False
    is_pattern: bool = False
    """Whether every text has to be looked at to find those that pass."""
    has_several: bool = False
    """Whether a run may have several rows of the key, of which one has to pass."""

    def of_run(self) -> sa.ColumnElement[bool]:
        """Whether the run of the statement passes, looked up by primary key."""
        of_run = sa.and_(self.table.c.run_pk == _run.c.run_pk, self.of_key)
        passes = (
            sa.select(sa.true()).where(of_run, self.passes).limit(1)
            if self.has_several
            else sa.select(self.passes).where(of_run)
        )
        # PostgreSQL makes a join of its own choice out of an EXISTS, but never out of a scalar.
        found = passes.select_from(self.table).correlate(_run).scalar_subquery()
        return found.is_not(sa.true()) if self.negated else found.is_(sa.true())

    def runs(self, scope: Scope) -> list[sa.Select[Any]]:
        """The keys of the runs with such a row: selects that together give each once."""
        found = [sa.select(self.table.c.run_pk).where(scope(self.table), self.of_key, part) for part in self.parts]
        return [select.distinct() for select in found] if self.has_several else found

    def sampled(self, scope: Scope, size: int) -> sa.Select[Any]:
        """How many runs pass among so many that have the key."""
        some = sa.select(self.parts[0].label("passes")).where(scope(self.table), self.of_key).limit(size).subquery()
        return sa.select(sa.func.count()).select_from(some).where(some.c.passes.is_(sa.true()))

    def in_set(self, scope: Scope, run_pk: sa.ColumnElement[int] = _run.c.run_pk) -> sa.ColumnElement[bool]:
        """Whether a run passes, by default that of the statement, looked up in the set of all that do."""
        found = joined(self.runs(scope))
        return run_pk.not_in(found) if self.negated else run_pk.in_(found)


@dataclass(frozen=True)
class RowTerm:
    """Passes runs by their own row."""

    condition: sa.ColumnElement[bool]
    indexed: bool
    """Whether an index finds those that pass."""
    negated: bool = False

    def of_run(self) -> sa.ColumnElement[bool]:
        """Whether the run of the statement passes."""
        return self.condition.is_not(sa.true()) if self.negated else self.condition

    def runs(self, scope: Scope) -> list[sa.Select[Any]]:
        """The keys of the runs that pass, where it is not negated."""
        return [sa.select(_run.c.run_pk).where(scope(_run), self.condition)]

    def in_set(self, _scope: Scope) -> sa.ColumnElement[bool]:
        """Whether the run of the statement passes."""
        return self.of_run()


@dataclass(frozen=True)
class AllOf:
    """Passes runs that pass all terms."""

    terms: tuple[RunTerm, ...]

    def of_run(self) -> sa.ColumnElement[bool]:
        """Whether the run of the statement passes, looked up by primary keys."""
        return sa.and_(sa.true(), *(term.of_run() for term in self.terms))

    def in_set(self, scope: Scope) -> sa.ColumnElement[bool]:
        """Whether the run of the statement passes, looked up in sets."""
        return sa.and_(sa.true(), *(term.in_set(scope) for term in self.terms))


@dataclass(frozen=True)
class AnyOf:
    """Passes runs that pass one of the terms."""

    terms: tuple[RunTerm, ...]

    def of_run(self) -> sa.ColumnElement[bool]:
        """Whether the run of the statement passes, looked up by primary keys."""
        return sa.or_(sa.false(), *(term.of_run() for term in self.terms))

    def in_set(self, scope: Scope) -> sa.ColumnElement[bool]:
        """Whether the run of the statement passes, looked up in sets."""
        return sa.or_(sa.false(), *(term.in_set(scope) for term in self.terms))


LeafTerm: TypeAlias = EntryTerm | RowTerm
RunTerm: TypeAlias = EntryTerm | RowTerm | AllOf | AnyOf


def joined(selects: Sequence[sa.Select[Any]]) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    """All that selects give, one after the other."""
    return selects[0] if len(selects) == 1 else sa.union_all(*selects)


def compiled(expression: Expression, attributes: RunAttributes, *, negated: bool = False) -> RunTerm:
    """What an expression tests; its NOTs are brought down to the comparisons."""
    match expression:
        case Not(term):
            return compiled(term, attributes, negated=not negated)
        case And(terms) | Or(terms):
            inner = tuple(compiled(term, attributes, negated=negated) for term in terms)
            return AllOf(inner) if isinstance(expression, And) is not negated else AnyOf(inner)
        case Comparison():
            return _comparison(expression, attributes, negated=negated)


def has_entry(key: Key, *, negated: bool = False) -> EntryTerm:
    """Passes runs that have a metric, a param or a tag."""
    return _entry_term(key, sa.true(), negated=negated)


def has_value(key: Key, *, negated: bool = False) -> EntryTerm:
    """Passes runs that have a metric with a number, or a param or a tag."""
    if key.entity is not Entity.METRIC:
        return has_entry(key, negated=negated)
    return _entry_term(key, metric_column(tables.metric_latest, key).is_not(None), negated=negated)


def is_nan(key: Key) -> EntryTerm:
    """Passes runs that have a metric without a number."""
    return _entry_term(key, metric_column(tables.metric_latest, key).is_(None))


def metric_column(table: sa.FromClause, key: Key) -> sa.ColumnElement[float]:
    """The column of `metric_latest` that a key means. NaN is NULL in it."""
    column: sa.ColumnElement[float] = table.c["value" if key.aggregate.value == "last" else key.aggregate.value]
    return column


def entries_of(key: Key) -> sa.Table:
    """The table with the values of a key that is none of an attribute."""
    return _ENTRIES[key.entity]


def of_key(table: sa.FromClause, key: Key) -> sa.ColumnElement[bool]:
    """Which rows are of a key; of each run one, but for datasets."""
    if key.entity is Entity.DATASET:
        return table.c[key.name].is_not(None)
    if key.entity is Entity.METRIC:
        return sa.and_(table.c.key == key.name, table.c.context == 0)
    return table.c.key == key.name


def row_passes(table: sa.FromClause, term: Comparison) -> sa.ColumnElement[bool]:
    """Whether a row of the term's key passes its comparison; IS_NULL and IS_NOT_NULL pass every row."""
    if term.operator in {Operator.IS_NULL, Operator.IS_NOT_NULL}:
        return sa.true()
    if term.key.entity is Entity.METRIC:
        column = metric_column(table, term.key)
        passes = comparisons.ordered(column, term)
        return sa.or_(passes, column.is_(None)) if term.operator in _PASS_NAN else passes
    if _compares_numbers(term):
        return comparisons.ordered(table.c.number, term)
    return comparisons.text(table.c[term.key.name if term.key.entity is Entity.DATASET else "value"], term)


def _comparison(term: Comparison, attributes: RunAttributes, *, negated: bool) -> EntryTerm | RowTerm:
    key = term.key
    if key.entity is Entity.ATTRIBUTE:
        condition = (
            comparisons.ordered(attributes.times[key.name], term)
            if key.name in attributes.times
            else comparisons.text(attributes.texts[key.name], term)
        )
        return RowTerm(condition, indexed=term.operator in _INDEXED.get(key.name, ()), negated=negated)
    table = entries_of(key)
    passes = row_passes(table, term)
    absent = term.operator is Operator.IS_NULL
    return EntryTerm(
        table,
        of_key(table, key),
        passes,
        _parts(table, term, passes),
        negated=absent is not negated,
        is_pattern=term.operator in {Operator.LIKE, Operator.ILIKE},
        has_several=key.entity is Entity.DATASET,
    )


def _entry_term(key: Key, passes: sa.ColumnElement[bool], *, negated: bool = False) -> EntryTerm:
    table = entries_of(key)
    return EntryTerm(table, of_key(table, key), passes, (passes,), negated)


def _compares_numbers(term: Comparison) -> bool:
    value = term.value[0] if isinstance(term.value, tuple) else term.value
    return isinstance(value, float)


def _parts(table: sa.Table, term: Comparison, passes: sa.ColumnElement[bool]) -> tuple[sa.ColumnElement[bool], ...]:
    """Indexes of texts hold heads: what the head does not tell is asked of the few long values apart."""
    if term.key.entity in {Entity.METRIC, Entity.DATASET} or term.operator in {Operator.IS_NULL, Operator.IS_NOT_NULL}:
        return (passes,)
    if _compares_numbers(term):
        # Said for the partial index of numbers, where it does not follow.
        return (sa.and_(passes, table.c.number.is_not(None)),)
    head = table.c.head
    is_long = sa.func.length(head) == sa.literal_column(str(HEAD_CHARACTERS))
    values = term.value if isinstance(term.value, tuple) else (term.value,)
    if term.operator in {Operator.LIKE, Operator.ILIKE}:
        of_heads = comparisons.text(head, term)
    elif term.operator in {Operator.EQ, Operator.IN}:
        short = tuple(value for value in values if len(str(value)) < HEAD_CHARACTERS)
        if len(short) == len(values):
            return (comparisons.text(head, term),)
        of_heads = head.in_(short) if short else sa.false()
    else:
        of_heads = comparisons.text(head, term)
    return (sa.and_(~is_long, of_heads), sa.and_(is_long, passes))
