"""Files and folders of owners, and what can be asked of their index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from trivet_kit.page_tokens import Cursor
from trivet_kit.resources import ArtifactOwnerName


class Kind(Enum):
    """What lies at a path."""

    FILE = "FILE"
    FOLDER = "FOLDER"


@dataclass(frozen=True)
class Artifact:
    """A file or a folder."""

    owner: ArtifactOwnerName
    path: str
    kind: Kind
    size_bytes: int
    """Of a folder, 0."""
    sha256: bytes
    """Of a folder, empty."""
    media_type: str
    """Of a folder, empty."""
    create_time: int
    """When it became visible, in milliseconds since the Unix epoch."""
    verified: bool = False
    """Whether the service has found that the bytes have this digest."""
    reference_uri: str = ""
    """Where the bytes are, for a file that stays where it is."""


@dataclass(frozen=True)
class StoredFile:
    """A file, and where its bytes are."""

    artifact: Artifact
    object_key: str
    """Of the blob in which they lie."""
    offset_bytes: int
    """Where in the blob they begin."""
    is_whole_blob: bool
    """Whether nothing else lies in it."""


@dataclass(frozen=True)
class StoredBytes:
    """Where the bytes of a file are."""

    object_key: str
    """Of the blob in which they lie."""
    offset_bytes: int
    """Where in the blob they begin."""
    size_bytes: int


@dataclass(frozen=True)
class ByteRange:
    """Which bytes of a file are asked for."""

    offset: int
    limit: int
    """0: all that follow."""


@dataclass(frozen=True)
class ArtifactQuery:
    """Which part of a folder is asked for."""

    folder: str
    """Empty for the top."""
    recursive: bool
    """Whether the files of all folders below are listed instead of the folders."""
    size: int
    after: Cursor | None


@dataclass(frozen=True)
class ArtifactPage:
    """A page of a folder, sorted by path."""

    artifacts: tuple[Artifact, ...]
    bytes_of: tuple[StoredBytes | None, ...]
    """Where those of each entry are; None of a folder, of a reference, and of a file that is damaged."""
    cursors: tuple[Cursor, ...]
    """Where each entry stands."""
    is_last: bool


@dataclass(frozen=True)
class Manifest:
    """One digest for a set of files."""

    files: int
    size_bytes: int
    sha256: bytes
    references: int


class Artifacts(Protocol):
    """The index of files. Safe for threads."""

    def get(self, owner: ArtifactOwnerName, path: str) -> Artifact:
        """Returns what lies at a path. Raises ArtifactNotFound."""
        ...

    def find_file(self, owner: ArtifactOwnerName, path: str) -> StoredFile:
        """Returns the file at a path.

        Raises:
            ArtifactNotFound: there is none, or a folder.
            ArtifactIsReference: its bytes are elsewhere.
            ArtifactCorrupt: its bytes are not those of its digest.
        """
        ...

    def find_files(self, owner: ArtifactOwnerName, paths: Sequence[str]) -> tuple[StoredFile, ...]:
        """Returns the files at paths, in that order. Raises as `find_file`, of the first that is not one."""
        ...

    def list(self, owner: ArtifactOwnerName, query: ArtifactQuery) -> ArtifactPage:
        """Returns a page of a folder, or the file where the path is one; empty where nothing is.

        Raises:
            PageTokenInvalid: the cursor is not one of this list.
        """
        ...

    def delete(self, owner: ArtifactOwnerName, path: str) -> int:
        """Removes a file, or a folder with all in it (the empty path: all), and folders that become empty.

        Returns how many files were removed; 0 where nothing is. Raises ArtifactsHeld.
        """
        ...

    def manifest(self, owner: ArtifactOwnerName, path: str) -> Manifest:
        """Returns the digest of a file, or of the files of a folder (the empty path: all). Raises ArtifactNotFound."""
        ...

    def link(self, source: ArtifactOwnerName, path: str, destination: ArtifactOwnerName, folder: str) -> Manifest:
        """Gives a file, or the files of a folder (the empty path: all), to an owner in the same workspace.

        They come to lie below `folder` there; the empty one is the top. All of them or none. Files that the destination
        has already, with the same bytes, stay as they are.

        Raises:
            ArtifactNotFound: nothing lies at the path.
            ArtifactExists: the destination has other bytes at one of the paths.
            ArtifactPathTaken: the destination has a folder there, or a file above.
        """
        ...
