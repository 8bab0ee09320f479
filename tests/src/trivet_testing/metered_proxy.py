"""A TCP proxy that counts bytes, and stops after so many: to kill a client just there, and see what is sent again."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from types import TracebackType
from typing import Final, Self

from trivet_testing.tcp_proxy import Direction

_READ_BYTES: Final = 65536


class MeteredProxy:
    """Passes bytes on. Its methods are safe to call from any thread; as a context manager it leaves nothing behind."""

    def __init__(self, target: str) -> None:
        """Listens on a free port; `target` is the `HOST:PORT` of the server."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._changed = threading.Condition()
        self._passed: Counter[Direction] = Counter()
        self._limits: dict[Direction, int] = {}
        self._sockets: set[socket.socket] = set()
        self._open: Counter[Direction] = Counter()
        self._older = 0
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        """Where clients connect to: `HOST:PORT`."""
        self._accepting = threading.Thread(target=self._accept, name="metered proxy", daemon=True)
        self._accepting.start()

    def passed(self, direction: Direction) -> int:
        """How many bytes went that way, of all connections."""
        with self._changed:
            return self._passed[direction]

    @property
    def open_connections(self) -> int:
        """How many clients are connected, or have been whose last bytes are not passed on."""
        with self._changed:
            return self._open[Direction.REQUESTS]

    def stop_after(self, direction: Direction, size_bytes: int) -> None:
        """Passes nothing on once so many bytes more went that way, until `go_on`, `finish` or `drop`."""
        with self._changed:
            self._older = self._open[Direction.REQUESTS]
            self._limits[direction] = self._passed[direction] + size_bytes
            self._changed.notify_all()

    def wait_until_stopped(self, timeout_seconds: float = 120) -> None:
        """Returns when a limit is reached."""

        def is_reached() -> bool:
            return any(self._passed[direction] >= limit for direction, limit in self._limits.items())

        with self._changed:
            assert self._changed.wait_for(is_reached, timeout_seconds), f"only {dict(self._passed)} passed"

    def go_on(self) -> None:
        """Passes on what is sent, as before `stop_after`."""
        with self._changed:
            self._limits.clear()
            self._changed.notify_all()

    def finish(self, timeout_seconds: float = 60) -> None:
        """Passes on all that was sent, and returns when those have ended who connected since `stop_after`.

        As after a client's death, whose last bytes arrive too.
        """
        with self._changed:
            self._limits.clear()
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._open[Direction.REQUESTS] <= self._older, timeout_seconds)

    def drop(self) -> None:
        """Cuts all connections, and passes on again what is sent by new ones."""
        with self._changed:
            sockets, self._sockets = self._sockets, set()
            self._limits.clear()
            self._changed.notify_all()
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        self.drop()

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
                self._open.update((Direction.REQUESTS, Direction.RESPONSES))
            for source, sink, direction in (
                (client, server, Direction.REQUESTS),
                (server, client, Direction.RESPONSES),
            ):
                threading.Thread(target=self._pass_on, args=(source, sink, direction), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, direction: Direction) -> None:
        try:
            self._pass_all_on(source, sink, direction)
        except OSError:
            # Reset by one who died with answers unread: the other one must hear of it.
            with contextlib.suppress(OSError):
                sink.shutdown(socket.SHUT_RDWR)
        finally:
            with self._changed:
                self._open[direction] -= 1
                self._changed.notify_all()

    def _pass_all_on(self, source: socket.socket, sink: socket.socket, direction: Direction) -> None:
        while data := source.recv(_READ_BYTES):
            with self._changed:
                self._passed[direction] += len(data)
                self._changed.notify_all()
                self._changed.wait_for(lambda: source not in self._sockets or not self._is_stopped())
                if source not in self._sockets:
                    return
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)

    def _is_stopped(self) -> bool:
        return any(self._passed[direction] >= limit for direction, limit in self._limits.items())
