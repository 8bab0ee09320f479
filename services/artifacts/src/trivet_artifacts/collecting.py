"""Collects garbage: the index and the store together."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from trivet_artifacts.blobs.blob_store import BlobStore
from trivet_artifacts.domain.garbage import Collected, Collection, Garbage
from trivet_artifacts.domain.uploads import Uploads
from trivet_kit.errors import CallerError

_log = logging.getLogger("trivet.artifacts")


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
        finally:
            self.garbage.unclaim(collection.workspace)
        return replace(
            expired,
            freed_objects=freed.freed_objects,
            freed_bytes=freed.freed_bytes,
            more=expired.more or freed.more,
        )

    def _remove(self, object_key: str) -> bool:
        try:
            self.blobs.remove(object_key)
        except CallerError:
            _log.exception("the bytes of %s could not be freed; it is tried again", object_key)
            return False
        return True
