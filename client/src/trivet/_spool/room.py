"""How much a process keeps in its spool, and what happens when there is no room: it waits, or drops and counts."""

from __future__ import annotations

import errno
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from trivet._errors import SpoolFull
from trivet._spool.folders import SpoolLimits

_Made = TypeVar("_Made")

_NO_SPACE: Final = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
_LOOK_AGAIN_SECONDS: Final = 1.0  # others may give the disk room

_log = logging.getLogger("trivet")


class Room:
    """The room of all logs of a client in this process. Safe for use by several threads."""

    def __init__(self, limits: SpoolLimits) -> None:
        self._limits = limits
        self._is_closed = False
        self._taken = 0
        self.start_anew()

    def start_anew(self) -> None:
        """Begins with nothing taken, as the child does after a fork."""
        self._changed = threading.Condition()
        self._taken = 0
        self._is_said = False
        self._full_until = -math.inf
        self._freed_at = -math.inf

    def take(self, size: int) -> None:
        """Counts what was made."""
        with self._changed:
            self._taken += size

    def give_back(self, size: int) -> None:
        """Counts what was removed, and lets those that wait go on."""
        with self._changed:
            self._taken -= size
            self._is_said = False
            self._full_until = -math.inf
            self._freed_at = time.monotonic()
            self._changed.notify_all()

    def close(self) -> None:
        """Lets those that wait end."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def make(
        self, sizes: Sequence[int], create: Callable[[int], _Made], is_some_to_free: Callable[[], bool]
    ) -> _Made | None:
        """What `create` makes, when there is room for it; None where the records are to be dropped.

        Without something to free there is no use in waiting: then a limit is exceeded, and a full disk is an error.

        Args:
            sizes: How many bytes it may have; the first for which the disk has room counts.
            create: Makes it of one of these sizes. Raises OSError.
            is_some_to_free: Whether this process has something on the disk that will be freed.

        Raises:
            SpoolFull: the disk is full, and nothing of this process is there that will be freed.
            OSError: it cannot be made for another reason.
        """
        while True:
            if self._limits.drops and time.monotonic() < self._full_until:
                return None
            with self._changed:
                limit = self._limits.max_bytes
                over = limit is not None and self._taken + sizes[0] > max(limit, sizes[0])
            # Asked before it is tried: what is freed from here on makes room, which the next look finds.
            can_be_freed = is_some_to_free()
            if not over or not can_be_freed:
                for size in sizes:
                    try:
                        made = create(size)
                    except OSError as error:
                        if error.errno not in _NO_SPACE:
                            raise
                    else:
                        self.take(size)
                        return made
                why = "the disk is full"
                # The disk has its room when nobody has it open any more, which may be a moment later.
                can_be_freed = can_be_freed or time.monotonic() - self._freed_at < _LOOK_AGAIN_SECONDS
            else:
                why = f"it has reached {self._limits.max_bytes} bytes (TRIVET_SPOOL_SIZE)"
            if not self._wait(why, can_be_freed=can_be_freed):
                return None

    def write_out(self, file: int, data: bytes) -> None:
        """Writes to a file, waiting for room on the disk. Raises SpoolFull, OSError."""
        while data:
            try:
                data = data[os.write(file, data) :]
            except OSError as error:
                if error.errno not in _NO_SPACE:
                    raise
                if not self._wait("the disk is full", can_be_freed=True):
                    raise SpoolFull("The spool cannot take in another key: the disk is full.") from error

    def _wait(self, why: str, *, can_be_freed: bool) -> bool:
        """Waits for room; False where records are to be dropped."""
        with self._changed:
            said, self._is_said = self._is_said, True
        if self._limits.drops:
            self._full_until = time.monotonic() + _LOOK_AGAIN_SECONDS
            if not said:
                _log.error("The spool is full: %s. What is logged now is dropped and counted.", why)
            return False
        with self._changed:
            if self._is_closed or not can_be_freed:
                raise SpoolFull(f"The spool cannot take in more: {why}.")
            if not said:
                _log.error("The spool is full: %s. Logging waits until the server has taken some of it.", why)
            self._changed.wait(_LOOK_AGAIN_SECONDS)
        return True
