"""Webhooks and what is sent to them. Times are milliseconds since the Unix epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import WebhookName
from trivet_kit.webhooks.deliveries import DeliveryState
from trivet_registry.domain.history import Action


@dataclass(frozen=True)
class NewWebhook:
    """A webhook to create, checked."""

    workspace: str
    description: str
    url: str
    actions: tuple[Action, ...]
    """Empty: all."""
    secret: str = field(repr=False)
    disabled: bool


@dataclass(frozen=True)
class Webhook:
    """A webhook as it is kept."""

    name: WebhookName
    description: str
    url: str
    actions: tuple[Action, ...]
    secret: str = field(repr=False)
    disabled: bool
    create_time: int
    update_time: int
    created_by: str
    revision: int


@dataclass(frozen=True)
class Delivery:
    """The sending of an event, with its last attempt."""

    position: int
    event_id: str
    action: Action
    state: DeliveryState
    attempts: int
    create_time: int
    attempt_time: int | None
    due_time: int
    http_status: int
    problem: str


@dataclass(frozen=True)
class DeliveryPage:
    """Deliveries of a webhook, the newest first."""

    deliveries: Sequence[Delivery]
    is_last: bool


class Webhooks(Protocol):
    """Keeps webhooks. Methods that name one raise WebhookNotFound where it is not there."""

    def create(self, new: NewWebhook, actor: str, request: RepeatableRequest | None) -> Webhook:
        """Creates a webhook, or returns what the same request created before.

        Raises:
            WebhookLimitReached: the workspace has as many as it may have.
            RequestIdReused: the request id came before with another fingerprint.
        """
        ...

    def get(self, name: WebhookName) -> Webhook:
        """Returns a webhook."""
        ...

    def page(self, workspace: str, after: int, limit: int) -> Sequence[tuple[int, Webhook]]:
        """At most so many webhooks after a key, each with its own key; the oldest first."""
        ...

    def update(self, name: WebhookName, change: Callable[[Webhook], Webhook], revision: int | None) -> Webhook:
        """Changes a webhook in one step. Raises EtagStale, and what `change` raises."""
        ...

    def delete(self, name: WebhookName) -> None:
        """Deletes a webhook with its deliveries."""
        ...

    def deliveries(
        self, name: WebhookName, state: DeliveryState | None, before: int | None, limit: int
    ) -> DeliveryPage:
        """At most so many deliveries of events before a position; None: from the newest on."""
        ...
