"""Between the messages of webhooks and the domain's values. Checks what needs no database."""

from __future__ import annotations

from dataclasses import replace

from trivet_kit import page_tokens, texts
from trivet_kit.errors import FieldInvalid, PageTokenInvalid
from trivet_kit.resources import parse_workspace
from trivet_kit.timestamps import from_millis
from trivet_kit.updates import named_paths
from trivet_kit.webhooks import fields
from trivet_kit.webhooks.deliveries import DeliveryState
from trivet_proto.registry.v1 import model_history_pb2
from trivet_proto.registry.v1 import webhook_pb2 as pb
from trivet_registry.convert_events import to_actions
from trivet_registry.domain import limits
from trivet_registry.domain.webhooks import Delivery, NewWebhook, Webhook

_UPDATABLE = ("description", "url", "actions", "secret", "disabled")


def to_new_webhook(request: pb.CreateWebhookRequest) -> NewWebhook:
    """Checks a webhook to create. Raises FieldRequired, FieldInvalid, FieldTooLong."""
    message = request.webhook
    return NewWebhook(
        workspace=parse_workspace(request.parent, "parent").workspace,
        description=_description(message.description),
        url=fields.check_url(message.url, "webhook.url"),
        actions=to_actions(message.actions, "webhook.actions"),
        secret=fields.check_secret(message.secret, "webhook.secret") if message.secret else fields.new_secret(),
        disabled=message.disabled,
    )


def changed_webhook(request: pb.UpdateWebhookRequest, before: Webhook) -> Webhook:
    """What a request makes of a webhook. Raises UpdateMaskInvalid, FieldRequired, FieldInvalid, FieldTooLong."""
    named = named_paths(request.update_mask.paths, _UPDATABLE)
    message = request.webhook
    return replace(
        before,
        description=_description(message.description) if "description" in named else before.description,
        url=fields.check_url(message.url, "webhook.url") if "url" in named else before.url,
        actions=to_actions(message.actions, "webhook.actions") if "actions" in named else before.actions,
        secret=fields.check_secret(message.secret, "webhook.secret") if "secret" in named else before.secret,
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
