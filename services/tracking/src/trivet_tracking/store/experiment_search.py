"""Searches for experiments in SQL: names become columns of our choice, everything else becomes bound parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from trivet_kit.db import comparisons
from trivet_kit.db.keyset import SortColumn, SortKey
from trivet_kit.page_tokens import Cursor
from trivet_kit.search.expressions import And, Comparison, Entity, OrderClause
from trivet_tracking.store import tables

_experiment = tables.experiment

_TEXTS: dict[str, sa.ColumnElement[str]] = {
    "name": _experiment.c.display_name,
    "experiment_id": sa.cast(_experiment.c.experiment_id, sa.Text),
}
_TIMES: dict[str, sa.ColumnElement[int]] = {
    "creation_time": _experiment.c.create_time,
    "last_update_time": _experiment.c.update_time,
}
_SORTS = {
    "name": SortColumn(_experiment.c.display_name, str),
    "experiment_id": SortColumn(_experiment.c.experiment_id, int),
    "creation_time": SortColumn(_experiment.c.create_time, int),
    "last_update_time": SortColumn(_experiment.c.update_time, int),
}


class ExperimentSearch:
    """A search for experiments, compiled. The caller adds which workspace and which view."""

    def __init__(self, where: And, order_by: Sequence[OrderClause]) -> None:
        self._where = comparisons.passes(where, _term)
        columns = [
            SortColumn(sort.expression, sort.kind, clause.descending)
            for clause in order_by
            for sort in (_SORTS[clause.key.name],)
        ]
        newest_first = SortColumn(_experiment.c.create_time, int, descending=True)
        self._key = SortKey((*(columns or [newest_first]), SortColumn(_experiment.c.experiment_id, int)))

    def select(self, after: Cursor | None) -> sa.Select[Any]:
        """Keys of the experiments that pass, with their sort keys, in order. Raises PageTokenInvalid."""
        return self._key.apply(sa.select(_experiment.c.experiment_pk).where(self._where), after)

    def cursor(self, row: Row[Any]) -> Cursor:
        """The cursor after a row that `select` gave."""
        return self._key.cursor(row)


def _term(term: Comparison) -> sa.ColumnElement[bool]:
    key = term.key
    if key.entity is Entity.TAG:
        table = tables.experiment_tag
        of_experiment = sa.and_(table.c.experiment_pk == _experiment.c.experiment_pk, table.c.key == key.name)
        return comparisons.entry(table, of_experiment, term)
    if key.name in _TIMES:
        return comparisons.ordered(_TIMES[key.name], term)
    return comparisons.text(_TEXTS[key.name], term)
