"""How many requests are worked on at once, how many wait, and for how long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from trivet._serving.refusals import Refusal

_Result = TypeVar("_Result")

_RETRY_SECONDS: Final = 1


def _too_many() -> Refusal:
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
        self._lock = threading.Lock()
        self._admitted = 0

    def check(self) -> None:
        """Raises Refusal where one more would be too many: before its body is read."""
        if self._admitted >= self._most:
            raise _too_many()

    async def run(self, work: Callable[[], _Result]) -> _Result:
        """Runs in a thread, and returns what that does.

        Where the caller is cancelled, what waits does not begin. What runs goes on, and counts until it ends.

        Raises:
            Refusal: too many wait.
        """
        with self._lock:
            if self._admitted >= self._most:
                raise _too_many()
            self._admitted += 1
        job = self._pool.submit(work)
        job.add_done_callback(self._ended)
        return await asyncio.wrap_future(job)

    def close(self) -> None:
        """Waits for no one: the process ends."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ended(self, _: Future[_Result]) -> None:
        with self._lock:
            self._admitted -= 1
