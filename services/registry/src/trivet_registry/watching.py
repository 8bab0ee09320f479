"""Tells watchers what happens to models: one poller asks for all of them how far events go, while there are any."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from trivet_kit.errors import CallerError, ServerDraining
from trivet_registry.domain.events import EventPage, EventQuery, Events

POLL_SECONDS = 0.25
# As the contract says.
HEARTBEAT_SECONDS = 10.0
_EVENTS_AT_ONCE = 100
# How many watchers read at once; the others wait.
_READ_AT_ONCE = 4
# How long the database may be away before watchers are told: a moment of it concerns nobody.
_PATIENCE_SECONDS = 10.0


class Watching:
    """All watchers of a process. For one event loop."""

    def __init__(self, events: Events, stay_seconds: float) -> None:
        """Prepares; nothing is read before there are watchers.

        Args:
            events: Where to read.
            stay_seconds: How long a watcher stays, give or take a tenth; then it calls again, perhaps elsewhere.
        """
        self._events = events
        self._stay_seconds = stay_seconds
        self._reading = asyncio.Semaphore(_READ_AT_ONCE)
        self._news = asyncio.Condition()
        self._watchers = 0
        self._poller: asyncio.Task[None] | None = None
        self._last: int | None = None
        """How far events go; None until somebody has looked."""
        self._failure: Exception | None = None
        self._telling: asyncio.Task[None] | None = None

    async def watch(self, query: EventQuery, position: int | None) -> AsyncGenerator[EventPage, None]:
        """Gives events after a position, or from now on for None; ends after `stay_seconds`.

        The first page comes at once, and one without events where nothing has happened for ten seconds.

        Raises:
            ResumeTokenExpired: the position lies after the last event.
            ServerDraining: the server stops.
            DatabaseUnavailable, Overloaded, DeadlineExceeded: events cannot be read, and could not for a while.
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._stay_seconds * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load
        with self._listening():
            if position is None:
                position = await asyncio.to_thread(self._events.last_position)
                yield EventPage((), position)
            else:
                page = await self._read(query, position)
                position = page.reached
                yield page
            spoke = loop.time()
            while loop.time() < ends:
                due = min(spoke + HEARTBEAT_SECONDS, ends)
                if await self._has_more(position, due - loop.time()):
                    page = await self._read(query, position)
                    position = page.reached
                    if not page.events:
                        continue
                elif loop.time() < spoke + HEARTBEAT_SECONDS:
                    continue
                else:
                    page = EventPage((), position)
                yield page
                spoke = loop.time()

    def drain(self) -> None:
        """Ends all watchers, and those that come. On the event loop."""
        self._failure = ServerDraining()
        if self._poller is not None:
            self._poller.cancel()
        self._telling = asyncio.get_running_loop().create_task(self._tell())

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Keeps the poller running as long as somebody listens."""
        if isinstance(self._failure, ServerDraining):
            raise self._failure
        if self._poller is None or self._poller.done():
            self._failure = None
            self._poller = asyncio.create_task(self._poll())
        self._watchers += 1
        try:
            yield
        finally:
            self._watchers -= 1
            if not self._watchers and self._poller is not None:
                self._poller.cancel()
                self._poller = None

    async def _read(self, query: EventQuery, position: int) -> EventPage:
        async with self._reading:
            return await asyncio.to_thread(self._events.after, query, position, _EVENTS_AT_ONCE)

    async def _has_more(self, position: int, seconds: float) -> bool:
        """Waits for events after a position; whether there are any by now. Raises what the poller failed with."""
        try:
            async with asyncio.timeout(max(seconds, 0)), self._news:
                await self._news.wait_for(lambda: self._failure is not None or self._goes_beyond(position))
        except TimeoutError:
            pass
        if self._failure is not None:
            raise self._failure
        return self._goes_beyond(position)

    def _goes_beyond(self, position: int) -> bool:
        return self._last is not None and self._last > position

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        answered = loop.time()
        while True:
            try:
                last = await asyncio.to_thread(self._events.last_position)
                answered = loop.time()
            except Exception as error:  # noqa: BLE001 - whatever it is, those who watch have to hear of it
                if not isinstance(error, CallerError) or loop.time() - answered > _PATIENCE_SECONDS:
                    self._failure = error
                    await self._tell()
                    return
            else:
                if last != self._last:
                    self._last = last
                    await self._tell()
            await asyncio.sleep(POLL_SECONDS)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()
