"""Local mode: finds the server of data on this machine, starts one where there is none, and keeps it as long as needed.

The lock file beside the data says who serves it, and where: `trivet up`, or a server that another program started. A
server that programs start ends half a minute after the last of them; each holds a connection to a socket of it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet._errors import ServerUnavailable, TargetInvalid
from trivet._target import LocalData

# A start takes a second or two; the rest is for machines with much else to do.
_START_SECONDS: Final = 60.0
# How long a server that was started for it stays after its last program: the next one finds it running. Design §7.
_GRACE_SECONDS: Final = 30
_PAUSE_SECONDS: Final = 0.05
_WELCOME_SECONDS: Final = 5.0

# Servers that this process started, so that they are not taken for lost when they outlive it.
_started: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class _Holder:
    """What the lock file says of the server that holds it."""

    grpc: str
    clients: str
    """The socket on which programs say that they use it; empty for a server that does not end by itself."""


class Attachment:
    """A server that serves local data, for as long as this is open. Not safe for several threads."""

    def __init__(self, dial: str, presence: socket.socket | None) -> None:
        self.dial = dial
        """Its address, as gRPC takes it."""
        self._presence = presence

    @property
    def is_lost(self) -> bool:
        """Whether the server has ended since. False where that cannot be told: `trivet up` is not ours to start."""
        if self._presence is None:
            return False
        try:
            return self._presence.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Lets the server end, unless others use it. Idempotent."""
        if self._presence is not None:
            self._presence.close()

    def __del__(self) -> None:
        self.close()  # a client that nobody closed is no reason for Python's warning about a socket


def attach(data: LocalData) -> Attachment:
    """The server of the data; starts one where there is none, and waits until it answers.

    Raises:
        TargetInvalid: there is none, and none can be started, because it is not installed.
        ServerUnavailable: it did not start; says why.
    """
    deadline = time.monotonic() + _START_SECONDS
    started: subprocess.Popen[bytes] | None = None
    while True:
        attached = _attach_to_running(data)
        if attached is not None:
            return attached
        if started is None and not _is_held(data.lock_file):
            started = _start(data)
        elif started is not None and started.poll() is not None and not _is_held(data.lock_file):
            # Another program's server was faster and is gone again, or this one cannot start.
            raise ServerUnavailable(f"The server of {data.uri} did not start: {_last_line(data.log_file)}")
        if time.monotonic() > deadline:
            raise ServerUnavailable(f"The server of {data.uri} did not answer within {_START_SECONDS:g} s.")
        time.sleep(_PAUSE_SECONDS)


def _attach_to_running(data: LocalData) -> Attachment | None:
    """The server that holds the lock; None where none does, or where it is about to begin or to end."""
    if not _is_held(data.lock_file):
        return None
    holder = _holder(data.lock_file)
    if holder is None:
        return None
    if not holder.clients:
        return Attachment(holder.grpc, None)
    presence = socket.socket(socket.AF_UNIX)
    presence.settimeout(_WELCOME_SECONDS)
    try:
        presence.connect(holder.clients)
        if presence.recv(1):
            presence.settimeout(None)
            return Attachment(holder.grpc, presence)
    except OSError:
        pass  # it is about to end
    presence.close()
    return None


def _is_held(lock_file: Path) -> bool:
    """Whether a server holds the lock; it is taken for a moment to see."""
    import fcntl  # noqa: PLC0415 - Windows has none, and `resolve` refused local mode there

    try:
        with lock_file.open(encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(lock, fcntl.LOCK_UN)  # by hand: a process that forked meanwhile has the file open too
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _holder(lock_file: Path) -> _Holder | None:
    try:
        said = json.loads(lock_file.read_text(encoding="utf-8"))
        return _Holder(str(said["grpc"]), str(said.get("clients", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _start(data: LocalData) -> subprocess.Popen[bytes]:
    if importlib.util.find_spec("trivet_standalone") is None:
        raise TargetInvalid(
            f"{data.uri} is data on this machine, and its server is not installed: pip install 'trivet[local]'. "
            "Or name a running server: grpc://HOST:PORT."
        )
    try:
        data.log_file.parent.mkdir(parents=True, exist_ok=True)
        log = data.log_file.open("wb")
    except OSError as error:
        raise ServerUnavailable(
            f"Cannot write to {data.log_file.parent}: {(error.strerror or str(error)).lower()}. Set TRIVET_URL to a "
            "running server, grpc://HOST:PORT, or to file:FOLDER with a folder that can be written to."
        ) from error
    # A session of its own: Ctrl-C is for this program, and others may use the server.
    with log:
        process = subprocess.Popen(  # noqa: S603 - itself, with a path as one argument
            [sys.executable, "-m", "trivet_standalone", "--local", str(_GRACE_SECONDS), *data.options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
            cwd=data.log_file.parent,
        )
    _started[:] = [other for other in _started if other.poll() is None]
    _started.append(process)
    return process


def _last_line(log_file: Path) -> str:
    with suppress(OSError):
        lines = log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if lines:
            return f"{lines[-1]} (all of it is in {log_file})"
    return f"see {log_file}"


def _forget_the_parents() -> None:
    _started.clear()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_forget_the_parents)
