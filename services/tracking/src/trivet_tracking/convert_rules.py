"""Rules and what they found between messages and values. Checks what needs no database."""

from __future__ import annotations

import math
from typing import Any

from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration

from trivet_kit import fingerprints, page_tokens, texts
from trivet_kit.calls import Call
from trivet_kit.errors import FieldInvalid, FieldRequired
from trivet_kit.page_tokens import Cursor
from trivet_kit.resources import ExperimentName, RuleName, RunName, parse_experiment, parse_rule, parse_run
from trivet_kit.timestamps import from_millis
from trivet_kit.webhooks import fields
from trivet_kit.webhooks.deliveries import DeliveryState
from trivet_proto.tracking.v1 import rule_pb2 as pb
from trivet_proto.tracking.v1 import run_stop_pb2
from trivet_tracking.domain import limits
from trivet_tracking.domain.rule_conditions import (
    Condition,
    Direction,
    NoHeartbeat,
    NoImprovement,
    NotANumber,
    OutOfBound,
    Worsening,
)
from trivet_tracking.domain.rules import (
    EventDelivery,
    NewRule,
    Rule,
    RuleEvent,
    RuleEventQuery,
    RuleQuery,
    RuleWebhook,
    RunStop,
)

_MAX_SECONDS = 366 * 24 * 3600


def to_new_rule(request: pb.CreateRuleRequest, call: Call) -> NewRule:
    """Checks a rule to create. Raises FieldRequired, FieldInvalid, FieldTooLong, ResourceNameInvalid."""
    message = request.rule
    if message.experiment and message.run:
        raise FieldInvalid("rule.run", "cannot be set together with rule.experiment")
    if not message.experiment and not message.run:
        raise FieldRequired("rule.experiment")
    return NewRule(
        experiment_id=_experiment_id(message.experiment, "rule.experiment"),
        run_id=_run_id(message.run, "rule.run"),
        display_name=texts.check_label(message.display_name, "rule.display_name", limits.MAX_RULE_NAME_CHARACTERS),
        condition=_to_condition(message),
        stops=message.stop,
        tags=message.tag,
        webhook=_to_webhook(message.webhook) if message.HasField("webhook") else None,
        created_by=call.principal.subject,
        fingerprint=fingerprints.fingerprint(message, "name", "created_by", "create_time"),
    )


def to_query(request: pb.ListRulesRequest, after: Cursor | None) -> RuleQuery:
    """Checks what to list. Raises FieldInvalid, ResourceNameInvalid."""
    if request.experiment and request.run:
        raise FieldInvalid("run", "cannot be set together with experiment")
    return RuleQuery(
        experiment_id=_experiment_id(request.experiment, "experiment"),
        run_id=_run_id(request.run, "run"),
        size=page_tokens.page_size(request.page_size),
        after=after,
    )


def to_event_query(request: pb.ListRuleEventsRequest, after: Cursor | None) -> RuleEventQuery:
    """Checks what to list. Raises FieldInvalid, ResourceNameInvalid."""
    return RuleEventQuery(
        rule_id=parse_rule(request.rule, "rule").rule_id if request.rule else "",
        experiment_id=_experiment_id(request.experiment, "experiment"),
        run_id=_run_id(request.run, "run"),
        size=page_tokens.page_size(request.page_size),
        after=after,
    )


def to_stop_reason(request: run_stop_pb2.StopRunRequest) -> str:
    """Checks why to stop. Raises FieldInvalid, FieldTooLong."""
    return texts.check_text(request.reason, "reason", limits.MAX_STOP_REASON_CHARACTERS)


