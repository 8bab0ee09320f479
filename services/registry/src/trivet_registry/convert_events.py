"""Between the messages of events and the domain's values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from google.protobuf import json_format

from trivet_kit import page_tokens
from trivet_kit.errors import FieldInvalid
from trivet_kit.resources import parse_model, parse_workspace
from trivet_proto.registry.v1 import model_event_pb2 as pb
from trivet_registry.convert_history import from_entry
from trivet_registry.domain.events import Event, EventPage, EventQuery
from trivet_registry.domain.history import Action

_MAX_MODELS = 1000
_POSITION = re.compile(r"0|[1-9][0-9]{0,17}")
_ACTIONS = {action.value: action for action in Action if action is not Action.UNKNOWN}


def to_query(request: pb.WatchModelEventsRequest) -> EventQuery:
    """What a request wants to hear of. Raises FieldInvalid."""
    if len(request.models) > _MAX_MODELS:
        raise FieldInvalid("models", f"may name at most {_MAX_MODELS} models")
    return EventQuery(
        workspace=parse_workspace(request.parent, "parent").workspace,
        model_ids=frozenset(
            parse_model(name, f"models[{index}]").model_id for index, name in enumerate(request.models)
        ),
        actions=frozenset(to_actions(request.actions, "actions")),
    )


def to_actions(values: Iterable[int], field: str) -> tuple[Action, ...]:
    """The actions that a list names, each once. Raises FieldInvalid."""
    found: list[Action] = []
    for index, value in enumerate(values):
        if value not in _ACTIONS:
            raise FieldInvalid(f"{field}[{index}]", "must be a known action")
        if _ACTIONS[value] not in found:
            found.append(_ACTIONS[value])
    return tuple(found)


def to_position(token: str) -> int | None:
    """The position that a token stands for; None for the empty one. Raises FieldInvalid."""
    if not token:
        return None
    if not _POSITION.fullmatch(token):
        raise FieldInvalid("resume_token", "is not one that WatchModelEvents has sent")
    return int(token)


def from_page(page: EventPage) -> Iterator[pb.WatchModelEventsResponse]:
    """The events as messages that are not too large; at least one."""
    rest = list(page.events)
    while True:
        messages = [from_event(event) for event in rest]
        kept = page_tokens.entries_that_fit([message.ByteSize() for message in messages])
        is_last = kept == len(rest)
        reached = page.reached if is_last else rest[kept - 1].position
        yield pb.WatchModelEventsResponse(resume_token=str(reached), events=messages[:kept])
        if is_last:
            return
        rest = rest[kept:]


def from_event(event: Event) -> pb.ModelEvent:
    """The event as a message."""
    return pb.ModelEvent(
        id=event.id, model=str(event.model), model_uid=event.entry.model_uid, entry=from_entry(event.entry)
    )


def body_of(event: Event) -> bytes:
    """The event as webhooks get it: protobuf's JSON."""
    return json_format.MessageToJson(from_event(event), indent=None).encode()
