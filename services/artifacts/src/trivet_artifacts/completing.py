"""Completions of uploads without a size: a few at once, each upload read once however many calls ask for it."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

from trivet_artifacts.domain.artifacts import Artifact
from trivet_artifacts.resuming import Resuming
from trivet_kit.errors import Overloaded
from trivet_kit.resources import UploadName
from trivet_kit.tracing import CarryingThreads

# Each reads a file of any size as a whole; a store is not read faster by many.
COMPLETIONS = 2
_RETRY_SECONDS = 5


class _NobodyWaits(Exception):
    """The calls that asked for a completion have ended before it did."""


@dataclass(eq=False)
class _Completion:
    etags: tuple[str, ...]
    done: asyncio.Future[Artifact] = field(init=False)
    calls: int = 0
    given_up: threading.Event = field(default_factory=threading.Event)

    def go_on(self) -> None:
        """Raises _NobodyWaits when nobody does."""
        if self.given_up.is_set():
            raise _NobodyWaits


class Completions:
    """Completes uploads without a size in threads of its own. For one event loop."""

    def __init__(self, resuming: Resuming) -> None:
        self._resuming = resuming
        self._threads = CarryingThreads(COMPLETIONS, thread_name_prefix="completion")
        self._running: dict[UploadName, _Completion] = {}

    async def complete(self, name: UploadName, etags: tuple[str, ...]) -> Artifact:
        """As `Resuming.complete_unmeasured`; calls that ask for the same wait for one completion of it.

        It stops when the last of them has ended.

        Raises:
            Overloaded: others are being completed.
        """
        completion = await self._completion(name, etags)
        completion.calls += 1
        try:
            await asyncio.wait([completion.done])  # which leaves it to the others when this call is cancelled
        finally:
            completion.calls -= 1
            if not completion.calls:
                completion.given_up.set()
        return completion.done.result()

    def close(self) -> None:
        """Waits for its threads, after the last call has ended."""
        self._threads.shutdown()

    async def _completion(self, name: UploadName, etags: tuple[str, ...]) -> _Completion:
        while running := self._running.get(name):
            if running.etags == etags and not running.given_up.is_set():
                return running
            # Of other parts, or about to stop.
            await asyncio.wait([running.done])
        if len(self._running) >= COMPLETIONS:
            raise Overloaded("completions", _RETRY_SECONDS)
        return self._start(name, etags)

    def _start(self, name: UploadName, etags: tuple[str, ...]) -> _Completion:
        completion = _Completion(etags)
        completion.done = asyncio.get_running_loop().run_in_executor(
            self._threads, self._resuming.complete_unmeasured, name, etags, completion.go_on
        )
        self._running[name] = completion

        def end(done: asyncio.Future[Artifact]) -> None:
            del self._running[name]
            if not done.cancelled():
                done.exception()  # nobody may be there any more to be told of it

        completion.done.add_done_callback(end)
        return completion
