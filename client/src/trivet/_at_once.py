"""Several steps of one transfer at once, in threads: the first that fails ends the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue


class TransferStopped(Exception):
    """Ends a step of a transfer that is given up."""


class Stop:
    """Tells the steps of a transfer that it is given up. Safe for use by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._endings: set[Callable[[], object]] = set()

    def set(self) -> None:
        """Gives the transfer up: ends the calls that run. Idempotent."""
        with self._lock:
            self._event.set()
            endings = list(self._endings)
        for end in endings:
            end()

    @property
    def is_set(self) -> bool:
        """Whether it was given up."""
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        """Waits so long. Raises TransferStopped as soon as it is given up."""
        if self._event.wait(seconds):
            raise TransferStopped

    def check(self) -> None:
        """Raises TransferStopped if it was given up."""
        if self._event.is_set():
            raise TransferStopped

    @contextmanager
    def ends(self, end: Callable[[], object]) -> Iterator[None]:
        """Calls `end`, from another thread, where the transfer is given up in the block."""
        with self._lock:
            self._endings.add(end)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._endings.discard(end)


def run_at_once(steps: Iterable[Callable[[], None]], workers: int, stop: Stop) -> None:
    """Takes all steps, so many at once, and returns when all are done.

    Raises:
        BaseException: what the first step that failed raised, after all that ran have ended; Ctrl-C does the same.
    """
    left: SimpleQueue[Callable[[], None]] = SimpleQueue()
    for step in steps:
        left.put(step)
    takers = min(workers, left.qsize())

    def take() -> None:
        while True:
            try:
                step = left.get_nowait()
            except Empty:
                return
            step()

    with ThreadPoolExecutor(workers, thread_name_prefix="trivet-transfer") as pool:
        futures: list[Future[None]] = []
        try:
            try:
                for _ in range(takers):
                    futures.append(pool.submit(take))  # noqa: PERF401 - those that there are before one fails
            except RuntimeError:
                # The interpreter ends, from some moment on in the midst of this: no thread begins any more, and this
                # one takes what those that there are leave.
                take()
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            stop.set()
            with suppress(Empty):
                while True:
                    left.get_nowait()
            raise
