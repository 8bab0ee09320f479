"""What audit notes of a call that has ended; and of which calls it does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import unquote

from trivet_kit.audit.events import CallFacts, Outcome
from trivet_kit.auth import Principal
from trivet_kit.errors import Code, WorkspaceNotFound

FORWARDED_FOR_HEADER = "x-forwarded-for"
# A batch may name thousands; who asks what was done finds the rest in what it did.
MAX_RESOURCES = 50
# Of one call; the others are not even counted.
MAX_NAMES = 1_000
# Longer than any name that is well formed; what is not comes from whoever calls.
MAX_TEXT_CHARACTERS = 300

_DENIED = (Code.UNAUTHENTICATED.name, Code.PERMISSION_DENIED.name)
# As gRPC writes addresses: `ipv4:10.0.0.7:50432`, `ipv6:%5B::1%5D:50432`, `unix:…`.
_PEER = re.compile(r"ipv[46]:\[?([^\]]+?)\]?:[0-9]+")


def was_denied(code: str, reason: str | None) -> bool:
    """Whether a call was turned away: also by a workspace that the caller may not see, which answers as none does."""
    return code in _DENIED or reason == WorkspaceNotFound.reason


def facts_of(
    *,
    method: str,
    principal: Principal,
    workspace: str | None,
    resources: Iterable[str],
    code: str,
    reason: str | None,
    peer: str,
    metadata: Mapping[str, str | bytes],
) -> CallFacts:
    """What is noted of a call that has ended.

    Args:
        method: `/package.Service/Method`
        principal: Who called, as verified.
        workspace: As the call named it; None where it named none.
        resources: The names in its requests, and of what it created; may be malformed.
        code: `OK`, `CANCELLED`, or the name of a `Code`.
        reason: Of the error.
        peer: The other end, as gRPC has it.
        metadata: Of the call, the keys in lower case.
    """
    outcome = Outcome.FAILED
    if code == "OK":
        outcome = Outcome.SUCCEEDED
    elif was_denied(code, reason):
        outcome = Outcome.DENIED
    # What nobody stands for, and anybody can send as often as they like, is not told apart.
    unknown = code == Code.UNAUTHENTICATED.name
    names = () if unknown else tuple(resources)
    return CallFacts(
        method=method,
        subject=principal.subject,
        authenticated=principal.authenticated,
        token_id=principal.token_id,
        workspace=_kept(workspace or ""),
        resources=tuple(map(_kept, names[:MAX_RESOURCES])),
        more_resources=max(0, len(names) - MAX_RESOURCES),
        outcome=outcome,
        code=code,
        reason=reason or "",
        peer=address_of(peer),
        claimed_forwarded_for="" if unknown else _header(metadata, FORWARDED_FOR_HEADER),
        user_agent="" if unknown else _header(metadata, "user-agent"),
    )


@lru_cache(maxsize=4096)  # it is asked at every call of a connection
def address_of(peer: str) -> str:
    """The address in what gRPC says of the other end, without the port, which is another one for each connection."""
    if peer.startswith("unix"):
        return "unix"
    match = _PEER.fullmatch(unquote(peer))
    return match[1] if match else peer


def _header(metadata: Mapping[str, str | bytes], name: str) -> str:
    return _kept(str(metadata.get(name, "")))


def _kept(text: str) -> str:
    """A text that somebody sent, in a form that every database takes."""
    return text[:MAX_TEXT_CHARACTERS].replace("\0", "\N{REPLACEMENT CHARACTER}")
