"""Changes of runs in SQL: which runs transactions changed, and their state by now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db import Database
from trivet_kit.resources import RunName
from trivet_tracking.domain.errors import RunNotFound
from trivet_tracking.domain.metrics import Metric
from trivet_tracking.domain.runs import RunFields
from trivet_tracking.domain.watches import (
    Changed,
    ChangedExperiment,
    ChangedRun,
    ChangeKind,
    Position,
    RunChange,
)
from trivet_tracking.store import experiments, tables
from trivet_tracking.store.contexts import NO_CONTEXT_NUMBER
from trivet_tracking.store.experiments import SqlExperiments
from trivet_tracking.store.horizon import check_kept
from trivet_tracking.store.run_attributes import RunAttributes
from trivet_tracking.store.run_rows import load, metrics_by_run
from trivet_tracking.store.transactions import transactions_of

_c = tables.run_change
_e = tables.experiment
_r = tables.run
_m = tables.metric_latest

# What `run_pk` is where the experiment itself changed.
_NO_RUN = 0
_NO_METRICS: frozenset[str] = frozenset()


class SqlChanges:
    """Implements `Changes`. Safe for threads."""

    def __init__(self, database: Database, of_experiments: SqlExperiments, attributes: RunAttributes) -> None:
        self._database = database
        self._attributes = attributes
        self._experiments = of_experiments
        self._transactions = transactions_of(database.dialect)

    def experiments_of(self, workspace: str, experiment_ids: Sequence[int], run_ids: Sequence[str]) -> frozenset[int]:
        """The ids of experiments, those of runs among them."""
        self._experiments.ensure_default(workspace)
        with self._database.transaction("read") as connection:
            for experiment_id in experiment_ids:
                experiments.find(connection, workspace, experiment_id)
            rows = connection.execute(
                sa.select(_r.c.run_id, _e.c.experiment_id)
                .join(_e, _e.c.experiment_pk == _r.c.experiment_pk)
                .where(_r.c.workspace == workspace, _r.c.run_id.in_(run_ids))
            )
            of_runs = {row.run_id: row.experiment_id for row in rows}
        for run_id in run_ids:
            if run_id not in of_runs:
                raise RunNotFound(str(RunName(workspace, run_id)))
        return frozenset({*experiment_ids, *of_runs.values()})

    def position(self) -> Position:
        """The position now."""
        with self._database.transaction("read") as connection:
            return self._transactions.position(connection)

    def since(self, position: Position, workspaces: Iterable[str]) -> Changed:
        """What changed after a position."""
        with self._database.transaction("read") as connection:
            now = self._transactions.position(connection)
            check_kept(connection, self._transactions, position, now)
            changed = (
                sa.select(_c.c.experiment_pk, _c.c.run_pk, _any_kind().label("kinds"))
                .where(self._transactions.is_new(_c.c.transaction_id, position))
                .group_by(_c.c.experiment_pk, _c.c.run_pk)
                .subquery()
            )
            rows = connection.execute(
                sa.select(
                    changed.c.run_pk,
                    changed.c.kinds,
                    _e.c.workspace,
                    _e.c.experiment_id,
                    _e.c.delete_time,
                    _r.c.run_id,
                )
                .join_from(changed, _e, _e.c.experiment_pk == changed.c.experiment_pk)
                .outerjoin(_r, _r.c.run_pk == changed.c.run_pk)
                .where(_e.c.workspace.in_(sorted(workspaces)))
            ).all()
        return Changed(
            now,
            tuple(
                ChangedRun(run_pk, workspace, experiment_id, run_id, ChangeKind(kinds))
                for run_pk, kinds, workspace, experiment_id, _, run_id in rows
                if run_id is not None  # else it is gone for good, or none
            ),
            tuple(
                ChangedExperiment(workspace, experiment_id, delete_time is not None)
                for run_pk, _, workspace, experiment_id, delete_time, _ in rows
                if run_pk == _NO_RUN
            ),
        )

    def load(self, position: Position, changed: Sequence[ChangedRun], fields: RunFields) -> list[RunChange]:
        """The state of what changed."""
        of_metrics = ChangeKind.METRICS | ChangeKind.METRICS_REMOVED
        only_metrics = {one.run_pk for one in changed if not one.kinds & ~of_metrics}
        whole = [one.run_pk for one in changed if one.run_pk not in only_metrics]
        measured = [one.run_pk for one in changed if ChangeKind.METRICS in one.kinds]
        with self._database.transaction("read") as connection:
            loaded = load(connection, self._attributes, whole, replace(fields, metrics=_NO_METRICS))
            metrics = self._metrics(connection, position, measured, fields)
        runs = {(run.workspace, run.run_id): run for run in loaded}
        changes = [
            RunChange(one, runs.get((one.workspace, one.run_id)), tuple(metrics.get(one.run_pk, ()))) for one in changed
        ]
        return [change for change in changes if change.run is not None or change.changed.run_pk in only_metrics]

    def _metrics(
        self, connection: Connection, position: Position, run_pks: Sequence[int], fields: RunFields
    ) -> dict[int, list[Metric]]:
        """The metrics of runs that changed, over all contexts, sorted by key."""
        if not run_pks or fields.metrics == _NO_METRICS:
            return {}
        statement = (
            sa.select(_m.c.run_pk, _m.c.key, _m.c.step, _m.c.time, _m.c.value, _m.c.min, _m.c.max)
            .where(_m.c.run_pk.in_(run_pks), _m.c.context == NO_CONTEXT_NUMBER)
            .where(self._transactions.is_new(_m.c.changed_by, position))
            .order_by(_m.c.run_pk, _m.c.key)
        )
        if fields.metrics is not None:
            statement = statement.where(_m.c.key.in_(sorted(fields.metrics)))
        return metrics_by_run(connection.execute(statement).all())


def _any_kind() -> sa.ColumnElement[int]:
    """The bits that any row of a group has; SQLite has no aggregate for that."""
    bits = [sa.func.max(_c.c.kinds.bitwise_and(kind.value)) for kind in ChangeKind]
    total: sa.ColumnElement[int] = bits[0]
    for bit in bits[1:]:
        total = total + bit
    return total
