from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_curve_pb2 import (
    CURVE_AXIS_RELATIVE_TIME,
    CURVE_AXIS_WALL_TIME,
    MetricCurve,
)
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns, MetricContext
from trivet_testing.records import create_run, metric, timestamp, write
from trivet_testing.tracking import Tracking

LONG = 60_000


@pytest.fixture
def run(tracking: Tracking) -> str:
    """The name of a run that starts at 1,000 ms."""
    return create_run(tracking, start_time=timestamp(1000)).name


def curves(tracking: Tracking, *runs: str, keys: tuple[str, ...] = ("a",), **fields: Any) -> list[MetricCurve]:
    request = pb.ReadMetricCurvesRequest(runs=runs, keys=keys, **fields)
    return [curve for answer in tracking.stub.ReadMetricCurves(request) for curve in answer.curves]


def curve(tracking: Tracking, run: str, **fields: Any) -> MetricCurve:
    (found,) = curves(tracking, run, **fields)
    assert len(found.xs) == len(found.mins) == len(found.maxs) == len(found.nan_counts)
    assert list(found.xs) == sorted(set(found.xs))
    return found


def write_long(tracking: Tracking, run: str, values: np.ndarray[Any, Any]) -> None:
    columns = MetricColumns(
        keys=["a"],
        counts=[len(values)],
        steps=range(len(values)),
        times_millis=range(2000, 2000 + len(values)),
        values=values,
    )
    write(tracking, run, metrics=columns)


@pytest.mark.parametrize("buckets", [7, 100, 1000])
def test_every_spike_and_every_nan_of_a_long_series_is_kept(
    tracking: Tracking, run: str, seed: int, buckets: int
) -> None:
    chance = random.Random(seed)
    values = np.zeros(LONG)
    spikes = chance.sample(range(LONG), 20)
    nans = chance.sample(sorted(set(range(LONG)) - set(spikes)), 30)
    values[spikes] = [(-1) ** number * (1.0 + number) for number in range(20)]
    values[nans] = math.nan
    write_long(tracking, run, values)
    # Beside what is in chunks, a little is in the log: one point anew, one a second time.
    write(tracking, run, metrics=metric("a", (LONG, 2000 + LONG, 77.0), (5, 2005, values[5])))
    found = curve(tracking, run, bucket_count=buckets)
    assert buckets // 2 <= len(found.xs) <= buckets
    assert sum(found.nan_counts) == 30
    assert (min(found.mins), max(found.maxs)) == (-20.0, 77.0)
    ends = [*found.xs[1:], LONG + 1]
    for spike in spikes:
        place = next(place for place, end in enumerate(ends) if spike < end)
        assert found.mins[place] <= values[spike] <= found.maxs[place]


