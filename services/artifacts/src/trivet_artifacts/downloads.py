"""One call of DownloadArtifact or DownloadArtifacts: reads files in threads, few messages ahead of the client."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import aclosing, closing, contextmanager
from dataclasses import dataclass

from trivet_artifacts.blobs.blob_store import BlobReader, BlobStore, ObjectDamaged
from trivet_artifacts.domain import limits
from trivet_artifacts.domain.artifacts import Artifacts, ByteRange, StoredFile
from trivet_artifacts.domain.errors import ArtifactCorrupt
from trivet_kit.errors import FieldInvalid
from trivet_kit.resources import ArtifactOwnerName

_log = logging.getLogger("trivet.artifacts")

# What a thread reads before it tells the event loop, which costs as much as to read one message.
_PIECES_AT_ONCE = 2
# Small files that are read before the client has taken those before them, each of at most one message.
_FILES_AHEAD = 4


@dataclass(frozen=True)
class Downloads:
    """Reads files. For one event loop."""

    artifacts: Artifacts
    blobs: BlobStore
    threads: ThreadPoolExecutor
    """For work on bytes."""
    index: ThreadPoolExecutor
    """For work on the index."""

    async def find(self, owner: ArtifactOwnerName, path: str) -> StoredFile:
        """Returns a file. Raises ArtifactNotFound."""
        return await asyncio.wrap_future(self.index.submit(self.artifacts.find_file, owner, path))

    async def find_all(self, owner: ArtifactOwnerName, paths: Sequence[str]) -> tuple[StoredFile, ...]:
        """Returns files, in the order of their paths. Raises ArtifactNotFound."""
        return await asyncio.wrap_future(self.index.submit(self.artifacts.find_files, owner, paths))

    async def read_all(self, files: Sequence[StoredFile]) -> AsyncGenerator[tuple[StoredFile | None, bytes], None]:
        """Gives the bytes of files: with each the file that they begin, or None where they go on with it.

        Small ones are read ahead, several at once: a store may answer late, but does not answer one caller at a time.

        Raises:
            ArtifactStoreUnavailable, ArtifactCorrupt: as `read`.
        """
        ahead: deque[Future[bytes] | None] = deque()
        taken = 0
        try:
            for file in files:
                while taken < len(files) and len(ahead) < _FILES_AHEAD:
                    ahead.append(self._ahead_of(files[taken]))
                    taken += 1
                reading = ahead.popleft()
                if reading is not None:
                    with _told_of(file):
                        yield file, await asyncio.wrap_future(reading)
                    continue
                begins: StoredFile | None = file
                async with aclosing(self.read(file, ByteRange(0, 0))) as pieces:
                    async for data in pieces:
                        yield begins, data
                        begins = None
        finally:
            for reading in ahead:
                if reading is not None:
                    reading.cancel()

    def _ahead_of(self, file: StoredFile) -> Future[bytes] | None:
        """The bytes of a small file; None of a larger one."""
        size = file.artifact.size_bytes
        if size > limits.MAX_DATA_BYTES:
            return None
        return self.threads.submit(self._read_whole, file, file.offset_bytes, size)

    async def read(self, file: StoredFile, part: ByteRange) -> AsyncGenerator[bytes, None]:
        """Gives the bytes of a part of a file.

        Raises:
            FieldInvalid: it begins beyond the end.
            ArtifactStoreUnavailable: the store does not answer.
            ArtifactCorrupt: the store has lost bytes of it.
        """
        size = file.artifact.size_bytes
        if part.offset > size:
            raise FieldInvalid("offset_bytes", f"must not be beyond the {size} bytes of the file")
        length = min(part.limit or size, size - part.offset)
        begin = file.offset_bytes + part.offset
        with _told_of(file):
            if length <= limits.MAX_DATA_BYTES:
                if data := await asyncio.wrap_future(self.threads.submit(self._read_whole, file, begin, length)):
                    yield data
                return
            reader = await asyncio.wrap_future(self.threads.submit(self.blobs.open, file.object_key, begin, length))
            ahead = self._ahead(reader)
            try:
                while pieces := await asyncio.wrap_future(ahead):
                    ahead = self._ahead(reader)
                    for piece in pieces:
                        yield piece
            finally:
                self.threads.submit(_close, reader, ahead)

    def _read_whole(self, file: StoredFile, begin: int, length: int) -> bytes:
        """What is one message, in one visit of a thread."""
        with closing(self.blobs.open(file.object_key, begin, length)) as reader:
            return b"".join(iter(lambda: reader.read(length), b""))

    def _ahead(self, reader: BlobReader) -> Future[list[bytes]]:
        return self.threads.submit(_read_pieces, reader)


@contextmanager
def _told_of(file: StoredFile) -> Iterator[None]:
    """Says of damage which file has it."""
    try:
        yield
    except ObjectDamaged as damage:
        _log.error("%s of %s cannot be read: %s", file.artifact.path, file.artifact.owner.name, damage)
        raise ArtifactCorrupt(file.artifact.owner.name, file.artifact.path) from damage


def _read_pieces(reader: BlobReader) -> list[bytes]:
    """The next pieces; none at the end."""
    pieces: list[bytes] = []
    while len(pieces) < _PIECES_AT_ONCE and (piece := reader.read(limits.MAX_DATA_BYTES)):
        pieces.append(piece)
    return pieces


def _close(reader: BlobReader, ahead: Future[list[bytes]]) -> None:
    wait([ahead])  # it was given to these threads earlier, so it does not wait for this
    reader.close()
