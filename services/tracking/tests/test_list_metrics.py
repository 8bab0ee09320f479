from __future__ import annotations

import itertools
import math

import grpc
import pytest

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import Metric, MetricContext
from trivet_testing.errors import error_of
from trivet_testing.records import Point, create_run, get_run, list_metrics, metric, write
from trivet_testing.tracking import Tracking


@pytest.fixture
def run(tracking: Tracking) -> str:
    """The name of a fresh run."""
    return create_run(tracking).name


def current(tracking: Tracking, run: str) -> tuple[int, int, str, str, str]:
    """Step, time, value, least and largest value of the only metric; numbers as text, so that NaN equals NaN."""
    (found,) = list_metrics(tracking, run)
    (of_run,) = get_run(tracking, run).metrics
    found.ClearField("point_count")  # only ListMetrics counts
    assert of_run.SerializeToString() == found.SerializeToString()
    return (found.step, found.time_millis, str(found.value), str(found.min), str(found.max))


def test_a_run_without_metrics_has_none(tracking: Tracking, run: str) -> None:
    assert list_metrics(tracking, run) == []


def test_metrics_of_a_missing_run_are_not_found(tracking: Tracking) -> None:
    failure = error_of(lambda: list_metrics(tracking, tracking.run_name("missing")))
    assert failure.code == grpc.StatusCode.NOT_FOUND
    assert failure.reason == "RUN_NOT_FOUND"


ORDERINGS: list[tuple[str, list[Point], tuple[int, int, str, str, str]]] = [
    ("later-step-wins", [(2, 1, 1.0), (1, 9, 5.0)], (2, 1, "1.0", "1.0", "5.0")),
    ("then-later-time", [(1, 2, 1.0), (1, 1, 5.0)], (1, 2, "1.0", "1.0", "5.0")),
    ("then-greater-value", [(1, 1, 1.0), (1, 1, 5.0)], (1, 1, "5.0", "1.0", "5.0")),
    ("number-beats-nan", [(1, 1, math.nan), (1, 1, -math.inf)], (1, 1, "-inf", "-inf", "-inf")),
    ("later-nan-beats-number", [(1, 1, 3.0), (2, 1, math.nan)], (2, 1, "nan", "3.0", "3.0")),
    ("only-nan", [(1, 1, math.nan), (2, 1, math.nan)], (2, 1, "nan", "nan", "nan")),
    ("infinities", [(1, 1, math.inf), (2, 1, -math.inf), (3, 1, 0.0)], (3, 1, "0.0", "-inf", "inf")),
    ("negative-steps", [(-5, 1, 1.0), (-9, 1, 2.0)], (-5, 1, "1.0", "1.0", "2.0")),
    ("zero-and-negative", [(1, 1, 0.0), (1, 1, -1.0)], (1, 1, "0.0", "-1.0", "0.0")),
]


@pytest.mark.parametrize(("points", "expected"), [case[1:] for case in ORDERINGS], ids=[case[0] for case in ORDERINGS])
def test_the_current_value_is_the_greatest_point_whatever_came_first(
    tracking: Tracking, points: list[Point], expected: tuple[int, int, str, str, str]
) -> None:
    for order in itertools.permutations(points):
        at_once, one_by_one = create_run(tracking).name, create_run(tracking).name
        write(tracking, at_once, metrics=metric("a", *order))
        for point in order:
            write(tracking, one_by_one, metrics=metric("a", point))
        assert current(tracking, at_once) == expected
        assert current(tracking, one_by_one) == expected


