"""Small files that come in as a whole, and how those that come together are written as one object."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from trivet_artifacts.blobs.blob_store import BlobWriter
from trivet_artifacts.domain.errors import ArtifactDigestMismatch
from trivet_artifacts.domain.uploads import NewFile, Upload

# Of one pack at most: what a process holds of it in memory, twice while it is put together.
PACK_BYTES = 2 * 1024 * 1024
PACK_FILES = 256
# Packs of one stream that are written at once, while another one fills up.
_WRITTEN_AT_ONCE = 2
# How long a pack waits for more files when nothing else of its stream is written.
_LINGER_SECONDS = 0.002


@dataclass(frozen=True)
class WholeFile:
    """A file whose bytes are all there."""

    file: NewFile
    data: bytes
    sha256: bytes
    """What its client says that they are."""


@dataclass(eq=False)
class Pack:
    """Files that become one object. Its work is done in one thread at a time."""

    object_key: str
    writer: BlobWriter
    leave: Callable[[], None]
    """Gives up its place among the open files; called once."""
    work: Future[None] | None = None
    keeps_bytes: bool = False
    results: list[Upload | ArtifactDigestMismatch] = field(default_factory=list)
    """What became of each file, when `write` is done."""
    _left: bool = False

    def write(self, files: Sequence[WholeFile]) -> None:
        """Verifies files and makes those durable that are right; the same bytes are written once.

        Raises:
            ArtifactStoreUnavailable, StorageFull: none is durable.
        """
        places: dict[bytes, int] = {}
        end = 0
        for each in files:
            found = hashlib.sha256(each.data).digest()
            if found != each.sha256:
                self.results.append(ArtifactDigestMismatch(found.hex(), each.sha256.hex()))
                continue
            if found not in places:
                places[found] = end
                end += len(each.data)
                self.writer.write(each.data)
            self.results.append(Upload(each.file, self.object_key, len(each.data), found, places[found]))
        if places:
            self.writer.finish()
        self.close()

    @property
    def uploads(self) -> list[Upload]:
        """The files that are durable."""
        return [result for result in self.results if isinstance(result, Upload)]

    def only(self) -> Upload:
        """The file of a pack of one that is durable. Raises ArtifactDigestMismatch."""
        (result,) = self.results
        if isinstance(result, ArtifactDigestMismatch):
            raise result
        return result

    def close(self) -> None:
        """Holds no bytes any longer. Idempotent."""
        if not self._left:
            self._left = True
            self.leave()


_Member = TypeVar("_Member")


@dataclass(eq=False)
class Batch(Generic[_Member]):
    """Files of a stream that are going to be, or are, one pack."""

    members: list[_Member] = field(default_factory=list)
    """What each file is to the stream."""
    files: list[WholeFile] = field(default_factory=list)
    size_bytes: int = 0
    written: asyncio.Future[Pack] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """The pack, when it is durable, or why it is not."""
    has_waited: bool = False


class Batches(Generic[_Member]):
    """Puts the files of one stream together. For one event loop.

    A batch is written when it is full, or when no other one is being written and no file came for a moment. So a file
    that comes alone does not wait, and those that come faster than they are written are written together.
    """

    def __init__(self, write: Callable[[Sequence[WholeFile]], Awaitable[Pack]]) -> None:
        self._write = write
        self._room = asyncio.Semaphore(_WRITTEN_AT_ONCE + 1)
        self._open: Batch[_Member] | None = None
        self._writing: set[asyncio.Task[None]] = set()

    async def add(self, member: _Member, whole: WholeFile) -> Batch[_Member]:
        """Adds a file, when there is room for it; returns its batch."""
        if self._open is not None and self._open.size_bytes + len(whole.data) > PACK_BYTES:
            self.seal()
        if self._open is None:
            await self._room.acquire()
            self._open = Batch()
            asyncio.get_running_loop().call_later(_LINGER_SECONDS, self._end_waiting, self._open)
        batch = self._open
        batch.members.append(member)
        batch.files.append(whole)
        batch.size_bytes += len(whole.data)
        if len(batch.files) == PACK_FILES:
            self.seal()
        return batch

    def seal(self) -> None:
        """Begins to write the files that wait."""
        batch, self._open = self._open, None
        if batch is not None:
            task = asyncio.create_task(self._write_batch(batch))
            self._writing.add(task)
            task.add_done_callback(self._end_writing)

    async def cancel(self) -> None:
        """Begins no more, and waits for what is under way."""
        self._open = None
        for task in self._writing:
            task.cancel()
        if self._writing:
            await asyncio.wait(self._writing)

    async def _write_batch(self, batch: Batch[_Member]) -> None:
        try:
            pack = await self._write(batch.files)
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            if not batch.written.cancelled():
                batch.written.set_exception(error)
                batch.written.exception()  # nobody may wait any longer
        else:
            batch.files.clear()
            if not batch.written.cancelled():
                batch.written.set_result(pack)

    def _end_writing(self, task: asyncio.Task[None]) -> None:
        self._writing.discard(task)
        self._room.release()
        if self._open is not None and self._open.has_waited and not self._writing:
            self.seal()

    def _end_waiting(self, batch: Batch[_Member]) -> None:
        batch.has_waited = True
        if self._open is batch and not self._writing:
            self.seal()
