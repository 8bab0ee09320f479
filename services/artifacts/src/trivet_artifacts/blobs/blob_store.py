"""What a store of bytes has to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trivet_kit.resources import UploadName

# As `Uploads.reserve` makes them: a workspace, and 128 random bits. The workspace, whose form the kit has checked, is
# all that a caller chose in it.
_OBJECT_KEY = re.compile(r"([a-z][-a-z0-9]{0,62})/([0-9a-f]{32})")


@dataclass(frozen=True)
class HeldPart:
    """A part of an object that is not whole yet."""

    number: int
    """From 1."""
    size_bytes: int
    etag: str
    """The store's own name of these bytes."""
    sha256: bytes
    """Empty where the store does not know it."""


@dataclass(frozen=True)
class Held:
    """What a store has of an object that is written over several calls."""

    size_bytes: int
    """Bytes without a gap from the beginning on."""
    parts: tuple[HeldPart, ...]
    """All parts, sorted; none where the store knows no parts."""
    whole: bool
    """Whether the object is whole already."""


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

    def suspend(self) -> None:
        """Keeps what was written of an object of `resume`, as far as it can, and writes no more. Does not raise."""
        ...

    def discard(self) -> None:
        """Leaves nothing of the object, whole or not. Raises ArtifactStoreUnavailable."""
        ...


class ObjectDamaged(Exception):
    """An object, or the end of one, is not in the store, though it was made durable there."""


class BlobReader(Protocol):
    """Gives the bytes of one object. For one thread at a time."""

    def read(self, max_bytes: int) -> bytes:
        """The next bytes, at most so many; none at the end. Raises ArtifactStoreUnavailable, ObjectDamaged."""
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
            ObjectDamaged: there is no such object.
        """
        ...

    def begin(self, object_key: str, *, with_digests: bool = True) -> str:
        """Begins an object that is written over several calls and returns the store's name for it.

        Args:
            object_key: Of the object.
            with_digests: Whether the store is told the digest of each part, where it knows parts.

        Raises:
            ArtifactStoreUnavailable, StorageFull.
        """
        ...

    def held(self, object_key: str, store_upload: str, part_size_bytes: int) -> Held:
        """What there is of an object of `begin`. Raises ArtifactStoreUnavailable."""
        ...

    def resume(self, object_key: str, store_upload: str, part_size_bytes: int, held: Held) -> BlobWriter:
        """A writer that goes on where an object of `begin` ends.

        Raises:
            UploadBusy: another one writes it.
            ArtifactStoreUnavailable: the store does not answer.
        """
        ...

    @property
    def direct(self) -> DirectStore | None:
        """The same store for clients that reach it themselves; None where they do not."""
        ...

    def remove(self, object_key: str) -> None:
        """Leaves nothing of an object, whole or not, whoever wrote it. Idempotent. Raises ArtifactStoreUnavailable."""
        ...

    def close(self) -> None:
        """Frees what it holds."""
        ...


@dataclass(frozen=True)
class SignedRequest:
    """A request that its holder may send to the store: a secret."""

    method: str
    url: str
    headers: dict[str, str]
    expire_time: int
    """In milliseconds since the Unix epoch."""


@dataclass(frozen=True)
class PartContent:
    """What a part is to be."""

    size_bytes: int
    sha256: bytes


class DirectStore(Protocol):
    """A store that clients reach themselves. Safe for threads."""

    def sign_part(
        self, object_key: str, store_upload: str, *, number: int, content: PartContent | None
    ) -> SignedRequest:
        """A request that sends one part of an object of `begin`; with content, of that and no other."""
        ...

    def assemble(self, object_key: str, store_upload: str, parts: Sequence[HeldPart]) -> None:
        """Makes the object of these parts whole.

        Raises:
            PartsChanged: they are not those that are held.
            ArtifactStoreUnavailable, StorageFull.
        """
        ...

    def sign_read(self, object_key: str, piece: tuple[int, int] | None = None) -> SignedRequest:
        """A request that reads the object, or no more of it than so many bytes from an offset on."""
        ...


class PartsChanged(Exception):
    """The parts of an object are not those that were to be put together."""


def key_of(name: UploadName) -> str:
    """The object key of an upload that has a name."""
    return f"{name.workspace}/{name.upload_id}"


def name_of(object_key: str) -> UploadName:
    """The name of the upload whose bytes lie under an object key."""
    return UploadName(*split_key(object_key))


def split_key(object_key: str) -> tuple[str, str]:
    """The workspace and the random part of an object key.

    Raises:
        ValueError: not a key of this service.
    """
    match = _OBJECT_KEY.fullmatch(object_key)
    if match is None:
        raise ValueError("not an object key")
    return match[1], match[2]
