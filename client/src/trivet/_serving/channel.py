"""Messages between the server and its workers, a line of JSON each, by a socket that only they have."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import Any

Message = dict[str, Any]


class Channel:
    """One end. Any thread may send; one thread receives."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._lines = end.makefile("rb")
        # Collecting garbage sends what was released, in whatever thread that happens: also in one that has the lock.
        self._lock = threading.RLock()

    def send(self, message: Message) -> bool:
        """Sends a message; False where the other end is gone."""
        line = json.dumps(message).encode() + b"\n"
        try:
            with self._lock:
                self._socket.sendall(line)
        except OSError:
            return False
        return True

    def receive(self) -> Message | None:
        """Waits for the next message; None where the other end is gone."""
        try:
            line = self._lines.readline()
        except OSError:
            return None
        return json.loads(line) if line.endswith(b"\n") else None

    def close(self) -> None:
        """Ends it, also for who waits at either end. Idempotent."""
        with contextlib.suppress(OSError):  # the other end may have been faster
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
