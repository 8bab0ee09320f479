"""Between the messages of webhooks and the domain's values. Checks what needs no database."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from urllib.parse import urlsplit

from trivet_kit import page_tokens, texts
from trivet_kit.errors import FieldInvalid, FieldRequired, FieldTooLong, PageTokenInvalid
from trivet_kit.resources import parse_workspace
from trivet_kit.timestamps import from_millis
from trivet_kit.updates import named_paths
from trivet_proto.registry.v1 import model_history_pb2
from trivet_proto.registry.v1 import webhook_pb2 as pb
from trivet_registry.convert_events import to_actions
from trivet_registry.domain import limits
from trivet_registry.domain.webhooks import Delivery, DeliveryState, NewWebhook, Webhook

_UPDATABLE = ("description", "url", "actions", "secret", "disabled")
_SECRET = re.compile(r"[!-~]+")
_URL = re.compile(r"[!-~]+")


def to_new_webhook(request: pb.CreateWebhookRequest) -> NewWebhook:
    """Checks a webhook to create. Raises FieldRequired, FieldInvalid, FieldTooLong."""
    message = request.webhook
    return NewWebhook(
        workspace=parse_workspace(request.parent, "parent").workspace,
        description=_description(message.description),
        url=_url(message.url),
        actions=to_actions(message.actions, "webhook.actions"),
        secret=_secret(message.secret) if message.secret else secrets.token_urlsafe(32),
        disabled=message.disabled,
    )


def changed_webhook(request: pb.UpdateWebhookRequest, before: Webhook) -> Webhook:
    """What a request makes of a webhook. Raises UpdateMaskInvalid, FieldRequired, FieldInvalid, FieldTooLong."""
    named = named_paths(request.update_mask.paths, _UPDATABLE)
    message = request.webhook
    return replace(
        before,
        description=_description(message.description) if "description" in named else before.description,
        url=_url(message.url) if "url" in named else before.url,
        actions=to_actions(message.actions, "webhook.actions") if "actions" in named else before.actions,
        secret=_secret(message.secret) if "secret" in named else before.secret,
        disabled=message.disabled if "disabled" in named else before.disabled,
    )


def to_state(value: int) -> DeliveryState | None:
    """The state that a number means; None for none. Raises FieldInvalid."""
    if not value:
        return None
    try:
        return DeliveryState(value)
    except ValueError:
        raise FieldInvalid("state", "must be a known state") from None


def to_number(bound_to: str, token: str) -> int | None:
    """The number in a page token; None for the empty one. Raises PageTokenInvalid."""
    match page_tokens.decode(bound_to, token):
        case None:
            return None
        case [int(number)] if 0 <= number < 2**63:
            return number
    raise PageTokenInvalid


def from_webhook(webhook: Webhook, *, with_secret: bool = False) -> pb.Webhook:
    """The webhook as a message."""
    return pb.Webhook(
        name=str(webhook.name),
        description=webhook.description,
        url=webhook.url,
        actions=[model_history_pb2.ModelAction.ValueType(action.value) for action in webhook.actions],
        secret=webhook.secret if with_secret else "",
        disabled=webhook.disabled,
        create_time=from_millis(webhook.create_time),
        update_time=from_millis(webhook.update_time),
        created_by=webhook.created_by,
        etag=str(webhook.revision),
    )


def from_delivery(delivery: Delivery) -> pb.WebhookDelivery:
    """The delivery as a message."""
    is_pending = delivery.state is DeliveryState.PENDING
    return pb.WebhookDelivery(
        event_id=delivery.event_id,
        action=model_history_pb2.ModelAction.ValueType(delivery.action.value),
        state=pb.WebhookDeliveryState.ValueType(delivery.state.value),
        attempts=delivery.attempts,
        create_time=from_millis(delivery.create_time),
        attempt_time=from_millis(delivery.attempt_time),
        next_attempt_time=from_millis(delivery.due_time) if is_pending else None,
        http_status=delivery.http_status,
        problem=delivery.problem,
    )


def _description(text: str) -> str:
    return texts.check_text(text, "webhook.description", limits.MAX_WEBHOOK_DESCRIPTION_CHARACTERS)


def _secret(text: str) -> str:
    field = "webhook.secret"
    if not text:
        raise FieldRequired(field)
    if len(text) > limits.MAX_SECRET_CHARACTERS:
        raise FieldTooLong(field, len(text), limits.MAX_SECRET_CHARACTERS)
    if len(text) < limits.MIN_SECRET_CHARACTERS or not _SECRET.fullmatch(text):
        raise FieldInvalid(field, f"must have {limits.MIN_SECRET_CHARACTERS} or more printable ASCII characters")
    return text


def _url(text: str) -> str:
    field = "webhook.url"
    if not text:
        raise FieldRequired(field)
    if len(text) > limits.MAX_WEBHOOK_URL_CHARACTERS:
        raise FieldTooLong(field, len(text), limits.MAX_WEBHOOK_URL_CHARACTERS)
    problem = FieldInvalid(field, "must be https://HOST[:PORT][/PATH] in ASCII, without user, password and fragment")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise problem from None
    is_good = _URL.fullmatch(text) and parts.scheme in {"http", "https"} and parts.hostname and port != 0
    if not is_good or "@" in parts.netloc or "#" in text or "\\" in text:
        raise problem
    return text
