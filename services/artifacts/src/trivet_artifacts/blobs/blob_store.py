"""What a store of bytes has to do."""

from __future__ import annotations

import re
from typing import Protocol

# As `Uploads.reserve` makes them: a workspace, and 128 random bits. The workspace, whose form the kit has checked, is
# all that a caller chose in it.
_OBJECT_KEY = re.compile(r"([a-z][-a-z0-9]{0,62})/([0-9a-f]{32})")


class BlobWriter(Protocol):
    """Takes in the bytes of one object. For one thread at a time."""

    def write(self, data: bytes) -> None:
        """Adds bytes. Raises ArtifactStoreUnavailable, StorageFull."""
        ...

    def finish(self) -> None:
        """Makes the object whole; when it returns, the bytes outlive a crash of the machine.

        Raises:
            ArtifactStoreUnavailable, StorageFull: it is not whole.
            UploadExpired: what was written is gone.
        """
        ...

    def discard(self) -> None:
        """Leaves nothing of the object, whole or not. Raises ArtifactStoreUnavailable."""
        ...


class BlobReader(Protocol):
    """Gives the bytes of one object. For one thread at a time."""

    def read(self, max_bytes: int) -> bytes:
        """The next bytes, at most so many; none at the end. Raises ArtifactStoreUnavailable."""
        ...

    def close(self) -> None:
        """Frees what it holds. Idempotent."""
        ...


class BlobStore(Protocol):
    """Keeps objects, which never change. Safe for threads."""

    def check_usable(self) -> None:
        """Writes and removes something, when a process starts.

        Raises:
            StartupError: it cannot; says why.
        """
        ...

    def probe(self) -> None:
        """Asks for a sign of life. Raises ArtifactStoreUnavailable."""
        ...

    def create(self, object_key: str) -> BlobWriter:
        """A writer of a new object; touches nothing before its first byte."""
        ...

    def open(self, object_key: str, offset: int, length: int) -> BlobReader:
        """A reader of `length` bytes of an object from `offset` on; the object has them.

        Raises:
            ArtifactStoreUnavailable: the store does not answer.
        """
        ...

    def remove(self, object_key: str) -> None:
        """Leaves nothing of an object, whole or not, whoever wrote it. Idempotent. Raises ArtifactStoreUnavailable."""
        ...

    def close(self) -> None:
        """Frees what it holds."""
        ...


def split_key(object_key: str) -> tuple[str, str]:
    """The workspace and the random part of an object key.

    Raises:
        ValueError: not a key of this service.
    """
    match = _OBJECT_KEY.fullmatch(object_key)
    if match is None:
        raise ValueError("not an object key")
    return match[1], match[2]
