"""SHA-256 of files here, and of bytes that pass by."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from trivet._artifact_cache import ArtifactCache, HashedFile
from trivet._at_once import Stop, run_at_once
from trivet._cache_index import FileState

_PIECE_BYTES: Final = 1024 * 1024
# hashlib lets other threads run meanwhile; more would wait for the disk.
_WORKERS: Final = 4


def hash_file(path: Path, on_bytes: Callable[[int], None] | None = None, stop: Stop | None = None) -> HashedFile:
    """The digest of a file, with what it was before it was read; `on_bytes` is told of each piece. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        state = FileState.of(os.fstat(file.fileno()))
        piece = memoryview(bytearray(min(_PIECE_BYTES, state.size + 1)))
        while size := file.readinto(piece):
            digest.update(piece[:size])
            if on_bytes is not None:
                on_bytes(size)
            if stop is not None:
                stop.check()
    return HashedFile(path, digest.digest(), state)


def hash_files(
    paths: Sequence[Path], cache: ArtifactCache, on_bytes: Callable[[int], None] | None = None
) -> dict[Path, HashedFile]:
    """The digests of files, from the cache where it knows them; it knows all of them afterwards. Raises OSError."""
    hashed = cache.known_digests(paths)
    stop = Stop()
    unknown = [path for path in dict.fromkeys(paths) if path not in hashed]
    fresh: list[HashedFile] = []
    run_at_once([lambda path=path: fresh.append(hash_file(path, on_bytes, stop)) for path in unknown], _WORKERS, stop)  # type: ignore[misc] # mypy takes defaults of lambdas for arguments
    cache.remember_digests(fresh)
    return hashed | {file.path: file for file in fresh}
