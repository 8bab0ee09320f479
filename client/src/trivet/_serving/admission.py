"""How many requests are worked on at once, how many wait, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Final, TypeVar

from trivet._serving.refusals import Refusal

_Result = TypeVar("_Result")

_RETRY_SECONDS: Final = 1


def too_many() -> Refusal:
    """That somebody has to come again."""
    return Refusal(
        429,
        "REQUEST_LIMIT_EXCEEDED",
        "The server works on as many requests as it can. Try again later.",
        retry_seconds=_RETRY_SECONDS,
    )


class Admission:
    """Runs what takes long in threads, as many as there are; as many may wait as were said, and more are refused.

    For one event loop.
    """

    def __init__(self, threads: int, waiting: int) -> None:
        """Starts no thread yet.

        Args:
            threads: How many run at once.
            waiting: How many may wait besides.
        """
        self._most = threads + waiting
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="predict")
        # What waits does so here, not in the pool, which would keep it when its caller has gone.
        self._free = asyncio.Semaphore(threads)
        self._admitted = 0

    def check(self) -> None:
        """Raises Refusal where one more would be too many: before its body is read."""
        if self._admitted >= self._most:
            raise too_many()

    async def run(self, work: Callable[[], _Result], ended: Callable[[], None]) -> _Result:
        """Runs in a thread, and returns what that does.

        Where the caller is cancelled, what waits does not begin. What runs goes on, and counts until it ends.

        Args:
            work: What to run.
            ended: Called when nothing has the work any more, whatever became of it.

        Raises:
            Refusal: too many wait.
        """
        with ExitStack() as held:
            held.callback(ended)
            self.check()
            self._admitted += 1
            held.callback(self._leave)
            await self._free.acquire()
            held.callback(self._free.release)
            job = asyncio.get_running_loop().run_in_executor(self._pool, work)
            job.add_done_callback(partial(_let_go, held.pop_all()))
        # Which leaves it alone when the caller is cancelled.
        await asyncio.wait([job])
        return job.result()

    def _leave(self) -> None:
        self._admitted -= 1


def _let_go(held: ExitStack, job: asyncio.Future[_Result]) -> None:
    job.exception()  # Else one that nobody waits for any more would be logged as forgotten.
    held.close()
