"""Group commit: one thread takes all waiting writes into one transaction, then acknowledges them."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from trivet_kit.errors import CallerError, Overloaded, ServerDraining
from trivet_tracking.domain.writes import RunWrite, WriteOutcome, Writes

# A group's bounds, measured (metric-storage.md): larger ones gain nothing and make the first caller wait.
MAX_GROUP_WRITES = 512
MAX_GROUP_BYTES = 8 * 1024 * 1024
# Where several writers are at work, groups begin at least this far apart. A group costs the same some milliseconds of
# processors whether it has one write or ten, and two hundred runs that log once a second would have a group for each.
# One writer alone, who waits for each answer, is not held up.
PACE_SECONDS = 0.01
# What may wait before callers are turned away: some seconds of work, and a bound on memory. A call that waits holds the
# bytes of its message besides, and gRPC has buffers of its own: a server whose database stands still grows by less than
# four times these bytes and a group's (tests/faults/test_overload.py).
MAX_WAITING_WRITES = 4096
MAX_WAITING_BYTES = 64 * 1024 * 1024

_log = logging.getLogger("trivet.tracking.commits")


_Writer: TypeAlias = tuple[str, str, int]
"""Workspace, run and id."""


@dataclass(frozen=True)
class _Waiting:
    write: RunWrite
    acknowledged: asyncio.Future[WriteOutcome]


class GroupCommitter:
    """Commits writes in groups. `submit` is for event loops, from any number of tasks."""

    def __init__(self, writes: Writes) -> None:
        self._writes = writes
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._began = 0.0
        self._last_writer: _Writer | None = None
        """Who alone brought the last group; None: several did."""
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    async def submit(self, write: RunWrite) -> WriteOutcome:
        """Returns when the write is durable.

        Raises:
            Overloaded: too much is waiting.
            ServerDraining: `close` was called.
            CallerError: as `Writes.apply` says.
        """
        return await self.hand_in(write)

    def hand_in(self, write: RunWrite) -> asyncio.Future[WriteOutcome]:
        """As `submit`, without waiting: returns what will be the outcome. Raises Overloaded and ServerDraining."""
        waiting = _Waiting(write, asyncio.get_running_loop().create_future())
        with self._changed:
            if self._closed:
                raise ServerDraining
            if len(self._waiting) >= MAX_WAITING_WRITES or self._waiting_bytes >= MAX_WAITING_BYTES:
                raise Overloaded("writes", retry_after_seconds=1)
            self._waiting.append(waiting)
            self._waiting_bytes += write.size_bytes
            if len(self._waiting) == 1 or self._is_full():
                self._changed.notify()
        return waiting.acknowledged

    def close(self) -> None:
        """Commits what is waiting and stops; calling it again does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while group := self._next_group():
            _acknowledge(group, self._apply([waiting.write for waiting in group]))

    def _next_group(self) -> list[_Waiting]:
        """Waits for writes and takes as many as go into one transaction; none when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if any(_writer_of(waiting.write) != self._last_writer for waiting in self._waiting):
                pause = self._began + PACE_SECONDS - time.monotonic()
                self._changed.wait_for(lambda: self._is_full() or self._closed, max(pause, 0))
            group: list[_Waiting] = []
            size = 0
            while self._waiting and len(group) < MAX_GROUP_WRITES and size < MAX_GROUP_BYTES:
                group.append(self._waiting.popleft())
                size += group[-1].write.size_bytes
            self._waiting_bytes -= size
            self._began = time.monotonic()
            writers = {_writer_of(waiting.write) for waiting in group}
            self._last_writer = writers.pop() if len(writers) == 1 else None
            return group

    def _is_full(self) -> bool:
        """Whether what waits is a group of the largest size."""
        return len(self._waiting) >= MAX_GROUP_WRITES or self._waiting_bytes >= MAX_GROUP_BYTES

    def _apply(self, group: list[RunWrite]) -> Sequence[WriteOutcome | Exception]:
        try:
            return self._writes.apply(group)
        except CallerError as error:
            return [error] * len(group)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the callers, who wait for it
            if len(group) == 1:
                return [error]
            # A fault in one write must not fail those that happened to come with it.
            _log.exception("a group of %d writes failed; trying them one by one", len(group))
            return [outcome for write in group for outcome in self._apply([write])]


def _writer_of(write: RunWrite) -> _Writer:
    return write.workspace, write.run_id, write.writer_id


def _acknowledge(group: list[_Waiting], outcomes: Sequence[WriteOutcome | Exception]) -> None:
    """Wakes the callers, each loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[WriteOutcome], WriteOutcome | Exception]]] = {}
    for waiting, outcome in zip(group, outcomes, strict=True):
        by_loop.setdefault(waiting.acknowledged.get_loop(), []).append((waiting.acknowledged, outcome))
    for loop, answers in by_loop.items():
        try:
            loop.call_soon_threadsafe(_answer, answers)
        except RuntimeError:
            _log.warning("%d writes were committed after their callers' event loop had closed", len(answers))


def _answer(answers: list[tuple[asyncio.Future[WriteOutcome], WriteOutcome | Exception]]) -> None:
    for future, outcome in answers:
        # A caller that went away no longer waits; what it sent is stored all the same.
        if future.done():
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
