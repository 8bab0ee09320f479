"""Who may ask: by a token, by a name of this server, and never by a page of somebody else.

A page elsewhere whose name was pointed at this machine (DNS rebinding) would read predictions otherwise, and any page
may send simple requests anywhere.
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from trivet._serving.refusals import Refusal
from trivet._serving.settings import Access

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
"""Names of every machine."""
_PROBES: Final = frozenset({"/health", "/ping"})
"""What anybody may ask: orchestrators do, by an address."""
_PAGE: Final = frozenset({"/docs", "/docs/page.js", "/docs/page.css"})
"""What says nothing of the model."""
_READING: Final = frozenset({"GET", "HEAD"})


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def has_token(headers: Headers, access: Access) -> bool:
    """Whether a request presents the token that is set."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), access.token.encode())


@dataclass(frozen=True)
class Guarded:
    """Refuses requests of those who may not ask."""

    app: ASGIApp
    access: Access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] == "http" and scope["path"] not in _PROBES:
            refusal = self._refusal(scope)
            if refusal is not None:
                await refusal.answer()(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if self.access.names is not None and not _is_known(_name_in(host), self.access.names):
            return Refusal(
                400, "BAD_REQUEST", "This server is not known by the name in the Host header; see --allowed-hosts."
            )
        origin = headers.get("origin")
        if origin is not None and scope["method"] not in _READING and origin.lower().partition("://")[2] != host:
            return Refusal(403, "PERMISSION_DENIED", "Cross-origin request blocked")
        if self.access.token and scope["path"] not in _PAGE and not has_token(headers, self.access):
            return Refusal(401, "UNAUTHENTICATED", "The request must have the header `Authorization: Bearer TOKEN`.")
        return None


def _name_in(host: str) -> str:
    """The name or address in a Host header, without its port."""
    if host.startswith("["):
        return host.partition("]")[0].removeprefix("[")
    return host.partition(":")[0]


def _is_known(name: str, names: tuple[str, ...]) -> bool:
    # An address is no name that somebody pointed here.
    return name in names or name in LOOPBACK or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
