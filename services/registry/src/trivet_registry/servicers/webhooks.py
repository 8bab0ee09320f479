"""To say who is told what happens to models, and to see what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from trivet_kit import fingerprints, page_tokens
from trivet_kit.calls import Call
from trivet_kit.page_tokens import Cursor
from trivet_kit.resources import parse_webhook, parse_workspace
from trivet_kit.updates import to_revision
from trivet_proto.registry.v1 import webhook_pb2 as pb
from trivet_registry import convert_webhooks
from trivet_registry.domain.webhooks import Webhooks


@dataclass(frozen=True)
class WebhookServicer:
    """Implements its part of `trivet.registry.v1.RegistryService`; what each method does is said in the contract."""

    webhooks: Webhooks

    def CreateWebhook(self, request: pb.CreateWebhookRequest, call: Call) -> pb.Webhook:
        repeatable = fingerprints.repeatable_request(request, request.request_id)
        new = convert_webhooks.to_new_webhook(request)
        webhook = self.webhooks.create(new, call.principal.subject, repeatable)
        return convert_webhooks.from_webhook(webhook, with_secret=True)

    def GetWebhook(self, request: pb.GetWebhookRequest, call: Call) -> pb.Webhook:
        return convert_webhooks.from_webhook(self.webhooks.get(parse_webhook(request.name, "name")))

    def ListWebhooks(self, request: pb.ListWebhooksRequest, call: Call) -> pb.ListWebhooksResponse:
        workspace = parse_workspace(request.parent, "parent").workspace
        bound_to = fingerprints.of_search(request)
        size = page_tokens.page_size(request.page_size)
        after = convert_webhooks.to_number(bound_to, request.page_token) or 0
        found = self.webhooks.page(workspace, after, size + 1)
        last_key: Cursor | None = None if len(found) <= size else [found[size - 1][0]]
        return pb.ListWebhooksResponse(
            webhooks=[convert_webhooks.from_webhook(webhook) for _, webhook in found[:size]],
            next_page_token=page_tokens.encode(bound_to, last_key),
        )

    def UpdateWebhook(self, request: pb.UpdateWebhookRequest, call: Call) -> pb.Webhook:
        name = parse_webhook(request.webhook.name, "webhook.name")
        change = partial(convert_webhooks.changed_webhook, request)
        return convert_webhooks.from_webhook(self.webhooks.update(name, change, to_revision(request.webhook.etag)))

    def DeleteWebhook(self, request: pb.DeleteWebhookRequest, call: Call) -> pb.DeleteWebhookResponse:
        self.webhooks.delete(parse_webhook(request.name, "name"))
        return pb.DeleteWebhookResponse()

    def ListWebhookDeliveries(
        self, request: pb.ListWebhookDeliveriesRequest, call: Call
    ) -> pb.ListWebhookDeliveriesResponse:
        name = parse_webhook(request.name, "name")
        bound_to = fingerprints.of_search(request)
        state = convert_webhooks.to_state(request.state)
        before = convert_webhooks.to_number(bound_to, request.page_token)
        page = self.webhooks.deliveries(name, state, before, page_tokens.page_size(request.page_size))
        last: Cursor | None = None if page.is_last else [page.deliveries[-1].position]
        return pb.ListWebhookDeliveriesResponse(
            deliveries=[convert_webhooks.from_delivery(delivery) for delivery in page.deliveries],
            next_page_token=page_tokens.encode(bound_to, last),
        )
