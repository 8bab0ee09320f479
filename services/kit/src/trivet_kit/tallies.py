"""What workspaces keep, and must not keep too much of: read from the database now and then, counted on in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from trivet_kit.errors import QuotaExceeded
from trivet_kit.quotas import LimitOf, Use

# How old what was read may be. Other replicas may have added in the meantime: by so much a limit may be passed.
FRESH_SECONDS = 1.0
# How old it may be where there is so much to read that it takes long.
_MAX_FRESH_SECONDS = 60.0
# How much of the time may be spent on reading then.
_READING_SHARE = 0.05


@dataclass
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    reading: threading.Lock = field(default_factory=threading.Lock)
    """Held by the one that reads; taken before `lock`."""
    read: int = 0
    read_at: float = -float("inf")
    """When the last reading began."""
    is_read: bool = False
    fresh_seconds: float = 0
    being_added: int = 0
    added: int = 0
    """Since the last reading that ended began; it may have seen some of that."""


class Tally:
    """Counts what workspaces keep. Safe for threads.

    With one replica no workspace keeps more than its limit. With several it is passed at most by what the others add
    within `FRESH_SECONDS`, or twenty times what it takes to read, where that is more, up to a minute; and while it
    is read. Nobody waits for a reading but those that come before the first one has ended.
    """

    def __init__(
        self,
        quota: str,
        limit_of: LimitOf,
        read: Callable[[str], int],
        remedy: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Reads nothing yet.

        Args:
            quota: As `Quotas` calls it.
            limit_of: The limit of a workspace.
            read: What a workspace keeps, from the database.
            remedy: What helps where the limit is reached, a sentence.
            clock: Gives seconds.
        """
        self._quota = quota
        self._limit_of = limit_of
        self._read = read
        self._remedy = remedy
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    @contextmanager
    def adding(self, workspace: str, amount: int) -> Iterator[None]:
        """Adds to what a workspace keeps, by the block; where that raises, nothing was added.

        Raises:
            QuotaExceeded: it would be more than the limit.
            CallerError: the database does not answer.
        """
        self.begin(workspace, amount)
        is_added = False
        try:
            yield
            is_added = True
        finally:
            self.end(workspace, amount, added=is_added)

    def begin(self, workspace: str, amount: int) -> None:
        """Begins to add; `end` has to follow. Raises as `adding` does, and then `end` must not follow."""
        limit = self._limit_of(workspace)
        kept = self._of(workspace)
        if limit is not None and amount:
            self._refresh(workspace, kept)
        with kept.lock:
            if limit is not None and amount:
                self._check(workspace, kept, limit, amount)
            kept.being_added += amount

    def end(self, workspace: str, amount: int, *, added: bool) -> None:
        """Ends what `begin` began, and says whether anything came of it."""
        kept = self._of(workspace)
        with kept.lock:
            kept.being_added -= amount
            if added:
                kept.added += amount

    def is_limited(self, workspace: str) -> bool:
        """Whether a workspace has a limit, so that something may be read from the database. Never blocks."""
        return self._limit_of(workspace) is not None

    def check(self, workspace: str, amount: int) -> None:
        """Checks whether so much could be added now. Raises as `adding` does."""
        limit = self._limit_of(workspace)
        if limit is not None:
            kept = self._of(workspace)
            self._refresh(workspace, kept)
            with kept.lock:
                self._check(workspace, kept, limit, amount)

    def use(self, workspace: str) -> Use:
        """What a workspace keeps, read now."""
        return Use(self._quota, self._read(workspace), self._limit_of(workspace))

    def _of(self, workspace: str) -> _Kept:
        with self._lock:
            return self._kept.setdefault(workspace, _Kept())

    def _refresh(self, workspace: str, kept: _Kept) -> None:
        """Reads what is not fresh any more. One does; the others go on with what they have, if there is anything."""
        if self._is_fresh(kept) or not kept.reading.acquire(blocking=not kept.is_read):
            return
        try:
            if self._is_fresh(kept):
                return  # another one has read it while this one waited
            with kept.lock:
                began, before = self._clock(), kept.added
            read = self._read(workspace)
            seconds = self._clock() - began
            with kept.lock:
                kept.read, kept.read_at, kept.is_read = read, began, True
                kept.added -= before
                kept.fresh_seconds = min(max(FRESH_SECONDS, seconds / _READING_SHARE), _MAX_FRESH_SECONDS)
        finally:
            kept.reading.release()

    def _is_fresh(self, kept: _Kept) -> bool:
        return self._clock() - kept.read_at < kept.fresh_seconds

    def _check(self, workspace: str, kept: _Kept, limit: int, amount: int) -> None:
        if kept.read + kept.added + kept.being_added + amount > limit:
            raise QuotaExceeded(workspace, self._quota, limit, None, self._remedy)
