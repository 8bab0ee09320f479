"""From the search language to SQL: names become columns of our choice, everything else becomes bound parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from trivet_kit.db import comparisons
from trivet_kit.db.keyset import SortColumn, SortKey
from trivet_kit.page_tokens import Cursor
from trivet_kit.search.expressions import And, Comparison, Entity, Operator, OrderClause
from trivet_tracking.domain.runs import RunStatus
from trivet_tracking.store import tables

_run = tables.run
_experiment = tables.experiment

_RUN_TEXTS: dict[str, sa.ColumnElement[str]] = {
    "run_id": _run.c.run_id,
    "run_name": _run.c.display_name,
    "status": sa.case(*((_run.c.status == status.value, status.name) for status in RunStatus), else_=""),
    "user_id": _run.c.user_name,
    "created_by": _run.c.created_by,
    "source": _run.c.source,
    "git_commit": _run.c.git_commit,
    "parent_run_id": _run.c.parent_run_id,
}
_RUN_TIMES: dict[str, sa.ColumnElement[int]] = {"start_time": _run.c.start_time, "end_time": _run.c.end_time}
_RUN_TIES = (SortColumn(_run.c.start_time, int, descending=True), SortColumn(_run.c.run_id, str))

_EXPERIMENT_TEXTS: dict[str, sa.ColumnElement[str]] = {
    "name": _experiment.c.display_name,
    "experiment_id": sa.cast(_experiment.c.experiment_id, sa.Text),
}
_EXPERIMENT_TIMES: dict[str, sa.ColumnElement[int]] = {
    "creation_time": _experiment.c.create_time,
    "last_update_time": _experiment.c.update_time,
}
_EXPERIMENT_SORTS = {
    "name": SortColumn(_experiment.c.display_name, str),
    "experiment_id": SortColumn(_experiment.c.experiment_id, int),
    "creation_time": SortColumn(_experiment.c.create_time, int),
    "last_update_time": SortColumn(_experiment.c.update_time, int),
}

_ENTRIES = {Entity.PARAM: tables.param, Entity.TAG: tables.tag}


class RunSearch:
    """A search for runs, compiled. The caller adds which experiments and which view."""

    def __init__(self, where: And, order_by: Sequence[OrderClause]) -> None:
        self._where = sa.and_(sa.true(), *(_run_term(term) for term in where.terms))
        self._joins: list[tuple[sa.FromClause, sa.ColumnElement[bool]]] = []
        columns = [column for clause in order_by for column in self._sort_columns(clause)]
        self._key = SortKey((*columns, *_RUN_TIES))

    def select(self, after: Cursor | None) -> sa.Select[Any]:
        """Keys of the runs that pass, with their sort keys, in order. Raises PageTokenInvalid."""
        source: sa.FromClause = _run
        for table, condition in self._joins:
            source = source.outerjoin(table, condition)
        return self._key.apply(sa.select(_run.c.run_pk).select_from(source).where(self._where), after)

    def cursor(self, row: Row[Any]) -> Cursor:
        """The cursor after a row that `select` gave."""
        return self._key.cursor(row)

    def _sort_columns(self, clause: OrderClause) -> list[SortColumn]:
        """Missing values last in both directions, NaN before them (mlflow-protocol.md §3.1)."""
        key = clause.key
        if key.entity is Entity.METRIC:
            latest = tables.metric_latest.alias(f"order_{len(self._joins)}")
            self._joins.append((latest, sa.and_(_of_run(latest, key.name), latest.c.context == 0)))
            rank = sa.case((latest.c.run_pk.is_(None), 2), (latest.c.value.is_(None), 1), else_=0)
            return [SortColumn(rank, int), SortColumn(sa.func.coalesce(latest.c.value, 0.0), float, clause.descending)]
        if key.entity in _ENTRIES:
            entries = _ENTRIES[key.entity].alias(f"order_{len(self._joins)}")
            self._joins.append((entries, _of_run(entries, key.name)))
            rank = sa.case((entries.c.run_pk.is_(None), 1), else_=0)
            return [SortColumn(rank, int), SortColumn(sa.func.coalesce(entries.c.value, ""), str, clause.descending)]
        if key.name in _RUN_TIMES:
            time = _RUN_TIMES[key.name]
            rank = sa.case((time.is_(None), 1), else_=0)
            return [SortColumn(rank, int), SortColumn(sa.func.coalesce(time, 0), int, clause.descending)]
        return [SortColumn(_RUN_TEXTS[key.name], str, clause.descending)]


class ExperimentSearch:
    """A search for experiments, compiled. The caller adds which workspace and which view."""

    def __init__(self, where: And, order_by: Sequence[OrderClause]) -> None:
        self._where = sa.and_(sa.true(), *(_experiment_term(term) for term in where.terms))
        columns = [
            SortColumn(sort.expression, sort.kind, clause.descending)
            for clause in order_by
            for sort in (_EXPERIMENT_SORTS[clause.key.name],)
        ]
        newest_first = SortColumn(_experiment.c.create_time, int, descending=True)
        self._key = SortKey((*(columns or [newest_first]), SortColumn(_experiment.c.experiment_id, int)))

    def select(self, after: Cursor | None) -> sa.Select[Any]:
        """Keys of the experiments that pass, with their sort keys, in order. Raises PageTokenInvalid."""
        return self._key.apply(sa.select(_experiment.c.experiment_pk).where(self._where), after)

    def cursor(self, row: Row[Any]) -> Cursor:
        """The cursor after a row that `select` gave."""
        return self._key.cursor(row)


def _run_term(term: Comparison) -> sa.ColumnElement[bool]:
    key = term.key
    if key.entity is Entity.METRIC:
        latest = tables.metric_latest
        return sa.exists().where(_of_run(latest, key.name), latest.c.context == 0, _metric_passes(latest.c.value, term))
    if key.entity in _ENTRIES:
        table = _ENTRIES[key.entity]
        return comparisons.entry(table, _of_run(table, key.name), term)
    if key.name in _RUN_TIMES:
        return comparisons.ordered(_RUN_TIMES[key.name], term)
    return comparisons.text(_RUN_TEXTS[key.name], term)


def _experiment_term(term: Comparison) -> sa.ColumnElement[bool]:
    key = term.key
    if key.entity is Entity.TAG:
        table = tables.experiment_tag
        of_experiment = sa.and_(table.c.experiment_pk == _experiment.c.experiment_pk, table.c.key == key.name)
        return comparisons.entry(table, of_experiment, term)
    if key.name in _EXPERIMENT_TIMES:
        return comparisons.ordered(_EXPERIMENT_TIMES[key.name], term)
    return comparisons.text(_EXPERIMENT_TEXTS[key.name], term)


def _of_run(table: sa.FromClause, key: str) -> sa.ColumnElement[bool]:
    """The entry of a key of the run; `experiment_pk` lets the index by value serve the search (metric-storage.md)."""
    return sa.and_(table.c.run_pk == _run.c.run_pk, table.c.experiment_pk == _run.c.experiment_pk, table.c.key == key)


def _metric_passes(value: sa.ColumnElement[float], term: Comparison) -> sa.ColumnElement[bool]:
    # NaN is NULL: it passes no comparison but !=.
    passes = comparisons.ordered(value, term)
    return sa.or_(passes, value.is_(None)) if term.operator is Operator.NE else passes
