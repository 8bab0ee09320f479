"""Runs with what was logged to them, out of their tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db.bulk import RowsOfKeys
from trivet_tracking.domain.limits import MAX_LOADED_ENTRIES
from trivet_tracking.domain.metrics import CurrentValue, Metric
from trivet_tracking.domain.run_inputs import NO_LINKS, RunLinks
from trivet_tracking.domain.runs import ALL_FIELDS, ForkPoint, KeySelection, Run, RunFields, RunStatus
from trivet_tracking.store import tables
from trivet_tracking.store.contexts import NO_CONTEXT_NUMBER
from trivet_tracking.store.run_attributes import RunAttributes
from trivet_tracking.store.run_links import links_of

_r = tables.run
_e = tables.experiment
_m = tables.metric_latest


def run_columns(
    description: sa.ColumnElement[Any], last_write_time: sa.ColumnElement[Any], stale_before: sa.ColumnElement[Any]
) -> tuple[sa.ColumnElement[Any], ...]:
    """The key of runs and what `to_run` takes, of runs with their experiments."""
    return (
        _r.c.run_pk,
        _r.c.workspace,
        _r.c.run_id,
        _e.c.experiment_id,
        _r.c.display_name,
        _r.c.status,
        _r.c.start_time,
        _r.c.end_time,
        _r.c.begun_time,
        _r.c.user_name,
        _r.c.created_by,
        _r.c.source,
        _r.c.git_commit,
        _r.c.parent_run_id,
        _r.c.forked_from_run_id,
        _r.c.forked_from_step,
        description,
        _r.c.create_time,
        _r.c.update_time,
        _r.c.delete_time,
        _r.c.revision,
        last_write_time,
        stale_before,
        _e.c.delete_time,
    )


@cache
def _runs(attributes: RunAttributes, *, description: bool, last_write: bool) -> RowsOfKeys:
    columns = run_columns(
        _r.c.description if description else sa.literal_column("''"),
        attributes.times["last_write_time"] if last_write else sa.null(),
        attributes.stale_before if last_write else sa.null(),
    )
    statement = sa.select(*columns).join(_e, _e.c.experiment_pk == _r.c.experiment_pk)
    return RowsOfKeys(statement, _r.c.run_pk)


# A page of runs has thousands of rows of these: they are unpacked, for their columns by name would take three times as
# long, and are not joined with the runs, for those would come again with each.


class _TooManyEntriesError(Exception):
    """There are more than MAX_LOADED_ENTRIES."""


@dataclass(frozen=True)
class _ByRunAndKey:
    """A query for all rows of some runs, or for those of some keys."""

    all: RowsOfKeys
    some: RowsOfKeys

    def read(self, connection: Connection, run_pks: Sequence[int], keys: KeySelection) -> Sequence[Sequence[Any]]:
        """The rows of runs; nothing is asked of the database for no keys."""
        if keys is None:
            return self.all.read(connection, run_pks)
        return self.some.read(connection, run_pks, sorted(keys)) if keys else ()


def _by_run_and_key(statement: sa.Select[Any], table: sa.Table) -> _ByRunAndKey:
    return _ByRunAndKey(RowsOfKeys(statement, table.c.run_pk), RowsOfKeys(statement, table.c.run_pk, table.c.key))


@dataclass(frozen=True)
class _Keyed:
    """What runs have under keys, and how much."""

    rows: _ByRunAndKey
    counts: _ByRunAndKey

    def read(self, connection: Connection, run_pks: Sequence[int], keys: KeySelection) -> Sequence[Sequence[Any]]:
        """The rows of runs. Raises _TooManyEntriesError."""
        rows = self.rows.read(connection, run_pks, keys)
        if len(rows) > MAX_LOADED_ENTRIES:
            raise _TooManyEntriesError
        return rows

    def count(self, connection: Connection, run_pks: Sequence[int], keys: KeySelection) -> dict[int, int]:
        """How many rows each run has."""
        return {int(run_pk): int(count) for run_pk, count in self.counts.read(connection, run_pks, keys)}


def _keyed(statement: sa.Select[Any], table: sa.Table) -> _Keyed:
    counts = statement.with_only_columns(table.c.run_pk, sa.func.count()).group_by(table.c.run_pk).order_by(None)
    bounded = statement.limit(sa.literal_column(str(MAX_LOADED_ENTRIES + 1)))
    return _Keyed(_by_run_and_key(bounded, table), _by_run_and_key(counts, table))


def _entry_columns(table: sa.Table) -> _Keyed:
    return _keyed(sa.select(table.c.run_pk, table.c.key, table.c.value), table)


_PARAMS = _entry_columns(tables.param)
_TAGS = _entry_columns(tables.tag)
_METRICS = _keyed(
    sa.select(_m.c.run_pk, _m.c.key, _m.c.step, _m.c.time, _m.c.value, _m.c.min, _m.c.max)
    .where(_m.c.context == sa.literal_column(str(NO_CONTEXT_NUMBER)))
    .order_by(_m.c.run_pk, _m.c.key),
    _m,
)


def load(
    connection: Connection, attributes: RunAttributes, run_pks: Sequence[int], fields: RunFields = ALL_FIELDS
) -> list[Run]:
    """The runs with these keys, in their order, with the fields that are asked for; the others are empty.

    Where they have more than MAX_LOADED_ENTRIES together, only the first of them come, at least one; and what a run
    has too many of by itself is left out of it. Keys of runs that are not there are left out.
    """
    try:
        return _load(connection, attributes, run_pks, fields, {})
    except _TooManyEntriesError:
        # Seldom, so that only these pages pay for the counting.
        left_out = _what_to_leave_out(connection, run_pks, fields)
        return _load(connection, attributes, list(left_out), fields, left_out)


def _what_to_leave_out(connection: Connection, run_pks: Sequence[int], fields: RunFields) -> dict[int, frozenset[str]]:
    """As many of the first runs as can be loaded at once, each with what has to be left out of it."""
    counts = {
        "params": _PARAMS.count(connection, run_pks, fields.params),
        "tags": _TAGS.count(connection, run_pks, fields.tags),
        "metrics": _METRICS.count(connection, run_pks, fields.metrics),
    }
    totals = dict.fromkeys(counts, 0)
    left_out: dict[int, frozenset[str]] = {}
    for run_pk in run_pks:
        its = {field: of_runs.get(run_pk, 0) for field, of_runs in counts.items()}
        too_many = frozenset(field for field, count in its.items() if count > MAX_LOADED_ENTRIES)
        for field in its.keys() - too_many:
            totals[field] += its[field]
        if max(totals.values()) > MAX_LOADED_ENTRIES:
            break
        left_out[run_pk] = too_many
    return left_out


def _load(
    connection: Connection,
    attributes: RunAttributes,
    run_pks: Sequence[int],
    fields: RunFields,
    left_out: Mapping[int, frozenset[str]],
) -> list[Run]:
    def complete_in(field: str) -> list[int]:
        return [run_pk for run_pk in run_pks if field not in left_out.get(run_pk, ())]

    runs = _runs(attributes, description=fields.description, last_write=fields.last_write)
    rows = {run_pk: row for run_pk, *row in runs.read(connection, run_pks)}
    params = _entries(_PARAMS.read(connection, complete_in("params"), fields.params))
    tags = _entries(_TAGS.read(connection, complete_in("tags"), fields.tags))
    metrics = metrics_by_run(_METRICS.read(connection, complete_in("metrics"), fields.metrics))
    links = links_of(connection, run_pks, inputs=fields.inputs, outputs=fields.outputs)
    return [
        to_run(
            rows[run_pk],
            params.get(run_pk, {}),
            tags.get(run_pk, {}),
            tuple(metrics.get(run_pk, ())),
            left_out.get(run_pk, frozenset()),
            links.get(run_pk, NO_LINKS),
        )
        for run_pk in run_pks
        if run_pk in rows
    ]


def to_run(
    row: Sequence[Any],
    params: dict[str, str],
    tags: dict[str, str],
    metrics: tuple[Metric, ...],
    left_out: frozenset[str],
    links: RunLinks,
) -> Run:
    """A run of its row, without the key, and of what it has."""
    (
        workspace,
        run_id,
        experiment_id,
        display_name,
        status,
        start_time,
        end_time,
        begun_time,
        user,
        created_by,
        source,
        git_commit,
        parent_run_id,
        forked_from_run_id,
        forked_from_step,
        description,
        create_time,
        update_time,
        delete_time,
        revision,
        last_write_time,
        stale_before,
        experiment_delete_time,
    ) = row
    return Run(
        workspace=workspace,
        run_id=run_id,
        experiment_id=experiment_id,
        display_name=display_name,
        status=RunStatus(status),
        start_time=start_time,
        end_time=end_time,
        begun_time=begun_time,
        user=user,
        created_by=created_by,
        source=source,
        git_commit=git_commit,
        parent_run_id=parent_run_id,
        forked_from=ForkPoint(forked_from_run_id, forked_from_step) if forked_from_run_id else None,
        last_write_time=last_write_time,
        stale=is_stale(RunStatus(status), last_write_time, stale_before),
        description=description,
        params=params,
        tags=tags,
        metrics=metrics,
        links=links,
        deleted=delete_time is not None or experiment_delete_time is not None,
        create_time=create_time,
        update_time=update_time,
        delete_time=delete_time,
        revision=revision,
        left_out=left_out,
    )


def is_stale(status: RunStatus, last_write_time: int | None, stale_before: int) -> bool:
    """Whether a run is silent for too long; false where its last write was not asked for."""
    return status is RunStatus.RUNNING and last_write_time is not None and last_write_time < stale_before


def _entries(rows: Sequence[Sequence[Any]]) -> dict[int, dict[str, str]]:
    """Keys and values of `param` or `tag` by run."""
    entries: dict[int, dict[str, str]] = {}
    for run_pk, key, value in rows:
        entries.setdefault(run_pk, {})[key] = value
    return entries


def metrics_by_run(rows: Sequence[Sequence[Any]]) -> dict[int, list[Metric]]:
    """The current values over all contexts by run, sorted by key."""
    metrics: dict[int, list[Metric]] = {}
    for run_pk, key, step, time, value, low, high in rows:
        metrics.setdefault(run_pk, []).append(Metric(key, None, CurrentValue(step, time, value, low, high)))
    return metrics
