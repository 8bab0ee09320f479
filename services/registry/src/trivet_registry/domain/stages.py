"""Stages of versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from trivet_kit.errors import FieldInvalid, FieldRequired, FieldTooLong
from trivet_registry.domain import limits

NO_STAGE = "None"
ARCHIVED = "Archived"
DEFAULT_STAGES = (NO_STAGE, "Staging", "Production", ARCHIVED)

_STAGE = re.compile(r"[A-Za-z0-9_-]+(?: +[A-Za-z0-9_-]+)*")
# URIs such as `models:/taxi/3` and `models:/taxi/latest` mean versions.
_RESERVED = re.compile(r"[0-9]+|latest", re.IGNORECASE)


def to_stage(text: str, stages: Iterable[str], field: str) -> str:
    """The one of some stages that a text means; case does not count. Raises FieldInvalid."""
    for stage in stages:
        if stage.lower() == text.lower():
            return stage
    raise FieldInvalid(field, f"must be one of {', '.join(stages)}")


def check_archiving(stage: str, field: str) -> None:
    """Checks that moves into a stage may archive what was there. Raises FieldInvalid."""
    if stage in {NO_STAGE, ARCHIVED}:
        raise FieldInvalid(field, f"cannot be set with the stage {stage}")


def check_stages(stages: Sequence[str], field: str) -> tuple[str, ...]:
    """Returns the stages of a workspace. Raises FieldRequired, FieldInvalid, FieldTooLong."""
    if not stages:
        raise FieldRequired(field)
    if len(stages) > limits.MAX_STAGES:
        raise FieldInvalid(field, f"may have at most {limits.MAX_STAGES} stages")
    seen: set[str] = set()
    for index, stage in enumerate(stages):
        _check_name(stage, f"{field}[{index}]")
        if stage.lower() in seen:
            raise FieldInvalid(f"{field}[{index}]", "is there before it; case does not count")
        seen.add(stage.lower())
    if stages[0] != NO_STAGE or stages[-1] != ARCHIVED:
        raise FieldInvalid(field, f"must begin with {NO_STAGE} and end with {ARCHIVED}")
    return tuple(stages)


def _check_name(stage: str, field: str) -> None:
    if len(stage) > limits.MAX_STAGE_CHARACTERS:
        raise FieldTooLong(field, len(stage), limits.MAX_STAGE_CHARACTERS)
    if not _STAGE.fullmatch(stage):
        raise FieldInvalid(field, f"must match {_STAGE.pattern}")
    if _RESERVED.fullmatch(stage):
        raise FieldInvalid(field, "must not be a number, nor `latest`")
