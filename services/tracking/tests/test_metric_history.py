from __future__ import annotations

import math
import random

import grpc
import pytest

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns, MetricContext
from trivet_testing.errors import error_of
from trivet_testing.records import Point, create_run, list_metrics, metric, points_of, read_history, write
from trivet_testing.tracking import Tracking

POINTS_A_MESSAGE = 16_384


@pytest.fixture
def run(tracking: Tracking) -> str:
    """The name of a fresh run."""
    return create_run(tracking).name


def in_order(point: Point) -> tuple[int, int, bool, float]:
    """By step, then time, then value with NaN first."""
    step, time, value = point
    return (step, time, not math.isnan(value), 0.0 if math.isnan(value) else value)


def answers(tracking: Tracking, run: str, key: str) -> list[MetricColumns]:
    request = pb.ReadMetricHistoryRequest(run=run, key=key)
    return [answer.metrics for answer in tracking.stub.ReadMetricHistory(request)]


def test_points_are_sorted_by_step_then_time_then_value_with_nan_first(tracking: Tracking, run: str) -> None:
    points = [
        (2, 1, 0.0),
        (1, 5, math.inf),
        (1, 5, math.nan),
        (1, 5, -math.inf),
        (1, 5, 0.5),
        (1, 4, 9.0),
        (-3, 9, 1.0),
    ]
    for point in points:
        write(tracking, run, metrics=metric("a", point))
    assert read_history(tracking, run, "a") == [
        (-3, 9, 1.0),
        (1, 4, 9.0),
        (1, 5, math.nan),
        (1, 5, -math.inf),
        (1, 5, 0.5),
        (1, 5, math.inf),
        (2, 1, 0.0),
    ]


def test_points_in_any_order_and_any_cut_give_one_history(tracking: Tracking, run: str, seed: int) -> None:
    chance = random.Random(seed)
    points = [
        (chance.randrange(-3, 30), chance.randrange(3), chance.choice([math.nan, math.inf, 0.0, 1.5, -1.5]))
        for _ in range(400)
    ]
    rest = points + chance.choices(points, k=100)
    while rest:
        size = chance.randrange(1, 60)
        write(tracking, run, metrics=metric("a", *rest[:size]))
        rest = rest[size:]
    expected = sorted(set(points), key=in_order)
    assert read_history(tracking, run, "a") == expected
    current = list_metrics(tracking, run)[0]
    assert (current.step, current.time_millis) == expected[-1][:2]
    assert repr(current.value) == repr(expected[-1][2])
    assert (current.min, current.max) == (-1.5, math.inf)


def test_a_long_history_comes_in_messages_of_at_most_16384_points(tracking: Tracking, run: str) -> None:
    count = 2 * POINTS_A_MESSAGE + 1
    points = [(step, 1, float(step)) for step in range(count)]
    write(tracking, run, metrics=metric("a", *points[::2]))
    write(tracking, run, metrics=metric("a", *points[1::2]))
    messages = answers(tracking, run, "a")
    assert all(0 < len(message.values) <= POINTS_A_MESSAGE for message in messages)
    assert all(set(message.keys) == {"a"} for message in messages)
    assert all(sum(message.counts) == len(message.values) for message in messages)
    assert [point for message in messages for point in points_of(message)] == points


def test_a_history_of_exactly_one_message_has_no_empty_one_after_it(tracking: Tracking, run: str) -> None:
    write(tracking, run, metrics=metric("a", *((step, 1, 1.0) for step in range(POINTS_A_MESSAGE))))
    assert [len(message.values) for message in answers(tracking, run, "a")] == [POINTS_A_MESSAGE]


def test_a_key_that_was_never_written_has_an_empty_stream(tracking: Tracking, run: str) -> None:
    write(tracking, run, metrics=metric("loss", (1, 1, 1.0)))
    for key in ("never", "LOSS", "los", "loss ", "%"):
        assert answers(tracking, run, key) == []


def test_the_history_of_a_missing_run_is_not_found(tracking: Tracking) -> None:
    failure = error_of(lambda: answers(tracking, tracking.run_name("missing"), "a"))
    assert failure.code == grpc.StatusCode.NOT_FOUND
    assert failure.reason == "RUN_NOT_FOUND"


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"min_step": 0}, [0, 1, 2]),
        ({"max_step": 0}, [-1, 0]),
        ({"min_step": 1, "max_step": 1}, [1]),
        ({"min_step": 2, "max_step": 1}, []),
        ({"min_step": -(2**63), "max_step": 2**63 - 1}, [-1, 0, 1, 2]),
    ],
    ids=str,
)
def test_both_bounds_of_steps_belong_to_the_answer(
    tracking: Tracking, run: str, bounds: dict[str, int], expected: list[int]
) -> None:
    write(tracking, run, metrics=metric("a", *((step, 1, 1.0) for step in (2, 0, -1, 1))))
    assert [step for step, _, _ in read_history(tracking, run, "a", **bounds)] == expected


CONTEXTS = [
    MetricContext(rank=0),
    MetricContext(rank=1),
    MetricContext(model_id="m"),
    MetricContext(dataset_name="d"),
    MetricContext(dataset_digest="d"),
    MetricContext(rank=0, model_id="m", dataset_name="d", dataset_digest="d"),
]


def test_each_context_is_a_series_of_its_own(tracking: Tracking, run: str) -> None:
    columns = MetricColumns(
        keys=["a"] * 7,
        steps=range(7),
        times_millis=[1],
        values=[float(value) for value in range(7)],
        contexts=CONTEXTS,
        context_index=range(7),
    )
    write(tracking, run, metrics=columns)
    assert read_history(tracking, run, "a", context=MetricContext()) == [(0, 1, 0.0)]
    for number, context in enumerate(CONTEXTS, 1):
        assert read_history(tracking, run, "a", context=context) == [(number, 1, float(number))]
    assert read_history(tracking, run, "a", context=MetricContext(rank=2)) == []
    assert read_history(tracking, run, "a") == [(number, 1, float(number)) for number in range(7)]


def test_a_context_of_nothing_is_no_context(tracking: Tracking, run: str) -> None:
    write(tracking, run, metrics=metric("a", (1, 1, 1.0), context=MetricContext()))
    write(tracking, run, metrics=metric("a", (2, 1, 2.0)))
    assert read_history(tracking, run, "a", context=MetricContext()) == [(1, 1, 1.0), (2, 1, 2.0)]
    assert [found.HasField("context") for found in list_metrics(tracking, run)] == [False]


def test_points_of_several_contexts_come_once_where_they_are_the_same(tracking: Tracking, run: str) -> None:
    for context in (None, *CONTEXTS):
        write(tracking, run, metrics=metric("a", (1, 1, math.nan), (2, 1, 5.0), context=context))
    assert read_history(tracking, run, "a") == [(1, 1, math.nan), (2, 1, 5.0)]


def test_runs_do_not_see_the_points_of_each_other(tracking: Tracking, run: str) -> None:
    another = create_run(tracking).name
    write(tracking, run, metrics=metric("a", (1, 1, 1.0), context=MetricContext(rank=1)))
    write(tracking, another, metrics=metric("a", (2, 2, 2.0), context=MetricContext(rank=2)))
    assert read_history(tracking, run, "a") == [(1, 1, 1.0)]
    assert read_history(tracking, another, "a") == [(2, 2, 2.0)]
    assert read_history(tracking, run, "a", context=MetricContext(rank=2)) == []
