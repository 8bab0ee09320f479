"""Runs with their params and tags, as rows of an export."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_tracking.domain.exports import ExportedParam, ExportedRun, ExportedTag, RunTable
from trivet_tracking.domain.runs import RunStatus
from trivet_tracking.store import tables

# Of a batch: some megabytes of text.
_MAX_CHARACTERS = 4_000_000
# What a run or an entry takes besides its texts, about.
_ROW_CHARACTERS = 200

_r = tables.run
_e = tables.experiment


def fitting(connection: Connection, run_pks: Sequence[int], asked: frozenset[RunTable]) -> int:
    """How many of the runs, from the first on, make a batch: at least one."""
    sizes = dict.fromkeys(run_pks, 0)
    for statement in _measures(run_pks, asked):
        for run_pk, rows, characters in connection.execute(statement):
            sizes[run_pk] += _ROW_CHARACTERS * rows + characters
    return max(1, fitting_count(sizes.values(), _MAX_CHARACTERS))


def fitting_count(sizes: Iterable[int], budget: int) -> int:
    """How many, from the first on, stay within a budget together."""
    return sum(1 for _ in itertools.takewhile(lambda total: total <= budget, itertools.accumulate(sizes)))


def _measures(run_pks: Sequence[int], asked: frozenset[RunTable]) -> list[sa.Select[Any]]:
    """Of each run, how many rows it has and how long their texts are."""
    statements: list[sa.Select[Any]] = []
    if RunTable.RUNS in asked:
        statements.append(
            sa.select(_r.c.run_pk, sa.literal(1), sa.func.length(_r.c.description)).where(_r.c.run_pk.in_(run_pks))
        )
    for table, which in ((tables.param, RunTable.PARAMS), (tables.tag, RunTable.TAGS)):
        if which in asked:
            statements.append(
                sa.select(table.c.run_pk, sa.func.count(), sa.func.sum(sa.func.length(table.c.value)))
                .where(table.c.run_pk.in_(run_pks))
                .group_by(table.c.run_pk)
            )
    return statements


def load(
    connection: Connection, run_pks: Sequence[int], asked: frozenset[RunTable]
) -> tuple[list[ExportedRun], list[ExportedParam], list[ExportedTag]]:
    """What was asked for of runs, by run id; those that are gone have nothing."""
    runs = _runs(connection, run_pks) if RunTable.RUNS in asked else []
    params = _entries(connection, tables.param, run_pks, tables.param.c.number) if RunTable.PARAMS in asked else ()
    tags = _entries(connection, tables.tag, run_pks) if RunTable.TAGS in asked else ()
    return runs, list(itertools.starmap(ExportedParam, params)), list(itertools.starmap(ExportedTag, tags))


def _runs(connection: Connection, run_pks: Sequence[int]) -> list[ExportedRun]:
    rows = connection.execute(
        sa.select(
            _r.c.run_id,
            _e.c.experiment_id,
            _e.c.display_name,
            _r.c.display_name,
            _r.c.status,
            _r.c.start_time,
            _r.c.end_time,
            _r.c.user_name,
            _r.c.created_by,
            _r.c.source,
            _r.c.git_commit,
            _r.c.parent_run_id,
            _r.c.description,
            sa.or_(_r.c.delete_time.is_not(None), _e.c.delete_time.is_not(None)),
            _r.c.create_time,
            _r.c.update_time,
            _r.c.delete_time,
        )
        .join(_e, _e.c.experiment_pk == _r.c.experiment_pk)
        .where(_r.c.run_pk.in_(run_pks))
        .order_by(_r.c.run_id)
    )
    # Made of rows as they are: naming seventeen columns twice would not make it clearer.
    runs = itertools.starmap(ExportedRun, rows)
    return [run._replace(status=RunStatus(run.status)) for run in runs]


def _entries(
    connection: Connection, table: sa.Table, run_pks: Sequence[int], *more: sa.ColumnElement[Any]
) -> Sequence[Row[Any]]:
    """Run id, key, value and what else is asked for of params or tags."""
    return connection.execute(
        sa.select(_r.c.run_id, table.c.key, table.c.value, *more)
        .join(_r, _r.c.run_pk == table.c.run_pk)
        .where(table.c.run_pk.in_(run_pks))
        .order_by(_r.c.run_id, table.c.key)
    ).all()
