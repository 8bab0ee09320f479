"""Files that come in as a whole, which are made durable several at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from trivet_artifacts.blobs.blob_store import BlobStore

# Batches at once, when files come faster than the disk flushes them.
_BATCHES_AT_ONCE = 4
# Files of a batch at most: their bytes, up to 1 MiB each, are in memory already.
_BATCH_FILES = 16
# A second batch begins when so many files wait. Threads that take one each wait for each other more than for the disk.
_WORTH_A_BATCH = 8


class Whole(Protocol):
    """A file whose bytes are all there."""

    object_key: str

    def check_all(self, data: bytes, sha256: bytes) -> None:
        """Verifies it. Raises ArtifactDigestMismatch."""
        ...


_File = TypeVar("_File", bound=Whole)


@dataclass(frozen=True, eq=False)
class _Waiting(Generic[_File]):
    file: _File
    data: bytes
    sha256: bytes
    done: Future[None] = field(default_factory=Future)


class WholeFiles(Generic[_File]):
    """Takes in files as they come; those that come while others are written make up the next batch.

    Safe for threads.
    """

    def __init__(self, blobs: BlobStore, threads: ThreadPoolExecutor, left: Callable[[Sequence[_File]], None]) -> None:
        """`left` is called in a thread with files that need no place any longer, before what became of them is told."""
        self._blobs = blobs
        self._threads = threads
        self._left = left
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting[_File]] = deque()
        self._running = 0

    def add(self, file: _File, data: bytes, sha256: bytes) -> Future[None]:
        """Begins to take in a file; the future ends when it is durable, or has what keeps it from being."""
        waiting = _Waiting(file, data, sha256)
        with self._lock:
            self._waiting.append(waiting)
            begins = self._running < _BATCHES_AT_ONCE and (not self._running or len(self._waiting) >= _WORTH_A_BATCH)
            self._running += begins
        if begins:
            self._threads.submit(self._run)
        return waiting.done

    def _run(self) -> None:
        while batch := self._next_batch():
            # From here on nobody can call it off; what was called off before is passed over.
            self._take([waiting for waiting in batch if waiting.done.set_running_or_notify_cancel()])

    def _next_batch(self) -> list[_Waiting[_File]]:
        with self._lock:
            batch = []
            if self._running == 1 or len(self._waiting) >= _WORTH_A_BATCH:
                batch = [self._waiting.popleft() for _ in range(min(_BATCH_FILES, len(self._waiting)))]
            if not batch:
                self._running -= 1
        return batch

    def _take(self, batch: list[_Waiting[_File]]) -> None:
        results: dict[_Waiting[_File], BaseException | None] = {waiting: _failure(waiting) for waiting in batch}
        right = [waiting for waiting in batch if results[waiting] is None]
        try:
            written = self._blobs.put_all([(waiting.file.object_key, waiting.data) for waiting in right])
            results.update(zip(right, written, strict=True))
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            results.update(dict.fromkeys(right, error))
        self._left([waiting.file for waiting in batch])
        # The first one last: whoever waits for the files in order wakes up once and finds all of them done.
        for waiting in reversed(batch):
            failure = results[waiting]
            if failure is None:
                waiting.done.set_result(None)
            else:
                waiting.done.set_exception(failure)


def _failure(waiting: _Waiting[_File]) -> BaseException | None:
    try:
        waiting.file.check_all(waiting.data, waiting.sha256)
    except Exception as error:  # noqa: BLE001 - as above
        return error
    return None
