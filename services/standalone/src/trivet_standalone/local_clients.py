"""Local mode: programs that share a server without having started one, and a server that ends after the last of them.

A program holds a connection to a Unix socket as long as it uses the server. The kernel closes it however the program
ends, so none is counted that is gone.
"""

from __future__ import annotations

import hashlib
import os
import selectors
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from trivet_kit.settings import StartupError

# The address of a Unix socket has 104 bytes on macOS, 108 on Linux, the closing NUL among them.
_LONGEST_PATH: Final = 103
WELCOME: Final = b"1"
"""What a program is sent as soon as it counts; without it the server is about to end."""


@dataclass(frozen=True)
class LocalSockets:
    """Sockets in a folder that only this user can enter."""

    grpc: Path
    clients: Path


def local_sockets(lock_file: Path) -> LocalSockets:
    """The sockets of the data beside a lock file: always the same, so that a killed server leaves none behind for good.

    Raises:
        StartupError: the folder for sockets is somebody else's, or its path is too long.
    """
    folder = Path(tempfile.gettempdir()) / f"trivet-{os.getuid()}"
    name = hashlib.sha256(os.fsencode(lock_file.absolute())).hexdigest()[:16]
    sockets = LocalSockets(folder / f"{name}.grpc", folder / f"{name}.clients")
    if len(os.fsencode(sockets.clients)) > _LONGEST_PATH:
        raise StartupError(f"The folder {folder} has too long a name for sockets; set TMPDIR to a shorter one.")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise StartupError(f"Cannot use the folder {folder}: {(error.strerror or str(error)).lower()}.") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise StartupError(f"The folder {folder} must be yours alone (chmod 700); remove it, or set TMPDIR.")
    return sockets


class LocalClients:
    """Counts the programs that use the server, in a thread; the time without any begins when it is made."""

    def __init__(self, path: Path, on_abandoned: Callable[[], None], grace_seconds: float) -> None:
        """Listens at `path`; `on_abandoned` is called once, by the thread, `grace_seconds` after the last program."""
        self._path = path
        self._on_abandoned = on_abandoned
        self._grace_seconds = grace_seconds
        path.unlink(missing_ok=True)  # of a server that was killed: whoever is here holds the lock
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(128)
        self._listener.settimeout(0)
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="local clients", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._wake.close()
        self._thread.join()

    def _run(self) -> None:
        selector = selectors.DefaultSelector()
        selector.register(self._listener, selectors.EVENT_READ)
        selector.register(self._woken, selectors.EVENT_READ)
        clients: set[socket.socket] = set()
        abandoned = False
        since = time.monotonic()
        with selector, self._listener, self._woken:
            while not abandoned:
                left = None if clients else max(0.0, since + self._grace_seconds - time.monotonic())
                ready = [key.fileobj for key, _ in selector.select(left)]
                if self._woken in ready:
                    break
                abandoned = not ready and not clients
                for each in ready:
                    assert isinstance(each, socket.socket)
                    if each is self._listener:
                        self._welcome(selector, clients)
                    elif not _still_there(each):
                        selector.unregister(each)
                        clients.discard(each)
                        each.close()
                        since = time.monotonic()
            # Before anybody is told: who comes from now on must not be welcomed, nor wait for it.
            self._path.unlink(missing_ok=True)
            for client in clients:
                client.close()
        if abandoned:
            self._on_abandoned()

    def _welcome(self, selector: selectors.BaseSelector, clients: set[socket.socket]) -> None:
        with suppress(OSError):
            client, _ = self._listener.accept()
            client.settimeout(0)
            clients.add(client)
            selector.register(client, selectors.EVENT_READ)
            client.send(WELCOME)


def _still_there(client: socket.socket) -> bool:
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
