"""A file that is fetched, and how it comes to its place."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from trivet._errors import ServerError
from trivet._safe_paths import safe_join
from trivet_proto.artifacts.v1 import artifact_pb2


@dataclass(frozen=True)
class FileToFetch:
    """A file to fetch, and where it goes."""

    artifact: artifact_pb2.Artifact
    folder: Path
    """That it is in, perhaps some folders deeper."""

    def find_place(self) -> Path:
        """Where it goes, as the file system is by now. Raises ArtifactCorrupt where that is elsewhere."""
        return safe_join(self.folder, self.artifact.path)


def unreadable(file: FileToFetch, error: ServerError) -> ServerError:
    """The error with the file's name, which it lacks where the store has fewer bytes than the service knows of."""
    return ServerError(
        f"{file.artifact.path!r} cannot be read: {error.message}",
        reason=error.reason,
        metadata=error.metadata,
        request_id=error.request_id,
    )


@contextlib.contextmanager
def put_in_place(place: Path) -> Iterator[tuple[BinaryIO, Callable[[], None]]]:
    """A file to write to, which takes its place at the end of the block if `keep` was called; else it is removed."""
    # A short name of its own: the final one may be as long as a file system allows.
    unfinished = place.parent / f".trivet-{uuid.uuid4().hex}"
    is_kept = False

    def keep() -> None:
        nonlocal is_kept
        is_kept = True

    try:
        with unfinished.open("xb") as sink:
            yield sink, keep
        if is_kept:
            unfinished.replace(place)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
