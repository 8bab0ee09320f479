"""Fetching files: each into a file beside the final one, verified, then put in its place in one step."""

from __future__ import annotations

import contextlib
import hashlib
import stat
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from trivet._at_once import run_at_once
from trivet._connection import Patience
from trivet._errors import ArtifactCorrupt, ServerError, ServerUnavailable
from trivet._hashing import hash_file
from trivet._large_downloads import check_same, download_large
from trivet._safe_paths import safe_join
from trivet._stored_bytes import read_stored
from trivet._transfers import LARGE_BYTES, PATIENCE_SECONDS, Transfer
from trivet_proto.artifacts.v1 import artifact_pb2

# Calls for small files wait for their answers most of the time.
_SMALL_WORKERS: Final = 8
_PIECE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class _File:
    """A file to fetch, and where it goes."""

    artifact: artifact_pb2.Artifact
    place: Path


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
    files = [_File(artifact, safe_join(folder, artifact.path)) for artifact in artifacts]
    _check_apart(artifacts)
    lock = threading.Lock()
    fetched: dict[bytes, Path] = {}

    def is_had(file: _File) -> bool:
        transfer.stop.check()
        # Again: a link may have come to lie there meanwhile.
        safe_join(folder, file.artifact.path)
        file.place.parent.mkdir(parents=True, exist_ok=True)
        return _is_there(transfer, file) or _copy_from_cache(transfer, file)

    def fetch(file: _File) -> None:
        if file.artifact.size_bytes > _PIECE_BYTES and is_had(file):
            return
        transfer.stop.check()
        sha256 = file.artifact.sha256
        try:
            if file.artifact.size_bytes < LARGE_BYTES:
                sha256 = _download_small(transfer, file)
            else:
                download_large(transfer, file.artifact, file.place)
        except ServerError as error:
            # As where the store has fewer bytes than the service knows of: it does not say of which file.
            raise ServerError(
                f"{file.artifact.path!r} cannot be read: {error.message}",
                reason=error.reason,
                metadata=error.metadata,
                request_id=error.request_id,
            ) from error
        with lock:
            fetched[sha256] = file.place

    # Large ones have several pieces in flight each.
    for file in files:
        if file.artifact.size_bytes >= LARGE_BYTES:
            fetch(file)
    # What is here already takes less than the threads that would get it.
    small = [
        file
        for file in files
        if file.artifact.size_bytes < LARGE_BYTES and not (file.artifact.size_bytes <= _PIECE_BYTES and is_had(file))
    ]
    run_at_once([_step(fetch, file) for file in small], _SMALL_WORKERS, transfer.stop)
    transfer.cache.add_contents(fetched)


def _step(fetch: Callable[[_File], None], file: _File) -> Callable[[], None]:
    return lambda: fetch(file)


def _check_apart(artifacts: Sequence[artifact_pb2.Artifact]) -> None:
    """A server that names a file, and another one in it, lies."""
    paths = {artifact.path for artifact in artifacts}
    for path in paths:
        above = path.rpartition("/")[0]
        while above:
            if above in paths:
                raise ArtifactCorrupt(f"The server named {above!r} as a file and as a folder. Nothing was written.")
            above = above.rpartition("/")[0]


def _is_there(transfer: Transfer, file: _File) -> bool:
    """Whether the file is in its place already."""
    try:
        status = file.place.lstat()
    except OSError:
        return False
    if not stat.S_ISREG(status.st_mode) or status.st_size != file.artifact.size_bytes:
        return False
    known = transfer.cache.known_digests([file.place]).get(file.place)
    if known is None:
        known = hash_file(file.place, stop=transfer.stop)
        transfer.cache.remember_digests([known])
    if known.sha256 != file.artifact.sha256:
        return False
    transfer.progress.add(file.artifact.size_bytes)
    return True


def _copy_from_cache(transfer: Transfer, file: _File) -> bool:
    """Whether the cache had the file, which is in its place then."""
    content = transfer.cache.open_content(file.artifact.sha256)
    if content is None:
        return False
    digest = hashlib.sha256()
    with content, _put_in_place(file.place) as (sink, keep):
        while piece := content.read(_PIECE_BYTES):
            transfer.stop.check()
            digest.update(piece)
            sink.write(piece)
        if digest.digest() == file.artifact.sha256:
            keep()
            transfer.progress.add(file.artifact.size_bytes)
            return True
    transfer.cache.drop_content(file.artifact.sha256)
    return False


@contextlib.contextmanager
def _put_in_place(place: Path) -> Iterator[tuple[BinaryIO, Callable[[], None]]]:
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


def _download_small(transfer: Transfer, file: _File) -> bytes:
    """Fetches a file, and returns the digest of what it is by now."""
    with _put_in_place(file.place) as (sink, keep):
        sha256 = _Stream(transfer, file.artifact, sink).run()
        keep()
    return sha256


class _Stream:
    """The bytes of one file, from as many calls as that takes."""

    def __init__(self, transfer: Transfer, listed: artifact_pb2.Artifact, sink: BinaryIO) -> None:
        self._transfer = transfer
        self._listed = listed
        self._path = listed.path
        self._sink = sink
        self._head: artifact_pb2.Artifact | None = None
        self._received = 0
        self._hash = hashlib.sha256()

    def run(self) -> bytes:
        """Fetches them, and returns their digest."""
        patience = Patience(PATIENCE_SECONDS)
        while True:
            before = self._received
            try:
                self._read()
            except ServerUnavailable as error:
                if self._received > before:
                    patience = Patience(PATIENCE_SECONDS)
                pause = patience.pause_after(error)
                if pause is None:
                    raise
                self._transfer.stop.wait(pause)
                continue
            break
        if self._head is None:
            self._fail("has no head")
        if self._received != self._head.size_bytes or self._hash.digest() != self._head.sha256:
            self._fail(
                f"arrived with {self._received} bytes that are not the {self._head.size_bytes} with the digest "
                f"{self._head.sha256.hex()}"
            )
        return self._head.sha256

    def _read(self) -> None:
        for piece in read_stored(self._transfer, self._path, offset=self._received, expected_bytes=LARGE_BYTES):
            if not isinstance(piece, memoryview):
                self._take_head(piece)
                continue
            if self._head is None or self._received + len(piece) > self._head.size_bytes:
                self._fail("has other bytes than its head says")
            self._sink.write(piece)
            self._hash.update(piece)
            self._received += len(piece)
            self._transfer.progress.add(len(piece))

    def _take_head(self, head: artifact_pb2.Artifact) -> None:
        if self._head is not None:
            check_same(head, self._head)
        elif self._transfer.is_pinned:
            check_same(head, self._listed)
        self._head = head

    def _fail(self, how: str) -> NoReturn:
        raise ArtifactCorrupt(f"{self._path!r} {how}. Nothing was kept; download it again.")
