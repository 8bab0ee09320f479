"""The attributes of runs in SQL, by the names that searches have for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from trivet_tracking.domain.runs import RunStatus
from trivet_tracking.store import tables

_experiment = tables.experiment.alias("experiment_of_run")
_run = tables.run
_writer = tables.metric_writer

# When a message last reached the run of a statement, or its own fields were changed.
LAST_WRITE_TIME: sa.ColumnElement[int] = (
    sa.select(
        sa.func.coalesce(
            sa.func.max(sa.case((_writer.c.time > _run.c.update_time, _writer.c.time), else_=_run.c.update_time)),
            _run.c.update_time,
        )
    )
    .where(_writer.c.run_pk == _run.c.run_pk)
    .correlate(_run)
    .scalar_subquery()
)
# Where MLflow's clients find the files of a run: where its experiment says, or in the artifact service. The gateway
# says the same, but for a location with a query, which it leaves at the end.
_location = sa.case(
    (_experiment.c.artifact_location != "", _experiment.c.artifact_location),
    else_="mlflow-artifacts:/" + sa.cast(_experiment.c.experiment_id, sa.Text),
)
_artifact_uri: sa.ColumnElement[str] = (
    sa.select(_location + sa.case((_location.endswith("/"), ""), else_="/") + _run.c.run_id + "/artifacts")
    .where(_experiment.c.experiment_pk == _run.c.experiment_pk)
    .correlate(_run)
    .scalar_subquery()
)
# The database's clock, so that all replicas say the same of a run.
NOW_MILLIS: Mapping[str, sa.ColumnElement[int]] = {
    "postgresql": sa.cast(sa.extract("epoch", sa.func.now()) * 1000, sa.BigInteger),
    "sqlite": sa.cast((sa.func.julianday("now") - 2440587.5) * 86_400_000, sa.BigInteger),
}


@dataclass(frozen=True, eq=False)
class RunAttributes:
    """The attributes of the run of a statement."""

    texts: Mapping[str, sa.ColumnElement[str]]
    times: Mapping[str, sa.ColumnElement[Any]]
    """Those that are numbers; a run may lack some."""
    stale_before: sa.ColumnElement[int]
    """A RUNNING run is stale that was last written before that time."""
    stale_after_millis: int
    """How long it has to be silent for that; 0: none is ever stale."""


def stale_before_of(dialect: str, stale_after_millis: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """The `stale_before` of a database, where a run is stale after so long; 0: none is ever stale."""
    return sa.case(
        (stale_after_millis > 0, NOW_MILLIS[dialect] - stale_after_millis), else_=sa.literal(0, sa.BigInteger)
    )


def run_attributes(dialect: str, stale_after_millis: int) -> RunAttributes:
    """The attributes, where a RUNNING run is stale that was not written for so long; 0: none is ever stale."""
    stale_before = stale_before_of(dialect, sa.literal(stale_after_millis, sa.BigInteger))
    stale = sa.and_(_run.c.status == RunStatus.RUNNING.value, stale_before > LAST_WRITE_TIME)
    return RunAttributes(
        texts={
            "run_id": _run.c.run_id,
            "run_name": _run.c.display_name,
            "status": sa.case(*((_run.c.status == status.value, status.name) for status in RunStatus), else_=""),
            "user_id": _run.c.user_name,
            "created_by": _run.c.created_by,
            "source": _run.c.source,
            "git_commit": _run.c.git_commit,
            "artifact_uri": _artifact_uri,
            "parent_run_id": _run.c.parent_run_id,
            "forked_from_run_id": _run.c.forked_from_run_id,
            "stale": sa.case((stale, "true"), else_="false"),
        },
        times={
            "start_time": _run.c.start_time,
            "end_time": _run.c.end_time,
            "duration": _run.c.end_time - _run.c.start_time,
            "last_write_time": LAST_WRITE_TIME,
            "forked_from_step": _run.c.forked_from_step,
        },
        stale_before=stale_before,
        stale_after_millis=stale_after_millis,
    )
