"""What audit notes, and what it can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from trivet_kit.page_tokens import Cursor


class Outcome(IntEnum):
    """How a call ended; numbered as `AuditOutcome` in the contract."""

    SUCCEEDED = 1
    DENIED = 2
    """The caller was turned away."""
    FAILED = 3
    """Any other error; some of what was asked may have been done."""


@dataclass(frozen=True)
class CallFacts:
    """What is noted of a call besides its time and request id; calls of which all of this is alike can be counted."""

    method: str
    """`/package.Service/Method`"""
    subject: str
    """`ISSUER/NAME`, or `anonymous`."""
    authenticated: bool
    token_id: str
    """By which the token can be revoked; empty where it has none."""
    workspace: str
    """As the call named it, which may be none that exists; empty where it named none."""
    resources: tuple[str, ...]
    """The names in the request and of what it created, the first of them."""
    more_resources: int
    """How many names there were besides; no more than some hundred are looked at."""
    outcome: Outcome
    code: str
    """`OK`, `CANCELLED`, or the name of a `Code`."""
    reason: str
    peer: str
    """The address at the other end of the connection, without its port."""
    claimed_forwarded_for: str
    """Where the call says that it came from before."""
    user_agent: str


@dataclass(frozen=True)
class AuditEvent:
    """A call, or several that are counted together. Times are milliseconds since the Unix epoch."""

    event_id: str
    """32 hexadecimal digits."""
    time: int
    """When the last of the calls ended."""
    first_time: int
    """When the first did."""
    call_count: int
    request_id: str
    """Of the first call."""
    facts: CallFacts


@dataclass(frozen=True)
class AuditQuery:
    """Which events are asked for; None stands for all."""

    workspace: str | None = None
    subject: str | None = None
    method: str | None = None
    """The whole path, or its last part alone."""
    outcome: Outcome | None = None
    start_time: int | None = None
    """At this time or later."""
    end_time: int | None = None
    """Before this time."""
    resource: str | None = None
    """The name of something, or of something above it."""


class AuditEvents(Protocol):
    """Where a service keeps its events. Safe for threads."""

    def add(self, events: list[AuditEvent]) -> None:
        """Keeps events, all or none; those that are kept already stay as they are.

        Raises:
            CallerError: the database is away, or has no room.
        """
        ...

    def page(self, query: AuditQuery, after: Cursor | None, limit: int) -> list[AuditEvent]:
        """Up to `limit` events, the newest first, from after a cursor of `cursor_of` on.

        Raises:
            PageTokenInvalid: it is no such cursor.
            CallerError: the database is away.
        """
        ...

    def forget(self, before: int, limit: int) -> int:
        """Removes up to `limit` events of before a time, the oldest first; returns how many. Raises CallerError."""
        ...


def order_of(event: AuditEvent) -> tuple[int, str]:
    """By what events are ordered: of two, the greater is the newer one. No two have the same."""
    return event.time, event.event_id


def cursor_of(event: AuditEvent) -> Cursor:
    """Where a page ends that ends with this event."""
    return list(order_of(event))
