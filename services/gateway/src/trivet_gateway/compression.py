"""Answers of JSON that are large, compressed for clients that ask for it."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Below, the round trip is most of the time on any network; above, a slow one takes longer than compressing does.
_LEAST_BYTES: Final = 32 * 1024
_FASTEST: Final = 1
_GZIP: Final = 16 + zlib.MAX_WBITS


@dataclass(frozen=True)
class Compressed:
    """Compresses what is JSON, large, and sent as a whole; files stay as they are."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http" or not takes(Headers(scope=scope), "gzip"):
            await self.app(scope, receive, send)
            return
        begun: list[Message] = []

        async def send_compressed(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_large_json(Headers(raw=message["headers"])):
                begun.append(message)
                return
            if begun:
                start = begun.pop()
                body = message.get("body", b"")
                if not message.get("more_body"):
                    # Other calls go on meanwhile.
                    body = await asyncio.to_thread(zlib.compress, body, _FASTEST, _GZIP)
                    headers = MutableHeaders(raw=start["headers"])
                    headers["content-encoding"] = "gzip"
                    headers["content-length"] = str(len(body))
                    headers.add_vary_header("accept-encoding")
                await send(start)
                message = {**message, "body": body}
            await send(message)

        await self.app(scope, receive, send_compressed)


def takes(headers: Headers, coding: str) -> bool:
    """Whether a request says that its client takes a coding."""
    for each in headers.get("accept-encoding", "").split(","):
        named, _, weight = each.partition(";")
        if named.strip().lower() == coding:
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False


def _is_large_json(headers: Headers) -> bool:
    is_json = headers.get("content-type", "").startswith("application/json")
    return is_json and "content-encoding" not in headers and int(headers.get("content-length", 0)) >= _LEAST_BYTES
