"""What waits in the log while points pour in, and what the service holds in memory meanwhile."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import psycopg2
from harness import Setting
from processes import memory_mib, memory_of_children_mib

_SAMPLES = 12


@dataclass(frozen=True)
class Sample:
    """A moment of a flood."""

    seconds: float
    points: int
    """In the log: durable, and not yet in chunks."""
    mib: float
    """What they take there."""
    memory_mib: float
    """Of the service and its folder."""

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s: {self.points / 1e6:.2f} M points, {self.mib:.0f} MiB, {self.memory_mib:.0f} MiB"


@dataclass
class Backlog:
    """The moments of one flood, in order."""

    samples: list[Sample] = field(default_factory=list)

    def growth(self) -> float:
        """How many times the log of the middle third of the flood is the log of its last third, as a rule."""
        third = len(self.samples) // 3
        middle, last = (
            statistics.median(sample.mib for sample in part)
            for part in (self.samples[third : 2 * third], self.samples[2 * third :])
        )
        return last / max(middle, 1.0)

    def __str__(self) -> str:
        return "; ".join(map(str, self.samples))


@contextmanager
def watched(setting: Setting, seconds: float) -> Iterator[Backlog]:
    """Looks at the log a dozen times in so many seconds."""
    backlog = Backlog()
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=(setting, seconds / _SAMPLES, backlog, ended))
    thread.start()
    try:
        yield backlog
    finally:
        ended.set()
        thread.join()


def _watch(setting: Setting, every_seconds: float, backlog: Backlog, ended: threading.Event) -> None:
    begin = time.monotonic()
    with closing(psycopg2.connect(setting.database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            while not ended.wait(max(0.0, begin + (1 + len(backlog.samples)) * every_seconds - time.monotonic())):
                cursor.execute(
                    "SELECT coalesce(sum(points), 0), coalesce(sum(octet_length(data)), 0) "
                    "FROM trivet_tracking.metric_log"
                )
                row = cursor.fetchone()
                assert row is not None
                memory = memory_mib(setting.service_pid) + memory_of_children_mib(setting.service_pid)
                backlog.samples.append(Sample(time.monotonic() - begin, int(row[0]), int(row[1]) / 2**20, memory))
