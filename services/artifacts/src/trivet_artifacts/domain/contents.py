"""Contents: the bytes of files, by what they are, so that what a workspace has need not be sent again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trivet_artifacts.domain.artifacts import Artifact
from trivet_artifacts.domain.uploads import NewFile
from trivet_kit.errors import CallerError


@dataclass(frozen=True)
class Content:
    """The bytes of a file."""

    sha256: bytes
    size_bytes: int


@dataclass(frozen=True)
class Reference:
    """Bytes that stay elsewhere; nothing that is said of them is verified."""

    uri: str
    size_bytes: int
    """0 where it is not known."""
    sha256: bytes
    """Empty where it is not known."""


@dataclass(frozen=True)
class KnownFile:
    """A file whose bytes need not be sent."""

    file: NewFile
    source: Content | Reference


class Contents(Protocol):
    """The contents of workspaces. Safe for threads.

    A content is known to the workspace that has it and to no other: knowing a digest gives nobody the bytes of others.
    """

    def missing(self, workspace: str, contents: Sequence[Content]) -> list[int]:
        """Returns the places of those that a workspace does not hold verified; the others stay for an hour."""
        ...

    def commit(self, files: Sequence[KnownFile | CallerError]) -> list[Artifact | CallerError]:
        """Makes files visible, in order; one that is refused, or was before, keeps no other from it.

        A file is refused with ArtifactContentMissing, ArtifactPathTaken, ArtifactsHeld.
        """
        ...
