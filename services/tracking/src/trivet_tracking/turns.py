"""Work that takes a processor for long: a few pieces at once, and the others wait for their turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from trivet_kit.errors import Overloaded


class Turns:
    """Gives turns. Safe for threads."""

    def __init__(self, what: str, *, at_once: int, patience_seconds: float) -> None:
        """Gives the first ones.

        Args:
            what: What the work is called in errors, in the plural.
            at_once: How many have a turn at the same time.
            patience_seconds: How long others wait for theirs.
        """
        self._what = what
        self._patience_seconds = patience_seconds
        self._room = threading.BoundedSemaphore(at_once)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A turn for a block. Raises Overloaded where none came."""
        if not self._room.acquire(timeout=self._patience_seconds):
            raise Overloaded(self._what, retry_after_seconds=self._patience_seconds)
        try:
            yield
        finally:
            self._room.release()
