"""Runs with what was logged to them, out of their tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_tracking.domain.metrics import CurrentValue, Metric
from trivet_tracking.domain.runs import ALL_FIELDS, KeySelection, Run, RunFields, RunStatus
from trivet_tracking.store import tables
from trivet_tracking.store.contexts import NO_CONTEXT_NUMBER

_r = tables.run
_e = tables.experiment
_m = tables.metric_latest


def load(connection: Connection, run_pks: Sequence[int], fields: RunFields = ALL_FIELDS) -> list[Run]:
    """The runs with these keys, in their order, with the fields that are asked for; the others are empty."""
    rows = connection.execute(
        sa.select(
            _r.c.run_pk,
            _r.c.workspace,
            _r.c.run_id,
            _r.c.display_name,
            _r.c.status,
            _r.c.start_time,
            _r.c.end_time,
            _r.c.user_name,
            _r.c.created_by,
            _r.c.source,
            _r.c.git_commit,
            _r.c.parent_run_id,
            (_r.c.description if fields.description else sa.literal("")).label("description"),
            _r.c.create_time,
            _r.c.update_time,
            _r.c.delete_time,
            _r.c.revision,
            _e.c.experiment_id,
            _e.c.delete_time.label("experiment_delete_time"),
        )
        .join(_e, _e.c.experiment_pk == _r.c.experiment_pk)
        .where(_r.c.run_pk.in_(run_pks))
    ).all()
    params = _entries(connection, tables.param, run_pks, fields.params)
    tags = _entries(connection, tables.tag, run_pks, fields.tags)
    metrics = _metrics(connection, run_pks, fields.metrics)
    by_pk = {
        row.run_pk: Run(
            workspace=row.workspace,
            run_id=row.run_id,
            experiment_id=row.experiment_id,
            display_name=row.display_name,
            status=RunStatus(row.status),
            start_time=row.start_time,
            end_time=row.end_time,
            user=row.user_name,
            created_by=row.created_by,
            source=row.source,
            git_commit=row.git_commit,
            parent_run_id=row.parent_run_id,
            description=row.description,
            params=params.get(row.run_pk, {}),
            tags=tags.get(row.run_pk, {}),
            metrics=tuple(metrics.get(row.run_pk, ())),
            deleted=row.delete_time is not None or row.experiment_delete_time is not None,
            create_time=row.create_time,
            update_time=row.update_time,
            delete_time=row.delete_time,
            revision=row.revision,
        )
        for row in rows
    }
    return [by_pk[run_pk] for run_pk in run_pks]


# A page of runs has thousands of these rows: they are unpacked, for their columns by name would take three times as
# long, and are not joined with the runs, for those would come again with each.


def _entries(
    connection: Connection, table: sa.Table, run_pks: Sequence[int], keys: KeySelection
) -> dict[int, dict[str, str]]:
    """Keys and values of `param` or `tag` by run."""
    entries: dict[int, dict[str, str]] = {}
    if keys is not None and not keys:
        return entries
    statement = sa.select(table.c.run_pk, table.c.key, table.c.value).where(table.c.run_pk.in_(run_pks))
    for run_pk, key, value in connection.execute(_only(statement, table, keys)).all():
        entries.setdefault(run_pk, {})[key] = value
    return entries


def _metrics(connection: Connection, run_pks: Sequence[int], keys: KeySelection) -> dict[int, list[Metric]]:
    """The current values over all contexts by run, sorted by key."""
    metrics: dict[int, list[Metric]] = {}
    if keys is not None and not keys:
        return metrics
    statement = (
        sa.select(_m.c.run_pk, _m.c.key, _m.c.step, _m.c.time, _m.c.value, _m.c.min, _m.c.max)
        .where(_m.c.run_pk.in_(run_pks), _m.c.context == NO_CONTEXT_NUMBER)
        .order_by(_m.c.run_pk, _m.c.key)
    )
    for run_pk, key, step, time, value, low, high in connection.execute(_only(statement, _m, keys)).all():
        metrics.setdefault(run_pk, []).append(Metric(key, None, CurrentValue(step, time, value, low, high)))
    return metrics


def _only(statement: sa.Select[Any], table: sa.Table, keys: KeySelection) -> sa.Select[Any]:
    return statement if keys is None else statement.where(table.c.key.in_(sorted(keys)))
