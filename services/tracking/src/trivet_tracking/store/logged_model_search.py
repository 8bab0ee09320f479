"""Searches for logged models in SQL: names become columns of our choice, everything else becomes bound parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from trivet_kit.db import comparisons
from trivet_kit.db.keyset import SortColumn, SortKey
from trivet_kit.page_tokens import Cursor
from trivet_kit.search.expressions import And, Comparison, Entity, Operator
from trivet_tracking.domain.logged_models import DatasetSelector, LoggedModelOrder, LoggedModelStatus
from trivet_tracking.store import tables
from trivet_tracking.store.logged_model_rows import current_metrics
from trivet_tracking.store.run_orders import entry_columns
from trivet_tracking.store.run_terms import row_passes

_t = tables.logged_model

_TEXTS: dict[str, sa.ColumnElement[str]] = {
    "name": _t.c.display_name,
    "model_id": _t.c.model_id,
    "model_type": _t.c.model_type,
    "status": sa.case(*((_t.c.status == status.value, status.name) for status in LoggedModelStatus), else_=""),
    "source_run_id": _t.c.source_run_id,
}
_TIMES: dict[str, sa.ColumnElement[int]] = {
    "creation_timestamp": _t.c.create_time,
    "last_updated_timestamp": _t.c.update_time,
}
_ENTRIES = {Entity.PARAM: tables.logged_model_param, Entity.TAG: tables.logged_model_tag}
_TIES = (SortColumn(_t.c.create_time, int, descending=True), SortColumn(_t.c.model_id, str))


class LoggedModelSearch:
    """A search for logged models in use, compiled."""

    def __init__(
        self,
        experiment_pks: list[int] | sa.Select[tuple[int]],
        where: And,
        datasets: Sequence[DatasetSelector],
        order_by: Sequence[LoggedModelOrder],
    ) -> None:
        self._in_scope = sa.and_(_t.c.experiment_pk.in_(experiment_pks), _t.c.delete_time.is_(None))
        self._datasets = datasets
        self._passes = comparisons.passes(where, self._term)
        self._source: sa.FromClause = _t
        columns = [column for order in order_by for column in self._sorted_by(order)]
        self._key = SortKey((*columns, *_TIES))

    def select(self, after: Cursor | None) -> sa.Select[Any]:
        """Keys of the models that pass, with their sort keys, in order. Raises PageTokenInvalid."""
        found = sa.select(_t.c.logged_model_pk).select_from(self._source).where(self._in_scope, self._passes)
        return self._key.apply(found, after)

    def cursor(self, row: Row[Any]) -> Cursor:
        """The cursor after a row that `select` gave."""
        return self._key.cursor(row)

    def _term(self, term: Comparison) -> sa.ColumnElement[bool]:
        key = term.key
        found: sa.ColumnElement[bool]
        if key.entity is Entity.ATTRIBUTE:
            if key.name in _TIMES:
                return comparisons.ordered(_TIMES[key.name], term)
            return comparisons.text(_TEXTS[key.name], term)
        if key.entity is Entity.METRIC:
            current = current_metrics(self._in_scope, key=key.name, datasets=self._datasets)
            found = _t.c.logged_model_pk.in_(sa.select(current.c.logged_model_pk).where(row_passes(current, term)))
        else:
            table = _ENTRIES[key.entity]
            of_model = sa.and_(table.c.logged_model_pk == _t.c.logged_model_pk, table.c.key == key.name)
            found = sa.exists().where(of_model, row_passes(table, term))
        return sa.not_(found) if term.operator is Operator.IS_NULL else found

    def _sorted_by(self, order: LoggedModelOrder) -> list[SortColumn]:
        key, descending = order.clause.key, order.clause.descending
        if key.entity is Entity.ATTRIBUTE:
            if key.name in _TIMES:
                return [SortColumn(_TIMES[key.name], int, descending)]
            return [SortColumn(_TEXTS[key.name], str, descending)]
        entries: sa.FromClause
        if key.entity is Entity.METRIC:
            entries = self._last_measured(key.name, order.dataset)
            condition = entries.c.logged_model_pk == _t.c.logged_model_pk
        else:
            entries = _ENTRIES[key.entity].alias()
            condition = sa.and_(entries.c.logged_model_pk == _t.c.logged_model_pk, entries.c.key == key.name)
        self._source = self._source.outerjoin(entries, condition)
        return entry_columns(entries, order.clause, entries.c.logged_model_pk)

    def _last_measured(self, key: str, dataset: DatasetSelector | None) -> sa.Subquery:
        """Of each model, the value of a metric that was measured last."""
        current = current_metrics(self._in_scope, key=key, datasets=[dataset] if dataset is not None else ())
        last_first = (current.c.time.desc(), current.c.step.desc(), current.c.value.is_(None), current.c.value.desc())
        placed = sa.select(
            current.c.logged_model_pk,
            current.c.value,
            current.c.min,
            current.c.max,
            sa.func.row_number()
            # The rest only decides between equal values that came with other minima and maxima.
            .over(
                partition_by=current.c.logged_model_pk,
                order_by=(*last_first, current.c.run_id, current.c.dataset_name, current.c.dataset_digest),
            )
            .label("age"),
        ).subquery()
        return sa.select(placed).where(placed.c.age == 1).subquery()
