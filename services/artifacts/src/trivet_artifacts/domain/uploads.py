"""Uploads: from the reservation of a place for bytes to the moment when the file is visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trivet_artifacts.domain.artifacts import Artifact
from trivet_kit.errors import CallerError
from trivet_kit.resources import ArtifactOwnerName


@dataclass(frozen=True)
class NewFile:
    """A file that is to come."""

    owner: ArtifactOwnerName
    path: str
    media_type: str
    size_bytes: int | None
    """None where the client does not know it."""


@dataclass(frozen=True)
class Upload:
    """A file whose bytes are whole and durable, and which nobody sees yet."""

    file: NewFile
    object_key: str
    """Of the blob in which they lie."""
    size_bytes: int
    sha256: bytes
    offset_bytes: int = 0
    """Where in the blob they begin."""
    verified: bool = True
    """Whether this service has reckoned the digest itself."""
    outlives: bool = False
    """Whether it is one of `Resumables`."""


@dataclass(frozen=True)
class Committed:
    """What became of uploads."""

    results: tuple[Artifact | CallerError, ...]
    """For each the file, which is visible, or why it was refused."""
    used_keys: frozenset[str]
    """The keys of the blobs that are in use now. Nothing refers to the bytes of the others: their files were refused,
    or the workspace had the same already."""


@dataclass(frozen=True)
class Begun:
    """An upload of `Resumables` takes bytes."""

    offset: int
    """Where they begin."""


@dataclass(frozen=True)
class Answer:
    """What became of a file of a stream, or that it may come."""

    index: int
    """Its number in the stream, from 0."""
    result: Artifact | CallerError | Begun


class Uploads(Protocol):
    """The uploads of one server process, and those that dead ones left. Safe for threads.

    Every object key is reserved before a byte is written under it. The process that reserved it holds it as long as it
    renews it; after that, any process may claim it and remove what lies there.
    """

    def reserve(self, workspace: str, count: int) -> list[str]:
        """Returns new object keys, which this process holds."""
        ...

    def take_spare(self, workspace: str) -> str | None:
        """Returns an object key that `commit_one` reserved, if there is one; does not wait for the database."""
        ...

    def commit_one(self, upload: Upload) -> Committed:
        """Does what `commit` does with one file, whose blob has no others, in the hope that another one follows.

        For that it may reserve a key, which is given up when no file comes for a while.
        """
        ...

    def commit(self, uploads: Sequence[Upload]) -> Committed:
        """Makes files visible, in order; a refused one keeps no other from it. Keys that are not used stay reserved.

        All files of a blob are committed in one call. When it raises, whether the files are visible is not known.
        """
        ...

    def release(self, object_keys: Sequence[str]) -> None:
        """Ends reservations under whose keys there are no bytes, and the uploads of `Resumables` that they were of."""
        ...

    def end_freed(self, object_keys: Sequence[str]) -> None:
        """Ends the reservations of objects that were collected, when their bytes are removed."""
        ...

    def forget(self, object_keys: Sequence[str]) -> None:
        """Renews these no longer, so that what is still reserved of them is claimed by somebody."""
        ...

    def hold(self, object_key: str) -> None:
        """Renews the reservation of an upload of `Resumables`, until it is forgotten or released."""
        ...

    def renew(self) -> None:
        """Says that this process lives and holds its keys; gives up those of `commit_one` that were not used lately."""
        ...

    def release_spare(self) -> None:
        """Gives up all keys that `commit_one` reserved."""
        ...

    def claim_expired(self) -> list[str]:
        """Takes over the reservations that were not renewed for too long, and returns their keys."""
        ...
