"""The keys of runs in SQL.

An experiment has a million entries and a few keys, so an index is jumped through from key to key.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db.keyset import checked
from trivet_kit.db.planning import prefer_lookups
from trivet_kit.errors import PageTokenInvalid
from trivet_kit.page_tokens import Cursor
from trivet_tracking.domain.run_keys import RunKeyKind, RunKeyPage, RunKeyQuery
from trivet_tracking.store import tables

_run = tables.run
_experiment = tables.experiment
_TABLES = {RunKeyKind.METRIC: tables.metric_latest, RunKeyKind.PARAM: tables.param, RunKeyKind.TAG: tables.tag}
_ASCII_LOWER = {ord(upper): ord(upper.lower()) for upper in string.ascii_uppercase}


def keys_in_experiments(connection: Connection, in_scope: sa.ColumnElement[bool], query: RunKeyQuery) -> RunKeyPage:
    """The keys of runs in use in the experiments in use that are `in_scope`. Raises PageTokenInvalid."""
    table = _TABLES[query.kind]
    of_kind = _of_kind(table, query.kind)
    prefer_lookups(connection)

    def next_key(after: sa.ColumnElement[str], *walk: sa.CTE) -> sa.ScalarSelect[str]:
        # Not min(): SQLite has no aggregates in what is recursive.
        in_experiment = (
            sa.select(table.c.key)
            .where(table.c.experiment_pk == _experiment.c.experiment_pk, of_kind, table.c.key > after)
            .order_by(table.c.key)
            .limit(1)
            .correlate(_experiment, *walk)
            .scalar_subquery()
        )
        of_all = (
            sa.select(in_experiment.label("key"))
            .select_from(_experiment)
            .where(in_scope, _experiment.c.delete_time.is_(None))
            .correlate(*walk)
            .subquery()
        )
        return (
            sa.select(of_all.c.key)
            .where(of_all.c.key.is_not(None))
            .order_by(of_all.c.key)
            .limit(1)
            .correlate(*walk)
            .scalar_subquery()
        )

    first = sa.select(next_key(sa.literal(_last_key(query.after), sa.Text)).label("key"))
    walk = first.cte("walk", recursive=True)
    walk = walk.union_all(sa.select(next_key(walk.c.key, walk)).where(walk.c.key.is_not(None)))
    # The experiments again: a key may be of deleted runs alone.
    in_use = (
        sa.select(sa.literal(1))
        .select_from(table)
        .join(_run, _run.c.run_pk == table.c.run_pk)
        .join(_experiment, _experiment.c.experiment_pk == table.c.experiment_pk)
        .where(in_scope, _experiment.c.delete_time.is_(None), _run.c.delete_time.is_(None))
        .where(table.c.key == walk.c.key, of_kind)
        .limit(1)
        .scalar_subquery()
    )
    statement = sa.select(walk.c.key).where(walk.c.key.is_not(None), _contains(walk.c.key, query.contains))
    # Without an ORDER BY: the walk goes up already, and can end where the page is full.
    return _page(connection, statement.where(in_use.is_not(None)), query.size)


def keys_of_runs(connection: Connection, run_pks: Sequence[int], query: RunKeyQuery) -> RunKeyPage:
    """The keys of some runs. Raises PageTokenInvalid."""
    table = _TABLES[query.kind]
    statement = (
        sa.select(table.c.key)
        .where(table.c.run_pk.in_(run_pks), _of_kind(table, query.kind), table.c.key > _last_key(query.after))
        .where(_contains(table.c.key, query.contains))
        .distinct()
        .order_by(table.c.key)
    )
    return _page(connection, statement, query.size)


def _page(connection: Connection, statement: sa.Select[Any], size: int) -> RunKeyPage:
    keys = connection.execute(statement.limit(size + 1)).scalars().all()
    return RunKeyPage(tuple(keys[:size]), is_last=len(keys) <= size)


def _of_kind(table: sa.Table, kind: RunKeyKind) -> sa.ColumnElement[bool]:
    return table.c.context == 0 if kind is RunKeyKind.METRIC else sa.true()


def _contains(key: sa.ColumnElement[str], text: str) -> sa.ColumnElement[bool]:
    # As ILIKE of the search language: ASCII letters alone are folded.
    return sa.func.lower(key).contains(text.translate(_ASCII_LOWER), autoescape=True) if text else sa.true()


def _last_key(after: Cursor | None) -> str:
    """The key that the page begins after; the empty text is before all keys."""
    match after:
        case None:
            return ""
        case [key]:
            return str(checked(key, str))
    raise PageTokenInvalid
