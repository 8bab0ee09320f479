"""What goes on in experiments, in SQL: from indexes, of the order of runs and of those that run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db.planning import prefer_lookups
from trivet_tracking.domain.experiments import ExperimentActivity
from trivet_tracking.domain.runs import RunStatus
from trivet_tracking.store import tables

_run = tables.run
_writer = tables.metric_writer


def activity_of(connection: Connection, workspace: str, experiments: Sequence[Row[Any]]) -> list[ExperimentActivity]:
    """What goes on in the experiments of rows of `experiment`, by id."""
    ids = {row.experiment_pk: row.experiment_id for row in experiments}
    prefer_lookups(connection)
    of_these = _run.c.experiment_pk.in_(ids)
    in_use = _run.c.delete_time.is_(None)
    # A literal, so that SQLite sees that the index of RUNNING runs has them.
    is_running = sa.and_(in_use, _run.c.status == sa.literal_column(str(RunStatus.RUNNING.value)))
    counted = {
        row.experiment_pk: row
        for row in connection.execute(
            sa.select(
                _run.c.experiment_pk,
                sa.func.count().label("all"),
                sa.func.count().filter(in_use).label("in_use"),
                sa.func.count().filter(is_running).label("running"),
                sa.func.max(_run.c.update_time).filter(in_use).label("last"),
            )
            .where(of_these)
            .group_by(_run.c.experiment_pk)
        )
    }
    # Of runs that have ended nothing is read: the end is the last that most of them say.
    written: dict[int, int] = {}
    if any(row.running for row in counted.values()):
        written = {
            row.experiment_pk: row.last
            for row in connection.execute(
                sa.select(_run.c.experiment_pk, sa.func.max(_writer.c.time).label("last"))
                .join(_writer, _writer.c.run_pk == _run.c.run_pk)
                # SQLite knows of no statistics that would tell it how few they are.
                .with_hint(_run, "INDEXED BY run_running_idx", dialect_name="sqlite")
                .where(of_these, is_running)
                .group_by(_run.c.experiment_pk)
            )
        }
    return [
        _activity(workspace, experiment_id, counted.get(experiment_pk), written.get(experiment_pk))
        for experiment_pk, experiment_id in sorted(ids.items(), key=lambda entry: entry[1])
    ]


def _activity(workspace: str, experiment_id: int, counts: Row[Any] | None, written: int | None) -> ExperimentActivity:
    if counts is None:
        return ExperimentActivity(workspace, experiment_id, 0, 0, 0, None)
    times = [time for time in (counts.last, written) if time is not None]
    return ExperimentActivity(
        workspace,
        experiment_id,
        runs=counts.in_use,
        running=counts.running,
        deleted=counts.all - counts.in_use,
        last_time=max(times, default=None),
    )
