"""From the search language to SQL: names become columns of our choice, everything else becomes bound parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from trivet_kit.db import comparisons
from trivet_kit.db.keyset import SortColumn, SortKey
from trivet_kit.page_tokens import Cursor
from trivet_kit.search.expressions import And, Comparison, Entity, Operator, OrderClause
from trivet_registry.domain.versions import VersionState
from trivet_registry.store import tables

_m = tables.model
_v = tables.version
_d = tables.dataset

_MODEL_COLUMNS = {
    "name": SortColumn(_m.c.model_id, str),
    "creation_timestamp": SortColumn(_m.c.create_time, int),
    "last_updated_timestamp": SortColumn(_m.c.update_time, int),
}
_MODEL_TIES = (SortColumn(_m.c.model_id, str),)

_VERSION_COLUMNS = {
    "name": SortColumn(_m.c.model_id, str),
    "version_number": SortColumn(_v.c.version, int),
    "run_id": SortColumn(_v.c.run_id, str),
    "logged_model_id": SortColumn(_v.c.logged_model_id, str),
    "source_path": SortColumn(
        sa.case(
            (sa.or_(_v.c.source_owner == "", _v.c.source_path == ""), _v.c.source_owner + _v.c.source_path),
            else_=_v.c.source_owner + "/" + _v.c.source_path,
        ),
        str,
    ),
    "stage": SortColumn(_v.c.stage, str),
    "state": SortColumn(sa.case(*((_v.c.state == state.value, state.name) for state in VersionState), else_=""), str),
    "creation_timestamp": SortColumn(_v.c.create_time, int),
    "last_updated_timestamp": SortColumn(_v.c.update_time, int),
}
_VERSION_TIES = (SortColumn(_m.c.model_id, str), SortColumn(_v.c.version, int, descending=True))


class ModelSearch:
    """A search for models, compiled."""

    def __init__(self, where: And, order_by: Sequence[OrderClause]) -> None:
        self._where = comparisons.passes(
            where, lambda term: _term(term, _MODEL_COLUMNS, tables.model_tag, _m.c.model_pk)
        )
        self._key = SortKey((*_sort_columns(order_by, _MODEL_COLUMNS), *_MODEL_TIES))

    def select(self, workspace: str, after: Cursor | None) -> sa.Select[Any]:
        """Keys of the models that pass, with their sort keys, in order. Raises PageTokenInvalid."""
        return self._key.apply(sa.select(_m.c.model_pk).where(_m.c.workspace == workspace, self._where), after)

    def cursor(self, row: Row[Any]) -> Cursor:
        """The cursor after a row that `select` gave."""
        return self._key.cursor(row)


class VersionSearch:
    """A search for versions, compiled."""

    def __init__(self, where: And, order_by: Sequence[OrderClause]) -> None:
        self._where = comparisons.passes(where, _version_term)
        latest_first = SortColumn(_v.c.update_time, int, descending=True)
        self._key = SortKey((*(_sort_columns(order_by, _VERSION_COLUMNS) or [latest_first]), *_VERSION_TIES))

    def select(self, workspace: str, after: Cursor | None) -> sa.Select[Any]:
        """Keys of the versions that pass, with their sort keys, in order. Raises PageTokenInvalid."""
        statement = sa.select(_v.c.version_pk).join_from(_v, _m, _m.c.model_pk == _v.c.model_pk)
        # Said of both, so that an index of either can give the order.
        in_workspace = sa.and_(_v.c.workspace == workspace, _m.c.workspace == workspace)
        return self._key.apply(statement.where(in_workspace, self._where), after)

    def cursor(self, row: Row[Any]) -> Cursor:
        """The cursor after a row that `select` gave."""
        return self._key.cursor(row)


def _sort_columns(order_by: Sequence[OrderClause], columns: Mapping[str, SortColumn]) -> list[SortColumn]:
    return [
        SortColumn(column.expression, column.kind, clause.descending)
        for clause in order_by
        for column in (columns[clause.key.name],)
    ]


def _term(
    term: Comparison, columns: Mapping[str, SortColumn], tags: sa.Table, owner_pk: sa.Column[Any]
) -> sa.ColumnElement[bool]:
    if term.key.entity is Entity.TAG:
        of_key = sa.and_(tags.c[owner_pk.name] == owner_pk, tags.c.key == term.key.name)
        return comparisons.entry(tags, of_key, term)
    column = columns[term.key.name]
    return (comparisons.text if column.kind is str else comparisons.ordered)(column.expression, term)


def _version_term(term: Comparison) -> sa.ColumnElement[bool]:
    if term.key.entity is Entity.DATASET:
        of_version = sa.exists().where(_d.c.version_pk == _v.c.version_pk)
        if term.operator is Operator.IS_NULL:
            return ~of_version
        if term.operator is Operator.IS_NOT_NULL:
            return of_version
        return of_version.where(comparisons.text(_d.c[term.key.name], term))
    return _term(term, _VERSION_COLUMNS, tables.version_tag, _v.c.version_pk)
