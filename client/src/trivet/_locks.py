"""Locks of files: for one process at a time, given back however it ends."""

from __future__ import annotations

import sys


def lock(file: int) -> None:
    """Locks an open file for this process, until the file is closed or the process ends.

    Raises:
        BlockingIOError: another process has it.
        OSError: there are no locks there, as on some network file systems.
    """
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - of Windows alone

        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
    else:
        import fcntl  # noqa: PLC0415 - Windows has none

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
