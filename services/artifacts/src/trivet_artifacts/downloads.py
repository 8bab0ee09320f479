"""One call of DownloadArtifact: reads a file in threads, few messages ahead of the client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
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
        try:
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
        except ObjectDamaged as damage:
            _log.error("%s of %s cannot be read: %s", file.artifact.path, file.artifact.owner.name, damage)
            raise ArtifactCorrupt(file.artifact.owner.name, file.artifact.path) from damage

    def _read_whole(self, file: StoredFile, begin: int, length: int) -> bytes:
        """What is one message, in one visit of a thread."""
        with closing(self.blobs.open(file.object_key, begin, length)) as reader:
            return b"".join(iter(lambda: reader.read(length), b""))

    def _ahead(self, reader: BlobReader) -> Future[list[bytes]]:
        return self.threads.submit(_read_pieces, reader)


def _read_pieces(reader: BlobReader) -> list[bytes]:
    """The next pieces; none at the end."""
    pieces: list[bytes] = []
    while len(pieces) < _PIECES_AT_ONCE and (piece := reader.read(limits.MAX_DATA_BYTES)):
        pieces.append(piece)
    return pieces


def _close(reader: BlobReader, ahead: Future[list[bytes]]) -> None:
    wait([ahead])  # it was given to these threads earlier, so it does not wait for this
    reader.close()
