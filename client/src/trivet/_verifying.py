"""Whether files are what they have to be: the stored bytes by their digests, or a folder here beside what is stored."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from trivet._at_once import run_at_once
from trivet._entities import FileCheck
from trivet._errors import ArtifactNotFound, FailedPrecondition, ServerError
from trivet._hashing import hash_files
from trivet._safe_paths import safe_join
from trivet._stored_bytes import read_stored
from trivet._transfers import Transfer
from trivet_proto.artifacts.v1 import artifact_pb2

_WORKERS: Final = 4


def files_in(folder: Path) -> list[Path]:
    """The files in a folder at any depth, by path; links to folders are not followed."""
    # As text: to compare paths takes as long as all the rest.
    files = (os.path.join(place, name) for place, _, names in os.walk(folder) for name in names)  # noqa: PTH118 - as above
    return [Path(file) for file in sorted(files) if os.path.isfile(file)]  # noqa: PTH113 - as above


def verify_stored(transfer: Transfer, artifacts: Sequence[artifact_pb2.Artifact]) -> list[FileCheck]:
    """Reads all bytes from the service, and keeps none of them; by path."""
    checks: list[FileCheck] = []

    def step(artifact: artifact_pb2.Artifact) -> Callable[[], None]:
        return lambda: checks.append(_verify(transfer, artifact))

    run_at_once([step(artifact) for artifact in artifacts], _WORKERS, transfer.stop)
    return sorted(checks, key=lambda check: check.path)


def _verify(transfer: Transfer, artifact: artifact_pb2.Artifact) -> FileCheck:
    if artifact.reference_uri:
        return FileCheck(artifact.path, "reference", artifact.size_bytes)
    transfer.stop.check()
    digest = hashlib.sha256()
    expected = b""
    try:
        for piece in read_stored(transfer, artifact.path, expected_bytes=artifact.size_bytes):
            if isinstance(piece, memoryview):
                digest.update(piece)
                transfer.progress.add(len(piece))
            else:
                expected = piece.sha256
    except ArtifactNotFound:
        return FileCheck(artifact.path, "missing", artifact.size_bytes)
    except (ServerError, FailedPrecondition):
        # The service has less than it says, or knows already that the bytes are other ones.
        return FileCheck(artifact.path, "corrupt", artifact.size_bytes)
    return FileCheck(artifact.path, "ok" if digest.digest() == expected else "corrupt", artifact.size_bytes)


def compare_with_folder(
    transfer: Transfer, artifacts: Sequence[artifact_pb2.Artifact], top: str, local: Path
) -> list[FileCheck]:
    """Compares digests of files here with those that are stored; nothing but those moves. By path.

    Args:
        transfer: From where; what is read here counts for its progress.
        artifacts: The stored files: that at `top`, or those below.
        top: The logical path that `local` is the copy of; empty for all.
        local: The folder, or the file.
    """
    places = {artifact.path: _place(local, artifact.path, top) for artifact in artifacts}
    here = set(files_in(local)) if local.is_dir() else {local} if local.is_file() else set()
    there: Mapping[str, artifact_pb2.Artifact] = {artifact.path: artifact for artifact in artifacts}
    hashed = hash_files(
        [place for path, place in places.items() if place in here and not there[path].reference_uri],
        transfer.cache,
        transfer.progress.add,
    )
    checks = []
    for path, place in places.items():
        size = there[path].size_bytes
        if there[path].reference_uri:
            checks.append(FileCheck(path, "reference", size))
        elif place not in hashed:
            checks.append(FileCheck(path, "missing", size))
        else:
            checks.append(FileCheck(path, "ok" if hashed[place].sha256 == there[path].sha256 else "changed", size))
    extra = here - set(places.values())
    checks += [
        FileCheck("/".join((top, *place.relative_to(local).parts)).lstrip("/"), "extra", None) for place in extra
    ]
    return sorted(checks, key=lambda check: check.path)


def _place(local: Path, path: str, top: str) -> Path:
    """Where the copy of a stored file is."""
    if path == top:
        return local
    below = path[len(top) + 1 :] if top else path
    return safe_join(local, below) if local.is_dir() else local / below
