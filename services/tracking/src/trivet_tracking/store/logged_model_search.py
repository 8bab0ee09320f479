"""Searches for logged models in SQL: names become columns of our choice, everything else becomes bound parameters.

What is compared and sorted by is looked up model by model, in subqueries that no database makes joins of. Without an
order by metrics, params or tags, the index of the order is walked until the page is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from trivet_kit.db import comparisons
from trivet_kit.db.keyset import SortColumn, SortKey
from trivet_kit.page_tokens import Cursor
from trivet_kit.search.expressions import And, Comparison, Entity, Key, Operator
from trivet_tracking.domain.logged_models import DatasetSelector, LoggedModelOrder, LoggedModelStatus
from trivet_tracking.store import tables
from trivet_tracking.store.logged_model_rows import current_metrics, is_measured
from trivet_tracking.store.run_orders import ABSENT_RANK, NAN_RANK, VALUE_RANK
from trivet_tracking.store.run_terms import metric_column, row_passes

_t = tables.logged_model
_context = tables.metric_context

_TEXTS = {
    "name": "display_name",
    "model_id": "model_id",
    "model_type": "model_type",
    "source_run_id": "source_run_id",
}
_TIMES = {"creation_timestamp": "create_time", "last_updated_timestamp": "update_time"}
_ENTRIES = {Entity.PARAM: tables.logged_model_param, Entity.TAG: tables.logged_model_tag}


class LoggedModelSearch:
    """A search for logged models in use of one workspace, compiled."""

    def __init__(
        self,
        workspace: str,
        experiment_pks: list[int] | sa.Select[tuple[int]],
        where: And,
        datasets: Sequence[DatasetSelector],
        order_by: Sequence[LoggedModelOrder],
    ) -> None:
        self._workspace = workspace
        self._datasets = datasets
        in_scope = sa.and_(_t.c.experiment_pk.in_(experiment_pks), _t.c.delete_time.is_(None))
        self._passing = sa.and_(in_scope, comparisons.passes(where, self._term))
        values = [
            self._value(order).label(f"value_{place}") for place, order in enumerate(order_by) if _is_keyed(order)
        ]
        # An offset keeps the database from merging the two: it would look each value up several times.
        self._source: sa.FromClause = (
            sa.select(_t, *values).where(self._passing).offset(0).subquery("passing") if values else _t
        )
        columns = [column for place, order in enumerate(order_by) for column in self._sorted_by(place, order)]
        newest_first = SortColumn(self._source.c.create_time, int, descending=True)
        self._key = SortKey((*columns, newest_first, SortColumn(self._source.c.model_id, str)))

    def select(self, after: Cursor | None) -> sa.Select[Any]:
        """Keys of the models that pass, with their sort keys, in order. Raises PageTokenInvalid."""
        found = sa.select(self._source.c.logged_model_pk)
        return self._key.apply(found.where(self._passing) if self._source is _t else found, after)

    def cursor(self, row: Row[Any]) -> Cursor:
        """The cursor after a row that `select` gave."""
        return self._key.cursor(row)

    def _term(self, term: Comparison) -> sa.ColumnElement[bool]:
        key = term.key
        if key.entity is Entity.ATTRIBUTE:
            if key.name in _TIMES:
                return comparisons.ordered(_t.c[_TIMES[key.name]], term)
            return comparisons.text(_text(_t, key.name), term)
        if key.entity is Entity.METRIC:
            current = self._current(key, self._datasets)
            passes = sa.select(sa.true()).where(current.c.place == 1, row_passes(current, term))
        else:
            table = _ENTRIES[key.entity]
            passes = sa.select(sa.true()).where(_entry_of(table, key), row_passes(table, term)).correlate(_t)
        found = passes.limit(1).scalar_subquery()
        return found.is_not(sa.true()) if term.operator is Operator.IS_NULL else found.is_(sa.true())

    def _current(self, key: Key, datasets: Sequence[DatasetSelector]) -> sa.Subquery:
        of_model = _context.c.model_id == _t.c.model_id
        return current_metrics(self._workspace, of_model, key=key.name, datasets=datasets, correlated_with=_t)

    def _value(self, order: LoggedModelOrder) -> sa.ColumnElement[Any]:
        """What a clause of a metric, param or tag sorts a model by; NULL where it has none."""
        key = order.clause.key
        if key.entity is not Entity.METRIC:
            table = _ENTRIES[key.entity]
            return sa.select(table.c.value).where(_entry_of(table, key)).correlate(_t).scalar_subquery()
        current = self._current(key, _datasets_of(order))
        return (
            sa.select(metric_column(current, key))
            .where(current.c.place == 1)
            # The last measured one; run and dataset only decide between equal ones with other minima and maxima.
            .order_by(
                current.c.time.desc(),
                current.c.step.desc(),
                current.c.value.is_(None),
                current.c.value.desc(),
                current.c.run_id,
                current.c.dataset_name,
                current.c.dataset_digest,
            )
            .limit(1)
            .scalar_subquery()
        )

    def _sorted_by(self, place: int, order: LoggedModelOrder) -> list[SortColumn]:
        key, descending = order.clause.key, order.clause.descending
        if key.entity is Entity.ATTRIBUTE:
            if key.name in _TIMES:
                return [SortColumn(self._source.c[_TIMES[key.name]], int, descending)]
            return [SortColumn(_text(self._source, key.name), str, descending)]
        value = self._source.c[f"value_{place}"]
        if key.entity is not Entity.METRIC:
            rank = sa.case((value.is_(None), 1), else_=0)
            return [SortColumn(rank, int), SortColumn(sa.func.coalesce(value, ""), str, descending)]
        is_nan = is_measured(self._workspace, key.name, _datasets_of(order), self._source)
        rank = sa.case((value.is_not(None), VALUE_RANK), (is_nan, NAN_RANK), else_=ABSENT_RANK)
        return [SortColumn(rank, int), SortColumn(sa.func.coalesce(value, 0.0), float, descending)]


def _is_keyed(order: LoggedModelOrder) -> bool:
    return order.clause.key.entity is not Entity.ATTRIBUTE


def _datasets_of(order: LoggedModelOrder) -> tuple[DatasetSelector, ...]:
    return () if order.dataset is None else (order.dataset,)


def _entry_of(table: sa.Table, key: Key) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.logged_model_pk == _t.c.logged_model_pk, table.c.key == key.name)


def _text(table: sa.FromClause, name: str) -> sa.ColumnElement[str]:
    """The attribute of a model that is a text."""
    if name == "status":
        return sa.case(*((table.c.status == status.value, status.name) for status in LoggedModelStatus), else_="")
    return table.c[_TEXTS[name]]
