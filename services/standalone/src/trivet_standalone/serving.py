"""One server for one set of data: a lock file beside the data, which says who serves it and where."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trivet_kit.settings import StartupError

# A client that looks whether the data is served holds the lock for a moment.
_PATIENCE_SECONDS = 0.5
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True)
class Serving:
    """The right to serve the data, as long as this process holds the lock."""

    _lock: IO[str]

    def announce(self, dial: str, clients_socket: Path | None = None) -> None:
        """Writes into the lock file who serves the data, and where programs on this machine reach it.

        `clients_socket` is where programs say that they use the server, which ends after the last of them.
        """
        self._lock.seek(0)
        self._lock.truncate()
        facts = {"pid": os.getpid(), "grpc": dial}
        json.dump(facts if clients_socket is None else facts | {"clients": str(clients_socket)}, self._lock)
        self._lock.flush()


@contextmanager
def serving(lock_file: Path) -> Iterator[Serving]:
    """Takes the lock until the end of the block; makes its folder where there is none.

    Raises:
        StartupError: the folder cannot be written to, or another server has the lock.
    """
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        # "a+" does not empty the file, which says who has the lock.
        lock = lock_file.open("a+", encoding="utf-8")
    except OSError as error:
        raise StartupError(
            f"Cannot write to the data folder {lock_file.parent}: {(error.strerror or str(error)).lower()}. "
            "Choose another by --data."
        ) from None
    with lock:
        _take(lock, lock_file)
        lock.truncate(0)  # what a server wrote that is gone
        try:
            yield Serving(lock)
        finally:
            lock.seek(0)
            lock.truncate()


def check_not_served(lock_file: Path) -> None:
    """Checks that no other server has the data, and leaves all as it is.

    Raises:
        StartupError: one has; says which and where.
    """
    try:
        with lock_file.open(encoding="utf-8") as lock:
            _take(lock, lock_file)
    except OSError:
        return  # there is no such folder, or no server ever had it


def _take(lock: IO[str], lock_file: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > deadline:
                raise StartupError(f"Another Trivet serves {_served(lock_file)}{_holder(lock)}") from None
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _served(lock_file: Path) -> str:
    return f"the data folder {lock_file.parent}" if lock_file.name == "trivet.lock" else f"the data of {lock_file}"


def _holder(lock: IO[str]) -> str:
    """The rest of the sentence: who has it, and what to do."""
    lock.seek(0)
    try:
        holder = json.load(lock)
        where = f" at grpc {holder['grpc']} (process {holder['pid']})"
    except (ValueError, KeyError, TypeError):
        return ". Use it, or choose another by --data."
    if "clients" in holder:
        return f"{where}, for programs that use it without a server of their own; it ends soon after the last of them."
    return f"{where}. Use it, or choose another by --data."
