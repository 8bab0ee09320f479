"""A TCP proxy that stands between two parts and holds what they send, so that a test can act in between."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from enum import Enum
from types import TracebackType
from typing import Final, Self

_READ_BYTES: Final = 65536


class Direction(Enum):
    """Which way bytes go."""

    REQUESTS = "from clients to the server"
    RESPONSES = "from the server to clients"


class TcpProxy:
    """Passes bytes on. Its methods are safe to call from any thread; as a context manager it leaves nothing behind."""

    def __init__(self, target: str) -> None:
        """Listens on a free port; `target` is the `HOST:PORT` of the server, which need not run yet."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._changed = threading.Condition()
        self._held: set[Direction] = set()
        self._hold_requests_from = b""
        self._hold_responses_after = b""
        self._requests = bytearray()  # grows in place: a flood may go through
        self._sockets: set[socket.socket] = set()
        self._closed = False
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        """Where clients connect to: `HOST:PORT`."""
        self._accepting = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._accepting.start()

    def hold(self, direction: Direction) -> None:
        """Keeps what is sent that way from now on, until `release`."""
        with self._changed:
            self._held.add(direction)

    def hold_requests_from(self, marker: bytes) -> None:
        """Keeps all requests from the one on in which a client sends these bytes, until `release`.

        What clients ask before goes through: whether the server is well.
        """
        with self._changed:
            self._requests = bytearray()
            self._hold_requests_from = marker

    def hold_responses_after(self, marker: bytes) -> None:
        """Keeps all responses from the moment on at which a client sends these bytes, until `release`."""
        with self._changed:
            self._requests = bytearray()
            self._hold_responses_after = marker

    def wait_for_request(self, marker: bytes, timeout_seconds: float = 60) -> None:
        """Returns when a client has sent these bytes, whether they were passed on or kept."""
        with self._changed:
            assert self._changed.wait_for(lambda: marker in self._requests, timeout_seconds), f"nobody sent {marker!r}"

    def release(self) -> None:
        """Passes on what was kept, and what is sent from now on."""
        with self._changed:
            self._held.clear()
            self._hold_requests_from = self._hold_responses_after = b""
            self._requests = bytearray()
            self._changed.notify_all()

    def move_to(self, target: str) -> None:
        """Leads new connections to another server, `HOST:PORT`; those that there are stay."""
        self._target = target

    def drop(self) -> None:
        """Cuts all connections; what was kept is lost. New connections are as `hold` says."""
        with self._changed:
            sockets, self._sockets = self._sockets, set()
            self._changed.notify_all()
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def close(self) -> None:
        """Ends it. Idempotent."""
        with self._changed:
            self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        self.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            host, _, port = self._target.rpartition(":")
            try:
                server = socket.create_connection((host, int(port)))
            except OSError:
                client.close()
                continue
            with self._changed:
                self._sockets |= {client, server}
            for source, sink, direction in (
                (client, server, Direction.REQUESTS),
                (server, client, Direction.RESPONSES),
            ):
                # What is kept must not keep more from being seen: one thread reads, another one passes on.
                kept: deque[bytes] = deque()
                threading.Thread(target=self._read, args=(source, kept, direction), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(source, sink, kept, direction), daemon=True).start()

    def _read(self, source: socket.socket, kept: deque[bytes], direction: Direction) -> None:
        data = b"-"
        while data:
            try:
                data = source.recv(_READ_BYTES)
            except OSError:
                data = b""
            with self._changed:
                if direction is Direction.REQUESTS:
                    self._requests += data
                    if self._hold_requests_from and self._hold_requests_from in self._requests:
                        self._held.add(Direction.REQUESTS)
                    if self._hold_responses_after and self._hold_responses_after in self._requests:
                        self._held.add(Direction.RESPONSES)
                kept.append(data)
                self._changed.notify_all()

    def _pass_on(self, source: socket.socket, sink: socket.socket, kept: deque[bytes], direction: Direction) -> None:
        data = b"-"
        with contextlib.suppress(OSError):
            while data:
                with self._changed:
                    self._changed.wait_for(
                        lambda: (kept and direction not in self._held) or source not in self._sockets
                    )
                    if source not in self._sockets:
                        return
                    data = kept.popleft()
                sink.sendall(data) if data else sink.shutdown(socket.SHUT_WR)
