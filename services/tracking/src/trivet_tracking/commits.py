"""Group commit: one thread takes all waiting writes into one transaction, then acknowledges them.

Workspaces have turns: however much of one waits, the next turn is another's.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

from trivet_kit.errors import CallerError, Overloaded, ServerDraining
from trivet_kit.timestamps import now_millis
from trivet_kit.tracing import here, span
from trivet_tracking.domain.writes import RunWrite, WriteOutcome, Writes
from trivet_tracking.measuring import count_waiting, note_group

# A group's bounds, measured (metric-storage.md): larger ones gain nothing and make the first caller wait.
MAX_GROUP_WRITES = 512
MAX_GROUP_BYTES = 8 * 1024 * 1024
# What one workspace brings to a group, as long as others write too: some ten milliseconds of work, for which a small
# write of theirs may have to wait twice, once for the group that is under way, and once in its own.
MAX_SHARED_BYTES = 1024 * 1024
# So long after a write of another one a workspace counts as not alone.
SHARED_SECONDS = 1.0
# Where several writers are at work, groups begin at least this far apart. A group costs the same some milliseconds of
# processors whether it has one write or ten, and two hundred runs that log once a second would have a group for each.
# One writer alone, who waits for each answer, is not held up.
PACE_SECONDS = 0.01
# What may wait before callers are turned away: some seconds of work, and a bound on memory. A call that waits holds the
# bytes of its message besides, and gRPC has buffers of its own: a server whose database stands still grows by less than
# four times these bytes and a group's (tests/faults/test_overload.py). Where one workspace fills it, another group may
# wait of the others.
MAX_WAITING_WRITES = 4096
MAX_WAITING_BYTES = 64 * 1024 * 1024

_log = logging.getLogger("trivet.tracking.commits")


_Writer: TypeAlias = tuple[str, str, int]
"""Workspace, run and id."""


@dataclass(frozen=True)
class _Waiting:
    write: RunWrite
    acknowledged: asyncio.Future[WriteOutcome]
    traced: object
    """The span of its call."""


@dataclass
class _Queue:
    """The writes of a workspace that wait."""

    writes: deque[_Waiting] = field(default_factory=deque)
    size_bytes: int = 0


class _Queues:
    """The writes that wait, those of each workspace in a queue of their own. Not safe for threads."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        """None is empty. The first in the order is the next to have a turn."""
        self._last: str | None = None
        """The workspace that wrote last."""
        self._shared_until = -math.inf
        self.count = 0
        self.size_bytes = 0

    def __iter__(self) -> Iterator[_Waiting]:
        return chain.from_iterable(queue.writes for queue in self._queues.values())

    def has_room(self, workspace: str) -> bool:
        """Whether another write of a workspace may wait."""
        if self.count < MAX_WAITING_WRITES and self.size_bytes < MAX_WAITING_BYTES:
            return True
        more_writes, more_bytes = MAX_WAITING_WRITES + MAX_GROUP_WRITES, MAX_WAITING_BYTES + MAX_GROUP_BYTES
        if self.count >= more_writes or self.size_bytes >= more_bytes:
            return False
        # Which is not one of those that fill it.
        queue = self._queues.get(workspace)
        return queue is None or (len(queue.writes) < MAX_GROUP_WRITES and queue.size_bytes < MAX_SHARED_BYTES)

    def append(self, waiting: _Waiting) -> None:
        """Lets a write wait behind those of its workspace."""
        workspace = waiting.write.workspace
        if workspace != self._last:
            if self._last is not None:
                self._shared_until = time.monotonic() + SHARED_SECONDS
            self._last = workspace
        queue = self._queues.setdefault(workspace, _Queue())
        queue.writes.append(waiting)
        queue.size_bytes += waiting.write.size_bytes
        self.count += 1
        self.size_bytes += waiting.write.size_bytes

    def take(self) -> list[_Waiting]:
        """Takes as many as go into one transaction, of each workspace one in turn."""
        shared = len(self._queues) > 1 or time.monotonic() < self._shared_until
        left = dict.fromkeys(self._queues, MAX_SHARED_BYTES if shared else MAX_GROUP_BYTES)
        """What each may still bring."""
        stay: dict[str, _Queue] = {}
        group: list[_Waiting] = []
        size = 0
        while self._queues and len(group) < MAX_GROUP_WRITES and size < MAX_GROUP_BYTES:
            workspace = next(iter(self._queues))
            queue = self._queues.pop(workspace)
            group.append(queue.writes.popleft())
            taken = group[-1].write.size_bytes
            queue.size_bytes -= taken
            left[workspace] -= taken
            size += taken
            if queue.writes:
                (self._queues if left[workspace] > 0 else stay)[workspace] = queue
        self._queues |= stay
        self.count -= len(group)
        self.size_bytes -= size
        return group


class GroupCommitter:
    """Commits writes in groups. `submit` is for event loops, from any number of tasks."""

    def __init__(self, writes: Writes) -> None:
        self._writes = writes
        self._waiting = _Queues()
        self._changed = threading.Condition()
        self._closed = False
        self._began = -math.inf
        self._last_writer: _Writer | None = None
        """Who alone brought the last group; None: several did."""
        count_waiting(lambda: self._waiting.count)
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    async def submit(self, write: RunWrite) -> WriteOutcome:
        """Returns when the write is durable.

        Raises:
            Overloaded: too much is waiting, and a good part of it is of the same workspace, or all the room is taken.
            ServerDraining: `close` was called.
            CallerError: as `Writes.apply` says.
        """
        return await self.hand_in(write)

    def hand_in(self, write: RunWrite) -> asyncio.Future[WriteOutcome]:
        """As `submit`, without waiting: returns what will be the outcome. Raises Overloaded and ServerDraining."""
        waiting = _Waiting(write, asyncio.get_running_loop().create_future(), here())
        with self._changed:
            if self._closed:
                raise ServerDraining
            if not self._waiting.has_room(write.workspace):
                raise Overloaded("writes", retry_after_seconds=1)
            self._waiting.append(waiting)
            if self._waiting.count == 1 or self._is_full():
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
            writes = [waiting.write for waiting in group]
            # In the trace of the first of them: a span has one parent, and the statements are for all.
            with span("group commit", parent=group[0].traced, trivet_writes=len(group)):
                outcomes = self._apply(writes)
            seconds = time.monotonic() - self._began
            # Its callers first: they wait.
            _acknowledge(group, outcomes)
            note_group(writes, outcomes, seconds, now_millis())

    def _next_group(self) -> list[_Waiting]:
        """Waits for writes and takes as many as go into one transaction; none when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting.count or self._closed)
            if any(_writer_of(waiting.write) != self._last_writer for waiting in self._waiting):
                pause = self._began + PACE_SECONDS - time.monotonic()
                self._changed.wait_for(lambda: self._is_full() or self._closed, max(pause, 0))
            group = self._waiting.take()
            self._began = time.monotonic()
            writers = {_writer_of(waiting.write) for waiting in group}
            self._last_writer = writers.pop() if len(writers) == 1 else None
            return group

    def _is_full(self) -> bool:
        """Whether what waits is a group of the largest size."""
        return self._waiting.count >= MAX_GROUP_WRITES or self._waiting.size_bytes >= MAX_GROUP_BYTES

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