def test_a_key_comes_first_over_all_contexts_then_once_for_each(tracking: Tracking, run: str) -> None:
    first, second = MetricContext(rank=0, dataset_name="test"), MetricContext(rank=1)
    write(tracking, run, metrics=metric("b", (1, 1, 3.0), context=first))
    write(tracking, run, metrics=metric("b", (2, 1, 1.0), context=second))
    write(tracking, run, metrics=metric("a", (1, 1, 9.0)))
    found = list_metrics(tracking, run)
    assert [(m.key, m.HasField("context"), m.value, m.min, m.max) for m in found[:2]] == [
        ("a", False, 9.0, 9.0, 9.0),
        ("b", False, 1.0, 1.0, 3.0),
    ]
    by_rank = sorted(found[2:], key=lambda m: m.context.rank)
    assert by_rank == [
        Metric(key="b", context=first, value=3.0, step=1, time_millis=1, min=3.0, max=3.0, point_count=1),
        Metric(key="b", context=second, value=1.0, step=2, time_millis=1, min=1.0, max=1.0, point_count=1),
    ]


def test_a_run_shows_its_metrics_over_all_contexts_only(tracking: Tracking, run: str) -> None:
    write(tracking, run, metrics=metric("a", (1, 1, 3.0), context=MetricContext(rank=0)))
    assert [(m.key, m.HasField("context")) for m in get_run(tracking, run).metrics] == [("a", False)]


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 8, 1000])
def test_pages_give_every_metric_once_in_order(tracking: Tracking, run: str, page_size: int) -> None:
    for key in ("é", "a b", "Z", "a"):
        write(tracking, run, metrics=metric(key, (1, 1, 1.0)))
        write(tracking, run, metrics=metric(key, (1, 1, 1.0), context=MetricContext(rank=1)))
    found = list_metrics(tracking, run, page_size)
    assert [(m.key, m.HasField("context")) for m in found] == [
        (key, context) for key in ("Z", "a", "a b", "é") for context in (False, True)
    ]


def test_a_page_has_100_metrics_by_default_and_at_most_1000(tracking: Tracking, run: str) -> None:
    keys = [f"{number:04}" for number in range(1001)]
    for begin in range(0, len(keys), 500):
        part = keys[begin : begin + 500]
        columns = metric(part[0], *[(0, 0, 1.0)] * len(part))
        columns.keys[:], columns.counts[:] = part, [1] * len(part)
        write(tracking, run, metrics=columns)
    for asked, given in ((0, 100), (5000, 1000), (2**31 - 1, 1000)):
        page = tracking.stub.ListMetrics(pb.ListMetricsRequest(parent=run, page_size=asked))
        assert [m.key for m in page.metrics] == keys[:given]
        assert page.next_page_token
    assert [m.key for m in list_metrics(tracking, run, 5000)] == keys


def test_the_page_size_may_change_between_pages(tracking: Tracking, run: str) -> None:
    for key in "abcd":
        write(tracking, run, metrics=metric(key, (0, 0, 1.0)))
    first = tracking.stub.ListMetrics(pb.ListMetricsRequest(parent=run, page_size=1))
    rest = tracking.stub.ListMetrics(pb.ListMetricsRequest(parent=run, page_size=3, page_token=first.next_page_token))
    assert [m.key for m in (*first.metrics, *rest.metrics)] == list("abcd")
    assert not rest.next_page_token


def test_metrics_written_between_pages_do_not_shift_them(tracking: Tracking, run: str) -> None:
    for key in ("b", "d", "f"):
        write(tracking, run, metrics=metric(key, (0, 0, 1.0)))
    first = tracking.stub.ListMetrics(pb.ListMetricsRequest(parent=run, page_size=2))
    for key in ("a", "c", "e"):
        write(tracking, run, metrics=metric(key, (0, 0, 1.0)))
    rest = tracking.stub.ListMetrics(pb.ListMetricsRequest(parent=run, page_size=2, page_token=first.next_page_token))
    assert [m.key for m in (*first.metrics, *rest.metrics)] == ["b", "d", "e", "f"]


def test_the_metrics_of_a_deleted_run_can_be_read(tracking: Tracking, run: str) -> None:
    write(tracking, run, metrics=metric("a", (0, 0, 1.0)))
    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=run))
    assert [m.key for m in list_metrics(tracking, run)] == ["a"]
