"""Stages of versions."""

from __future__ import annotations

from trivet_kit.errors import FieldInvalid

NO_STAGE = "None"
ARCHIVED = "Archived"
STAGES = (NO_STAGE, "Staging", "Production", ARCHIVED)

_CANONICAL = {stage.lower(): stage for stage in STAGES}


def to_stage(text: str, field: str) -> str:
    """The stage that a text means; case does not count. Raises FieldInvalid."""
    stage = _CANONICAL.get(text.lower())
    if stage is None:
        raise FieldInvalid(field, f"must be one of {', '.join(STAGES)}")
    return stage


def check_archiving(stage: str, field: str) -> None:
    """Checks that moves into a stage may archive what was there. Raises FieldInvalid."""
    if stage in {NO_STAGE, ARCHIVED}:
        raise FieldInvalid(field, f"cannot be set with the stage {stage}")
