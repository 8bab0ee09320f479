"""New runs on PostgreSQL where nothing is in their way: one function, and what travels with the commit (ADR 49)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db.bulk import DriverStatement, Scalar
from trivet_kit.db.functions import function_of
from trivet_tracking.domain.run_inputs import NO_LINKS
from trivet_tracking.domain.runs import ExperimentByName, NewRun, Run
from trivet_tracking.store import tables
from trivet_tracking.store.entries import Entries, Entry
from trivet_tracking.store.run_rows import is_stale

_SET = (
    *("workspace", "run_id", "display_name", "status", "start_time", "end_time", "begun_time", "user_name"),
    *("created_by", "source", "git_commit", "parent_run_id", "forked_from_run_id", "description"),
    *("create_time", "update_time", "revision", "fingerprint"),
)
_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    **{name: tables.run.c[name].type for name in _SET},
    "experiment_id": sa.BigInteger(),
    "experiment_name": sa.Text(),
}
_CREATE = function_of(
    tables.SCHEMA,
    "create_run",
    sa.text(
        f"""
    WITH target AS (
        SELECT experiment_pk, experiment_id FROM {tables.SCHEMA}.experiment
        WHERE workspace = :b_workspace AND experiment_id = :b_experiment_id AND delete_time IS NULL
        UNION ALL
        SELECT experiment_pk, experiment_id FROM {tables.SCHEMA}.experiment
        WHERE workspace = :b_workspace AND display_name = :b_experiment_name AND delete_time IS NULL
    ), created AS (
        INSERT INTO {tables.SCHEMA}.run (experiment_pk, {", ".join(_SET)})
        SELECT experiment_pk, {", ".join(f":b_{name}" for name in _SET)} FROM target
        ON CONFLICT DO NOTHING
        RETURNING run_pk
    )
    SELECT run_pk, experiment_pk, experiment_id,
        CAST(extract(epoch FROM now()) * 1000 AS bigint) FROM created CROSS JOIN target
    """  # noqa: S608 - the names are ours
    )
    .bindparams(*(sa.bindparam(f"b_{name}", type_=kind) for name, kind in _TYPES.items()))
    .columns(*(sa.column(name, sa.BigInteger) for name in ("run_pk", "experiment_pk", "experiment_id", "now"))),
)
FUNCTIONS = (_CREATE,)
"""What PostgreSQL has as functions: to plan them takes longer than what they do (ADR 35)."""


class RunCreation:
    """Creates runs on PostgreSQL. Safe for threads."""

    def __init__(self, entries: Entries, stale_after_millis: int) -> None:
        """Prepares it.

        Args:
            entries: Of the database.
            stale_after_millis: How long a RUNNING run has to be silent until it is stale; 0: none ever is.
        """
        self._entries = entries
        self._stale_after_millis = stale_after_millis
        self._create = DriverStatement(_CREATE)

    def create(self, connection: Connection, workspace: str, new: NewRun, now_millis: int) -> Run | None:
        """Creates a run as the first statement of a transaction; its errors may come from the commit.

        Returns:
            The run. None, and nothing is written, where its id is in use, or the experiment is not there or is deleted.
        """
        rows = self._create.execute(connection, _values(workspace, new, now_millis))
        if not rows:
            return None
        run_pk, experiment_pk, experiment_id, database_now = rows[0]
        params, tags = (
            [Entry(run_pk, key, value, experiment_pk) for key, value in sorted(entries.items())]
            for entries in (new.params, new.tags)
        )
        if params or tags:
            self._entries.write(connection, params, tags)
        stale_before = database_now - self._stale_after_millis if self._stale_after_millis else 0
        return Run(
            workspace=workspace,
            run_id=new.run_id,
            experiment_id=experiment_id,
            display_name=new.display_name,
            status=new.status,
            start_time=new.start_time,
            end_time=new.end_time,
            begun_time=new.start_time,
            user=new.user,
            created_by=new.created_by,
            source=new.source,
            git_commit=new.git_commit,
            parent_run_id=new.parent_run_id,
            description=new.description,
            params=new.params,
            tags=new.tags,
            metrics=(),
            links=NO_LINKS,
            deleted=False,
            create_time=now_millis,
            update_time=now_millis,
            delete_time=None,
            revision=1,
            last_write_time=now_millis,
            stale=is_stale(new.status, now_millis, stale_before),
        )


def _values(workspace: str, new: NewRun, now_millis: int) -> dict[str, Scalar]:
    target = new.experiment
    return {
        "b_workspace": workspace,
        "b_run_id": new.run_id,
        "b_display_name": new.display_name,
        "b_status": new.status.value,
        "b_start_time": new.start_time,
        "b_end_time": new.end_time,
        "b_begun_time": new.start_time,
        "b_user_name": new.user,
        "b_created_by": new.created_by,
        "b_source": new.source,
        "b_git_commit": new.git_commit,
        "b_parent_run_id": new.parent_run_id,
        "b_forked_from_run_id": "",
        "b_description": new.description,
        "b_create_time": now_millis,
        "b_update_time": now_millis,
        "b_revision": 1,
        "b_fingerprint": new.fingerprint,
        "b_experiment_id": None if isinstance(target, ExperimentByName) else target.experiment_id,
        "b_experiment_name": target.display_name if isinstance(target, ExperimentByName) else None,
    }
