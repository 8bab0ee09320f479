"""Webhooks: URLs that are told what happens to models."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.field_mask_pb2 import FieldMask

from trivet._connection import Connection
from trivet._entities import PagedList
from trivet._errors import InvalidArgument
from trivet._ids import new_request_id
from trivet._model_entities import Webhook, WebhookDelivery
from trivet._names import Names
from trivet._paging import collect
from trivet._registry_messages import from_delivery, from_webhook, to_action
from trivet_proto.registry.v1 import webhook_pb2 as pb
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub


class Webhooks:
    """The webhooks of one workspace. How a receiver checks what it gets: docs/registry.md.

    Every method calls the server and waits. Each may raise a `TrivetError`: ServerUnavailable where no server answers,
    WebhookNotFound, else the class of what went wrong.

    Safe for use by several threads, and in the child after a fork.
    """

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names

    @property
    def _stub(self) -> RegistryServiceStub:
        return self._connection.stub(RegistryServiceStub)

    def create(
        self,
        url: str,
        *,
        actions: Sequence[str] = (),
        description: str = "",
        secret: str = "",
        is_disabled: bool = False,
    ) -> Webhook:
        """Creates a webhook and returns it with its secret, which no other answer has.

        Args:
            url: `https://HOST[:PORT][/PATH]`. Addresses that are not public are refused, unless whoever operates the
                registry allows them.
            actions: Only these, such as `VERSION_MOVED`. Default: all.
            description: What it is for.
            secret: What signatures are made with: 16 to 256 printable ASCII characters. Default: a new one.
            is_disabled: Whether it is told nothing for now.

        Raises:
            InvalidArgument: URL, secret or action cannot be one.
            FailedPrecondition: the workspace has as many webhooks as it may have.
        """
        webhook = pb.Webhook(
            url=url,
            actions=[to_action(action) for action in actions],
            description=description,
            secret=secret,
            disabled=is_disabled,
        )
        request = pb.CreateWebhookRequest(parent=self._names.parent, webhook=webhook, request_id=new_request_id())
        return from_webhook(self._connection.call(self._stub.CreateWebhook, request, repeatable=True))

    def get(self, webhook_id: str) -> Webhook:
        """Returns a webhook, without its secret."""
        request = pb.GetWebhookRequest(name=self._names.webhook(webhook_id))
        return from_webhook(self._connection.call(self._stub.GetWebhook, request, repeatable=True))

    def list(self, *, max_results: int = 100, page_token: str | None = None) -> PagedList[Webhook]:
        """Returns the webhooks without their secrets, the oldest first.

        Args:
            max_results: How many at most; as many calls are made as that takes.
            page_token: The `token` of an earlier answer, to go on after it.
        """

        def ask(size: int, token: str) -> pb.ListWebhooksResponse:
            request = pb.ListWebhooksRequest(parent=self._names.parent, page_size=size, page_token=token)
            return self._connection.call(self._stub.ListWebhooks, request, repeatable=True)

        return collect(ask, lambda page: page.webhooks, from_webhook, max_results, page_token)

    def update(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        actions: Sequence[str] | None = None,
        description: str | None = None,
        secret: str | None = None,
        is_disabled: bool | None = None,
        etag: str = "",
    ) -> Webhook:
        """Changes what is given, and returns the webhook.

        Args:
            webhook_id: Of the webhook.
            url: As in `create`. Default of this and the others: as it is.
            actions: As in `create`.
            description: As in `create`.
            secret: As in `create`, but not empty.
            is_disabled: As in `create`. What waits is sent when it is enabled again; what happens meanwhile is not.
            etag: Only if the webhook has not changed since.

        Raises:
            InvalidArgument: something cannot be what it is to be, or nothing is given.
            Conflict: it has changed since.
        """
        given = {
            "url": url,
            "actions": actions,
            "description": description,
            "secret": secret,
            "disabled": is_disabled,
        }
        mask = [field for field, value in given.items() if value is not None]
        if not mask:
            raise InvalidArgument("Say what is to change: url, actions, description, secret or is_disabled.")
        webhook = pb.Webhook(
            name=self._names.webhook(webhook_id),
            url=url or "",
            actions=[to_action(action) for action in actions or ()],
            description=description or "",
            secret=secret or "",
            disabled=bool(is_disabled),
            etag=etag,
        )
        request = pb.UpdateWebhookRequest(webhook=webhook, update_mask=FieldMask(paths=mask))
        return from_webhook(self._connection.call(self._stub.UpdateWebhook, request, repeatable=False))

    def delete(self, webhook_id: str) -> None:
        """Deletes a webhook, with what waits to be sent to it and its deliveries."""
        request = pb.DeleteWebhookRequest(name=self._names.webhook(webhook_id))
        self._connection.call(self._stub.DeleteWebhook, request, repeatable=False)

    def list_deliveries(
        self, webhook_id: str, *, state: str = "", max_results: int = 100, page_token: str | None = None
    ) -> PagedList[WebhookDelivery]:
        """Returns what was sent to a webhook, or waits to be, the newest first.

        Args:
            webhook_id: Of the webhook.
            state: Only those that are `PENDING`, `DELIVERED` or `FAILED`. Default: all.
            max_results: How many at most; as many calls are made as that takes.
            page_token: The `token` of an earlier answer, to go on after it.
        """
        wanted = _to_state(state)

        def ask(size: int, token: str) -> pb.ListWebhookDeliveriesResponse:
            request = pb.ListWebhookDeliveriesRequest(
                name=self._names.webhook(webhook_id), state=wanted, page_size=size, page_token=token
            )
            return self._connection.call(self._stub.ListWebhookDeliveries, request, repeatable=True)

        return collect(ask, lambda page: page.deliveries, from_delivery, max_results, page_token)


def _to_state(state: str) -> pb.WebhookDeliveryState.ValueType:
    if not state:
        return pb.WEBHOOK_DELIVERY_STATE_UNSPECIFIED
    states = [name.removeprefix("WEBHOOK_DELIVERY_STATE_") for name in pb.WebhookDeliveryState.keys()[1:]]
    if state.upper() not in states:
        raise InvalidArgument(f"{state!r} is no state of a delivery; that is {', '.join(states)}.")
    return pb.WebhookDeliveryState.Value(f"WEBHOOK_DELIVERY_STATE_{state.upper()}")
