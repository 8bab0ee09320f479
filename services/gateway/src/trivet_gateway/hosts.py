"""Which names of this server a request may use.

A page elsewhere whose name was pointed at this machine (DNS rebinding) would read what is here otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from trivet_kit.settings import Address

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PROBED: Final = "/health"
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what somebody may have chosen


def names_of(address: Address, more: str = "") -> frozenset[str] | None:
    """The names that a server has which listens at an address; None for any.

    Args:
        address: Where it listens.
        more: Names with commas between, such as those of a Service.
    """
    named = frozenset(name.strip().lower() for name in more.split(",") if name.strip())
    if address.host in _EVERYWHERE and not named:
        return None  # behind names that nobody said
    return named | _LOOPBACK | {address.host.lower()}


@dataclass(frozen=True)
class KnownHosts:
    """Refuses requests that name another host."""

    app: ASGIApp
    names: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        # Probes ask by the address of a pod, and learn nothing else.
        if scope["type"] != "http" or scope["path"] == _PROBED or _host_of(scope) in self.names:
            await self.app(scope, receive, send)
            return
        content = {"error_code": "BAD_REQUEST", "message": "This server is not known by the name in the Host header."}
        refused = Response(orjson.dumps(content), status_code=400, media_type="application/json")
        await refused(scope, receive, send)


def _host_of(scope: Scope) -> str:
    """The name in the Host header, without its port."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    host = str(hosts[0].decode("latin-1")).lower() if len(hosts) == 1 else ""
    if host.startswith("["):
        return host.partition("]")[0].removeprefix("[")
    return host.partition(":")[0]
