"""Webhooks and what is sent to them. Times are milliseconds since the Unix epoch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import WebhookName
from trivet_registry.domain.events import Event
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


class DeliveryState(Enum):
    """Whether an event has arrived; numbered as in the contract."""

    PENDING = 1
    DELIVERED = 2
    FAILED = 3


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
class DueDelivery:
    """An event to send now."""

    delivery_key: int
    """The store's key of the delivery."""
    webhook_key: int
    """The store's key of the webhook."""
    url: str
    secret: str = field(repr=False)
    event: Event
    attempts: int
    """How many times it was sent before."""
    create_time: int


@dataclass(frozen=True)
class Attempt:
    """How the sending of an event went."""

    delivery_key: int
    time: int
    state: DeliveryState
    due_time: int
    """When it is sent again, where it is PENDING."""
    http_status: int
    """0: there was no answer."""
    problem: str
    """A clause without a full stop; empty where the receiver took it."""


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


class Deliveries(Protocol):
    """Gives what is to be sent."""

    def claim(self, lease_millis: int, limit: int, busy: Collection[int]) -> Sequence[DueDelivery]:
        """What is to be sent now, and is given to nobody else for so long.

        At most so many, few of them to one webhook, and none to those with `busy` keys.
        """
        ...

    def record(self, attempt: Attempt) -> None:
        """Says how it went; of a delivery that is gone, nothing."""
        ...

    def forget(self, older_than_millis: int) -> int:
        """Drops deliveries that ended, and were created so long ago; returns how many."""
        ...
