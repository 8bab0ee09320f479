"""Curves of charts: a series in at most so many buckets, each with the range of its values.

So no spike and no NaN is ever hidden, as a sample of the points would hide them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from trivet_tracking.domain.metrics import Float64s, Int64s, MetricContext


class Axis(IntEnum):
    """What points are drawn over; numbered as in the contract."""

    STEP = 1
    WALL_TIME = 2
    """Milliseconds since the Unix epoch."""
    RELATIVE_TIME = 3
    """Milliseconds since the run's start."""


@dataclass(frozen=True)
class CurveQuery:
    """Which part of curves to read, and how finely."""

    context: MetricContext | None
    """None: all contexts taken together; NO_CONTEXT: the series without one."""
    axis: Axis
    buckets: int
    """How many at most; at least 1."""
    min_x: int | None
    max_x: int | None


@dataclass(frozen=True, eq=False)
class Ranges:
    """Groups of points in columns of one length; a point alone is a group of one."""

    xs: Int64s
    """The first of the group."""
    mins: Float64s
    """Without NaNs; NaN where there is nothing else."""
    maxs: Float64s
    nans: Int64s
    """How many of its points are NaN."""

    def __len__(self) -> int:
        return len(self.xs)


@dataclass(frozen=True, eq=False)
class Curve:
    """What a chart shows of one key of one run."""

    run_id: str
    key: str
    buckets: Ranges
    """In the order of x; none is empty."""


def ranges_of_points(xs: Int64s, values: Float64s) -> Ranges:
    """Points, each by itself."""
    return Ranges(xs, values, values, np.isnan(values).astype(np.int64))


def into_buckets(parts: Sequence[Ranges], count: int, min_x: int | None, max_x: int | None) -> Ranges:
    """The groups of parts that begin within the bounds, in at most `count` buckets of the same width."""
    xs = np.concatenate([part.xs for part in parts])
    mins = np.concatenate([part.mins for part in parts])
    maxs = np.concatenate([part.maxs for part in parts])
    nans = np.concatenate([part.nans for part in parts])
    if min_x is not None or max_x is not None:
        low, high = -(2**63) if min_x is None else min_x, 2**63 - 1 if max_x is None else max_x
        within = (xs >= low) & (xs <= high)
        xs, mins, maxs, nans = xs[within], mins[within], maxs[within], nans[within]
    if (xs[1:] < xs[:-1]).any():
        order = np.argsort(xs, kind="stable")
        xs, mins, maxs, nans = xs[order], mins[order], maxs[order], nans[order]
    if not len(xs):
        return Ranges(xs, mins, maxs, nans)
    # As unsigned numbers, because the way from the first to the last may be longer than 63 bits.
    offsets = (xs - xs[0]).view(np.uint64).astype(np.float64)
    buckets = np.minimum((offsets / (offsets[-1] + 1.0) * count).astype(np.int64), count - 1)
    starts = np.flatnonzero(np.concatenate(([True], buckets[1:] != buckets[:-1])))
    return Ranges(
        xs[starts], np.fmin.reduceat(mins, starts), np.fmax.reduceat(maxs, starts), np.add.reduceat(nans, starts)
    )
