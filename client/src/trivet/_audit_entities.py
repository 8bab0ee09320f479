"""What audit tells, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AuditEvent:
    """A call that changed something or was turned away, or several that a server counted together (docs/audit.md)."""

    event_id: str
    """32 hexadecimal digits; the server's log has them too."""
    timestamp: int
    """When the call ended, of several the last one: milliseconds since the Unix epoch."""
    first_timestamp: int
    """When the first of the calls ended."""
    call_count: int
    """How many calls it stands for."""
    method: str
    """`/package.Service/Method`"""
    subject: str
    """Who called, as verified: `ISSUER/NAME`, or `anonymous`."""
    is_authenticated: bool
    """Whether credentials were verified."""
    token_id: str
    """By which the token can be revoked; empty where it has none."""
    workspace: str
    """That the call named, which may be none that exists; empty for calls about the server."""
    resources: tuple[str, ...]
    """What the call named, and what it created; at most 50 names."""
    more_resource_count: int
    """How many names there were besides."""
    outcome: str
    """`SUCCEEDED`, `DENIED` or `FAILED`."""
    code: str
    """The status: `OK`, `PERMISSION_DENIED`, `CANCELLED`, …."""
    reason: str
    """Of the error; empty where there was none."""
    peer: str
    """The address that the call came from; behind a gateway that of the gateway."""
    claimed_forwarded_for: str
    """Where it came from before, as the call says. Nobody has verified it."""
    user_agent: str
    """What the caller's program says that it is."""
    request_id: str
    """Of the call; of several, the first one."""
