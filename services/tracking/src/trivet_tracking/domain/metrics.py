"""Metric points: their order, what counts as the same point, and the current value of a series.

Points are ordered by step, then time, then value, where NaN is below every number. All NaNs are one value and -0.0 is
0.0. Two points that are equal in all three are one point. What follows does not depend on the order of arrival.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from trivet_kit.page_tokens import Cursor

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]


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


def empty_points() -> Points:
    """No points."""
    return Points(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


def normalise(values: Float64s) -> Float64s:
    """The values with -0.0 as 0.0 and every NaN as the same NaN."""
    normal = values + 0.0
    normal[np.isnan(normal)] = np.nan
    return normal


def merge(parts: Sequence[Points]) -> Points:
    """All points of normalised parts, ordered, each once."""
    if not parts:
        return empty_points()
    steps = np.concatenate([part.steps for part in parts])
    times = np.concatenate([part.times for part in parts])
    values = np.concatenate([part.values for part in parts])
    numbers = ~np.isnan(values)
    comparable = np.where(numbers, values, 0.0)
    order = np.lexsort((comparable, numbers, times, steps))
    columns = [column[order] for column in (steps, times, numbers, comparable)]
    first = np.ones(len(order), bool)
    if len(order) > 1:
        first[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    kept = order[first]
    return Points(steps[kept], times[kept], values[kept])


@dataclass(frozen=True)
class CurrentValue:
    """The greatest point of a series, and the range of its values. NaN is None."""

    step: int
    time: int
    value: float | None
    min: float | None
    """Without NaNs; None where there is nothing else."""
    max: float | None

    @property
    def _order(self) -> tuple[int, int, bool, float]:
        return (self.step, self.time, self.value is not None, self.value or 0.0)

    def combine(self, other: CurrentValue) -> CurrentValue:
        """The current value of two series taken together."""
        greatest = max(self, other, key=lambda current: current._order)  # noqa: SLF001 - of its own class
        lows = [current.min for current in (self, other) if current.min is not None]
        highs = [current.max for current in (self, other) if current.max is not None]
        return CurrentValue(
            greatest.step, greatest.time, greatest.value, min(lows, default=None), max(highs, default=None)
        )


def current_value(points: Points) -> CurrentValue:
    """The current value of at least one normalised point, in any order."""
    if len(points) == 1:
        value = float(points.values[0])
        number = None if np.isnan(value) else value
        return CurrentValue(int(points.steps[0]), int(points.times[0]), number, number, number)
    numbers = ~np.isnan(points.values)
    comparable = np.where(numbers, points.values, 0.0)
    last = np.lexsort((comparable, numbers, points.times, points.steps))[-1]
    only_numbers = points.values[numbers]
    some = len(only_numbers) > 0
    return CurrentValue(
        step=int(points.steps[last]),
        time=int(points.times[last]),
        value=float(points.values[last]) if numbers[last] else None,
        min=float(only_numbers.min()) if some else None,
        max=float(only_numbers.max()) if some else None,
    )


@dataclass(frozen=True)
class Metric:
    """The current value of a series of a run."""

    key: str
    context: MetricContext | None
    """None: all contexts of the key taken together."""
    current: CurrentValue


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


class Metrics(Protocol):
    """Reads the metrics of runs. Whatever was acknowledged is seen."""

    def list(self, workspace: str, run_id: str, size: int, after: Cursor | None) -> MetricPage:
        """Returns a page of a run's current values. Raises RunNotFound, PageTokenInvalid."""
        ...

    def history(self, workspace: str, run_id: str, query: HistoryQuery) -> Points:
        """Returns the points of a series, ordered, each once; none for an unknown key. Raises RunNotFound."""
        ...
