"""Which pages may change something here: those of this server alone.

A browser lets any page send a POST of a simple kind to any server, though it may not read the answer.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from trivet_gateway.hosts import LOOPBACK, host_in, is_address, is_form, is_named, port_in

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}

_log = logging.getLogger("trivet.gateway")


@dataclass(frozen=True)
class SameOrigin:
    """Refuses what pages of others would change. No answer lets them read anything (CORS)."""

    app: ASGIApp
    names: frozenset[str]
    """Of this server, besides the one that a request calls it by: a proxy may have replaced that."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] == "http" and scope["method"] not in _READING:
            origin = Headers(scope=scope).get("origin")
            if origin is not None and not is_own_origin(origin, scope, self.names):
                _log.warning("refused a page of another origin", extra={"origin": origin[:200]})
                content = {"error_code": "PERMISSION_DENIED", "message": "Cross-origin request blocked"}
                refused = Response(orjson.dumps(content), status_code=403, media_type="application/json")
                await refused(scope, receive, send)
                return
        await self.app(scope, receive, send)


def is_own_origin(origin: str, scope: Scope, names: frozenset[str]) -> bool:
    """Whether an `Origin` is of this server: of the name that a request calls it by, or of one of its names."""
    origin, host = origin.lower(), host_in(scope)
    try:
        parts = urlsplit(origin)
        name = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in _DEFAULT_PORTS or not name:
        return False
    default = _DEFAULT_PORTS[parts.scheme]
    asking, asked = parts.netloc.removesuffix(default), host.removesuffix(default)
    if asking == asked:
        return True
    if not is_form(asking) or is_address(name):
        return False
    said = names - LOOPBACK
    # Another port may be another program: it has to be that of the request, of the setting, or none.
    return is_named(asking, said) or (port_in(asking) == port_in(asked) and is_named(name, said))
