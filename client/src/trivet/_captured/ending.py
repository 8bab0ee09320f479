"""How a run ends: by which exception, exit status or signal.

`sys.exit` is replaced while a run goes on, since Python tells nobody at its end with which status it ends. SIGTERM has
a handler while it has no other: it ends the program as `sys.exit` does, so that the run is ended too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final, NoReturn

MESSAGE_TAG: Final = "trivet.exit.message"
TRACEBACK_TAG: Final = "trivet.exit.traceback"
# Of a traceback the end says most; a tag has 64 KiB.
_MAX_TRACEBACK_CHARACTERS: Final = 15_000
_MAX_MESSAGE_CHARACTERS: Final = 1000
_SIGNALLED: Final = 128  # plus the signal's number: the status that shells give


@dataclass(frozen=True)
class Ending:
    """How a run ends."""

    status: str
    """`FINISHED`, `FAILED` or `KILLED`."""
    message: str = ""
    traceback: str = ""

    def tags(self) -> dict[str, str]:
        """What is noted of it."""
        tags = {MESSAGE_TAG: self.message, TRACEBACK_TAG: self.traceback}
        return {key: value for key, value in tags.items() if value}


class Exits:
    """Watches how this process ends, while there are runs to be ended."""

    def __init__(self) -> None:
        self._watchers = 0
        self._exit: Any = None
        self._wrapped: Any = None
        self._has_handler = False
        self._pid = 0
        self.status: object = None
        """What `sys.exit` was last called with; None for nothing."""
        self.signal = ""
        """The name of a signal that ends the process."""

    def watch(self) -> None:
        """Begins, or counts another one who wants it."""
        self._watchers += 1
        if self._watchers > 1:
            return
        self.status, self.signal = None, ""
        self._exit = sys.exit

        def exit_(status: Any = None, /) -> NoReturn:
            if threading.current_thread() is threading.main_thread():
                self.status = status
            raise SystemExit(status)

        self._wrapped = exit_
        sys.exit = exit_
        # ValueError: not in the main thread, which alone may.
        with contextlib.suppress(ValueError):
            if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, self._on_signal)
                self._has_handler = True
                self._pid = os.getpid()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.signal = signal.Signals(number).name
        # Who asks twice does not want to wait.
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() != self._pid:
            # A child that has not let go yet: in the midst of a fork Python would ignore an exception.
            signal.raise_signal(number)
        raise SystemExit(_SIGNALLED + number)

    def unwatch(self) -> None:
        """Ends, when nobody wants it any more; what others have put there since stays."""
        self._watchers = max(0, self._watchers - 1)
        if not self._watchers:
            self.let_go()

    def let_go(self) -> None:
        """Ends; also in the child after a fork, which ends by itself."""
        self._watchers = 0
        if self._wrapped is not None and sys.exit is self._wrapped:
            sys.exit = self._exit
        self._wrapped = None
        if self._has_handler:
            self._has_handler = False
            with contextlib.suppress(ValueError):
                # Compared by ==: each look-up of a method makes another object.
                if signal.getsignal(signal.SIGTERM) == self._on_signal:
                    signal.signal(signal.SIGTERM, signal.SIG_DFL)


exits: Final = Exits()
"""Of this process."""


def ending_by(error: BaseException | None) -> Ending:
    """The ending by an exception; None is none."""
    if error is None:
        return Ending("FINISHED")
    if isinstance(error, SystemExit):
        return _ending_with(error.code)
    message = "".join(traceback.format_exception_only(error)).strip()[:_MAX_MESSAGE_CHARACTERS]
    trace = "".join(traceback.format_exception(error))[-_MAX_TRACEBACK_CHARACTERS:]
    return Ending("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED", _valid(message), _valid(trace))


def ending_of_process() -> Ending:
    """The ending of a process that ends now."""
    last = getattr(sys, "last_value", None)
    # An interactive interpreter goes on after errors, and so may end without one.
    if isinstance(last, BaseException) and not hasattr(sys, "ps1"):
        return ending_by(last)
    return _ending_with(exits.status)


def _ending_with(status: object) -> Ending:
    """The ending with an exit status: None and 0 are none, a text is printed and means 1."""
    if exits.signal:
        return Ending("KILLED", exits.signal)
    if status is None or status == 0:
        return Ending("FINISHED")
    message = f"exit status {status}" if isinstance(status, int) else str(status)
    return Ending("FAILED", _valid(message[:_MAX_MESSAGE_CHARACTERS]))


def _valid(text: str) -> str:
    """A text that can be kept."""
    return text.replace("\0", "␀").encode("utf-8", "backslashreplace").decode()
