"""The files of a log: of a fixed size that is reserved first, and written through memory.

What a process wrote into such memory is the kernel's: it survives the process, however that ends. Files are named by
the offset of their first byte in the log, and each begins where the one before it has its last byte, written or not.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
from pathlib import Path
from typing import Final, NamedTuple

_SUFFIX: Final = ".log"
FIRST_BYTES: Final = 256 * 1024
NEXT_BYTES: Final = 4 * 1024 * 1024
_ZEROS: Final = bytes(1024 * 1024)
# fallocate is not known to the file system, or not to the system.
_NOT_SUPPORTED: Final = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})


class Segment(NamedTuple):
    """A file of a log."""

    path: Path
    base: int
    """The offset in the log of its first byte."""
    size: int

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.base + self.size


def segments_in(folder: Path) -> list[Segment]:
    """The files of a log, in order. One that is removed in this moment, because all in it was sent, is left out."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(_SUFFIX):
                base = int(entry.name.removesuffix(_SUFFIX), 16)
                with contextlib.suppress(FileNotFoundError):
                    found.append(Segment(Path(entry.path), base, entry.stat().st_size))
    return sorted(found, key=lambda segment: segment.base)


def create_segment(folder: Path, base: int, size: int) -> tuple[Segment, mmap.mmap]:
    """Makes a file with its room on the disk, so that writing to the memory cannot fail for want of it.

    Raises:
        OSError: it cannot be made; nothing is left of it.
    """
    path = folder / f"{base:016x}{_SUFFIX}"
    # Named when it is whole: a process that is killed meanwhile leaves no file whose room is not reserved.
    unfinished = folder / f"{base:016x}.new"
    file = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        reserve(file, size)
        memory = mmap.mmap(file, size)
        unfinished.rename(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)
    return Segment(path, base, size), memory


def reserve(file: int, size: int) -> None:
    """Gives an empty file a size, with room on the disk for all of it. Raises OSError where there is none."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file, 0, size)
        except OSError as error:
            if error.errno not in _NOT_SUPPORTED:
                raise
        else:
            return
    left = size
    while left:
        left -= os.write(file, _ZEROS[:left])
    # Some file systems reserve at the latest possible moment; those that refuse say so here.
    os.fsync(file)


def read_segment(segment: Segment, begin: int, end: int) -> bytes:
    """The bytes of a segment between two offsets in the log."""
    with segment.path.open("rb", buffering=0) as file:
        file.seek(begin - segment.base)
        return file.read(end - begin) or b""
