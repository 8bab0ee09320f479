"""The data folder of an embedded server: who uses it, and where its databases are."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trivet_kit.settings import StartupError

_LOCK_NAME = "trivet.lock"


@dataclass(frozen=True)
class DataFolder:
    """A folder that this process alone serves, as long as it holds the lock."""

    path: Path
    _lock: IO[str]

    def database_url(self, service: str) -> str:
        """The SQLite database of a service: one file each."""
        return f"sqlite:///{self.path / f'{service}.db'}"

    def announce(self, address: str) -> None:
        """Writes into the lock file who serves the folder, and where."""
        self._lock.seek(0)
        self._lock.truncate()
        json.dump({"pid": os.getpid(), "grpc": address}, self._lock)
        self._lock.flush()


@contextmanager
def open_data_folder(path: Path) -> Iterator[DataFolder]:
    """Makes the folder where there is none, and locks it until the end of the block.

    Raises:
        StartupError: it cannot be written to, or another server has it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        # "a+" does not empty the file, which says who has the lock.
        lock = (path / _LOCK_NAME).open("a+", encoding="utf-8")
    except OSError as error:
        raise StartupError(
            f"Cannot write to the data folder {path}: {(error.strerror or str(error)).lower()}. "
            "Choose another by --data."
        ) from None
    with lock:
        _lock(lock, path)
        lock.truncate(0)  # what a server wrote that is gone
        yield DataFolder(path, lock)


def check_not_served(path: Path) -> None:
    """Checks that no other server has the folder, and leaves it as it is.

    Raises:
        StartupError: one has; says which and where.
    """
    try:
        with (path / _LOCK_NAME).open(encoding="utf-8") as lock:
            _lock(lock, path)
    except OSError:
        return  # there is no such folder, or no server ever had it


def _lock(lock: IO[str], path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise StartupError(
            f"Another Trivet serves the data folder {path}{_holder(lock)}. Use it, or choose another by --data."
        ) from None


def _holder(lock: IO[str]) -> str:
    lock.seek(0)
    try:
        holder = json.load(lock)
        return f" at grpc {holder['grpc']} (process {holder['pid']})"
    except (ValueError, KeyError, TypeError):
        return ""
