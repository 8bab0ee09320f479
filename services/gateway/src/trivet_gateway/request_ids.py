"""Ids that tell requests apart in logs, here and in the services, and that callers are told."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID: Final = "x-request-id"
"""The header, and the metadata of calls of services."""
_KEY: Final = "trivet_request_id"
_FORM: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True)
class Identified:
    """Gives each request the id that its header has, or a new one, and tells it in the answer."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if _FORM.fullmatch(given) else secrets.token_hex(8)

        async def send_identified(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        await self.app({**scope, _KEY: request_id}, receive, send_identified)


def request_id_in(scope: Scope) -> str:
    """The id of a request."""
    return str(scope[_KEY])
