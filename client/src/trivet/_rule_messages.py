"""Rules, their events and stops between messages and values."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from trivet._errors import InvalidArgument
from trivet._names import last_segment
from trivet._rule_entities import (
    Condition,
    Divergence,
    NoHeartbeat,
    NoImprovement,
    NotANumber,
    Rule,
    RuleEvent,
    RuleEventDelivery,
    RunStop,
)
from trivet._timestamps import millis
from trivet_proto.tracking.v1 import rule_pb2 as pb
from trivet_proto.tracking.v1 import run_stop_pb2

_DIRECTIONS = {"minimize": pb.METRIC_DIRECTION_MINIMIZE, "maximize": pb.METRIC_DIRECTION_MAXIMIZE}


def set_condition(rule: pb.Rule, condition: Condition) -> None:
    """Sets a condition in a message. Raises InvalidArgument."""
    match condition:
        case NotANumber():
            rule.not_a_number.CopyFrom(pb.NotANumber(metric=condition.metric))
        case Divergence():
            rule.divergence.CopyFrom(_to_divergence(condition))
        case NoImprovement():
            rule.no_improvement.CopyFrom(_to_no_improvement(condition))
        case NoHeartbeat():
            rule.no_heartbeat.CopyFrom(pb.NoHeartbeat(silence=_to_duration(condition.seconds)))
        case _:
            raise InvalidArgument(f"{condition!r} is no condition; those are in trivet.rules.")


def from_rule(message: pb.Rule) -> Rule:
    """The value of a message."""
    return Rule(
        rule_id=last_segment(message.name),
        name=message.display_name,
        condition=_from_condition(message),
        experiment_id=last_segment(message.experiment) or None,
        run_id=last_segment(message.run) or None,
        stop=message.stop,
        tag=message.tag,
        webhook_url=message.webhook.url,
        webhook_secret=message.webhook.secret,
        created_by=message.created_by,
        creation_timestamp=millis(message.create_time),
    )


def from_event(message: pb.RuleEvent) -> RuleEvent:
    """The value of a message."""
    return RuleEvent(
        event_id=message.id,
        rule_id=last_segment(message.rule),
        rule_name=message.rule_display_name,
        experiment_id=last_segment(message.experiment),
        run_id=last_segment(message.run),
        reason=message.reason,
        metric=message.metric,
        step=message.step if message.HasField("step") else None,
        value=message.value if message.HasField("value") else None,
        creation_timestamp=millis(message.create_time),
        delivery=_from_delivery(message.delivery) if message.HasField("delivery") else None,
    )


def from_stop(message: run_stop_pb2.RunStop) -> RunStop | None:
    """The value of a message; None where nobody asked."""
    if not message.HasField("request_time"):
        return None
    return RunStop(
        reason=message.reason,
        rule_id=last_segment(message.rule) or None,
        requested_by=message.requested_by,
        request_timestamp=millis(message.request_time),
    )


def _to_divergence(condition: Divergence) -> pb.Divergence:
    limits = {
        name: value
        for name, value in (
            ("above", condition.above),
            ("below", condition.below),
            ("worse_by", condition.worse_by),
            ("worse_by_factor", condition.worse_by_factor),
        )
        if value is not None
    }
    if len(limits) != 1:
        raise InvalidArgument("Give a Divergence exactly one of above, below, worse_by and worse_by_factor.")
    message = pb.Divergence(metric=condition.metric)
    ((limit, value),) = limits.items()
    if limit == "above":
        message.above = value
    elif limit == "below":
        message.below = value
    else:
        message.worsening.direction = _to_direction(condition.direction)
        if limit == "worse_by":
            message.worsening.difference = value
        else:
            message.worsening.factor = value
    return message


def _to_no_improvement(condition: NoImprovement) -> pb.NoImprovement:
    if (condition.steps is None) == (condition.seconds is None):
        raise InvalidArgument("Give a NoImprovement either steps or seconds.")
    message = pb.NoImprovement(
        metric=condition.metric, direction=_to_direction(condition.direction), min_delta=condition.min_delta
    )
    if condition.steps is not None:
        message.steps = condition.steps
    if condition.seconds is not None:
        message.time.CopyFrom(_to_duration(condition.seconds))
    return message


def _to_direction(name: str) -> pb.MetricDirection.ValueType:
    if name not in _DIRECTIONS:
        raise InvalidArgument(f"{name!r} is no direction; that is {' or '.join(_DIRECTIONS)}.")
    return _DIRECTIONS[name]


def _to_duration(seconds: float) -> Duration:
    duration = Duration()
    try:
        duration.FromMilliseconds(round(seconds * 1000))
    except (ValueError, OverflowError):
        raise InvalidArgument(f"{seconds!r} is no number of seconds.") from None
    return duration


def _from_condition(message: pb.Rule) -> Condition:
    match message.WhichOneof("condition"):
        case "divergence":
            return _from_divergence(message.divergence)
        case "no_improvement":
            said = message.no_improvement
            return NoImprovement(
                said.metric,
                steps=said.steps if said.HasField("steps") else None,
                seconds=_seconds(said.time) if said.HasField("time") else None,
                direction=_direction(said.direction),
                min_delta=said.min_delta,
            )
        case "no_heartbeat":
            return NoHeartbeat(_seconds(message.no_heartbeat.silence))
    return NotANumber(message.not_a_number.metric)


def _from_divergence(message: pb.Divergence) -> Divergence:
    worsening = message.worsening
    return Divergence(
        message.metric,
        above=message.above if message.HasField("above") else None,
        below=message.below if message.HasField("below") else None,
        worse_by=worsening.difference if worsening.HasField("difference") else None,
        worse_by_factor=worsening.factor if worsening.HasField("factor") else None,
        direction=_direction(worsening.direction),
    )


def _direction(number: int) -> str:
    return "maximize" if number == pb.METRIC_DIRECTION_MAXIMIZE else "minimize"


def _seconds(duration: Duration) -> float:
    return duration.ToMilliseconds() / 1000


def _from_delivery(message: pb.RuleEventDelivery) -> RuleEventDelivery:
    return RuleEventDelivery(
        state=pb.RuleEventDeliveryState.Name(message.state).removeprefix("RULE_EVENT_DELIVERY_STATE_"),
        attempts=message.attempts,
        http_status=message.http_status or None,
        problem=message.problem,
        attempt_timestamp=millis(message.attempt_time) if message.HasField("attempt_time") else None,
        next_attempt_timestamp=millis(message.next_attempt_time) if message.HasField("next_attempt_time") else None,
    )
