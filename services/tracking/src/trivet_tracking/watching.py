"""Tells watchers what changes: one poller reads for all of them, twice a second, while there are any.

What it reads becomes parts, of which the newest few are kept for all watchers alike: nothing is queued for any of them.
One that is later than that, or resumes, or has come while the poller was reading, reads for itself what it has missed,
a few at a time; only the newest state counts, so that this is one read however late it is.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from trivet_kit.errors import CallerError, ResumeTokenExpired, ServerDraining
from trivet_proto.tracking.v1 import watch_pb2
from trivet_tracking import convert_watches
from trivet_tracking.domain.runs import KeySelection, RunFields
from trivet_tracking.domain.watches import (
    ChangedExperiment,
    ChangedRun,
    Changes,
    Position,
    RunChange,
    WatchQuery,
)

POLL_SECONDS = 0.5
# As the contract says.
HEARTBEAT_SECONDS = 10.0
# Runs that are loaded at once: a bound on memory, and on how long one read takes.
_RUNS_A_PART = 500
# What is kept for watchers that are not there yet: so many reads, which are two seconds, and bytes of messages. One
# that is later than that is sent the newest state alone.
_MAX_READS = 4
_MAX_KEPT_BYTES = 32 * 1024 * 1024
# How many watchers read for themselves at once.
_READ_AT_ONCE = 2
# Watchers are woken so many at a time, with a pause: to send to hundreds takes an event loop some tens of milliseconds,
# which calls would have to wait for.
_WOKEN_AT_ONCE = 8
_WAKE_PAUSE_SECONDS = 0.005
# How long the database may be away before watchers are told: a moment of it concerns nobody.
_PATIENCE_SECONDS = 10.0

_Result = TypeVar("_Result")
_Message = watch_pb2.WatchRunsResponse

_log = logging.getLogger("trivet.tracking.watching")


class Watching:
    """All watchers of a process. For one event loop; `close` may be called from anywhere."""

    def __init__(self, changes: Changes, stay_seconds: float) -> None:
        """Prepares; nothing is read before there are watchers.

        Args:
            changes: Where to read.
            stay_seconds: How long a watcher stays, give or take a tenth; then it calls again, perhaps elsewhere.
        """
        self._changes = changes
        self._stay_seconds = stay_seconds
        self._feed: _Feed | None = None
        self._draining = False
        self._reading = asyncio.Semaphore(_READ_AT_ONCE)
        # The poller's own: it must not wait behind long reads.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="watch")

    async def watch(self, query: WatchQuery, position: Position | None) -> AsyncGenerator[_Message, None]:
        """Answers what changes after a position, or from now on for None; ends after `stay_seconds`.

        Raises:
            FieldInvalid, ResumeTokenExpired: the position is none, or too long ago.
            ServerDraining: the server stops.
            DatabaseUnavailable, Overloaded, DeadlineExceeded: changes cannot be read, and could not for a while.
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._stay_seconds * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load
        with self._listening(query) as feed:
            reached = await feed.joined()
            # What is read for this watcher alone is read after all that comes before this part.
            number = feed.next
            if position is None:
                position = reached
                yield convert_watches.heartbeat(position)
            else:
                async for reached, message in self._missed(query, position):
                    yield message
                    position = reached
            spoke = loop.time()
            while loop.time() < ends:
                part = feed.part(number)
                if part is None:  # it has taken all that was read
                    position = feed.position or position
                    due = spoke + HEARTBEAT_SECONDS
                    if await feed.has_more(number, min(due, ends) - loop.time()):
                        continue
                    messages = [convert_watches.heartbeat(position)] if due <= loop.time() else []
                elif query in part.queries:
                    number += 1
                    position = part.after
                    messages = await part.messages(query)
                else:
                    number = feed.next
                    async for reached, message in self._missed(query, position):
                        yield message
                        position, spoke = reached, loop.time()
                    continue
                for message in messages:
                    yield message
                    spoke = loop.time()

    def drain(self) -> None:
        """Ends all watchers, and those that come. On the event loop."""
        self._draining = True
        if self._feed is not None:
            self._feed.fail(ServerDraining())

    def close(self) -> None:
        """Frees its thread; calling it again does nothing."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    @contextmanager
    def _listening(self, query: WatchQuery) -> Iterator[_Feed]:
        """The feed, which is there as long as somebody listens to it."""
        if self._draining:
            raise ServerDraining
        # One that has failed ends those who listen to it; whoever comes now begins another.
        if self._feed is None or self._feed.has_failed:
            self._feed = _Feed(self._changes, self._thread)
        feed = self._feed
        feed.watched[query] += 1
        try:
            yield feed
        finally:
            feed.watched[query] -= 1
            if not feed.watched[query]:
                del feed.watched[query]
            if not feed.watched:
                feed.stop()
                self._feed = None if self._feed is feed else self._feed

    async def _missed(self, query: WatchQuery, position: Position) -> AsyncIterator[tuple[Position, _Message]]:
        """Reads for one watcher what it has missed; with each message, of at least one, where it stands then."""
        changed = await self._read(partial(self._changes.since, position, (query.workspace,)))
        *pieces, last = _pieces(changed.runs, (query,))
        sent: Sequence[_Message] = ()
        for piece in pieces:
            part = partial(_load, self._changes, position, position, (query,), piece)
            for message in (await self._read(part)).prepared[query]:
                yield position, message
        part = partial(_load, self._changes, position, changed.position, (query,), last, changed.experiments)
        sent = (await self._read(part)).prepared[query] or [convert_watches.heartbeat(changed.position)]
        for message in sent[:-1]:
            yield position, message
        yield changed.position, sent[-1]

    async def _read(self, step: Callable[[], _Result]) -> _Result:
        """Reads in a thread, few at once, holding none while what was read is being sent."""
        async with self._reading:
            return await asyncio.to_thread(step)


@dataclass
class _Part:
    """Changes that were read at once."""

    before: Position
    after: Position
    """Where a watcher stands that has taken it; as before, where more parts of one read follow."""
    queries: frozenset[WatchQuery]
    """What was looked for."""
    runs: Sequence[RunChange]
    experiments: Sequence[ChangedExperiment]
    number: int = 0
    """Of the read."""
    prepared: dict[WatchQuery, list[_Message]] = field(default_factory=dict)
    """What to send to whom; of the newest part only."""
    size_bytes: int = 0
    """Of all that."""

    def prepare(self) -> None:
        """Makes the messages of all queries."""
        self.prepared = {query: self._messages(query) for query in self.queries}
        self.size_bytes = sum(message.ByteSize() for messages in self.prepared.values() for message in messages)

    async def messages(self, query: WatchQuery) -> list[_Message]:
        """What to send to a watcher."""
        prepared = self.prepared.get(query)
        return await asyncio.to_thread(self._messages, query) if prepared is None else prepared

    def _messages(self, query: WatchQuery) -> list[_Message]:
        messages = convert_watches.from_changes(query, self.runs, self.experiments)
        return convert_watches.with_tokens(messages, self.before, self.after)


class _Feed:
    """The poller, and what it has read; parts are numbered from 0 up."""

    def __init__(self, changes: Changes, thread: ThreadPoolExecutor) -> None:
        self._changes = changes
        self._thread = thread
        self.watched: Counter[WatchQuery] = Counter()
        """How many watchers there are of each query."""
        self.position: Position | None = None
        """Up to where all has been read; None at first."""
        self._parts: deque[_Part] = deque()
        self._first = 0
        """The number of the oldest part that is kept."""
        self._reads = 0
        self._failure: Exception | None = None
        self._waiting: dict[asyncio.Future[None], None] = {}
        """Of watchers that wait for news, in the order in which they came."""
        self._waking: set[asyncio.Task[None]] = set()
        self._poller = asyncio.create_task(self._poll())

    @property
    def next(self) -> int:
        """The number of the part that is read next."""
        return self._first + len(self._parts)

    @property
    def has_failed(self) -> bool:
        """Whether it has come to an end."""
        return self._failure is not None

    def fail(self, error: Exception) -> None:
        """Ends it, and with this error all who listen."""
        self._failure = error
        _wake(self._waiting)
        self.stop()

    def stop(self) -> None:
        """Reads no more."""
        self._poller.cancel()

    async def joined(self) -> Position:
        """Waits until it has begun; returns up to where it has read. Raises what it failed with."""
        while self.position is None:
            await self.has_more(self.next, None)
        return self.position

    def part(self, number: int) -> _Part | None:
        """A part, or one that it was too late for; None where none is there yet. Raises what it failed with."""
        if self._failure is not None:
            raise self._failure
        if number == self.next:
            return None
        return self._parts[number - self._first] if number >= self._first else _TOO_LATE

    async def has_more(self, number: int, seconds: float | None) -> bool:
        """Waits for news; whether a part is there by now. Raises what it failed with."""
        news = asyncio.get_running_loop().create_future()
        self._waiting[news] = None
        try:
            async with asyncio.timeout(seconds):
                await news
        except TimeoutError:
            pass
        finally:
            self._waiting.pop(news, None)
        if self._failure is not None:
            raise self._failure
        return number < self.next

    def _tell(self) -> None:
        """Wakes those who wait."""
        waking = asyncio.create_task(self._wake_in_turn(list(self._waiting)))
        self._waking.add(waking)
        waking.add_done_callback(self._waking.discard)

    async def _wake_in_turn(self, waiting: Sequence[asyncio.Future[None]]) -> None:
        for begin in range(0, len(waiting), _WOKEN_AT_ONCE):
            if begin:
                await asyncio.sleep(_WAKE_PAUSE_SECONDS)
            _wake(waiting[begin : begin + _WOKEN_AT_ONCE])

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        succeeded = loop.time()
        while True:
            began = loop.time()
            try:
                await self._read()
                succeeded = began
            except ResumeTokenExpired as error:
                # For longer than changes are kept, nothing could be read.
                self.fail(error)
            except CallerError as error:
                _log.info("changes not read: %s", error)
                if began - succeeded >= _PATIENCE_SECONDS:
                    self.fail(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, watchers must not wait for nothing
                self.fail(error)
            await asyncio.sleep(max(POLL_SECONDS - (loop.time() - began), POLL_SECONDS / 2))

    async def _read(self) -> None:
        """Reads once."""
        queries = frozenset(self.watched)
        before = self.position
        if before is None:
            self.position = await self._in_thread(self._changes.position)
            self._tell()
            return
        workspaces = {query.workspace for query in queries}
        changed = await self._in_thread(partial(self._changes.since, before, workspaces))
        *pieces, last = await self._in_thread(partial(_pieces, changed.runs, queries))
        for piece in pieces:
            self._add(await self._in_thread(partial(_load, self._changes, before, before, queries, piece)))
        part = partial(_load, self._changes, before, changed.position, queries, last, changed.experiments)
        last_part = await self._in_thread(part)
        # Where nothing changed nobody is woken, unless one has come meanwhile whom nothing was looked for.
        if last_part.runs or last_part.experiments or not self.watched.keys() <= queries:
            self._add(last_part)
        self.position = changed.position
        self._reads += 1

    def _add(self, part: _Part) -> None:
        """Keeps a part, and lets go of what is too old or too much."""
        if self._parts:
            self._parts[-1].prepared.clear()
        part.number = self._reads
        self._parts.append(part)
        kept = sum(each.size_bytes for each in self._parts)
        while kept > _MAX_KEPT_BYTES or self._parts[0].number <= self._reads - _MAX_READS:
            if len(self._parts) == 1:
                break
            kept -= self._parts.popleft().size_bytes
            self._first += 1
        self._tell()

    async def _in_thread(self, step: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, step)


# Nobody's query is in it, so that each watcher reads for itself.
_TOO_LATE = _Part("", "", frozenset(), (), ())


def _wake(waiting: Iterable[asyncio.Future[None]]) -> None:
    for news in waiting:
        if not news.done():
            news.set_result(None)


def _pieces(runs: Iterable[ChangedRun], queries: Iterable[WatchQuery]) -> list[list[ChangedRun]]:
    """The runs that queries cover, in pieces that are loaded at once; at least one."""
    covered = [run for run in runs if any(query.covers(run) for query in queries)]
    return [covered[begin : begin + _RUNS_A_PART] for begin in range(0, len(covered), _RUNS_A_PART)] or [[]]


def _load(
    changes: Changes,
    before: Position,
    after: Position,
    queries: Iterable[WatchQuery],
    runs: Sequence[ChangedRun],
    experiments: Sequence[ChangedExperiment] = (),
) -> _Part:
    """A part with the newest state of runs, and the messages of all queries."""
    loaded = changes.load(before, runs, _fields_of(queries)) if runs else ()
    part = _Part(before, after, frozenset(queries), loaded, experiments)
    part.prepare()
    return part


def _fields_of(queries: Iterable[WatchQuery]) -> RunFields:
    """What has to be loaded for all of them."""
    fields = [query.fields for query in queries]
    return RunFields(
        metrics=_joined(each.metrics for each in fields),
        params=_joined(each.params for each in fields),
        tags=_joined(each.tags for each in fields),
        description=any(each.description for each in fields),
    )


def _joined(selections: Iterable[KeySelection]) -> KeySelection:
    keys: frozenset[str] = frozenset()
    for selection in selections:
        if selection is None:
            return None
        keys |= selection
    return keys
