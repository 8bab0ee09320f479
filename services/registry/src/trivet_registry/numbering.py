"""Numbers events soon after they are committed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from trivet_kit.errors import CallerError

_INTERVAL_SECONDS = 0.25

_log = logging.getLogger("trivet.registry.events")


class Numbering:
    """A thread that numbers what was committed. Any number of replicas may have one; each event is numbered once."""

    def __init__(self, number: Callable[[], bool]) -> None:
        """Starts the thread; `number` numbers what there is, and returns whether there may be more."""
        self._number = number
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="numbering", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops; calling it again does nothing."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(_INTERVAL_SECONDS):
            try:
                while self._number() and not self._stopped.is_set():
                    pass
            except CallerError as error:
                _log.warning("could not number events: %s", error)
            except Exception:  # noqa: BLE001 - whatever it is, the thread goes on
                _log.exception("could not number events")
