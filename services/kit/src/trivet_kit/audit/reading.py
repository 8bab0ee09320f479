"""Reads the events of all services of a server, as one list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trivet_kit.audit.events import AuditEvent, AuditQuery, cursor_of, order_of
from trivet_kit.audit.trail import AuditTrail
from trivet_kit.page_tokens import Cursor


@dataclass(frozen=True)
class AuditPage:
    """Some events, the newest first."""

    events: list[AuditEvent]
    next_cursor: Cursor | None
    """Where it goes on; None at the end."""


def read_page(trails: Sequence[AuditTrail], query: AuditQuery, after: Cursor | None, size: int) -> AuditPage:
    """A page of what the trails have together, each in a database of its own.

    Args:
        trails: Of the services of this server.
        query: Which events.
        after: Where the page before ended.
        size: How many at most.

    Raises:
        PageTokenInvalid: `after` is not what a page gave.
        CallerError: a database is away.
    """
    found = [event for trail in trails for event in trail.page(query, after, size + 1)]
    found.sort(key=order_of, reverse=True)
    page = found[:size]
    return AuditPage(page, cursor_of(page[-1]) if len(found) > size else None)
