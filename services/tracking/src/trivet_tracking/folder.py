"""The folder: makes chunks of the log in the background, at the service's side and never in its way.

It also drops the changes that were kept for watchers for long enough.

On SQLite it is a thread. On PostgreSQL it is a child process, because what it does with numbers would otherwise take
the interpreter from the calls; the service starts it again when it ends, and it ends when the service does, however
that comes about: it waits for the end of its standard input.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Protocol

from trivet_kit.db import Database
from trivet_kit.errors import CallerError
from trivet_kit.logs import set_up_logs
from trivet_kit.timestamps import now_millis
from trivet_tracking.settings import FOLD_AFTER_SECONDS, KEEP_CHANGES_SECONDS
from trivet_tracking.store.folding import Folding
from trivet_tracking.store.horizon import Horizon
from trivet_tracking.store.tables import SCHEMA

# How often it looks for logs to fold.
_LOOK_SECONDS = 1.0
# A child that ends at once is not started again and again at once.
_RESTART_SECONDS = 5.0
_STOP_SECONDS = 3.0
# How often it drops old changes, where they are not kept for a shorter time than ten times this.
_DROP_SECONDS = 60.0

_log = logging.getLogger("trivet.tracking.folder")


class Folder(Protocol):
    """Folds in the background, from when it is made."""

    def close(self) -> None:
        """Stops after the fold that is being made; calling it again does nothing."""
        ...


@dataclass(frozen=True)
class Delays:
    """When the folder does what."""

    fold_after_seconds: float = FOLD_AFTER_SECONDS
    """How old a log becomes."""
    keep_changes_seconds: float = KEEP_CHANGES_SECONDS
    """How long changes are kept."""


DEFAULT_DELAYS = Delays()


def start_folder(database: Database, delays: Delays) -> Folder:
    """The folder of a service's database."""
    if database.is_sqlite:
        return FolderThread(database, delays)
    return FolderProcess(database.url.render_as_string(hide_password=False), delays)


class FolderThread:
    """A folder in this process."""

    def __init__(self, database: Database, delays: Delays) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=run, args=(database, delays, self._stopped), name="folder", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops it."""
        self._stopped.set()
        self._thread.join(_STOP_SECONDS)


class FolderProcess:
    """A folder in a process of its own, and the thread that watches it."""

    def __init__(self, database_url: str, delays: Delays) -> None:
        self._environment = {
            **os.environ,
            "TRIVET_DATABASE_URL": database_url,
            "TRIVET_FOLD_AFTER_SECONDS": str(delays.fold_after_seconds),
            "TRIVET_KEEP_CHANGES_SECONDS": str(delays.keep_changes_seconds),
        }
        self._fold_after_seconds = delays.fold_after_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="folder-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops it."""
        self._stopped.set()
        self._thread.join(2 * _STOP_SECONDS)

    def _watch(self) -> None:
        # Nothing is old enough before; and a service that stops before has not paid for a process.
        self._stopped.wait(min(self._fold_after_seconds, _RESTART_SECONDS))
        while not self._stopped.is_set():
            self._run_child()
            self._stopped.wait(_RESTART_SECONDS)

    def _run_child(self) -> None:
        # Its own session: an interrupt from the terminal is for the service, which then stops it in its turn.
        child = subprocess.Popen(
            (sys.executable, "-m", "trivet_tracking.folder"),
            env=self._environment,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        with child:
            while not self._stopped.wait(_LOOK_SECONDS):
                if child.poll() is not None:
                    _log.error("the folder ended with code %d; starting it again", child.returncode)
                    return
            assert child.stdin is not None
            child.stdin.close()
            try:
                child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()


def run(database: Database, delays: Delays, stopped: threading.Event) -> None:
    """Does whatever is due until it is told to stop."""
    folding, horizon = Folding(database, now_millis), Horizon(database, now_millis)
    drop_seconds = min(_DROP_SECONDS, delays.keep_changes_seconds / 10)
    dropped = -math.inf
    while not stopped.wait(min(_LOOK_SECONDS, delays.fold_after_seconds)):
        try:
            _fold(folding, int(delays.fold_after_seconds * 1000), stopped)
            if time.monotonic() - dropped >= drop_seconds:
                horizon.advance(int(delays.keep_changes_seconds * 1000))
                dropped = time.monotonic()
        except CallerError as error:
            # The database is away or busy: the service says so, and here the next look will do.
            _log.info("not folded: %s", error)
        except Exception:  # noqa: BLE001 - the folder goes on, whatever one run of it meets
            _log.exception("not folded")
            stopped.wait(_RESTART_SECONDS)


def _fold(folding: Folding, age_millis: int, stopped: threading.Event) -> None:
    for run_pk in folding.due(age_millis):
        if stopped.is_set():
            break
        folding.fold(run_pk)


def main() -> None:
    """The child process."""
    set_up_logs(logging.INFO)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stopped = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.buffer.read()
        stopped.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    database = Database(os.environ["TRIVET_DATABASE_URL"], SCHEMA)
    delays = Delays(float(os.environ["TRIVET_FOLD_AFTER_SECONDS"]), float(os.environ["TRIVET_KEEP_CHANGES_SECONDS"]))
    run(database, delays, stopped)
    database.close()


if __name__ == "__main__":
    main()