def test_a_short_series_comes_point_by_point(tracking: Tracking, run: str) -> None:
    write(tracking, run, metrics=metric("a", (3, 1, 1.0), (9, 1, math.nan), (9_000_000_000, 1, -math.inf)))
    found = curve(tracking, run, bucket_count=10_000_000_000 // 10**6)
    assert found.xs[-1] == 9_000_000_000
    assert sum(found.nan_counts) == 1
    found = curve(tracking, run, max_x=9)
    assert [
        (x, repr(low), repr(high), nans)
        for x, low, high, nans in zip(found.xs, found.mins, found.maxs, found.nan_counts, strict=True)
    ] == [
        (3, "1.0", "1.0", 0),
        (9, "nan", "nan", 1),
    ]


def test_steps_at_both_ends_of_their_range_fit_into_one_curve(tracking: Tracking, run: str) -> None:
    write(tracking, run, metrics=metric("a", (-(2**63), 1, 1.0), (0, 1, 2.0), (2**63 - 1, 1, 3.0)))
    found = curve(tracking, run)
    assert list(zip(found.xs, found.maxs, strict=True)) == [(-(2**63), 1.0), (0, 2.0), (2**63 - 1, 3.0)]


@pytest.mark.parametrize(
    ("axis", "begin"), [(CURVE_AXIS_WALL_TIME, 2000), (CURVE_AXIS_RELATIVE_TIME, 1000)], ids=["wall", "relative"]
)
def test_times_are_an_axis(tracking: Tracking, run: str, axis: Any, begin: int) -> None:
    write_long(tracking, run, np.arange(LONG, dtype=np.float64))
    found = curve(tracking, run, axis=axis, bucket_count=50)
    assert found.xs[0] == begin
    assert 25 <= len(found.xs) <= 50
    within = curve(tracking, run, axis=axis, bucket_count=1000, min_x=begin + 5001, max_x=begin + 5010)
    assert list(within.xs) == list(range(begin + 5001, begin + 5011))
    assert list(within.maxs) == [float(value) for value in range(5001, 5011)]


def test_bounds_of_steps_are_exact_within_chunks(tracking: Tracking, run: str) -> None:
    write_long(tracking, run, np.arange(LONG, dtype=np.float64))
    found = curve(tracking, run, bucket_count=20, min_x=77, max_x=50_001)
    assert found.xs[0] == 77
    assert (min(found.mins), max(found.maxs)) == (77.0, 50_001.0)
    assert curves(tracking, run, min_x=LONG) == []


def test_contexts_are_drawn_apart_or_as_one(tracking: Tracking, run: str) -> None:
    first, second = MetricContext(rank=0), MetricContext(rank=1)
    write(tracking, run, metrics=metric("a", (1, 1, 1.0), (2, 1, math.nan), context=first))
    write(tracking, run, metrics=metric("a", (1, 1, 5.0), (2, 1, math.nan), context=second))
    assert curve(tracking, run, context=second).maxs[0] == 5.0
    both = curve(tracking, run)
    assert (both.mins[0], both.maxs[0], list(both.nan_counts)) == (1.0, 5.0, [0, 1])
    assert curves(tracking, run, context=MetricContext()) == []
    assert curves(tracking, run, context=MetricContext(rank=2)) == []


def test_curves_of_several_runs_and_keys_come_in_the_order_asked_for(tracking: Tracking, run: str) -> None:
    other = create_run(tracking).name
    write(tracking, run, metrics=MetricColumns(keys=["a", "b"], values=[1, 2], times_millis=[0]))
    write(tracking, other, metrics=MetricColumns(keys=["b"], values=[3], times_millis=[0]))
    found = curves(tracking, other, run, keys=("b", "a"))
    assert [(one.run, one.key, list(one.maxs)) for one in found] == [
        (other, "b", [3]),
        (run, "b", [2]),
        (run, "a", [1]),
    ]


def test_more_points_than_are_read_at_once_come_whole_and_in_order(tracking: Tracking, run: str) -> None:
    other = create_run(tracking).name
    length = 600_000
    for key in ("a", "b"):
        for begin in range(0, length, 100_000):
            steps = range(begin, begin + 100_000)
            write(
                tracking,
                run,
                metrics=MetricColumns(keys=[key], counts=[len(steps)], steps=steps, times_millis=[0], values=steps),
            )
    write(tracking, other, metrics=metric("b", (1, 1, 5.0)))
    found = curves(tracking, other, run, other, keys=("b", "a"), bucket_count=10_000)
    assert [(one.run, one.key) for one in found] == [(other, "b"), (run, "b"), (run, "a"), (other, "b")]
    for one in found[1:3]:
        assert 5_000 <= len(one.xs) <= 10_000
        assert (one.xs[0], one.mins[0], one.maxs[-1]) == (0, 0.0, length - 1)


def test_many_short_curves_of_long_keys_come_in_messages_that_any_client_takes(tracking: Tracking) -> None:
    keys = [f"{number:02}{'k' * 248}" for number in range(100)]
    runs = [create_run(tracking).name for _ in range(60)]
    for name in runs:
        write(tracking, name, metrics=MetricColumns(keys=keys, values=[1.0] * len(keys), times_millis=[0]))
    answers = list(tracking.stub.ReadMetricCurves(pb.ReadMetricCurvesRequest(runs=runs, keys=keys)))
    assert sum(len(answer.curves) for answer in answers) == 6000
    assert len(answers) > 1
    assert max(answer.ByteSize() for answer in answers) < 2 * 1024 * 1024


def test_a_context_is_the_same_whatever_its_number_in_each_run(tracking: Tracking, run: str) -> None:
    other = create_run(tracking).name
    first, second = MetricContext(rank=0), MetricContext(rank=1)
    write(tracking, run, metrics=metric("a", (1, 1, 10.0), context=first))
    write(tracking, run, metrics=metric("a", (1, 1, 11.0), context=second))
    write(tracking, other, metrics=metric("a", (1, 1, 21.0), context=second))
    write(tracking, other, metrics=metric("a", (1, 1, 20.0), context=first))
    assert [(one.run, list(one.maxs)) for one in curves(tracking, run, other, context=first)] == [
        (run, [10.0]),
        (other, [20.0]),
    ]
