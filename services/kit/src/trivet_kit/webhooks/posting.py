"""One POST: to an address that was checked, without redirects, within a time."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

from trivet_kit.webhooks.addresses import AddressGuard, AddressRefused


@dataclass(frozen=True)
class Answer:
    """What came of a POST."""

    http_status: int
    """0: no answer."""
    problem: str
    """A clause without a full stop; empty where the receiver took it."""


class Poster:
    """Posts. Safe for threads."""

    def __init__(self, guard: AddressGuard, timeout_seconds: float) -> None:
        """Args: the guard says which addresses may be reached; a POST takes at most so long from its connection on."""
        self._guard = guard
        self._timeout_seconds = timeout_seconds

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Not before it is needed: it reads all certificates of the system, which most servers post nothing by.
        return ssl.create_default_context()

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Sends a body to a URL; never raises for what the receiver does."""
        parts = urlsplit(url)
        host, is_secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if is_secure else 80)
        try:
            reachable = self._guard.resolve(host, port)
        except AddressRefused as refused:
            return Answer(0, str(refused))
        if not is_secure and not reachable.is_allowed:
            return Answer(0, "http:// is only for addresses of TRIVET_WEBHOOK_NETWORKS")
        connection = _PinnedConnection(host, port, str(reachable.address), self._timeout_seconds)
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        try:
            with closing(connection), _ended_after(connection, self._timeout_seconds) as deadline:
                connection.open(self._tls if is_secure else None)
                connection.request("POST", target, body, dict(headers))
                status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            if deadline.is_set() or isinstance(error, TimeoutError):
                return Answer(0, f"it did not answer within {self._timeout_seconds:g} s")
            return Answer(0, _clause(error))
        if not 200 <= status < 300:
            redirects = ", and redirects are not followed" if 300 <= status < 400 else ""
            return Answer(status, f"it answered {status}{redirects}")
        return Answer(status, "")


class _PinnedConnection(http.client.HTTPConnection):
    """A connection to a given address, by which no name is looked up again."""

    def __init__(self, host: str, port: int, address: str, timeout_seconds: float) -> None:
        super().__init__(host, port, timeout=timeout_seconds)
        self._address = address

    def open(self, tls: ssl.SSLContext | None) -> None:
        """Connects; with TLS, the certificate has to be the host's."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if tls is not None:
            self.sock = tls.wrap_socket(self.sock, server_hostname=self.host)


@contextmanager
def _ended_after(connection: http.client.HTTPConnection, seconds: float) -> Iterator[threading.Event]:
    """Ends what a connection waits for after some time; a timeout of its socket is one for each piece it receives.

    The event is set where it did.
    """
    ended = threading.Event()

    def end() -> None:
        ended.set()
        if connection.sock is not None:
            # Of the socket below TLS, which another thread may be reading.
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield ended
    finally:
        timer.cancel()


def _clause(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "it broke off" if isinstance(error, http.client.HTTPException) else type(error).__name__
