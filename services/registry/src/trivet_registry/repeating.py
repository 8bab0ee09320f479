"""What a server does again and again by itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from trivet_kit.errors import CallerError

_log = logging.getLogger("trivet.registry.repeating")


class Repeating:
    """A thread that does something again and again. Any number of replicas may do so at once."""

    def __init__(self, name: str, interval_seconds: float, work: Callable[[], bool]) -> None:
        """Starts the thread.

        Args:
            name: of what is done, for the log.
            interval_seconds: how long to wait between two times.
            work: does what there is to do, and returns whether there may be more, which is done at once.
        """
        self._name = name
        self._interval_seconds = interval_seconds
        self._work = work
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops; calling it again does nothing."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval_seconds):
            try:
                while self._work() and not self._stopped.is_set():
                    pass
            except CallerError as error:
                _log.warning("%s failed: %s", self._name, error)
            except Exception:  # noqa: BLE001 - whatever it is, the thread goes on
                _log.exception("%s failed", self._name)
