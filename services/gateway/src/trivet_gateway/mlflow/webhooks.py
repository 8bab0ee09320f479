"""Webhooks, told of changes of registered models."""

from __future__ import annotations

import re
from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask

from trivet_gateway.answers import millis, without_empty
from trivet_gateway.errors import MlflowError, invalid
from trivet_gateway.fields import Fields
from trivet_gateway.mlflow.paging import check_max_results, gathered
from trivet_gateway.upstream import Caller, last
from trivet_proto.registry.v1 import model_history_pb2, webhook_pb2

_ACTIONS: Final = {
    ("REGISTERED_MODEL", "CREATED"): model_history_pb2.MODEL_ACTION_MODEL_CREATED,
    ("MODEL_VERSION", "CREATED"): model_history_pb2.MODEL_ACTION_VERSION_CREATED,
    ("MODEL_VERSION_TAG", "SET"): model_history_pb2.MODEL_ACTION_VERSION_TAGGED,
    ("MODEL_VERSION_TAG", "DELETED"): model_history_pb2.MODEL_ACTION_VERSION_TAGGED,
    ("MODEL_VERSION_ALIAS", "CREATED"): model_history_pb2.MODEL_ACTION_ALIAS_SET,
    ("MODEL_VERSION_ALIAS", "DELETED"): model_history_pb2.MODEL_ACTION_ALIAS_DELETED,
}
"""MLflow's events, and what the registry calls them: tags that are set and removed are one thing there."""
_ENTITIES: Final = {
    "REGISTERED_MODEL": 1,
    "MODEL_VERSION": 2,
    "MODEL_VERSION_TAG": 3,
    "MODEL_VERSION_ALIAS": 4,
}
_VERBS: Final = {"CREATED": 1, "UPDATED": 2, "DELETED": 3, "SET": 4}
_STATUSES: Final = {"ACTIVE": 1, "DISABLED": 2}
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
# The contract has no name beside the description, which begins with it.
_NAMED: Final = re.compile(rf"({_NAME.pattern})(?:: (.*))?", re.DOTALL)
_MOST: Final = 1_000


def to_webhook(webhook: webhook_pb2.Webhook) -> dict[str, Any]:
    """As MLflow has it."""
    name, description = _parts(webhook)
    return without_empty(
        {
            "webhook_id": last(webhook.name),
            "name": name,
            "description": description,
            "url": webhook.url,
            "events": [
                {"entity": entity, "action": verb}
                for (entity, verb), action in sorted(_ACTIONS.items())
                if action in webhook.actions or not webhook.actions
            ],
            "status": "DISABLED" if webhook.disabled else "ACTIVE",
            "creation_timestamp": millis(webhook.create_time),
            "last_updated_timestamp": millis(webhook.update_time),
        }
    )


def _parts(webhook: webhook_pb2.Webhook) -> tuple[str, str]:
    """Name and description; of one that another client made, its id and all of the description."""
    found = _NAMED.fullmatch(webhook.description)
    return (found[1], found[2] or "") if found else (last(webhook.name), webhook.description)


def _described(name: str, description: str) -> str:
    if not _NAME.fullmatch(name):
        raise invalid(
            f"Webhook name {name[:100]!r} is invalid. It must start and end with a letter or digit, be less than 63 "
            "characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-)."
        )
    return f"{name}: {description}" if description else name


def _actions(fields: Fields) -> list[model_history_pb2.ModelAction.ValueType]:
    events = fields.objects("events")
    if not events:
        raise invalid("Webhook events must be a non-empty list of WebhookEvent objects.")
    actions = []
    for event in events:
        entity, verb = event.choice("entity", _ENTITIES, ""), event.choice("action", _VERBS, "")
        if (entity, verb) not in _ACTIONS:
            raise invalid(f"Invalid action {verb.lower()!r} for entity {entity.lower()!r}.")
        actions.append(_ACTIONS[entity, verb])
    return sorted(set(actions))


async def create(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Creates one."""
    webhook = webhook_pb2.Webhook(
        description=_described(fields.needed("name"), fields.text("description")),
        url=fields.needed("url"),
        actions=_actions(fields),
        secret=fields.text("secret"),
        disabled=fields.choice("status", _STATUSES, "ACTIVE") == "DISABLED",
    )
    request = webhook_pb2.CreateWebhookRequest(parent=caller.parent, webhook=webhook)
    return {"webhook": to_webhook(await caller.call(caller.upstream.registry.CreateWebhook, request))}


async def list_page(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns a page."""
    request = webhook_pb2.ListWebhooksRequest(parent=caller.parent, page_token=fields.text("page_token"))
    found, token = await gathered(
        caller,
        caller.upstream.registry.ListWebhooks,
        request,
        lambda page: page.webhooks,
        check_max_results(fields, 100, _MOST),
    )
    return without_empty({"webhooks": [to_webhook(each) for each in found], "next_page_token": token})


async def get(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns one."""
    return {"webhook": to_webhook(await _get(caller, fields))}


async def _get(caller: Caller, fields: Fields) -> webhook_pb2.Webhook:
    request = webhook_pb2.GetWebhookRequest(name=_name(caller, fields))
    found: webhook_pb2.Webhook = await caller.call(caller.upstream.registry.GetWebhook, request)
    return found


async def update(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Changes what the request names."""
    before = await _get(caller, fields)
    webhook = webhook_pb2.Webhook(name=before.name, etag=before.etag)
    paths = []
    if fields.has("name") or fields.has("description"):
        name, description = _parts(before)
        webhook.description = _described(fields.text("name", name), fields.text("description", description))
        paths.append("description")
    if fields.has("url"):
        webhook.url = fields.needed("url")
        paths.append("url")
    if fields.has("events"):
        webhook.actions.extend(_actions(fields))
        paths.append("actions")
    if fields.has("secret"):
        webhook.secret = fields.needed("secret")
        paths.append("secret")
    if fields.has("status"):
        webhook.disabled = fields.choice("status", _STATUSES, "ACTIVE") == "DISABLED"
        paths.append("disabled")
    if not paths:
        return {"webhook": to_webhook(before)}
    request = webhook_pb2.UpdateWebhookRequest(webhook=webhook, update_mask=FieldMask(paths=paths))
    return {"webhook": to_webhook(await caller.call(caller.upstream.registry.UpdateWebhook, request))}


async def delete(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Deletes one."""
    request = webhook_pb2.DeleteWebhookRequest(name=_name(caller, fields))
    await caller.call(caller.upstream.registry.DeleteWebhook, request)
    return {}


async def test(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Refuses: the registry sends what happened, and nothing else."""
    await _get(caller, fields)
    raise MlflowError("NOT_IMPLEMENTED", "Trivet sends events that happened, and no others. Tag a version to see one.")


def _name(caller: Caller, fields: Fields) -> str:
    return f"{caller.parent}/webhooks/{fields.needed('webhook_id')}"
