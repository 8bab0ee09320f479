"""Rows of rules and of what they found, as values and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import IntEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from trivet_kit.webhooks.deliveries import DeliveryState
from trivet_tracking.domain.rule_conditions import (
    Breach,
    Condition,
    Direction,
    NoHeartbeat,
    NoImprovement,
    NotANumber,
    OutOfBound,
    Worsening,
)
from trivet_tracking.domain.rules import EventDelivery, Rule, RuleEvent, RuleWebhook
from trivet_tracking.store import tables

_t = tables.rule
_v = tables.rule_event
_e = tables.experiment
_r = tables.run


class Kind(IntEnum):
    """What a rule looks for: the column `kind`."""

    NOT_A_NUMBER = 1
    OUT_OF_BOUND = 2
    WORSENING = 3
    NO_IMPROVEMENT = 4
    NO_HEARTBEAT = 5


_CONDITIONS: dict[Kind, type[Any]] = {
    Kind.NOT_A_NUMBER: NotANumber,
    Kind.OUT_OF_BOUND: OutOfBound,
    Kind.WORSENING: Worsening,
    Kind.NO_IMPROVEMENT: NoImprovement,
    Kind.NO_HEARTBEAT: NoHeartbeat,
}
_KINDS = {condition: kind for kind, condition in _CONDITIONS.items()}

WITH_PLACES = (
    sa.select(_t, _e.c.workspace, _e.c.experiment_id, sa.func.coalesce(_r.c.run_id, "").label("run_id"))
    .join_from(_t, _e, _e.c.experiment_pk == _t.c.experiment_pk)
    .outerjoin(_r, _r.c.run_pk == _t.c.run_pk)
)
"""Rules, each with what they are of: for `to_rule`."""

EVENTS = (
    sa.select(_v, _t.c.rule_id, _t.c.display_name, _e.c.workspace, _e.c.experiment_id, _r.c.run_id)
    .join_from(_v, _t, _t.c.rule_pk == _v.c.rule_pk)
    .join(_r, _r.c.run_pk == _v.c.run_pk)
    .join(_e, _e.c.experiment_pk == _r.c.experiment_pk)
)
"""Events, each with what it is of: for `to_event`."""


def condition_columns(condition: Condition) -> dict[str, Any]:
    """The columns that say when a run breaks a rule."""
    return {
        "kind": _KINDS[type(condition)].value,
        "metric": "" if isinstance(condition, NoHeartbeat) else condition.metric,
        "silence": condition.silence_millis if isinstance(condition, NoHeartbeat) else None,
        "condition": json.dumps(asdict(condition)),
    }


def to_condition(kind: int, text: str) -> Condition:
    """What `condition_columns` made columns of."""
    fields = json.loads(text)
    if "direction" in fields:
        fields["direction"] = Direction(fields["direction"])
    condition: Condition = _CONDITIONS[Kind(kind)](**fields)
    return condition


def to_rule(row: Row[Any]) -> Rule:
    """A row of `WITH_PLACES` as a value."""
    return Rule(
        workspace=row.workspace,
        rule_id=row.rule_id,
        experiment_id=row.experiment_id,
        run_id=row.run_id,
        display_name=row.display_name,
        condition=to_condition(row.kind, row.condition),
        stops=row.stops,
        tags=row.tags,
        webhook=RuleWebhook(row.webhook_url, row.webhook_secret) if row.webhook_url else None,
        created_by=row.created_by,
        create_time=row.create_time,
    )


def breach_columns(breach: Breach) -> dict[str, Any]:
    """The columns that say why a run broke a rule."""
    return {
        "reason": breach.reason,
        "metric": breach.metric,
        "step": breach.step,
        "value": None if breach.value is None else repr(breach.value),
    }


def to_event(row: Row[Any]) -> RuleEvent:
    """A row of `EVENTS` as a value."""
    delivery: EventDelivery | None = None
    if row.state:
        delivery = EventDelivery(
            DeliveryState(row.state), row.attempts, row.attempt_time, row.due_time, row.http_status, row.problem
        )
    return RuleEvent(
        workspace=row.workspace,
        event_id=row.event_id,
        rule_id=row.rule_id,
        display_name=row.display_name,
        experiment_id=row.experiment_id,
        run_id=row.run_id,
        breach=Breach(row.reason, row.metric, row.step, None if row.value is None else float(row.value)),
        create_time=row.create_time,
        delivery=delivery,
    )
