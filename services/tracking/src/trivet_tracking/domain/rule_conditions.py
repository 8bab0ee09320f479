"""When a run breaks a rule: conditions, and how points are judged by them.

Points are judged in their order, each once; what a condition has to remember of those before is a `Memory`. NaN is
worse than nothing and better than nothing: it neither improves a metric nor breaks a bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from trivet_tracking.domain.metrics import Float64s, Moment, Points

_DAY_SECONDS = 86_400


class Direction(IntEnum):
    """Which values of a metric are better; numbered as in the contract."""

    MINIMIZE = 1
    MAXIMIZE = 2


@dataclass(frozen=True)
class Breach:
    """Why a run breaks a rule."""

    reason: str
    """For people."""
    metric: str = ""
    """Empty where no point broke it."""
    step: int | None = None
    value: float | None = None


@dataclass(frozen=True)
class Memory:
    """What is to be known of the points that were judged before."""

    best: float | None = None
    """The best value, negated where greater ones are better; None before there was a number."""
    moment: Moment | None = None
    """Of the last improvement, or the first point where there was none; None before there was a point."""


NO_MEMORY = Memory()

Judgement: TypeAlias = tuple[Breach | None, Memory]


@dataclass(frozen=True)
class NotANumber:
    """Broken by a NaN or an infinity."""

    metric: str
    """Empty: any."""

    def judge(self, key: str, points: Points, memory: Memory) -> Judgement:
        """The first breach of points of a metric that come after those of the memory."""
        return _first(key, points, ~np.isfinite(points.values), ""), memory


@dataclass(frozen=True)
class OutOfBound:
    """Broken by a value beyond a bound."""

    metric: str
    bound: float
    is_upper: bool
    """Whether what lies above it breaks it, rather than what lies below."""

    def judge(self, key: str, points: Points, memory: Memory) -> Judgement:
        """As NotANumber."""
        beyond = points.values > self.bound if self.is_upper else points.values < self.bound
        return _first(key, points, beyond, f", {'above' if self.is_upper else 'below'} {self.bound:g}"), memory


@dataclass(frozen=True)
class Worsening:
    """Broken by a value that is worse than the best one before it, by a difference or by a factor of its size."""

    metric: str
    direction: Direction
    difference: float | None
    factor: float | None
    """Above 1; either of the two is given."""

    def judge(self, key: str, points: Points, memory: Memory) -> Judgement:
        """As NotANumber."""
        if not len(points):
            return None, memory
        losses = _losses(points, self.direction)
        before = math.nan if memory.best is None else memory.best
        best = np.fmin.accumulate(np.concatenate(([before], losses)))
        earlier = best[:-1]
        with np.errstate(invalid="ignore", over="ignore"):
            allowed = np.full(len(losses), self.difference or 0.0)
            if self.factor is not None:
                allowed = (self.factor - 1) * np.abs(earlier)
            worse = losses - earlier > allowed
        breach: Breach | None = None
        if worse.any():
            known = _sign(self.direction) * float(earlier[np.argmax(worse)])
            breach = _first(key, points, worse, f", and was {known:g} at best")
        last = float(best[-1])
        return breach, replace(memory, best=None if math.isnan(last) else last)


@dataclass(frozen=True)
class NoImprovement:
    """Broken by a point that is no improvement, so many steps or so long after the last one."""

    metric: str
    direction: Direction
    steps: int | None
    millis: int | None
    """Either of the two is given."""
    min_delta: float

    def judge(self, key: str, points: Points, memory: Memory) -> Judgement:
        """As NotANumber."""
        best, since = memory.best, memory.moment
        columns = (points.steps.tolist(), points.times.tolist(), _losses(points, self.direction).tolist())
        for at, (step, time, loss) in enumerate(zip(*columns, strict=True)):
            if not math.isnan(loss) and (best is None or loss < best - self.min_delta):
                best, since = loss, (step, time)
            elif since is None:
                since = (step, time)
            elif self._is_over(step - since[0], time - since[1]):
                return self._breach(key, points, at, since, best), Memory(best, since)
        return None, Memory(best, since)

    def _is_over(self, steps: int, millis: int) -> bool:
        return steps >= self.steps if self.steps is not None else millis >= (self.millis or 0)

    def _breach(self, key: str, points: Points, at: int, since: Moment, best: float | None) -> Breach:
        step, value = int(points.steps[at]), float(points.values[at])
        how_long = f"{step - since[0]} steps"
        if self.steps is None:
            how_long = duration(int(points.times[at]) - since[1])
        known = "was never a number" if best is None else f"was {_sign(self.direction) * best:g} at best"
        return Breach(f"{key} did not improve for {how_long} up to step {step}, and {known}", key, step, value)


@dataclass(frozen=True)
class NoHeartbeat:
    """Broken by a RUNNING run that is written nothing for so long."""

    silence_millis: int

    def breach(self, silence_millis: int) -> Breach:
        """Why a run breaks it."""
        return Breach(f"nothing was written for {duration(silence_millis)}")


MetricCondition: TypeAlias = NotANumber | OutOfBound | Worsening | NoImprovement
Condition: TypeAlias = MetricCondition | NoHeartbeat


def duration(millis: int) -> str:
    """A time for people: `90 s`, `3.5 h`, `2 days`."""
    seconds = millis / 1000
    for size, unit in ((_DAY_SECONDS, "days"), (3600, "h")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.4g} s"


def _sign(direction: Direction) -> float:
    return 1.0 if direction is Direction.MINIMIZE else -1.0


def _losses(points: Points, direction: Direction) -> Float64s:
    """The values, negated where greater ones are better."""
    return points.values if direction is Direction.MINIMIZE else -points.values


def _first(key: str, points: Points, broken: npt.NDArray[np.bool_], why: str) -> Breach | None:
    if not broken.any():
        return None
    at = int(np.argmax(broken))
    step, value = int(points.steps[at]), float(points.values[at])
    shown = "NaN" if math.isnan(value) else f"{value:g}"
    return Breach(f"{key} is {shown} at step {step}{why}", key, step, value)
