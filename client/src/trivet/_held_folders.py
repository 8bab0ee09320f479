"""Folders of the cache that are read where they lie, and stay as long as somebody reads them."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet._at_once import Stop
from trivet._manifests import manifest_digest, manifest_line

COMPILED: Final = "__pycache__"
"""What Python itself writes beside code that it runs: no file of a kept folder is in one."""

_PIECE_BYTES: Final = 256 * 1024


@dataclass(frozen=True)
class HeldFolder:
    """A folder with files, which stays where it is until it is released."""

    path: Path
    release: Callable[[], object]
    """To be called once."""


def removed_when_released(held: HeldFolder) -> HeldFolder:
    """The same folder, which is removed when it is released."""

    def release() -> None:
        shutil.rmtree(held.path, ignore_errors=True)
        held.release()

    return HeldFolder(held.path, release)


def hold(path: Path) -> HeldFolder | None:
    """Holds a folder, so that `hold_alone` of other programs fails; None where it is not there or cannot be held."""
    return _hold(path, alone=False)


def hold_alone(path: Path) -> HeldFolder | None:
    """Holds a folder that nobody else holds; None where somebody does, or it is not there or cannot be held."""
    return _hold(path, alone=True)


def _hold(path: Path, *, alone: bool) -> HeldFolder | None:
    if sys.platform == "win32":
        return None
    import fcntl  # noqa: PLC0415 - Windows has none

    try:
        opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(opened, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        # Whoever held it alone may have removed it after it was opened here.
        is_there = path.stat().st_ino == os.fstat(opened).st_ino
    except OSError:
        is_there = False
    if not is_there:
        os.close(opened)
        return None
    return HeldFolder(path, lambda: os.close(opened))


def digest_of_folder(folder: Path, stop: Stop) -> str:
    """The digest of the manifest of what is in a folder; empty where something in it can be in none.

    Raises:
        TransferStopped: it was given up meanwhile.
    """
    lines = []
    for path, entry in files_in(folder):
        if not entry.is_file(follow_symlinks=False):
            return ""
        lines.append(manifest_line(path, _sha256_of(entry.path, stop)))
    try:
        return manifest_digest(lines)
    except UnicodeEncodeError:
        return ""


def _sha256_of(path: str, stop: Stop) -> bytes:
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path of each file costs as much as a small file
        while piece := file.read(_PIECE_BYTES):
            stop.check()
            digest.update(piece)
    return digest.digest()


def files_in(folder: Path, above: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """What is in a folder, with the path of each after `above`; nothing that Python compiled there."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                yield above + entry.name, entry
            elif entry.name != COMPILED:
                yield from files_in(Path(entry.path), f"{above}{entry.name}/")
