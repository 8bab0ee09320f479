"""Requests that may be repeated by an id of the client's (AIP-155)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RepeatableRequest:
    """A request that may be repeated by its id: the first answer is given again for 24 hours."""

    request_id: str
    """A UUID."""
    fingerprint: str
    """Differs for requests with different content."""