def from_rule(rule: Rule, *, with_secret: bool = False) -> pb.Rule:
    """The rule as a message; what only its creator is told: the secret of its webhook, and all of the URL."""
    webhook: pb.RuleWebhook | None = None
    if rule.webhook is not None and with_secret:
        webhook = pb.RuleWebhook(url=rule.webhook.url, secret=rule.webhook.secret)
    elif rule.webhook is not None:
        webhook = pb.RuleWebhook(url=fields.origin_of(rule.webhook.url))
    return pb.Rule(
        name=str(RuleName(rule.workspace, rule.rule_id)),
        experiment="" if rule.run_id else str(ExperimentName(rule.workspace, rule.experiment_id)),
        run=str(RunName(rule.workspace, rule.run_id)) if rule.run_id else "",
        display_name=rule.display_name,
        stop=rule.stops,
        tag=rule.tags,
        webhook=webhook,
        created_by=rule.created_by,
        create_time=from_millis(rule.create_time),
        **_from_condition(rule.condition),
    )


def from_event(event: RuleEvent) -> pb.RuleEvent:
    """The event as a message."""
    breach = event.breach
    return pb.RuleEvent(
        id=event.event_id,
        rule=str(RuleName(event.workspace, event.rule_id)),
        rule_display_name=event.display_name,
        experiment=str(ExperimentName(event.workspace, event.experiment_id)),
        run=str(RunName(event.workspace, event.run_id)),
        reason=breach.reason,
        metric=breach.metric,
        step=breach.step,
        value=breach.value,
        create_time=from_millis(event.create_time),
        delivery=None if event.delivery is None else _from_delivery(event.delivery),
    )


def body_of(event: RuleEvent) -> bytes:
    """The event as webhooks get it: protobuf's JSON, without how the sending goes."""
    message = from_event(event)
    message.ClearField("delivery")
    return json_format.MessageToJson(message, indent=None).encode()


def from_stop(workspace: str, run_id: str, stop: RunStop | None) -> run_stop_pb2.RunStop:
    """What a run was asked, as a message."""
    run = str(RunName(workspace, run_id))
    if stop is None:
        return run_stop_pb2.RunStop(run=run)
    return run_stop_pb2.RunStop(
        run=run,
        request_time=from_millis(stop.request_time),
        reason=stop.reason,
        rule=str(RuleName(workspace, stop.rule_id)) if stop.rule_id else "",
        requested_by=stop.requested_by,
    )


def _from_delivery(delivery: EventDelivery) -> pb.RuleEventDelivery:
    return pb.RuleEventDelivery(
        state=pb.RuleEventDeliveryState.ValueType(delivery.state.value),
        attempts=delivery.attempts,
        attempt_time=from_millis(delivery.attempt_time),
        next_attempt_time=from_millis(delivery.due_time) if delivery.state is DeliveryState.PENDING else None,
        http_status=delivery.http_status,
        problem=delivery.problem,
    )


def _experiment_id(name: str, field: str) -> int | None:
    return parse_experiment(name, field).experiment_id if name else None


def _run_id(name: str, field: str) -> str:
    return parse_run(name, field).run_id if name else ""


def _to_webhook(message: pb.RuleWebhook) -> RuleWebhook:
    secret = fields.check_secret(message.secret, "rule.webhook.secret") if message.secret else fields.new_secret()
    return RuleWebhook(fields.check_url(message.url, "rule.webhook.url"), secret)


def _to_condition(message: pb.Rule) -> Condition:
    match message.WhichOneof("condition"):
        case "not_a_number":
            metric = message.not_a_number.metric
            return NotANumber(texts.check_key(metric, "rule.not_a_number.metric") if metric else "")
        case "divergence":
            return _to_divergence(message.divergence)
        case "no_improvement":
            return _to_no_improvement(message.no_improvement)
        case "no_heartbeat":
            field = "rule.no_heartbeat.silence"
            if not message.no_heartbeat.HasField("silence"):
                raise FieldRequired(field)
            return NoHeartbeat(_to_millis(message.no_heartbeat.silence, field, 1000))
    raise FieldRequired("rule.condition")


def _to_divergence(message: pb.Divergence) -> OutOfBound | Worsening:
    field = "rule.divergence"
    metric = texts.check_key(message.metric, f"{field}.metric")
    match message.WhichOneof("limit"):
        case "above":
            return OutOfBound(metric, _finite(message.above, f"{field}.above"), is_upper=True)
        case "below":
            return OutOfBound(metric, _finite(message.below, f"{field}.below"), is_upper=False)
        case "worsening":
            return _to_worsening(metric, message.worsening, f"{field}.worsening")
    raise FieldRequired(f"{field}.limit")


