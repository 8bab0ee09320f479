"""How the process keeps memory that it frees."""

from __future__ import annotations

import ctypes

# Of glibc's malloc.h.
_M_ARENA_MAX = -8
_ARENAS = 2


def share_arenas() -> None:
    """Lets all threads share few pools of memory, where the C library is glibc.

    It would make one for each thread, and each would keep what messages of 1 MiB once needed there.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
