"""Runs with very many metrics, params or tags: all of it can be read, and no answer is larger than a client takes."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest

from trivet_kit.page_tokens import MAX_PAGE_BYTES
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import error_of
from trivet_testing.records import (
    create_run,
    get_run,
    list_metrics,
    log,
    read_history,
    run_pages,
    search_runs,
    write,
)
from trivet_testing.tracking import Tracking, full
from trivet_testing.workspaces import unused_workspace
from trivet_tracking.domain.limits import MAX_LOADED_ENTRIES

KEYS = 100_000
AT_ONCE = 5_000


def key(number: int) -> str:
    return f"layer/{number:06}"


def write_keys(tracking: Tracking, run: str, count: int) -> None:
    """One point for each key, whose value is its number."""
    for begin in range(0, count, AT_ONCE):
        numbers = range(begin, min(begin + AT_ONCE, count))
        metrics = MetricColumns(
            keys=[key(number) for number in numbers],
            steps=[1] * len(numbers),
            times_millis=[1],
            values=[float(number) for number in numbers],
        )
        assert not write(tracking, run, metrics=metrics, atomic=True).refused


@pytest.fixture(scope="module")
def wide(channel: grpc.Channel) -> Tracking:
    """A workspace in which the run `wide` has very many metrics, one of which has three points."""
    tracking = Tracking(TrackingServiceStub(channel), unused_workspace())
    run = create_run(tracking, "wide", params={"model": "xgb"}, tags={"team": "a"}).name
    write_keys(tracking, run, KEYS)
    for step in (2, 3):
        write(tracking, run, metrics=MetricColumns(keys=[key(777)], steps=[step], times_millis=[step], values=[-step]))
    return tracking


def test_all_of_100_000_metrics_can_be_read_by_pages_and_each_by_its_key(wide: Tracking) -> None:
    run = wide.run_name("wide")
    found = list_metrics(wide, run, page_size=1000)
    assert [(metric.key, metric.point_count) for metric in found] == [
        (key(number), 3 if number == 777 else 1) for number in range(KEYS)
    ]
    assert read_history(wide, run, key(777)) == [(1, 1, 777.0), (2, 2, -2.0), (3, 3, -3.0)]
    assert read_history(wide, run, key(KEYS - 1)) == [(1, 1, float(KEYS - 1))]


def test_a_run_with_100_000_metrics_is_found_by_one_of_them(wide: Tracking) -> None:
    by_key = pb.SearchRunsRequest(filter=f"metrics.{key(777)} = -3 AND metrics.{key(5)} < 6", metric_keys=[key(777)])
    ((found,),) = run_pages(wide, by_key)
    assert [(metric.key, metric.value) for metric in found.metrics] == [(key(777), -3.0)]
    assert not found.HasField("omitted")
    assert search_runs(wide, f"metrics.{key(777)} > 0") == []


def test_a_run_that_is_too_large_for_a_message_comes_without_what_makes_it_so_and_says_it(wide: Tracking) -> None:
    run = wide.run_name("wide")
    ((found,),) = run_pages(wide, pb.SearchRunsRequest())
    deleted = wide.stub.DeleteRun(pb.DeleteRunRequest(name=run))
    restored = wide.stub.RestoreRun(pb.RestoreRunRequest(name=run))
    for answer in (get_run(wide, run), found, deleted, restored):
        assert list(answer.omitted.paths) == ["metrics"]
        assert (list(answer.metrics), dict(answer.params), dict(answer.tags)) == ([], {"model": "xgb"}, {"team": "a"})


def test_runs_with_too_much_to_compare_are_refused(wide: Tracking) -> None:
    runs = [create_run(wide).name, wide.run_name("wide")]
    failure = error_of(lambda: wide.stub.CompareRuns(pb.CompareRunsRequest(parent=wide.parent, runs=runs)))
    wide.stub.DeleteRun(pb.DeleteRunRequest(name=runs[0]))
    assert failure.code == grpc.StatusCode.INVALID_ARGUMENT
    assert failure.reason == "FIELD_INVALID"


def test_the_largest_of_metrics_params_and_tags_is_left_out_first(tracking: Tracking) -> None:
    run = create_run(tracking, tags={str(number): "t" * 16_000 for number in range(250)}).name
    log(tracking, run, loss=0.5)
    write(tracking, run, params=[pb.Param(key=str(number), value="p" * 16_000) for number in range(120)])
    answer = get_run(tracking, run)
    assert list(answer.omitted.paths) == ["tags"]
    assert len(answer.params) == 120
    assert [metric.key for metric in answer.metrics] == ["loss"]

    write(tracking, run, params=[pb.Param(key=f"more {number}", value="p" * 16_000) for number in range(90)])
    answer = get_run(tracking, run)
    assert answer.ByteSize() < MAX_PAGE_BYTES
    assert list(answer.omitted.paths) == ["params", "tags"]
    assert [metric.key for metric in answer.metrics] == ["loss"]


def test_what_is_left_out_of_a_run_can_be_read_by_keys(tracking: Tracking) -> None:
    run = create_run(tracking, tags={f"{number:03}": f"{number}" + "t" * 50_000 for number in range(100)})
    assert list(run.omitted.paths) == ["tags"]
    keys = tracking.stub.ListRunKeys(
        pb.ListRunKeysRequest(parent=tracking.parent, runs=[run.name], kind=pb.RUN_KEY_KIND_TAG)
    ).keys
    assert keys == [f"{number:03}" for number in range(100)]
    ((part,),) = run_pages(tracking, pb.SearchRunsRequest(tag_keys=keys[10:20]))
    assert not part.HasField("omitted")
    assert {name: value.rstrip("t") for name, value in part.tags.items()} == {
        f"{number:03}": str(number) for number in range(10, 20)
    }


def test_a_page_of_wide_runs_ends_before_it_has_too_much_and_the_pages_have_every_run_once(tracking: Tracking) -> None:
    runs = [create_run(tracking, f"run-{number}").name for number in range(4)]
    # More together than is loaded at once.
    widths = [MAX_LOADED_ENTRIES // 10 * 6, 10, MAX_LOADED_ENTRIES // 10 * 6, 10]
    for run, width in zip(runs, widths, strict=True):
        write_keys(tracking, run, width)
    pages = list(run_pages(tracking, pb.SearchRunsRequest(order_by="run_id")))
    assert [[run.name for run in page] for page in pages] == [runs[:2], runs[2:]]
    assert [len(run.metrics) for page in pages for run in page] == widths
    assert not any(run.HasField("omitted") for page in pages for run in page)


@pytest.mark.timeout(1800)
def test_a_long_run_with_a_hundred_metrics_has_every_point(tracking: Tracking) -> None:
    """1,000,000 steps in the long form."""
    steps, series, at_once = full(2_000, 1_000_000), 100, 200
    run = create_run(tracking).name

    def send() -> Iterator[pb.StreamWritesRequest]:
        for number in range(steps // at_once):
            begin = number * at_once
            metrics = MetricColumns(
                keys=[f"m{metric}" for metric in range(series)],
                counts=[at_once] * series,
                steps=list(range(begin, begin + at_once)) * series,
                times_millis=[1 + begin],
                values=[float(metric) for metric in range(series) for _ in range(at_once)],
            )
            yield pb.StreamWritesRequest(
                write=pb.WriteRunRequest(run=run, writer_id=1, sequence=1 + number, metrics=metrics)
            )

    acknowledged = [answer.acknowledged_count for answer in tracking.stub.StreamWrites(send())]
    assert acknowledged[-1] == steps // at_once
    found = list_metrics(tracking, run)
    assert {metric.point_count for metric in found} == {steps}
    assert [metric.step for metric in found] == [steps - 1] * series
    history = read_history(tracking, run, "m42")
    assert [step for step, _, _ in history] == list(range(steps))
    assert {value for _, _, value in history} == {42.0}
