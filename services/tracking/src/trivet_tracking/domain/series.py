"""Points of many series at once: sorted, each point once, and what each series adds up to. No loop over points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trivet_tracking.domain.metrics import Float64s, Int64s, Points


@dataclass(frozen=True, eq=False)
class SeriesPoints:
    """Points of series that are numbered from 0 up; each series in order, each point of it once."""

    starts: Int64s
    """Where each series begins, and where the last one ends: `[n_series + 1]`."""
    points: Points

    @property
    def counts(self) -> Int64s:
        """How many points each series has, `[n_series]`."""
        return np.diff(self.starts)

    def of(self, number: int) -> Points:
        """The points of a series."""
        return self.points.part(int(self.starts[number]), int(self.starts[number + 1]))


@dataclass(frozen=True, eq=False)
class CurrentValues:
    """The first and the greatest point of each series, and the range of its values: columns, `[n_series]`."""

    first_steps: Int64s
    first_times: Int64s
    steps: Int64s
    times: Int64s
    values: Float64s
    mins: Float64s
    """Without NaNs; NaN where there is nothing else."""
    maxs: Float64s


def by_series(series: Int64s, points: Points) -> SeriesPoints:
    """Sorts normalised points in any order.

    Args:
        series: the series of each point; every number from 0 to the greatest has at least one.
        points: as many.
    """
    if len(series) > 1 and (series[1:] < series[:-1]).any():
        order = np.argsort(series, kind="stable")
        series, points = series[order], points.selected(order)
    same = series[1:] == series[:-1]
    # Where every step is greater than the one before, the series is in order and no point is there twice.
    falls = same & (points.steps[1:] <= points.steps[:-1])
    if falls.any():
        series, points = _put_in_order(series, points, np.unique(series[1:][falls]))
    starts = np.flatnonzero(np.concatenate(([True], series[1:] != series[:-1], [True])))
    return SeriesPoints(starts.astype(np.int64, copy=False), points)


def _put_in_order(series: Int64s, points: Points, unordered: Int64s) -> tuple[Int64s, Points]:
    wrong = np.isin(series, unordered)
    numbers = ~np.isnan(points.values)
    comparable = np.where(numbers, points.values, 0.0)
    columns = (series, points.steps, points.times, numbers, comparable)
    at = np.flatnonzero(wrong)
    order = np.arange(len(series))
    # The series in question stay where they are, and only their points change places.
    order[at] = at[np.lexsort(tuple(column[at] for column in reversed(columns)))]
    first = np.ones(len(order), bool)
    first[1:] = np.any([column[order][1:] != column[order][:-1] for column in columns], axis=0)
    kept = order[first]
    return series[kept], points.selected(kept)


def current_values(series: SeriesPoints) -> CurrentValues:
    """What each series adds up to."""
    points, starts = series.points, series.starts[:-1]
    lasts = series.starts[1:] - 1
    return CurrentValues(
        first_steps=points.steps[starts],
        first_times=points.times[starts],
        steps=points.steps[lasts],
        times=points.times[lasts],
        values=points.values[lasts],
        mins=np.fmin.reduceat(points.values, starts),
        maxs=np.fmax.reduceat(points.values, starts),
    )
