"""Keeps forks and calls of servers apart.

gRPC prepares for a fork only while no thread is in a call. The child of another fork has a gRPC in pieces: it crashes,
or hangs. So a fork waits for the calls that run, ends those that take too long, and no other begins until it is over.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

# A healthy server answers a writer in much less. What is ended is begun again, and has an effect once.
WRITER_PATIENCE_SECONDS: Final = 0.25
# Of calls that somebody waits for. Some cannot be begun again.
PATIENCE_SECONDS: Final = 2.0
# What was ended leaves gRPC as soon as its thread gets a processor. A fork must not hang for ever all the same.
_LONGEST_SECONDS: Final = 30.0
# A thread of gRPC's takes in what is left of a stream, or of a connection that was being made, after its end was said;
# on a busy machine it waits for a processor first. A child would go on with that, and say that it cannot.
_SETTLE_SECONDS: Final = 0.2
_ANY_THREAD: Final = 0


class Call:
    """A call that forks wait for."""

    def __init__(self, patience_seconds: float, end: Callable[[], object], thread: int) -> None:
        self.patience_seconds = patience_seconds
        self.end = end
        self.thread = thread
        self.is_ended = False
        """Whether a fork has ended it."""


class Forks:
    """The calls of this process, and its forks. Safe for use by several threads."""

    def __init__(self) -> None:
        self.after_in_child()

    def enter(self, patience_seconds: float, end: Callable[[], object], *, of_this_thread: bool = False) -> Call:
        """Says that a call begins, after waiting for the forks that are under way.

        Args:
            patience_seconds: How long a fork waits for it to end by itself.
            end: Ends it; called by another thread, or by this one in a handler of signals.
            of_this_thread: Whether this thread is all of it: then a fork in a handler that interrupts it does not wait.
        """
        call = Call(patience_seconds, end, threading.get_ident() if of_this_thread else _ANY_THREAD)
        with self._changed:
            while self._forking:
                self._changed.wait()
            self._calls.add(call)
        return call

    def leave(self, call: Call) -> None:
        """Says that a call is over. Idempotent."""
        with self._changed:
            self._calls.discard(call)
            self._changed.notify_all()

    @contextmanager
    def kept_off(self) -> Iterator[None]:
        """No fork by another thread happens in the block, which is short and makes no call.

        A lock that is held when a process forks is held for ever in the child, such as those of `tempfile` and of a
        module that is being imported.
        """
        block = self.enter(_LONGEST_SECONDS, lambda: None, of_this_thread=True)
        try:
            yield
        finally:
            self.leave(block)

    def before(self) -> None:
        """Lets no call begin, waits for those that run, and ends those that take too long."""
        began, has_ended_some = time.monotonic(), False
        with self._changed:
            self._forking += 1
        while True:
            with self._changed:
                running = [call for call in self._calls if call.thread != threading.get_ident()]
                gone = time.monotonic() - began
                if not running or gone > _LONGEST_SECONDS:
                    break
                late = [call for call in running if not call.is_ended and call.patience_seconds <= gone]
                if not late:
                    waits = [call.patience_seconds for call in running if not call.is_ended]
                    self._changed.wait(min(waits, default=_LONGEST_SECONDS) - gone)
            for call in late:
                call.is_ended = has_ended_some = True
                call.end()
        if has_ended_some:
            time.sleep(_SETTLE_SECONDS)

    def after_in_parent(self) -> None:
        """Lets calls begin again."""
        with self._changed:
            self._forking -= 1
            self._changed.notify_all()

    def after_in_child(self) -> None:
        """Begins anew: the threads of the parent, and their calls, are not here."""
        self._changed = threading.Condition()
        self._calls: set[Call] = set()
        self._forking = 0


forks: Final = Forks()
"""Of this process."""

if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(before=forks.before, after_in_parent=forks.after_in_parent, after_in_child=forks.after_in_child)
