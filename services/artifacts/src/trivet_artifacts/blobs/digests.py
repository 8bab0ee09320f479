"""Digests of objects, by reading them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from trivet_artifacts.blobs.blob_store import BlobStore

_READ_BYTES = 1024 * 1024


def sha256_of(blobs: BlobStore, object_key: str, size_bytes: int, on_read: Callable[[], None] = lambda: None) -> bytes:
    """SHA-256 of all bytes of an object; `on_read` is called after each MiB.

    Raises:
        ArtifactStoreUnavailable: the store does not answer.
        ObjectDamaged: there is no such object, or it is shorter.
    """
    digest = hashlib.sha256()
    reader = blobs.open(object_key, 0, size_bytes)
    try:
        while data := reader.read(_READ_BYTES):
            digest.update(data)
            on_read()
    finally:
        reader.close()
    return digest.digest()
