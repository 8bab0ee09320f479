"""Connections, and how much they may send before it makes sense."""

from __future__ import annotations

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MOST_HEAD_BYTES: Final = 128 * 1024
_TOO_LONG: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Connection(HttpToolsProtocol):
    """A connection that is closed when the head of a request does not end: it is held in memory until it does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting_bytes = 0
        """Since the last head or piece of a body was complete."""

    def data_received(self, data: bytes) -> None:
        """As asyncio has it."""
        self._waiting_bytes += len(data)
        super().data_received(data)
        if self._waiting_bytes > _MOST_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LONG)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """As httptools has it."""
        self._waiting_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """As httptools has it."""
        self._waiting_bytes = 0
        super().on_body(body)
