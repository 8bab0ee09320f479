"""The log of a run in this process, and the thread that ships it. At the end of the process, all are flushed."""

from __future__ import annotations

import atexit
import logging
import math
import os
import queue
import shutil
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trivet._entities import Receipt
from trivet._errors import ParamChanged
from trivet._ranks import current_rank
from trivet._spool.folders import TargetSpool
from trivet._spool.frames import Series
from trivet._spool.room import Room
from trivet._spool.segments import Segment
from trivet._spool.sender import RunServer, Shipper
from trivet._spool.writer import Writer

_log = logging.getLogger("trivet")

DEFAULT_FINISH_TIMEOUT_SECONDS: Final = 10.0
# A thread that has nothing to send ends after this long; the next record starts another one.
_IDLE_SECONDS: Final = 30.0
# Between two messages of a run, unless somebody waits or much is there: what is logged meanwhile goes together, and
# the loop that logs is seldom disturbed.
_PACE_SECONDS: Final = 0.1
_MUCH_BYTES: Final = 1024 * 1024
# A call that is under way ends within this time as a rule.
_JOIN_SECONDS: Final = 1.0


def finish_timeout_seconds() -> float:
    """How long the end of a run waits for its records: TRIVET_FINISH_TIMEOUT, else 10 s."""
    text = os.environ.get("TRIVET_FINISH_TIMEOUT", "")
    try:
        seconds = float(text) if text else DEFAULT_FINISH_TIMEOUT_SECONDS
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        _log.warning("TRIVET_FINISH_TIMEOUT is %r, which is no number of seconds; taking 10", text)
        return DEFAULT_FINISH_TIMEOUT_SECONDS
    return min(seconds, threading.TIMEOUT_MAX)


class _WrittenLog:
    """The log of a run that this process writes, as its shipper sees it."""

    is_whole = True

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.head = writer.head
        self.series: Mapping[int, tuple[Series, ...]] = writer.series

    @property
    def folder(self) -> Path:
        return self._writer.folder

    @property
    def end(self) -> int:
        return self._writer.end

    @property
    def current(self) -> Segment:
        return self._writer.current

    def freed(self, segment: Segment) -> None:
        self._writer.freed(segment)

    def move(self, folder: Path) -> None:
        self._writer.move(folder)


