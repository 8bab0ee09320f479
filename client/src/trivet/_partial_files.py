"""Downloads that are not complete yet: pieces of equal size beside their place, which a later program goes on with."""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Final

PIECE_BYTES: Final = 16 * 1024 * 1024
# Of a piece's number in the file that says which pieces are here.
_NUMBER_BYTES: Final = 4


class PartialFile:
    """The pieces of a content that are here. Its methods may be called by several threads.

    Their file is named after the content, with another one that lists them and is locked by whoever works on it; so a
    program that was killed leaves what it had to the next one. Where another program is at work on the same content,
    and on Windows, the file has a name of its own, and nothing is left.
    """

    def __init__(self, path: Path, size: int, pieces: FileIO | None) -> None:
        self.path = path
        self._size = size
        self._pieces = pieces
        self._held = _read_numbers(pieces) if pieces is not None and path.exists() else set()
        # The umask of the user says who may read it, as with any file.
        with path.open("r+b" if self._held else "wb"):
            pass

    @property
    def held_bytes(self) -> int:
        """How many bytes are here."""
        return sum(self.range_of(number)[1] for number in self._held)

    def missing(self) -> list[int]:
        """The numbers of the pieces that are not here, in order."""
        return [number for number in range(self.count) if number not in self._held]

    @property
    def count(self) -> int:
        """How many pieces there are in all."""
        return -(-self._size // PIECE_BYTES)

    def holds(self, number: int) -> bool:
        """Whether a piece is here."""
        return number in self._held

    def range_of(self, number: int) -> tuple[int, int]:
        """Where a piece begins, and how many bytes it has."""
        offset = number * PIECE_BYTES
        return offset, min(PIECE_BYTES, self._size - offset)

    def keep(self, number: int) -> None:
        """Says that all bytes of a piece have been written."""
        if self._pieces is not None:
            # In one write at the end of the file, so that threads need no lock.
            self._pieces.write(number.to_bytes(_NUMBER_BYTES, "big"))
        self._held.add(number)

    def publish(self, place: Path) -> None:
        """Puts the file in its place, in one step."""
        self.path.replace(place)
        self._remove_list()

    def discard(self) -> None:
        """Removes all of it."""
        self.path.unlink(missing_ok=True)
        self._remove_list()

    def leave(self) -> None:
        """Leaves what is here to a later program, if it can go on with it."""
        if self._pieces is None or not self._held:
            self.discard()

    def _remove_list(self) -> None:
        if self._pieces is not None:
            _list_of(self.path).unlink(missing_ok=True)


@contextmanager
def partial_file(folder: Path, sha256: bytes, size: int) -> Iterator[PartialFile]:
    """The pieces of a content in a folder, those of an earlier program too; left there if the block raises."""
    path = folder / f".trivet-{sha256.hex()[:32]}.part"
    with contextlib.ExitStack() as stack:
        pieces = _locked(stack, _list_of(path))
        if pieces is None:
            path = folder / f".trivet-{uuid.uuid4().hex}.part"
        partial = PartialFile(path, size, pieces)
        try:
            yield partial
        except BaseException:
            with contextlib.suppress(OSError):
                partial.leave()
            raise


def _list_of(path: Path) -> Path:
    return path.with_suffix(".pieces")


def _locked(stack: contextlib.ExitStack, path: Path) -> FileIO | None:
    """A file that this program has alone; None where another has it, or locks are not to be had."""
    if sys.platform == "win32":
        return None
    import fcntl  # noqa: PLC0415 - Windows has none

    # Not buffered, so that a number is kept when it was written.
    file = stack.enter_context(path.open("a+b", buffering=0))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had it may have removed it after it was opened here.
        is_there = path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except OSError:
        return None
    return file if is_there else None


def _read_numbers(pieces: FileIO) -> set[int]:
    pieces.seek(0)
    content = pieces.read()
    whole = len(content) // _NUMBER_BYTES * _NUMBER_BYTES
    return {int.from_bytes(content[at : at + _NUMBER_BYTES], "big") for at in range(0, whole, _NUMBER_BYTES)}
