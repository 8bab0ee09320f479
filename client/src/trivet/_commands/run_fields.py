"""What commands show of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import trivet
from trivet._commands.answers import Field
from trivet._commands.kinds import COUNT, DURATION, ID, MARK, PAIRS, TEXT, TIME, Kind


def _info(key: str, label: str, kind: Kind = TEXT, *, is_listed: bool = True) -> Field[trivet.Run]:
    return Field(key, label, kind, lambda run: getattr(run.info, key), is_listed)


def _duration_seconds(run: trivet.Run) -> float | None:
    if run.info.start_time is None or run.info.end_time is None:
        return None
    return (run.info.end_time - run.info.start_time) / 1000


RUN_FIELDS: Final[Sequence[Field[trivet.Run]]] = (
    _info("run_id", "ID", ID),
    _info("run_name", "Name"),
    _info("experiment_id", "Experiment", ID),
    _info("status", "Status", ID),
    _info("stale", "Stale", MARK),
    _info("start_time", "Started", TIME),
    _info("end_time", "Ended", TIME, is_listed=False),
    _info("last_write_time", "Written", TIME, is_listed=False),
    Field("duration_seconds", "Duration", DURATION, _duration_seconds),
    _info("user_id", "User"),
    _info("created_by", "Created by", is_listed=False),
    _info("source", "Source", is_listed=False),
    _info("git_commit", "Git commit", is_listed=False),
    _info("parent_run_id", "Parent run", ID, is_listed=False),
    _info("forked_from_run_id", "Forked from", ID, is_listed=False),
    _info("forked_from_step", "At step", COUNT, is_listed=False),
    _info("lifecycle_stage", "Stage", ID, is_listed=False),
    _info("description", "Description", is_listed=False),
    Field("params", "Params", PAIRS, lambda run: run.data.params, is_listed=False),
    Field("metrics", "Metrics", PAIRS, lambda run: run.data.metrics, is_listed=False),
    Field("tags", "Tags", PAIRS, lambda run: run.data.tags, is_listed=False),
)
