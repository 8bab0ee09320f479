"""Uploads of large files that outlive clients and servers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from trivet_artifacts.domain.artifacts import Artifact
from trivet_artifacts.domain.uploads import NewFile
from trivet_kit.resources import UploadName


@dataclass(frozen=True)
class Parts:
    """How a file is cut up."""

    size_bytes: int
    """Of each but the last; 0 where nobody knows."""
    count: int


@dataclass(frozen=True)
class Resumable:
    """An upload."""

    name: UploadName
    object_key: str
    file: NewFile
    """Its size is known."""
    size_bytes: int
    """0 where nobody knows it yet."""
    part_size_bytes: int
    """0 where nobody knows the size."""
    part_count: int
    store_upload: str
    """The store's own name for it."""
    etags_sha256: bytes | None
    """Of the parts that one without a size was put together of; None before."""
    expire_time: int
    """In milliseconds since the Unix epoch."""
    completed: Artifact | None
    """The file that came of it."""

    @property
    def is_measured(self) -> bool:
        """Whether its client said the size of the file, and says the digests of its parts."""
        return self.part_size_bytes > 0

    def part_bytes(self, number: int) -> int:
        """The size of a part of a measured one; the last one may be shorter."""
        return min(self.part_size_bytes, self.size_bytes - (number - 1) * self.part_size_bytes)


class Resumables(Protocol):
    """The uploads that outlive processes. Safe for threads.

    The bytes of each are reserved as those of `Uploads` are, by no process, and until a day after the last use.
    """

    def reserve(self, workspace: str) -> str:
        """Returns a new object key."""
        ...

    def add(self, object_key: str, file: NewFile, parts: Parts, resume_key: str, store_upload: str) -> Resumable:
        """Makes an upload of a reserved key."""
        ...

    def find(self, file: NewFile, parts: Parts, resume_key: str) -> Resumable | None:
        """Returns an upload of the same file that has not ended, the newest; None where there is none."""
        ...

    def use(self, name: UploadName) -> Resumable:
        """Returns an upload, which then stays for another day. Raises UploadNotFound."""
        ...

    def note_etags(self, name: UploadName, etags_sha256: bytes) -> None:
        """Keeps which parts an upload is about to be put together of."""
        ...

    def give_up(self, name: UploadName) -> bool:
        """Lets an upload expire at once, so that its key is claimed; False where there is none, or it is complete."""
        ...

    def count(self, workspace: str) -> int:
        """Returns how many have not ended."""
        ...

    def forget_completed(self) -> None:
        """Drops the rows of uploads that have been complete for a day."""
        ...
