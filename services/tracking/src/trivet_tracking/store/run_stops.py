"""Runs that were asked to stop, in SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_kit.db.statements import Statement
from trivet_kit.db.upserts import insert_into
from trivet_kit.resources import RunName
from trivet_tracking.domain.errors import RunNotFound
from trivet_tracking.domain.rules import RunStop
from trivet_tracking.store import runs, tables

_t = tables.run_stop
_r = tables.run

# Asked once a second by each program that looks for it.
_FIND = Statement(
    sa.select(_r.c.run_pk, _t.c.request_time, _t.c.reason, _t.c.rule_id, _t.c.requested_by)
    .outerjoin_from(_r, _t, sa.and_(_t.c.run_pk == _r.c.run_pk, _t.c.begun_time == _r.c.begun_time))
    .where(_r.c.workspace == sa.bindparam("b_workspace"), _r.c.run_id == sa.bindparam("b_run_id"))
)


class SqlRunStops:
    """Implements `RunStops`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    def ask(self, workspace: str, run_id: str, reason: str, requested_by: str) -> RunStop:
        """Asks."""
        with self._database.transaction("write") as connection:
            row = runs.find(connection, workspace, run_id, lock=True)
            runs.check_active(row)
            return ask(connection, row, RunStop(self._now(), reason, "", requested_by))

    def get(self, workspace: str, run_id: str) -> RunStop | None:
        """What was asked."""
        rows = _FIND.read(self._database, {"b_workspace": workspace, "b_run_id": run_id})
        if not rows:
            raise RunNotFound(str(RunName(workspace, run_id)))
        return None if rows[0].request_time is None else _to_stop(rows[0])


def ask(connection: Connection, run: Row[Any], stop: RunStop) -> RunStop:
    """Asks a run to stop, whose row is locked; returns what it has been asked since somebody began to write to it."""
    asked = connection.execute(
        sa.select(_t).where(_t.c.run_pk == run.run_pk, _t.c.begun_time == run.begun_time)
    ).one_or_none()
    if asked is not None:
        return _to_stop(asked)
    values = {
        "begun_time": run.begun_time,
        "request_time": stop.request_time,
        "reason": stop.reason,
        "rule_id": stop.rule_id,
        "requested_by": stop.requested_by,
    }
    insert = insert_into(connection.dialect.name, _t).values(run_pk=run.run_pk, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=[_t.c.run_pk], set_=values))
    return stop


def _to_stop(row: Row[Any]) -> RunStop:
    return RunStop(row.request_time, row.reason, row.rule_id, row.requested_by)
