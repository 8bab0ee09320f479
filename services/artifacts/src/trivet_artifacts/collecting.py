"""Collects garbage: the index and the store together."""

from __future__ import annotations

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from trivet_artifacts.blobs.blob_store import BlobStore
from trivet_artifacts.domain.garbage import Collected, Collection, Garbage, Piece, Sparse
from trivet_artifacts.domain.uploads import Uploads
from trivet_kit.errors import CallerError

_log = logging.getLogger("trivet.artifacts")


_READ_BYTES = 1024 * 1024


class _PieceAltered(Exception):
    """Bytes in the store are not those that were put there."""


@dataclass(frozen=True)
class Collector:
    """Collects the garbage of workspaces. Safe for threads; of several for one workspace, also elsewhere, one works."""

    garbage: Garbage
    uploads: Uploads
    blobs: BlobStore
    threads: ThreadPoolExecutor
    """For work on bytes."""

    def collect(self, collection: Collection) -> Collected:
        """Removes what is given up, and frees bytes to which nothing refers.

        Bytes that cannot be removed now, because the store does not answer or this process dies, are removed later.

        Raises:
            CollectionBusy: another one works on the workspace.
        """
        self.garbage.claim(collection.workspace)
        try:
            expired = self.garbage.expire(collection)
            freed, object_keys = self.garbage.detach(collection)
            are_gone = self.threads.map(self._remove, object_keys)
            self.uploads.end_freed([key for key, is_gone in zip(object_keys, are_gone, strict=True) if is_gone])
            for sparse in self.garbage.sparse(collection):
                self._condense(collection.workspace, sparse)
        finally:
            self.garbage.unclaim(collection.workspace)
        return replace(
            expired,
            freed_objects=freed.freed_objects,
            freed_bytes=freed.freed_bytes,
            more=expired.more or freed.more,
        )

    def _condense(self, workspace: str, sparse: Sparse) -> None:
        """Writes what is in use of a blob anew, so that the rest of it can be freed."""
        (object_key,) = self.uploads.reserve(workspace, 1)
        writer = self.blobs.create(object_key)
        try:
            for piece in sparse.pieces:
                writer.write(self._read(sparse.object_key, piece))
            writer.finish()
            is_used = self.garbage.move(sparse, object_key)
        except (CallerError, _PieceAltered):
            # Whatever it was, and also where nobody knows whether it moved: what is reserved still is removed later.
            self.uploads.forget([object_key])
            _log.exception("what is in use of %s could not be written anew; it is tried again", sparse.object_key)
            return
        self.uploads.forget([object_key])
        if not is_used:
            writer.discard()
            self.uploads.release([object_key])

    def _read(self, object_key: str, piece: Piece) -> bytes:
        reader = self.blobs.open(object_key, piece.offset_bytes, piece.size_bytes)
        try:
            data = b"".join(iter(lambda: reader.read(_READ_BYTES), b""))
        finally:
            reader.close()
        if hashlib.sha256(data).digest() != piece.sha256:
            raise _PieceAltered(f"the bytes from {piece.offset_bytes} on are not those of {piece.sha256.hex()}")
        return data

    def _remove(self, object_key: str) -> bool:
        try:
            self.blobs.remove(object_key)
        except CallerError:
            _log.exception("the bytes of %s could not be freed; it is tried again", object_key)
            return False
        return True
