"""One run with all that it has, read, or locked and changed.

On PostgreSQL it is read by one function that keeps its plan (ADR 49): the statements that read a page of runs would
each be planned, and take a round trip, for a row or two. A change is seen from what was read, and travels with the
commit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db import Database
from trivet_kit.db.bulk import DriverStatement, Scalar
from trivet_kit.db.functions import Function, function_of
from trivet_kit.db.statements import JsonRows, Statement
from trivet_tracking.domain.metrics import CurrentValue, Metric
from trivet_tracking.domain.run_inputs import Dataset, DatasetInput, ModelOutput, RunLinks
from trivet_tracking.domain.runs import Run, RunFields
from trivet_tracking.store import tables
from trivet_tracking.store.contexts import NO_CONTEXT_NUMBER
from trivet_tracking.store.run_attributes import RunAttributes, run_attributes, stale_before_of
from trivet_tracking.store.run_rows import is_stale, load, run_columns, to_run

_r = tables.run
_e = tables.experiment
_m = tables.metric_latest

# Of metrics, params, tags and models that are read at once. Runs with more are read as pages of runs are.
_MOST_ENTRIES = 1_000
# Of datasets, each of which may take some MiB.
_MOST_DATASETS = 10

_KEY = Statement(
    sa.select(_r.c.run_pk).where(_r.c.workspace == sa.bindparam("b_workspace"), _r.c.run_id == sa.bindparam("b_run_id"))
)


@dataclass(frozen=True)
class LockedRun:
    """A run that nobody else changes until the end of the transaction."""

    run_pk: int
    run: Run
    stale_before: int
    """It is stale where it is RUNNING and was last written before that time."""


class SingleRuns(Protocol):
    """Runs of a database, one at a time, with the fields that are asked for. None stands for no such run."""

    def read(self, database: Database, workspace: str, run_id: str, fields: RunFields) -> Run | None:
        """A run, in a transaction by itself."""
        ...

    def lock(self, connection: Connection, workspace: str, run_id: str, fields: RunFields) -> LockedRun | None:
        """A run, as the first statement of a transaction."""
        ...

    def change(self, connection: Connection, locked: LockedRun, values: Mapping[str, Any], fields: RunFields) -> Run:
        """Writes new values of columns, among them `update_time` and `revision`; returns the run as it is then.

        Its errors may come from the commit.
        """
        ...


def single_runs(dialect: str, attributes: RunAttributes) -> SingleRuns:
    """The runs of a dialect, `postgresql` or `sqlite`."""
    return _SqliteRuns(attributes) if dialect == "sqlite" else _PostgresRuns(attributes)


class _SqliteRuns:
    """Has no round trips, and reads a run as a page of one."""

    def __init__(self, attributes: RunAttributes) -> None:
        self._attributes = attributes

    def read(self, database: Database, workspace: str, run_id: str, fields: RunFields) -> Run | None:
        with database.transaction("read") as connection:
            locked = self.lock(connection, workspace, run_id, fields)
            return None if locked is None else locked.run

    def lock(self, connection: Connection, workspace: str, run_id: str, fields: RunFields) -> LockedRun | None:
        found = _KEY.execute(connection, {"b_workspace": workspace, "b_run_id": run_id})
        if not found:
            return None
        run_pk = found[0].run_pk
        return LockedRun(run_pk, load(connection, self._attributes, [run_pk], fields)[0], 0)

    def change(self, connection: Connection, locked: LockedRun, values: Mapping[str, Any], fields: RunFields) -> Run:
        connection.execute(sa.update(_r).where(_r.c.run_pk == locked.run_pk).values(dict(values)))
        return load(connection, self._attributes, [locked.run_pk], fields)[0]


class _PostgresRuns:
    def __init__(self, attributes: RunAttributes) -> None:
        self._attributes = attributes
        self._read = DriverStatement(_READ)
        self._lock = DriverStatement(_LOCK)
        self._change = DriverStatement(_CHANGE)

    def read(self, database: Database, workspace: str, run_id: str, fields: RunFields) -> Run | None:
        values = self._read.parameters(self._values(workspace, run_id, fields))
        rows = database.run_once(self._read.text, values)
        if not rows:
            return None
        run = _of_row(rows[0], fields)
        if run is None:
            with database.transaction("read") as connection:
                loaded = load(connection, self._attributes, [rows[0][0]], fields)
            return loaded[0] if loaded else None
        return run

    def lock(self, connection: Connection, workspace: str, run_id: str, fields: RunFields) -> LockedRun | None:
        rows = self._lock.execute(connection, self._values(workspace, run_id, fields))
        if not rows:
            return None
        run_pk = rows[0][0]
        run = _of_row(rows[0], fields)
        if run is None:
            (run,) = load(connection, self._attributes, [run_pk], fields)
        return LockedRun(run_pk, run, rows[0][_STALE_BEFORE])

    def change(self, connection: Connection, locked: LockedRun, values: Mapping[str, Any], fields: RunFields) -> Run:
        run = locked.run
        bound: dict[str, Scalar] = {f"b_{name}": values.get(name, getattr(run, name)) for name in _CHANGED}
        bound["b_description"] = values.get("description")  # None: as it is, for it may not have been read
        self._change.execute_later(connection, {**bound, "b_run_pk": locked.run_pk})
        shown = {name: value for name, value in values.items() if name != "description" or fields.description}
        if run.last_write_time is not None:
            shown["last_write_time"] = max(run.last_write_time, values["update_time"])
        changed = replace(run, **shown)
        return replace(changed, stale=is_stale(changed.status, changed.last_write_time, locked.stale_before))

    def _values(self, workspace: str, run_id: str, fields: RunFields) -> dict[str, Scalar]:
        return {
            "b_workspace": workspace,
            "b_run_id": run_id,
            "b_stale_after": self._attributes.stale_after_millis,
            **{f"b_{name}": _is_read(getattr(fields, name)) for name in _PARTS},
        }


def _is_read(field: object) -> bool:
    """Whether a field of `RunFields` is read; of some keys all are read, and the others dropped."""
    return field is None or bool(field)


def _part(name: str) -> sa.BindParameter[bool]:
    return sa.bindparam(f"b_{name}", type_=sa.Boolean)


def _rows(part: str, statement: sa.Select[Any], most: int = _MOST_ENTRIES) -> sa.ScalarSelect[str]:
    """The rows of a part, where it is read; one more than there may be."""
    some = statement.where(_part(part)).correlate(_r).limit(sa.literal_column(str(most + 1))).subquery()
    return sa.select(JsonRows(*some.c)).scalar_subquery()


def _of_run(table: sa.Table, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    return sa.select(*columns).where(table.c.run_pk == _r.c.run_pk)


_PARTS = ("params", "tags", "metrics", "inputs", "outputs", "description", "last_write")
# What `_CHANGE` sets.
_CHANGED = ("display_name", "status", "start_time", "end_time", "begun_time", "update_time", "revision")
_p, _t, _d, _i, _it = tables.param, tables.tag, tables.dataset, tables.dataset_input, tables.dataset_input_tag
_mi, _mo = tables.model_input, tables.model_output
_last_write = run_attributes("postgresql", 0).times["last_write_time"]
_COLUMNS = run_columns(
    sa.case((_part("description"), _r.c.description), else_=""),
    sa.case((_part("last_write"), _last_write)),
    stale_before_of("postgresql", sa.bindparam("b_stale_after", type_=sa.BigInteger)),
)
_STALE_BEFORE = len(_COLUMNS) - 2
# Numbers of values are texts: JSON has no infinities, and no zero below zero.
_QUERY = (
    sa.select(
        *_COLUMNS,
        _rows("params", _of_run(_p, _p.c.key, _p.c.value)),
        _rows("tags", _of_run(_t, _t.c.key, _t.c.value)),
        _rows(
            "metrics",
            _of_run(
                _m,
                *(_m.c.key, _m.c.step, _m.c.time),
                *(sa.cast(column, sa.Text).label(column.name) for column in (_m.c.value, _m.c.min, _m.c.max)),
            ).where(_m.c.context == NO_CONTEXT_NUMBER),
        ),
        _rows(
            "inputs",
            _of_run(
                _i,
                *(_d.c.dataset_pk, _d.c.name, _d.c.digest, _d.c.source_type, _d.c.source, _d.c.schema, _d.c.profile),
            ).join_from(_i, _d, _d.c.dataset_pk == _i.c.dataset_pk),
            _MOST_DATASETS,
        ),
        _rows("inputs", _of_run(_it, _it.c.dataset_pk, _it.c.key, _it.c.value)),
        _rows("inputs", _of_run(_mi, _mi.c.model_id)),
        _rows("outputs", _of_run(_mo, _mo.c.step, _mo.c.model_id)),
    )
    .join_from(_r, _e, _e.c.experiment_pk == _r.c.experiment_pk)
    .where(_r.c.workspace == sa.bindparam("b_workspace"), _r.c.run_id == sa.bindparam("b_run_id"))
)
_LOCKS = (
    sa.select(_r.c.run_pk)
    .where(_r.c.workspace == sa.bindparam("b_workspace"), _r.c.run_id == sa.bindparam("b_run_id"))
    .with_for_update()
)
_READ = function_of(tables.SCHEMA, "read_run", _QUERY)
_LOCK = function_of(tables.SCHEMA, "lock_run", _QUERY, before=[_LOCKS])
_CHANGE = (
    sa.update(_r)
    .where(_r.c.run_pk == sa.bindparam("b_run_pk"))
    .values(
        {
            **{name: sa.bindparam(f"b_{name}", type_=_r.c[name].type) for name in _CHANGED},
            "description": sa.func.coalesce(sa.bindparam("b_description", type_=sa.Text), _r.c.description),
        }
    )
)
FUNCTIONS: tuple[Function, ...] = (_READ, _LOCK)
"""What PostgreSQL has as functions: to plan them takes longer than what they do (ADR 35)."""


def _of_row(row: Sequence[Any], fields: RunFields) -> Run | None:
    """The run in a row of `_QUERY`; None where it has too much to be read at once."""
    columns, parts = row[1 : len(_COLUMNS)], [json.loads(part or "[]") for part in row[len(_COLUMNS) :]]
    params, tags, metrics, datasets, dataset_tags, models, outputs = parts
    if len(datasets) > _MOST_DATASETS or any(len(part) > _MOST_ENTRIES for part in parts):
        return None
    return to_run(
        columns,
        {key: value for key, value in params if fields.params is None or key in fields.params},
        {key: value for key, value in tags if fields.tags is None or key in fields.tags},
        tuple(
            Metric(key, None, CurrentValue(step, time, _number(value), _number(low), _number(high)))
            for key, step, time, value, low, high in sorted(metrics)
            if fields.metrics is None or key in fields.metrics
        ),
        frozenset(),
        RunLinks(
            _dataset_inputs(datasets, dataset_tags),
            tuple(sorted(model_id for (model_id,) in models)),
            tuple(sorted(ModelOutput(step, model_id) for step, model_id in outputs)),
        ),
    )


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _dataset_inputs(
    datasets: Sequence[Sequence[Any]], tags: Sequence[tuple[int, str, str]]
) -> tuple[DatasetInput, ...]:
    """Datasets by name and digest, each with its tags by key."""
    of_dataset: dict[int, dict[str, str]] = {}
    for dataset_pk, key, value in sorted(tags):
        of_dataset.setdefault(dataset_pk, {})[key] = value
    inputs = [(Dataset(*facts), of_dataset.get(dataset_pk, {})) for dataset_pk, *facts in datasets]
    return tuple(DatasetInput(dataset, its) for dataset, its in sorted(inputs, key=lambda one: one[0].key))
