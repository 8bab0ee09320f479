"""Requests that the service signed and a client sends to the store of bytes itself: S3, by plain HTTP."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from trivet._at_once import Stop
from trivet_proto.artifacts.v1 import direct_pb2

# Whoever cannot reach the store is to know soon: everything goes by way of the service then.
_CONNECT_SECONDS: Final = 5.0
# Between two pieces of a body.
_SILENCE_SECONDS: Final = 60.0
_PIECE_BYTES: Final = 1024 * 1024
_MOST_OF_AN_ERROR: Final = 4096


class DirectFailed(Exception):
    """The store did not do what it was asked, or was not reached."""

    def __init__(self, what: str, *, status: int = 0) -> None:
        super().__init__(what)
        self.status = status
        """Of HTTP; 0 where the store was not reached."""


class StoreConnection:
    """One connection to the store, kept open between requests to the same host. For one thread."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._connection: http.client.HTTPConnection | None = None
        self._origin = ("", "")

    def put(self, request: direct_pb2.SignedRequest, data: bytes) -> None:
        """Sends bytes. Raises DirectFailed."""
        with self._calling(request) as connection:
            _ask(connection, request, {}, data).read()

    def get(self, request: direct_pb2.SignedRequest, offset: int, length: int) -> Iterator[bytes]:
        """The bytes of a range, piece by piece. Raises DirectFailed."""
        left = length
        with self._calling(request) as connection:
            answer = _ask(connection, request, {"Range": f"bytes={offset}-{offset + length - 1}"}, None)
            # One that knows no ranges would send all from the beginning on.
            if answer.status != http.client.PARTIAL_CONTENT or answer.length != length:
                raise DirectFailed("the store sent another range", status=answer.status)
            while left:
                piece = answer.read(min(left, _PIECE_BYTES))
                if not piece:
                    raise http.client.IncompleteRead(b"", left)
                left -= len(piece)
                yield piece
            answer.read()

    def close(self) -> None:
        """Closes the connection. Idempotent."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _calling(self, request: direct_pb2.SignedRequest) -> Iterator[http.client.HTTPConnection]:
        """The connection to where a request goes; closed where the block does not end as it should."""
        url = urlsplit(request.url)
        try:
            if (url.scheme, url.netloc) != self._origin or self._connection is None:
                self.close()
                self._connection = _connect(url.scheme, url.netloc)
                self._origin = (url.scheme, url.netloc)
            connection = self._connection
            with self._stop.ends(lambda: _cut(connection)):
                yield connection
        except (OSError, http.client.HTTPException) as error:
            self.close()
            self._stop.check()
            raise DirectFailed(f"the store was not reached: {error}") from error
        except BaseException:
            self.close()
            raise


class StoreConnections:
    """A connection to the store for each thread; all are closed at the end of the block."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._of_thread = threading.local()
        self._all: list[StoreConnection] = []

    def mine(self) -> StoreConnection:
        """That of the calling thread."""
        if not hasattr(self._of_thread, "connection"):
            self._of_thread.connection = StoreConnection(self._stop)
            self._all.append(self._of_thread.connection)
        connection: StoreConnection = self._of_thread.connection
        return connection

    def __enter__(self) -> StoreConnections:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._all:
            connection.close()


def _connect(scheme: str, netloc: str) -> http.client.HTTPConnection:
    connection = (
        http.client.HTTPSConnection(netloc, timeout=_CONNECT_SECONDS, context=ssl.create_default_context())
        if scheme == "https"
        else http.client.HTTPConnection(netloc, timeout=_CONNECT_SECONDS)
    )
    connection.blocksize = _PIECE_BYTES
    connection.connect()
    connection.timeout = _SILENCE_SECONDS
    connection.sock.settimeout(_SILENCE_SECONDS)
    return connection


def _ask(
    connection: http.client.HTTPConnection,
    request: direct_pb2.SignedRequest,
    headers: dict[str, str],
    body: bytes | None,
) -> http.client.HTTPResponse:
    url = urlsplit(request.url)
    connection.request(request.method, f"{url.path}?{url.query}", body=body, headers={**request.headers, **headers})
    answer = connection.getresponse()
    if answer.status >= http.client.MULTIPLE_CHOICES:
        said = answer.read(_MOST_OF_AN_ERROR).decode("utf-8", "replace")
        code = said.partition("<Code>")[2].partition("</Code>")[0]
        raise DirectFailed(f"the store answered {answer.status} {code}".rstrip(), status=answer.status)
    return answer


def _cut(connection: http.client.HTTPConnection) -> None:
    # Unlike a close, this wakes the thread that waits for it.
    with contextlib.suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)
