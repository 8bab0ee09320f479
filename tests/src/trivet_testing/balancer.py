"""One address before several servers, as a Service of Kubernetes is: each new connection goes to one that is ready."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

_READ_BYTES: Final = 65536


class Balancer:
    """Passes connections on to servers in turn. Safe for threads; as a context manager it leaves nothing behind."""

    def __init__(self, servers: Sequence[str]) -> None:
        """Listens on a free port; `servers` are `HOST:PORT` each, and ready."""
        self._lock = threading.Lock()
        self._ready = list(servers)
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        """Where clients connect to: `HOST:PORT`."""
        self._accepting = threading.Thread(target=self._accept, name="balancer", daemon=True)
        self._accepting.start()

    def take_out(self, server: str) -> None:
        """No new connection goes to a server; those that there are stay."""
        with self._lock:
            self._ready.remove(server)

    def put_in(self, server: str) -> None:
        """New connections go to a server too."""
        with self._lock:
            self._ready.append(server)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for one in sockets:
            _end(one)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._ready.append(self._ready.pop(0))
                host, _, port = self._ready[-1].rpartition(":")
            try:
                server = socket.create_connection((host, int(port)))
            except OSError:
                client.close()
                continue
            for one in (client, server):
                # As the kernel that balances for Kubernetes: nothing waits to be sent together with more.
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        with client, server:
            with self._lock:
                self._sockets |= {client, server}
            back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
            back.start()
            _pass_on(client, server)
            back.join()
            with self._lock:
                self._sockets -= {client, server}


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    """Passes on what comes, and its end; a connection that breaks ends at both sides."""
    try:
        while data := source.recv(_READ_BYTES):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for one in (source, sink):
            _end(one)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
