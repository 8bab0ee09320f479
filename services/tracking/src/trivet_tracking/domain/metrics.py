"""Metric points: their order, what counts as the same point, and the current value of a series.

Points are ordered by step, then time, then value, where NaN is below every number. All NaNs are one value and -0.0 is
0.0. Two points that are equal in all three are one point. What follows does not depend on the order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from trivet_kit.page_tokens import Cursor

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]


Moment: TypeAlias = tuple[int, int]
"""A step, and a time in milliseconds since the Unix epoch: what points are ordered by before their values."""


@dataclass(frozen=True)
class MetricContext:
    """Where a metric was measured; absent parts are None and empty."""

    rank: int | None = None
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


NO_CONTEXT = MetricContext()


@dataclass(frozen=True, eq=False)
class Points:
    """Metric points in columns of one length, `[n_points]`."""

    steps: Int64s
    times: Int64s
    """Milliseconds since the Unix epoch."""
    values: Float64s

    def __len__(self) -> int:
        return len(self.values)

    def part(self, begin: int, end: int) -> Points:
        """The points from `begin` up to, not including, `end`."""
        return Points(self.steps[begin:end], self.times[begin:end], self.values[begin:end])

    def place_of(self, moment: Moment) -> int:
        """In points in order, where the first is that is not before a moment."""
        step, time = moment
        low, high = np.searchsorted(self.steps, step, "left"), np.searchsorted(self.steps, step, "right")
        return int(low + np.searchsorted(self.times[low:high], time, "left"))

    def place_after(self, moment: Moment) -> int:
        """In points in order, where the first is that is after a moment."""
        step, time = moment
        low, high = np.searchsorted(self.steps, step, "left"), np.searchsorted(self.steps, step, "right")
        return int(low + np.searchsorted(self.times[low:high], time, "right"))

    def up_to(self, step: int) -> Points:
        """Of points in order, those of this step and earlier ones."""
        return self.part(0, int(np.searchsorted(self.steps, step, "right")))

    def has_between(self, first: Moment, last: Moment) -> bool:
        """Whether one of the points, which are in order, is neither before `first` nor after `last`."""
        return self.place_of(first) < self.place_after(last)

    def selected(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Points:
        """The points of a mask, or at indexes."""
        return Points(self.steps[which], self.times[which], self.values[which])


def empty_points() -> Points:
    """No points."""
    return Points(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


def concatenate(parts: Sequence[Points]) -> Points:
    """The points of parts, one after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return empty_points()
    return Points(
        np.concatenate([part.steps for part in parts]),
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.values for part in parts]),
    )


@dataclass(frozen=True, eq=False)
class MetricBatch:
    """Normalised points of several series of one run, in columns: no object a point, and few a series."""

    keys: Sequence[str]
    """One a piece; the same key may come more than once."""
    counts: Int64s
    """How many points each piece has, `[n_pieces]`; each has at least one."""
    points: Points
    """The points of all pieces, one after the other."""
    contexts: Sequence[MetricContext] = ()
    """The contexts that `context_index` points into."""
    context_index: Sequence[int] = ()
    """The context of each piece: 0 is none, N is the N-th of `contexts`, counted from 1. Empty: none has one."""

    @property
    def size_bytes(self) -> int:
        """About what it takes in memory."""
        return 24 * len(self.points) + 100 * len(self.keys)


NO_METRICS = MetricBatch((), np.empty(0, np.int64), empty_points())


def normalise(values: Float64s) -> Float64s:
    """The values with -0.0 as 0.0 and every NaN as the same NaN."""
    normal = values + 0.0
    normal[np.isnan(normal)] = np.nan
    return normal


def in_order(points: Points) -> Points:
    """Normalised points ordered, each once."""
    numbers = ~np.isnan(points.values)
    comparable = np.where(numbers, points.values, 0.0)
    order = np.lexsort((comparable, numbers, points.times, points.steps))
    columns = [column[order] for column in (points.steps, points.times, numbers, comparable)]
    first = np.ones(len(order), bool)
    if len(order) > 1:
        first[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return points.selected(order[first])


def merge(parts: Sequence[Points]) -> Points:
    """All points of normalised parts, ordered, each once."""
    return in_order(concatenate(parts)) if parts else empty_points()


def merge_ordered(parts: Sequence[Points]) -> Points:
    """As `merge`, of parts that are in order already: only those that overlap are sorted anew."""
    return concatenate(list(in_turn(parts)))


def in_turn(parts: Sequence[Points]) -> Iterator[Points]:
    """The points of `merge_ordered`, in parts one after the other, none of them empty."""
    ordered = sorted((part for part in parts if len(part)), key=_first_moment)
    clusters: list[list[Points]] = []
    end = (0, 0)
    for part in ordered:
        if clusters and _first_moment(part) <= end:
            clusters[-1].append(part)
            end = max(end, _last_moment(part))
        else:
            clusters.append([part])
            end = _last_moment(part)
    for cluster in clusters:
        yield cluster[0] if len(cluster) == 1 else merge(cluster)


def _first_moment(points: Points) -> Moment:
    return int(points.steps[0]), int(points.times[0])


def _last_moment(points: Points) -> Moment:
    return int(points.steps[-1]), int(points.times[-1])


# These two are tuples: a page of runs has thousands of them, and a frozen dataclass takes three times as long to make.


class CurrentValue(NamedTuple):
    """The greatest point of a series, and the range of its values. NaN is None."""

    step: int
    time: int
    value: float | None
    min: float | None
    """Without NaNs; None where there is nothing else."""
    max: float | None


class Metric(NamedTuple):
    """The current value of a series of a run."""

    key: str
    context: MetricContext | None
    """None: all contexts of the key taken together."""
    current: CurrentValue
    points: int = 0
    """How many points the series has; over all contexts the sum of those of each. 0 where that was not asked for."""


@dataclass(frozen=True)
class MetricPage:
    """A page of current values, sorted by key, of each key first that over all contexts."""

    metrics: tuple[Metric, ...]
    next_cursor: Cursor | None
    """Key and number of the context of the last entry; None at the end."""


@dataclass(frozen=True)
class HistoryQuery:
    """Which points of a run to read."""

    key: str
    context: MetricContext | None
    """None: all contexts taken together; NO_CONTEXT: the series without one."""
    min_step: int | None
    max_step: int | None
