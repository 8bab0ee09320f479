"""What keeps files, what gives them up, and how bytes are freed to which nothing refers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Protocol

from trivet_kit.page_tokens import Cursor
from trivet_kit.resources import ArtifactOwnerName


class OwnerKind(Enum):
    """What owns files. The value is the segment that stands before the identifier in its names."""

    RUN = "runs"
    LOGGED_MODEL = "loggedModels"
    MODEL_VERSION = "models"


@dataclass(frozen=True)
class Collection:
    """What is to be collected."""

    workspace: str
    grace: timedelta
    """How long nothing must have referred to bytes that are freed."""
    limit: int
    """At most so many files, and so many objects."""


@dataclass(frozen=True)
class Collected:
    """What was collected, or would be."""

    expired_files: int = 0
    expired_bytes: int = 0
    freed_objects: int = 0
    freed_bytes: int = 0
    more: bool = False
    """Whether the limit was reached."""


@dataclass(frozen=True)
class OwnerKindUsage:
    """Files of one kind of owner."""

    kind: OwnerKind
    owners: int
    files: int
    size_bytes: int
    references: int


@dataclass(frozen=True)
class SpaceUsage:
    """How much room the files of a workspace take."""

    kinds: tuple[OwnerKindUsage, ...]
    stored_objects: int
    stored_bytes: int
    unreferenced_objects: int
    unreferenced_bytes: int


@dataclass(frozen=True)
class Hold:
    """What keeps the files of an owner."""

    owner: ArtifactOwnerName
    reason: str
    create_time: int


@dataclass(frozen=True)
class HoldPage:
    """A page of holds, sorted by owner."""

    holds: tuple[Hold, ...]
    cursors: tuple[Cursor, ...]
    is_last: bool


@dataclass(frozen=True)
class Piece:
    """The bytes of an object, in the blob in which they lie."""

    object_pk: int
    sha256: bytes
    offset_bytes: int
    size_bytes: int


@dataclass(frozen=True)
class Sparse:
    """A blob of which little is in use."""

    object_key: str
    pieces: tuple[Piece, ...]
    """What is in use."""


class Keeping(Protocol):
    """What keeps files and what gives them up, a workspace each. Safe for threads."""

    def policy(self, workspace: str) -> Mapping[OwnerKind, timedelta]:
        """Returns how long files are kept, by kind of owner; those that are missing for ever."""
        ...

    def set_policy(self, workspace: str, policy: Mapping[OwnerKind, timedelta]) -> None:
        """Replaces the policy."""
        ...

    def hold(self, owner: ArtifactOwnerName, reason: str) -> Hold:
        """Keeps the files of an owner; again, it replaces the reason."""
        ...

    def release(self, owner: ArtifactOwnerName) -> None:
        """Ends a hold, where there is one."""
        ...

    def holds(self, workspace: str, size: int, after: Cursor | None) -> HoldPage:
        """Returns a page of holds. Raises PageTokenInvalid."""
        ...


class Garbage(Protocol):
    """Files that are given up, and objects to which nothing refers. Safe for threads, and beside all other changes."""

    def workspaces(self) -> list[str]:
        """Returns the workspaces that have files, or bytes."""
        ...

    def claim(self, workspace: str) -> None:
        """Begins to collect a workspace, for ten minutes at most. Raises CollectionBusy where another one does."""
        ...

    def unclaim(self, workspace: str) -> None:
        """Ends what `claim` began."""
        ...

    def preview(self, collection: Collection) -> Collected:
        """Returns what would be collected."""
        ...

    def expire(self, collection: Collection) -> Collected:
        """Removes files that the policy gives up, those apart that a hold keeps."""
        ...

    def detach(self, collection: Collection) -> tuple[Collected, Sequence[str]]:
        """Takes objects to which nothing refers out of the index.

        Returns the keys of blobs that have no others, which are reserved until their bytes are removed.
        """
        ...

    def sparse(self, collection: Collection) -> Sequence[Sparse]:
        """Returns blobs of which at most half is in use."""
        ...

    def move(self, sparse: Sparse, object_key: str) -> bool:
        """Says that a reserved blob has the pieces of a sparse one, one after the other, and frees that one later.

        Returns whether anything refers to the new one. Those who have begun to read the old one can read it to the end.
        """
        ...

    def usage(self, workspace: str) -> SpaceUsage:
        """Returns how much room files take."""
        ...
