"""What is sent to webhooks, and what is asked of the store that keeps it.

Times are milliseconds since the Unix epoch.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, Protocol, TypeVar

EventT = TypeVar("EventT")
"""What a service tells of."""


class DeliveryState(Enum):
    """Whether an event has arrived; numbered as in the contracts."""

    PENDING = 1
    DELIVERED = 2
    FAILED = 3


@dataclass(frozen=True)
class DueDelivery(Generic[EventT]):
    """An event to send now."""

    delivery_key: int
    """The store's key of the delivery."""
    webhook_key: int
    """The store's key of the webhook."""
    url: str
    secret: str = field(repr=False)
    event_id: str
    """The same however often it is sent."""
    event: EventT
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


class Deliveries(Protocol[EventT]):
    """Gives what is to be sent."""

    def claim(self, lease_millis: int, limit: int, busy: Collection[int]) -> Sequence[DueDelivery[EventT]]:
        """What is to be sent now, and is given to nobody else for so long.

        At most so many, few of them to one webhook, and none to those with `busy` keys.
        """
        ...

    def record(self, attempt: Attempt) -> None:
        """Says how it went; of a delivery that is gone, nothing."""
        ...
