"""Laws that merging points and taking current values keep, for any points in any order."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable

import hypothesis
import numpy as np
import pytest
from hypothesis import Phase
from hypothesis import strategies as st

from trivet_testing.tracking import full
from trivet_testing.tracking_model import Point, comparable
from trivet_tracking.domain.metrics import Points, merge, merge_ordered, normalise
from trivet_tracking.domain.series import by_series, current_values

RawPoint = tuple[int, int, float]

SPECIAL = [math.nan, -math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, -5e-324, 1e308, -1e308]
EXTREMES = [-(2**63), -(2**63) + 1, 2**63 - 1]
# Few steps and times, so that ties are common.
STEPS = st.one_of(st.integers(-1, 1), st.sampled_from(EXTREMES))
TIMES = st.one_of(st.integers(0, 1), st.just(2**63 - 1))
POINTS = st.tuples(STEPS, TIMES, st.one_of(st.sampled_from(SPECIAL), st.floats()))
MANY = st.lists(POINTS, max_size=30)
SOME = st.lists(POINTS, min_size=1, max_size=10)


def for_all(seed: int, *given: st.SearchStrategy[object]) -> Callable[[Callable[..., None]], None]:
    """Runs a function for generated arguments, the same ones for the same seed; a failure is shrunk and printed."""

    def run(check: Callable[..., None]) -> None:
        settings = hypothesis.settings(
            max_examples=full(150, 10_000),
            deadline=None,
            database=None,
            print_blob=True,
            phases=[Phase.generate, Phase.shrink],
        )
        hypothesis.seed(seed)(settings(hypothesis.given(*given)(check)))()

    return run


def columns(points: Iterable[RawPoint]) -> Points:
    rows = list(points)
    return Points(
        np.array([step for step, _, _ in rows], np.int64),
        np.array([time for _, time, _ in rows], np.int64),
        normalise(np.array([value for _, _, value in rows], np.float64)),
    )


def rows(points: Points) -> list[Point]:
    values = map(comparable, points.values.tolist())
    return list(zip(points.steps.tolist(), points.times.tolist(), values, strict=True))


def expected(points: Iterable[RawPoint]) -> list[Point]:
    return sorted({(step, time, comparable(value)) for step, time, value in points})


@pytest.mark.parametrize("value", SPECIAL)
def test_normalised_values_have_one_nan_and_one_zero(value: float) -> None:
    (normal,) = normalise(np.array([value])).tolist()
    assert comparable(normal) == comparable(value)
    assert math.copysign(1, normal) == 1 or normal < 0


def test_normalising_leaves_its_argument_as_it_was() -> None:
    values = np.array([-0.0, -math.nan, 1.5])
    normalise(values)
    assert np.signbit(values).tolist() == [True, True, False]


def test_merged_points_are_sorted_and_come_once(seed: int) -> None:
    @for_all(seed, st.lists(MANY, max_size=4))
    def check(parts: list[list[RawPoint]]) -> None:
        assert rows(merge([columns(part) for part in parts])) == expected(point for part in parts for point in part)


def test_merge_is_commutative_associative_and_idempotent(seed: int) -> None:
    @for_all(seed, MANY, MANY, MANY)
    def check(first: list[RawPoint], second: list[RawPoint], third: list[RawPoint]) -> None:
        a, b, c = columns(first), columns(second), columns(third)
        assert rows(merge([a, b])) == rows(merge([b, a]))
        assert rows(merge([merge([a, b]), c])) == rows(merge([a, merge([b, c])])) == rows(merge([a, b, c]))
        assert rows(merge([a, a])) == rows(merge([merge([a])])) == rows(merge([a]))


def test_nothing_merged_is_nothing() -> None:
    assert rows(merge([])) == rows(merge([columns([]), columns([])])) == []


def test_parts_in_order_are_merged_as_any_others_are(seed: int) -> None:
    @for_all(seed, st.lists(MANY, max_size=5))
    def check(parts: list[list[RawPoint]]) -> None:
        in_order = [merge([columns(part)]) for part in parts]
        assert rows(merge_ordered(in_order)) == rows(merge(in_order))


def test_points_of_many_series_are_each_sorted_once_and_added_up(seed: int) -> None:
    @for_all(seed, st.lists(SOME, min_size=1, max_size=5), st.randoms(use_true_random=False))
    def check(parts: list[list[RawPoint]], chance: random.Random) -> None:
        mixed = [(number, point) for number, part in enumerate(parts) for point in part]
        chance.shuffle(mixed)
        series = by_series(np.array([number for number, _ in mixed]), columns(point for _, point in mixed))
        current = current_values(series)
        assert len(series.counts) == len(parts)
        for number, part in enumerate(parts):
            assert rows(series.of(number)) == expected(part)
            assert (current.first_steps[number], current.first_times[number]) == expected(part)[0][:2]
            last = (current.steps[number], current.times[number], comparable(current.values[number]))
            assert last == expected(part)[-1]
            numbers = [value + 0.0 for _, _, value in part if not math.isnan(value)]
            assert comparable(current.mins[number]) == comparable(min(numbers, default=math.nan))
            assert comparable(current.maxs[number]) == comparable(max(numbers, default=math.nan))
