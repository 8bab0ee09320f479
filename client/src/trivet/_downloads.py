"""Fetching files: each into a file beside the final one, verified, then put in its place in one step."""

from __future__ import annotations

import hashlib
import stat
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from trivet._at_once import run_at_once
from trivet._errors import ArtifactCorrupt, ServerError
from trivet._files_to_fetch import FileToFetch, put_in_place, unreadable
from trivet._hashing import hash_file
from trivet._large_downloads import download_large
from trivet._small_downloads import fetch_together
from trivet._transfers import LARGE_BYTES, Transfer
from trivet_proto.artifacts.v1 import artifact_pb2

# Calls for small files wait for their answers most of the time.
_SMALL_WORKERS: Final = 8
# Enough that a call costs little beside its files, and few enough that several calls share the work.
_FILES_OF_A_CALL: Final = 32
_BYTES_OF_A_CALL: Final = 4 * 1024 * 1024
_PIECE_BYTES: Final = 1024 * 1024


def download(transfer: Transfer, artifacts: Sequence[artifact_pb2.Artifact], folder: Path) -> None:
    """Fetches files into a folder; several at once.

    Each is there whole or not at all; one that was there before is replaced at the end, or left where it has the same
    bytes. What the cache has is not fetched, and what is fetched goes into the cache. A broken connection is taken up
    again where it broke. What arrived of a large file stays beside its place when the program is ended, and is gone on
    with the next time.

    Raises:
        ArtifactCorrupt: a name leads elsewhere (nothing is written then), or bytes are not those of their digest.
        TrivetError: why a file cannot be fetched.
        OSError: it cannot be written.
    """
    files = [FileToFetch(artifact, folder) for artifact in artifacts]
    check_places(files)
    lock = threading.Lock()
    fetched: dict[bytes, Path] = {}

    def keep(sha256: bytes, place: Path) -> None:
        with lock:
            fetched[sha256] = place

    kept = transfer.cache.kept_contents([file.artifact.sha256 for file in files])

    def is_had(file: FileToFetch) -> bool:
        transfer.stop.check()
        place = file.find_place()
        place.parent.mkdir(parents=True, exist_ok=True)
        return _is_there(transfer, file.artifact, place) or (
            file.artifact.sha256 in kept and _copy_from_cache(transfer, file.artifact, place)
        )

    def fetch_large(file: FileToFetch) -> None:
        transfer.stop.check()
        place = file.find_place()
        try:
            download_large(transfer, file.artifact, place)
        except ServerError as error:
            raise unreadable(file, error) from error
        keep(file.artifact.sha256, place)

    def fetch_small(files: Sequence[FileToFetch]) -> None:
        wanted = [file for file in files if not (file.artifact.size_bytes > _PIECE_BYTES and is_had(file))]
        fetch_together(transfer, wanted, keep)

    # Large ones have several pieces in flight each.
    for file in files:
        if file.artifact.size_bytes >= LARGE_BYTES and not is_had(file):
            fetch_large(file)
    # What is here already takes less than the threads that would get it.
    small = [
        file
        for file in files
        if file.artifact.size_bytes < LARGE_BYTES and not (file.artifact.size_bytes <= _PIECE_BYTES and is_had(file))
    ]
    calls = list(_together(small))
    if len(calls) == 1:
        fetch_small(calls[0])
    else:
        run_at_once([partial(fetch_small, call) for call in calls], _SMALL_WORKERS, transfer.stop)
    if transfer.fills_cache:
        transfer.cache.add_contents(fetched)


def _together(files: Sequence[FileToFetch]) -> Iterator[list[FileToFetch]]:
    """The files that are fetched in one call."""
    call: list[FileToFetch] = []
    size = 0
    for file in files:
        if call and (len(call) == _FILES_OF_A_CALL or size + file.artifact.size_bytes > _BYTES_OF_A_CALL):
            yield call
            call, size = [], 0
        call.append(file)
        size += file.artifact.size_bytes
    if call:
        yield call


def check_places(files: Sequence[FileToFetch]) -> list[Path]:
    """Where they go. Raises ArtifactCorrupt for a file that would be elsewhere, or in another one."""
    places = [file.find_place() for file in files]
    paths = {file.artifact.path for file in files}
    for path in paths:
        above = path.rpartition("/")[0]
        while above:
            if above in paths:
                raise ArtifactCorrupt(f"The server named {above!r} as a file and as a folder. Nothing was written.")
            above = above.rpartition("/")[0]
    return places


def _is_there(transfer: Transfer, artifact: artifact_pb2.Artifact, place: Path) -> bool:
    """Whether the file is in its place already."""
    try:
        status = place.lstat()
    except OSError:
        return False
    if not stat.S_ISREG(status.st_mode) or status.st_size != artifact.size_bytes:
        return False
    known = transfer.cache.known_digests([place]).get(place)
    if known is None:
        known = hash_file(place, stop=transfer.stop)
        transfer.cache.remember_digests([known])
    if known.sha256 != artifact.sha256:
        return False
    transfer.progress.add(artifact.size_bytes)
    return True


def _copy_from_cache(transfer: Transfer, artifact: artifact_pb2.Artifact, place: Path) -> bool:
    """Whether the cache had the file, which is in its place then."""
    content = transfer.cache.open_content(artifact.sha256)
    if content is None:
        return False
    digest = hashlib.sha256()
    with content, put_in_place(place) as (sink, keep):
        while piece := content.read(_PIECE_BYTES):
            transfer.stop.check()
            digest.update(piece)
            sink.write(piece)
        if digest.digest() == artifact.sha256:
            keep()
            transfer.progress.add(artifact.size_bytes)
            return True
    transfer.cache.drop_content(artifact.sha256)
    return False
