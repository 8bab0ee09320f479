"""Whether the store has the bytes that the index names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from trivet_artifacts.domain.garbage import Piece
from trivet_kit.resources import ArtifactOwnerName

# What has a content: an owner, and the path of its file.
File = tuple[ArtifactOwnerName, str]


class Problem(Enum):
    """What is the matter with a content."""

    MISSING = "missing"
    """The store has no such bytes, or fewer of them."""
    ALTERED = "altered"
    """The store has others in their place."""


@dataclass(frozen=True)
class IndexedBlob:
    """A blob as the index has it."""

    object_key: str
    pieces: tuple[Piece, ...]
    """The contents in it, by offset."""


@dataclass(frozen=True)
class Damaged:
    """A content that the store does not have as the index says."""

    piece: Piece
    problem: Problem
    files: tuple[File, ...] = ()
    """Files that have it, some at the most."""


@dataclass(frozen=True)
class Verified:
    """What was compared."""

    contents: int
    size_bytes: int
    damaged: tuple[Damaged, ...]
    last_key: str
    """Of the blob that was compared last; empty where there are no more."""


class Inventory(Protocol):
    """What the index says of the store. Safe for threads."""

    def blobs(self, workspace: str, limit: int, after_key: str) -> Sequence[IndexedBlob]:
        """Returns the next blobs of a workspace by key, with the contents in them to which a file may refer."""
        ...

    def still_there(self, blob: IndexedBlob) -> frozenset[int]:
        """Returns the objects of a blob that the index has still, at their places."""
        ...

    def files(self, object_pks: Iterable[int], limit: int) -> Mapping[int, Sequence[File]]:
        """Returns files that have these objects, at most so many of each, by owner and path."""
        ...
