"""Rates that workspaces are held to: a bucket of tokens each, asked without a database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from trivet_kit.errors import QuotaExceeded
from trivet_kit.quotas import LimitOf, Use

# What a workspace that was silent may take at once.
BURST_SECONDS = 1.0
# How long after its turn a caller is told to come, so that the bucket has something by then.
_LATE_SECONDS = 0.005
# Turns are given for so long ahead; later ones are told to come then, and ask again.
MAX_TURN_SECONDS = 10.0
_REMEDY = "Send the same again when the wait in RetryInfo is over."
# How much of what was asked for lately still counts as asked for, a report later: callers that were refused stay away
# until their turn, and want no less.
_REMEMBERED = 0.7


@dataclass
class _Bucket:
    level: float
    """Tokens; below 0, debts."""
    filled: float
    """When it was last filled."""
    next_turn: float
    """When the next one that is refused may come."""
    granted: float = 0
    asked: float = 0
    """Since the last report, as `granted`."""
    used_per_second: float = 0
    wanted_per_second: float = 0
    """Of the last report, as `used_per_second`."""
    fraction: float = 1
    """Of the limit: what this replica may give."""


class Rates:
    """Holds workspaces to a rate. Safe for threads; `take` takes a microsecond and waits for nobody.

    A bucket that is not empty grants whatever is asked, and goes into debt for it, so that a large request passes where
    the rate is small, and the rate holds all the same: over any time, a replica grants its share of the limit times
    that time, a burst of `BURST_SECONDS`, and the one request that emptied the bucket.

    Callers that are refused are given turns, one after the other, as far apart as what they ask for takes. Told to come
    when there is something again, all would come at once, and all but one be refused once more.
    """

    def __init__(self, quota: str, limit_of: LimitOf, clock: Callable[[], float] = time.monotonic) -> None:
        """Begins with full buckets.

        Args:
            quota: As `Quotas` calls it.
            limit_of: The limit of a workspace, a second, of all replicas together.
            clock: Gives seconds.
        """
        self.quota = quota
        self.limit_of = limit_of
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()
        self._reported = clock()

    def take(self, workspace: str, amount: int = 1) -> None:
        """Takes tokens, where the workspace is held to a rate; 0 is always granted.

        Raises:
            QuotaExceeded: there are none; says when to come again.
        """
        wait = self.wait_for(workspace, amount)
        if wait:
            limit = self.limit_of(workspace)
            raise QuotaExceeded(workspace, self.quota, limit or 0, wait, _REMEDY)

    def wait_for(self, workspace: str, amount: int = 1) -> float:
        """As `take`; returns 0 where the tokens were taken, else how many seconds to wait before asking again."""
        limit = self.limit_of(workspace)
        if limit is None or not amount:
            return 0
        with self._lock:
            now = self._clock()
            bucket = self._bucket(workspace, limit, now)
            bucket.asked += amount
            if bucket.level > 0:
                bucket.level -= amount
                bucket.granted += amount
                return 0
            rate = limit * bucket.fraction
            turn = max(now - bucket.level / rate, min(bucket.next_turn, now + MAX_TURN_SECONDS))
            bucket.next_turn = turn + amount / rate
            return turn - now + _LATE_SECONDS

    def use(self, workspace: str) -> Use:
        """What this replica granted a second, when it last looked; 0 for a workspace that is held to none.

        While a bucket is in debt, all that comes in pays for what was granted before: that is what it may give.
        """
        limit = self.limit_of(workspace)
        with self._lock:
            bucket = self._buckets.get(workspace)
            if bucket is None:
                return Use(self.quota, 0, limit)
            used = bucket.used_per_second
            if limit is not None and self._bucket(workspace, limit, self._clock()).level < 0:
                used = max(used, limit * bucket.fraction)
            return Use(self.quota, round(used), limit)

    def report(self) -> dict[str, float]:
        """What workspaces asked for a second, granted or not, since the last report, or wanted shortly before.

        Forgets those that have asked for nothing for a while.
        """
        with self._lock:
            now = self._clock()
            seconds = max(now - self._reported, 0.001)
            self._reported = now
            for workspace, bucket in list(self._buckets.items()):
                limit = self.limit_of(workspace)
                if limit is not None:
                    self._bucket(workspace, limit, now)  # paid by the time, though nobody asks any more
                bucket.used_per_second = bucket.granted / seconds
                bucket.wanted_per_second = max(bucket.asked / seconds, bucket.wanted_per_second * _REMEMBERED)
                bucket.granted = bucket.asked = 0
                if bucket.wanted_per_second < 1 and (limit is None or bucket.level >= 0):
                    del self._buckets[workspace]
            return {workspace: bucket.wanted_per_second for workspace, bucket in self._buckets.items()}

    def share(self, workspace: str, fraction: float) -> None:
        """Says which part of the limit, above 0 up to 1, this replica may give."""
        with self._lock:
            if bucket := self._buckets.get(workspace):
                bucket.fraction = fraction

    def _bucket(self, workspace: str, limit: int, now: float) -> _Bucket:
        """A workspace's bucket, filled up to now."""
        bucket = self._buckets.get(workspace)
        if bucket is None:
            self._buckets[workspace] = bucket = _Bucket(limit * BURST_SECONDS, now, now)
            return bucket
        rate = limit * bucket.fraction
        bucket.level = min(bucket.level + (now - bucket.filled) * rate, rate * BURST_SECONDS)
        bucket.filled = now
        return bucket