class RunLog:
    """One run's log in this process, and the thread that ships it. Safe for use by several threads."""

    def __init__(
        self, run_id: str, spool: TargetSpool, room: Room, server: RunServer, *, is_sent: bool, is_unasked: bool
    ) -> None:
        """Makes a new log.

        Args:
            run_id: Whose.
            spool: Where.
            room: How much this process may keep.
            server: To whom it is shipped.
            is_sent: Whether it is shipped by this process.
            is_unasked: Whether no server could be asked for the run.

        Raises:
            SpoolUnusable: it cannot be made; says what to do.
        """
        self.writer = Writer(spool, run_id, room, current_rank(), is_unasked=is_unasked)
        self.run_id = run_id
        self._is_sent = is_sent
        self._closing = threading.Event()
        self._patience_ends = math.inf
        self._shipper = Shipper(_WrittenLog(self.writer), server, spool, is_over=self._is_over, wait=self._closing.wait)
        self._settled = threading.Condition()
        self._hurry = threading.Event()
        self._waiters = 0
        # Its `put` may be called by a signal's handler at any moment, unlike `set` of an event.
        self._woken: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._right_to_start = [None]
        self._right_to_let_go = [None]
        self._params: dict[str, str] = {}
        self._said_left = False
        self._last: Receipt | None = None
        if is_sent:
            self.writer.wake = self._wake
            self.writer.is_idle = True
        live_logs.add(self)

    def check_params(self, params: Mapping[str, str]) -> None:
        """Raises ParamChanged where one was logged before, in this process, with another value."""
        for key, value in params.items():
            known = self._params.get(key, value)
            if known != value:
                raise ParamChanged(
                    f"The param {key!r} of run {self.run_id} is {known!r:.200} already; params are written "
                    f"once, so it cannot become {value!r:.200}. Use a tag or a metric for what changes.",
                    reason="PARAM_CHANGED",
                    metadata={"key": key},
                )
        self._params.update(params)

    # --- the thread

    def _wake(self) -> None:
        self.writer.is_idle = False
        self._woken.put(None)
        if not self._may_start():
            return
        self._thread = threading.Thread(target=self._work, name=f"trivet log {self.run_id}", daemon=True)
        flush_at_exit()
        try:
            self._thread.start()
        except RuntimeError:
            # From Python 3.12 on, no thread starts once the interpreter ends: this one then sends, with its patience.
            self._patience_ends = time.monotonic() + finish_timeout_seconds()
            self._work()

    def _may_start(self) -> bool:
        """Takes the right to be the thread; no lock, because a signal's handler may come in between."""
        try:
            self._right_to_start.pop()
        except IndexError:
            return False
        return True

    def _work(self) -> None:
        while not self._is_over():
            while self._shipper.ship():
                with self._settled:
                    self._said_left = False
                    self._settled.notify_all()
                if self.writer.end - self.writer.head.progress.settled < _MUCH_BYTES:
                    self._hurry.wait(_PACE_SECONDS)
            with self._settled:
                self._settled.notify_all()
            if not self._is_woken():
                return
        if self._closing.is_set():
            self._let_go()

    def _is_woken(self) -> bool:
        """Waits for records; False where this thread is to end."""
        self.writer.is_idle = True
        if not self._shipper.is_done and not self._is_over():
            self.writer.is_idle = False  # it came in the meantime
            return True
        try:
            self._woken.get(timeout=0 if math.isfinite(self._patience_ends) else _IDLE_SECONDS)
        except queue.Empty:
            self._right_to_start.append(None)
            # Who came in the meantime found a thread, and started none.
            return not self._woken.empty() and self._may_start()
        return True

    def _is_over(self) -> bool:
        return self._closing.is_set() or time.monotonic() > self._patience_ends

    # --- for others

    def wait(self, deadline: float) -> bool:
        """Waits until what has been logged is stored or refused; False where that takes longer, or nothing is sent."""
        goal = self.writer.end
        if not self._is_sent:
            return self._is_settled(goal)
        self._waiters += 1
        self._hurry.set()
        try:
            with self._settled:
                self._settled.wait_for(
                    lambda: self._is_settled(goal) or self._closing.is_set(), max(0.0, deadline - time.monotonic())
                )
        finally:
            self._waiters -= 1
            if not self._waiters:
                self._hurry.clear()
        return self._is_settled(goal)

    def _is_settled(self, goal: int) -> bool:
        return self._shipper.refusal is not None or self.writer.head.progress.settled >= goal

    def say_left(self) -> None:
        """Says, once while the server stays away, what is not stored."""
        said, self._said_left = self._said_left, True
        if said:
            return
        obstacle = self._shipper.obstacle
        why = f" ({obstacle})" if obstacle is not None else ""
        _log.warning(
            "run %s: %d records, and perhaps its end, are not stored yet%s. They are kept in %s, and sent if that "
            "changes while this process lives, by the next process on this machine, or by `trivet sync`.",
            self.run_id,
            self._shipper.pending(),
            why,
            self.writer.folder,
        )

    def is_waited_for(self) -> bool:
        """Whether waiting for it makes sense: something is sent, and nobody waited in vain since."""
        return self._is_sent and not self._said_left

    def rewound(self, *, is_rewound: bool) -> None:
        """Says that this process rewinds the run, which ends its writers: what is refused for that is sent anew."""
        self._shipper.is_rewound = is_rewound

    def receipt(self) -> Receipt:
        """What became of the records so far."""
        if self._last is not None:
            return self._last
        progress, pending = self.writer.head.progress, self._shipper.pending()
        refused = progress.refused
        if self._shipper.refusal is not None:
            refused, pending = refused + pending, 0
        dropped = self.writer.dropped
        logged = progress.stored + refused + pending + dropped
        return Receipt(logged, progress.stored, refused, dropped)

    def retire(self) -> Receipt | None:
        """Takes no more records, if all are settled or none is ever sent; then returns what became of them."""
        if self._last is not None:
            return self._last
        settled = self.writer.head.progress.settled
        if self._is_sent and self._shipper.refusal is None:
            if not self.writer.retire(only_at=settled):
                return None
        elif not self.writer.retire():
            return None
        self.close()
        return self.receipt()

    def close(self) -> None:
        """Lets go of the log; what is left of it is for others. Idempotent."""
        self._closing.set()
        self._hurry.set()
        self._woken.put(None)
        with self._settled:
            self._settled.notify_all()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_SECONDS)
            if thread.is_alive():
                return  # in a call; it lets go when that ends
        self._let_go()

    def _let_go(self) -> None:
        try:
            self._right_to_let_go.pop()
        except IndexError:
            return
        self._last = self.receipt()
        is_done = self._shipper.is_done and self._shipper.refusal is None
        if is_done:
            # While the lock is held, so that nobody takes it for what a process left.
            shutil.rmtree(self.writer.folder, ignore_errors=True)
        if self.writer.close() and is_done:
            # Windows removes no open files.
            shutil.rmtree(self.writer.folder, ignore_errors=True)

    def forget_the_parents(self) -> None:
        """Lets go of the log in the child after a fork."""
        self.writer.forget_the_parents()


# A log lives while its thread does, also when its client is forgotten.
live_logs: weakref.WeakSet[RunLog] = weakref.WeakSet()
_flushing_processes: set[int] = set()


def flush_at_exit() -> None:
    """Lets this process flush before it ends. Idempotent."""
    if os.getpid() in _flushing_processes:
        return
    if not _flushing_processes:
        atexit.register(_flush_all)
    _flushing_processes.add(os.getpid())
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None and processes.parent_process() is not None:
        # A forked worker of multiprocessing ends by os._exit, which skips atexit, but runs these.
        from multiprocessing import util  # noqa: PLC0415 - only where it is loaded already

        util.Finalize(None, _flush_all, exitpriority=100)


def _flush_all() -> None:
    deadline = time.monotonic() + finish_timeout_seconds()
    for log in list(live_logs):
        # Nobody waits twice in vain.
        if log.is_waited_for() and not log.wait(deadline):
            log.say_left()
        log.retire()