def _to_worsening(metric: str, message: pb.Worsening, field: str) -> Worsening:
    direction = _to_direction(message.direction, f"{field}.direction")
    match message.WhichOneof("by"):
        case "difference":
            return Worsening(metric, direction, _not_below_zero(message.difference, f"{field}.difference"), None)
        case "factor":
            factor = _finite(message.factor, f"{field}.factor")
            if factor <= 1:
                raise FieldInvalid(f"{field}.factor", "must be above 1")
            return Worsening(metric, direction, None, factor)
    raise FieldRequired(f"{field}.by")


def _to_no_improvement(message: pb.NoImprovement) -> NoImprovement:
    field = "rule.no_improvement"
    metric = texts.check_key(message.metric, f"{field}.metric")
    direction = _to_direction(message.direction, f"{field}.direction")
    min_delta = _not_below_zero(message.min_delta, f"{field}.min_delta")
    match message.WhichOneof("patience"):
        case "steps":
            if message.steps < 1:
                raise FieldInvalid(f"{field}.steps", "must be 1 or more")
            return NoImprovement(metric, direction, message.steps, None, min_delta)
        case "time":
            return NoImprovement(metric, direction, None, _to_millis(message.time, f"{field}.time", 1), min_delta)
    raise FieldRequired(f"{field}.patience")


def _to_direction(value: int, field: str) -> Direction:
    if not value:
        raise FieldRequired(field)
    try:
        return Direction(value)
    except ValueError:
        raise FieldInvalid(field, "must be a known direction") from None


def _finite(value: float, field: str) -> float:
    if not math.isfinite(value):
        raise FieldInvalid(field, "must be a finite number")
    return value


def _not_below_zero(value: float, field: str) -> float:
    if _finite(value, field) < 0:
        raise FieldInvalid(field, "must not be below 0")
    return value


def _to_millis(duration: Duration, field: str, at_least_millis: int) -> int:
    millis = duration.seconds * 1000 + duration.nanos // 1_000_000
    if not at_least_millis <= millis <= _MAX_SECONDS * 1000 or not 0 <= duration.nanos < 1_000_000_000:
        raise FieldInvalid(field, f"must be from {at_least_millis / 1000:g} s to 366 days")
    return millis


def _from_condition(condition: Condition) -> dict[str, Any]:
    """The field of `condition`, and what it is."""
    match condition:
        case NotANumber():
            return {"not_a_number": pb.NotANumber(metric=condition.metric)}
        case OutOfBound():
            if condition.is_upper:
                return {"divergence": pb.Divergence(metric=condition.metric, above=condition.bound)}
            return {"divergence": pb.Divergence(metric=condition.metric, below=condition.bound)}
        case Worsening():
            return {"divergence": pb.Divergence(metric=condition.metric, worsening=_from_worsening(condition))}
        case NoImprovement():
            return {"no_improvement": _from_no_improvement(condition)}
        case NoHeartbeat():
            return {"no_heartbeat": pb.NoHeartbeat(silence=_to_duration(condition.silence_millis))}


def _from_worsening(condition: Worsening) -> pb.Worsening:
    direction = pb.MetricDirection.ValueType(condition.direction.value)
    if condition.factor is not None:
        return pb.Worsening(direction=direction, factor=condition.factor)
    return pb.Worsening(direction=direction, difference=condition.difference or 0.0)


def _from_no_improvement(condition: NoImprovement) -> pb.NoImprovement:
    message = pb.NoImprovement(
        metric=condition.metric,
        direction=pb.MetricDirection.ValueType(condition.direction.value),
        min_delta=condition.min_delta,
    )
    if condition.steps is not None:
        message.steps = condition.steps
    else:
        message.time.CopyFrom(_to_duration(condition.millis or 0))
    return message


def _to_duration(millis: int) -> Duration:
    return Duration(seconds=millis // 1000, nanos=millis % 1000 * 1_000_000)
