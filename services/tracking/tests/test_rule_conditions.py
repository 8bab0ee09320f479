"""Conditions of rules against plain loops over points: whatever comes, and in whatever pieces it is judged."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet_tracking.domain.metrics import Points, normalise
from trivet_tracking.domain.rule_conditions import (
    NO_MEMORY,
    Direction,
    MetricCondition,
    NoImprovement,
    NotANumber,
    OutOfBound,
    Worsening,
    duration,
)

VALUES = st.one_of(
    st.integers(-5, 5).map(float), st.sampled_from([math.nan, math.inf, -math.inf, 0.5, 0.25, 1e308, -1e308])
)
DIRECTIONS = st.sampled_from(list(Direction))
CONDITIONS = st.one_of(
    st.just(NotANumber("")),
    st.builds(OutOfBound, st.just("m"), st.integers(-5, 5).map(float), st.booleans()),
    st.builds(Worsening, st.just("m"), DIRECTIONS, st.sampled_from([0.0, 0.5, 3.0]), st.none()),
    st.builds(Worsening, st.just("m"), DIRECTIONS, st.none(), st.sampled_from([1.5, 2.0, 3.0])),
    st.builds(NoImprovement, st.just("m"), DIRECTIONS, st.integers(1, 4), st.none(), st.sampled_from([0.0, 0.5, 2.0])),
    st.builds(NoImprovement, st.just("m"), DIRECTIONS, st.none(), st.integers(1, 9), st.sampled_from([0.0, 0.5])),
)
SERIES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), VALUES), max_size=30)
"""How many steps and milliseconds each point comes after the one before, and its value."""


def is_better(condition: Worsening | NoImprovement, value: float, other: float) -> bool:
    return value < other if condition.direction is Direction.MINIMIZE else value > other


def breaks(condition: MetricCondition, values: Sequence[float]) -> bool:
    """Whether the last of some values breaks a condition that is not one of patience."""
    last = values[-1]
    match condition:
        case NotANumber():
            return not math.isfinite(last)
        case OutOfBound():
            return last > condition.bound if condition.is_upper else last < condition.bound
        case Worsening():
            best = math.nan
            for value in values[:-1]:
                if not math.isnan(value) and (math.isnan(best) or is_better(condition, value, best)):
                    best = value
            if condition.factor is not None:
                allowed = (condition.factor - 1) * abs(best)
            else:
                allowed = condition.difference or 0.0
            return abs(last - best) > allowed and is_better(condition, best, last)
    raise AssertionError(condition)


def first_breach(condition: MetricCondition, points: Sequence[tuple[int, int, float]]) -> int | None:
    """The place of the first point that breaks a condition."""
    if not isinstance(condition, NoImprovement):
        values = [value for _, _, value in points]
        return next((at for at in range(len(points)) if breaks(condition, values[: at + 1])), None)
    best: float | None = None
    since = (0, 0)
    for at, (step, time, value) in enumerate(points):
        delta = condition.min_delta if condition.direction is Direction.MINIMIZE else -condition.min_delta
        if not math.isnan(value) and (best is None or is_better(condition, value, best - delta)):
            best, since = value, (step, time)
        elif at == 0:
            since = (step, time)
        elif condition.steps is not None:
            if step - since[0] >= condition.steps:
                return at
        elif time - since[1] >= (condition.millis or 0):
            return at
    return None


@given(CONDITIONS, SERIES, st.lists(st.integers(0, 30), max_size=4))
def test_a_condition_is_broken_where_a_plain_loop_says(
    condition: MetricCondition, steps_on: list[tuple[int, int, float]], cuts: list[int]
) -> None:
    points: list[tuple[int, int, float]] = []
    step = time = 0
    for step_on, time_on, value in steps_on:
        step, time = step + step_on, time + time_on
        points.append((step, time, value))
    columns = [list(column) for column in zip(*points, strict=True)] if points else [[], [], []]
    whole = Points(
        np.array(columns[0], np.int64), np.array(columns[1], np.int64), normalise(np.array(columns[2], float))
    )
    expected = first_breach(condition, points)
    memory, begin = NO_MEMORY, 0
    for end in [*sorted(cut for cut in cuts if cut <= len(points)), len(points)]:
        breach, memory = condition.judge("m", whole.part(begin, end), memory)
        if breach is not None:
            assert expected is not None
            assert begin <= expected < end
            assert breach.step == points[expected][0]
            assert breach.value == points[expected][2] or math.isnan(points[expected][2])
            return
        begin = end
    assert expected is None


@pytest.mark.parametrize(
    ("millis", "text"),
    [
        (1, "0.001 s"),
        (1500, "1.5 s"),
        (90_000, "90 s"),
        (7_200_000, "2 h"),
        (9_000_000, "2.5 h"),
        (172_800_000, "2 days"),
    ],
)
def test_durations_are_for_people(millis: int, text: str) -> None:
    assert duration(millis) == text
