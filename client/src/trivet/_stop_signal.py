"""Whether a run was asked to stop, as a training loop can ask at every step."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from trivet._errors import ClientClosed, MethodUnknown, TrivetError

if TYPE_CHECKING:
    from trivet._rule_entities import RunStop

_LOOK_SECONDS: Final = 1.0
# Of a server that does not know the question, or where asking fails by a fault: either may be mended.
_FAILED_LOOK_SECONDS: Final = 60.0
# A loop that has ended asks no more; its process may go on for days.
_IDLE_LOOKS: Final = 60

_log = logging.getLogger("trivet")


class StopSignal:
    """Looks once a second, in a thread of its own, from the first question on; a question itself reads two fields.

    Where the server cannot be asked nobody has asked to stop, as far as is known. Once asked, it stays so. Safe for use
    by several threads, and in the child after a fork, which looks for itself.
    """

    def __init__(
        self, look: Callable[[], RunStop | None], *, failed_look_seconds: float = _FAILED_LOOK_SECONDS
    ) -> None:
        """Looks by `look`.

        Args:
            look: Asks the server; what it raises as TrivetError is passed over.
            failed_look_seconds: How long it waits after MethodUnknown, or what is no TrivetError.
        """
        self._failed_look_seconds = failed_look_seconds
        self._look = look
        self._stop: RunStop | None = None
        self._is_wanted = False
        self._lock = threading.Lock()
        self._process = 0
        """Whose thread looks; 0: none does."""
        self._ended = threading.Event()

    def get(self) -> RunStop | None:
        """What was asked, as far as is known."""
        self._is_wanted = True
        if self._stop is None and self._process != os.getpid():
            self._start()
        return self._stop

    def end(self) -> None:
        """Looks no more. Idempotent."""
        self._ended.set()

    def _start(self) -> None:
        if self._process and self._process != os.getpid():
            # After a fork the parent's thread may have held it.
            self._lock = threading.Lock()
        with self._lock:
            if self._process == os.getpid() or self._ended.is_set():
                return
            self._process = os.getpid()
            threading.Thread(target=self._run, name="trivet-stop", daemon=True).start()

    def _run(self) -> None:
        try:
            self._look_on()
        finally:
            self._process = 0

    def _look_on(self) -> None:
        idle = 0
        while idle < _IDLE_LOOKS and self._stop is None:
            idle = 0 if self._is_wanted else idle + 1
            self._is_wanted = False
            seconds = _LOOK_SECONDS
            try:
                self._stop = self._look()
            except ClientClosed:
                self._ended.set()  # for good: nothing will be heard here
            except MethodUnknown:
                seconds = self._failed_look_seconds
            except TrivetError:
                pass  # it is away, or does not have the run yet
            except Exception:  # noqa: BLE001 - a thread that ends by a fault would leave the run deaf
                _log.warning("could not ask whether the run is to stop", exc_info=True)
                seconds = self._failed_look_seconds
            if self._ended.wait(seconds):
                return
