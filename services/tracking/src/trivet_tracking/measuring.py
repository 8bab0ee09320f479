"""What is measured of the way of points: how many come, how late, and what waits to be folded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from trivet_kit.readings import Figure
from trivet_tracking.domain.writes import RunWrite, WriteOutcome
from trivet_tracking.store.unfolded import SqlUnfolded

# From a commit at once to what a laptop logged on a journey.
_LAG_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 21_600, 86_400)

_POINTS: Final = Counter("trivet_ingested_points", "Points of metrics that were committed, without resent ones.")
_LAG: Final = Histogram(
    "trivet_ingest_lag_seconds",
    "From the time that the newest point of a write bears to its commit; of what is imported, its age.",
    buckets=_LAG_SECONDS,
)
_GROUP_SECONDS: Final = Histogram(
    "trivet_group_commit_duration_seconds",
    "How long a transaction of waiting writes took.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_WAITING: Final = Gauge("trivet_waiting_writes", "Writes that wait for a group commit.")


def note_group(
    group: Sequence[RunWrite], outcomes: Sequence[WriteOutcome | Exception], seconds: float, now_millis: int
) -> None:
    """Counts what a group commit brought.

    Args:
        group: The writes.
        outcomes: What became of each.
        seconds: How long it took.
        now_millis: When it was done, since the Unix epoch.
    """
    _GROUP_SECONDS.observe(seconds)
    for write, outcome in zip(group, outcomes, strict=True):
        points = write.metrics.points
        if isinstance(outcome, Exception) or outcome.resend or not len(points):
            continue
        _POINTS.inc(len(points))
        # A clock of a client that is ahead is no lag.
        _LAG.observe(max(now_millis - int(points.times.max()), 0) / 1000)


def count_waiting(count: Callable[[], int]) -> None:
    """Says how many writes wait: asked whenever somebody reads the metrics, in a thread of its own."""
    _WAITING.set_function(count)


def figures(unfolded: SqlUnfolded) -> Iterable[Figure]:
    """What the database says. Raises as it does."""
    found = unfolded.read()
    return (
        Figure("trivet_unfolded_rows", "Rows of the log that are not yet folded into chunks.", found.rows),
        Figure("trivet_unfolded_points", "Points in rows of the log that are not yet folded.", found.points),
        Figure("trivet_unfolded_age_seconds", "How long the oldest row has waited to be folded.", found.age_seconds),
    )
