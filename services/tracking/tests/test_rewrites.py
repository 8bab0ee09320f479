"""Series deleted, runs rewound and forked; test_write_properties.py compares what becomes of points with a model."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest

from trivet_proto.tracking.v1 import run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricContext
from trivet_proto.tracking.v1.rewrite_pb2 import (
    DeleteMetricsRequest,
    DeleteMetricsResponse,
    ForkRunRequest,
    RewindRunRequest,
)
from trivet_proto.tracking.v1.run_inputs_pb2 import LoggedModelInput, LoggedModelOutput, RunInputs, RunOutputs
from trivet_testing.errors import error_of
from trivet_testing.records import (
    Point,
    create_experiment,
    create_run,
    dataset_input,
    get_run,
    id_of,
    list_metrics,
    metric,
    read_history,
    search_runs,
    snapshot,
    timestamp,
    write,
)
from trivet_testing.tracking import Tracking


def points(begin: int, end: int) -> list[Point]:
    return [(step, 7, float(step)) for step in range(begin, end)]


def delete(tracking: Tracking, run: str, *keys: str, **fields: object) -> DeleteMetricsResponse:
    return tracking.stub.DeleteMetrics(DeleteMetricsRequest(run=run, keys=keys, **fields))  # type: ignore[arg-type] # fields of the request


def rewind(tracking: Tracking, run: str, step: int, **fields: object) -> run_pb2.Run:
    return tracking.stub.RewindRun(RewindRunRequest(name=run, step=step, **fields))  # type: ignore[arg-type] # as above


def fork(tracking: Tracking, run: str, step: int, run_id: str = "", **fields: object) -> run_pb2.Run:
    forked = run_pb2.Run(**fields)  # type: ignore[arg-type] # as above
    return tracking.stub.ForkRun(ForkRunRequest(name=run, step=step, run_id=run_id, run=forked))


def curve(tracking: Tracking, run: str, key: str) -> list[float]:
    """The greatest values of the buckets of a chart."""
    request = pb.ReadMetricCurvesRequest(runs=[run], keys=[key], bucket_count=10_000)
    return [
        value for answer in tracking.stub.ReadMetricCurves(request) for curve in answer.curves for value in curve.maxs
    ]


def metric_keys(tracking: Tracking, run: str) -> list[str]:
    request = pb.ListRunKeysRequest(parent=tracking.parent, runs=[run], kind=pb.RUN_KEY_KIND_METRIC)
    return list(tracking.stub.ListRunKeys(request).keys)


def test_no_reader_sees_a_deleted_series(tracking: Tracking) -> None:
    run = create_run(tracking, "a").name
    other = create_run(tracking, "b").name
    for name in (run, other):
        write(tracking, name, metrics=metric("loss", *points(0, 2000)))
        write(tracking, name, metrics=metric("loss", *points(2000, 2003)))
        write(tracking, name, metrics=metric("acc", (1, 1, 0.5)))
    answer = delete(tracking, run, "loss", "never written")
    assert (answer.deleted_series, answer.deleted_points) == (1, 2003)

    assert read_history(tracking, run, "loss") == []
    assert curve(tracking, run, "loss") == []
    assert [found.key for found in list_metrics(tracking, run)] == ["acc"]
    assert [found.key for found in get_run(tracking, run).metrics] == ["acc"]
    assert metric_keys(tracking, run) == ["acc"]
    assert search_runs(tracking, "metrics.loss > 0") == ["b"]
    assert search_runs(tracking, "metrics.loss IS NULL") == ["a"]
    compared = tracking.stub.CompareRuns(pb.CompareRunsRequest(parent=tracking.parent, runs=[run, other]))
    assert {found.key: list(found.runs) for found in compared.metrics} == {"acc": [0, 1], "loss": [1]}
    assert read_history(tracking, other, "loss") == points(0, 2003)
    assert delete(tracking, run, "loss") == DeleteMetricsResponse()


def test_what_is_written_after_a_deletion_begins_a_new_series(tracking: Tracking) -> None:
    run = create_run(tracking).name
    first = {"metrics": metric("loss", *points(0, 5)), "writer_id": 7, "sequence": 1}
    write(tracking, run, **first)
    delete(tracking, run, "loss")
    assert write(tracking, run, **first).resend
    assert read_history(tracking, run, "loss") == []
    assert not write(tracking, run, metrics=metric("loss", (1, 1, 3.0)), writer_id=7, sequence=2).resend
    assert read_history(tracking, run, "loss") == [(1, 1, 3.0)]
    (found,) = list_metrics(tracking, run)
    assert (found.value, found.min, found.max, found.point_count) == (3.0, 3.0, 3.0, 1)


def test_the_series_of_one_context_can_be_deleted_alone(tracking: Tracking) -> None:
    run = create_run(tracking).name
    first, second = MetricContext(rank=0), MetricContext(rank=1)
    write(tracking, run, metrics=metric("loss", (9, 1, 9.0), context=first))
    write(tracking, run, metrics=metric("loss", (3, 1, -1.0), (4, 1, 4.0), context=second))
    write(tracking, run, metrics=metric("loss", (2, 1, 2.0)))
    assert delete(tracking, run, "loss", context=MetricContext(rank=5)) == DeleteMetricsResponse()
    answer = delete(tracking, run, "loss", context=first)
    assert (answer.deleted_series, answer.deleted_points) == (1, 1)
    merged, left = list_metrics(tracking, run)
    assert (merged.step, merged.value, merged.min, merged.max, merged.point_count) == (4, 4.0, -1.0, 4.0, 3)
    assert left.context == second
    delete(tracking, run, "loss", context=MetricContext())
    assert read_history(tracking, run, "loss") == [(3, 1, -1.0), (4, 1, 4.0)]


def test_a_rewound_run_is_as_it_was_at_the_step(tracking: Tracking) -> None:
    created = create_run(tracking, params={"lr": "1"}, tags={"a": "b"}, end_time=timestamp(10), status=3)
    run = created.name
    write(tracking, run, metrics=metric("loss", *points(0, 10_000)))
    write(tracking, run, metrics=metric("late", (6000, 1, 1.0)))
    write(tracking, run, metrics=metric("early", (5000, 1, 1.0)))
    before = get_run(tracking, run)
    rewound = rewind(tracking, run, 5000, etag=before.etag)
    assert rewound.status == run_pb2.RUN_STATUS_RUNNING
    assert not rewound.HasField("end_time")
    assert rewound.etag != before.etag
    assert (dict(rewound.params), dict(rewound.tags)) == ({"lr": "1"}, {"a": "b"})
    assert [found.key for found in rewound.metrics] == ["early", "loss"]
    loss = list_metrics(tracking, run)[1]
    assert (loss.step, loss.value, loss.min, loss.max, loss.point_count) == (5000, 5000.0, 0.0, 5000.0, 5001)
    assert read_history(tracking, run, "loss") == points(0, 5001)
    assert curve(tracking, run, "loss")[-1] == 5000.0
    assert get_run(tracking, run) == rewound
    # Where it goes on, points go straight into chunks again.
    write(tracking, run, metrics=metric("loss", *points(5001, 6001)))
    assert read_history(tracking, run, "loss") == points(0, 6001)
    assert [found.point_count for found in list_metrics(tracking, run)] == [1, 6001]


def test_writers_from_before_a_rewind_write_no_more(tracking: Tracking) -> None:
    run = create_run(tracking).name
    message = {"metrics": metric("loss", *points(0, 5)), "writer_id": 2**64 - 1}
    write(tracking, run, **message, sequence=1)
    rewind(tracking, run, 2)
    resend = write(tracking, run, **message, sequence=1)
    assert (resend.resend, resend.sequence) == (True, 1)
    for sequence in (2, 3):
        failure = error_of(lambda sequence=sequence: write(tracking, run, **message, sequence=sequence))  # type: ignore[misc]
        assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "WRITER_ENDED")
        assert failure.metadata["lastSequence"] == "1"
    rewind(tracking, run, 2)
    assert error_of(lambda: write(tracking, run, **message, sequence=2)).reason == "WRITER_ENDED"
    assert read_history(tracking, run, "loss") == points(0, 3)
    write(tracking, run, metrics=metric("loss", (3, 1, 30.0)), writer_id=1, sequence=1)
    write(tracking, run, metrics=metric("loss", (4, 1, 40.0)))
    assert read_history(tracking, run, "loss") == [*points(0, 3), (3, 1, 30.0), (4, 1, 40.0)]


def test_a_fork_has_what_the_run_had_up_to_the_step_as_its_own(tracking: Tracking) -> None:
    experiment = create_experiment(tracking).name
    context = MetricContext(rank=1)
    source = create_run(
        tracking,
        "source",
        experiment=experiment,
        params={"lr": "0.1", "depth": "3"},
        tags={"team": "a", "kind": "x"},
        description="# Notes",
    ).name
    write(tracking, source, metrics=metric("loss", *points(0, 10_000)))
    write(tracking, source, metrics=metric("loss", (4, 9, -4.0), (9_000_000, 9, 1.0), context=context))
    write(tracking, source, metrics=metric("late", (9999, 1, 1.0)))
    before = get_run(tracking, source)
    forked = fork(tracking, source, 4999, "fork", params={"lr": "0.01"}, tags={"kind": "y"}, display_name="warm")
    assert forked.name == tracking.run_name("fork")
    assert (forked.experiment, forked.display_name, forked.description) == (experiment, "warm", "# Notes")
    assert forked.status == run_pb2.RUN_STATUS_RUNNING
    assert dict(forked.params) == {"lr": "0.01", "depth": "3"}
    assert dict(forked.tags) == {"team": "a", "kind": "y"}
    assert forked.forked_from == run_pb2.ForkPoint(run=source, step=4999)
    assert not before.HasField("forked_from")
    assert [found.key for found in forked.metrics] == ["loss"]
    merged, of_context = list_metrics(tracking, forked.name)
    assert (merged.step, merged.value, merged.min, merged.max, merged.point_count) == (4999, 4999.0, -4.0, 4999.0, 5001)
    assert (of_context.context, of_context.value, of_context.point_count) == (context, -4.0, 1)
    assert read_history(tracking, forked.name, "loss", context=MetricContext()) == points(0, 5000)
    assert curve(tracking, forked.name, "loss")[-1] == 4999.0
    assert search_runs(tracking, "metrics.loss.max = 4999") == ["fork"]
    assert search_runs(tracking, "params.lr = 0.01 AND params.depth = 3") == ["fork"]
    assert search_runs(tracking, "forked_from_run_id = 'source'") == ["fork"]
    assert search_runs(tracking, "forked_from_step >= 4999") == ["fork"]
    assert search_runs(tracking, "forked_from_step IS NULL") == ["source"]

    # Neither hears of the other from then on.
    assert get_run(tracking, source) == before
    write(tracking, forked.name, metrics=metric("loss", (5000, 1, 1.0)))
    rewind(tracking, source, 3)
    assert read_history(tracking, forked.name, "loss", context=MetricContext()) == [*points(0, 5000), (5000, 1, 1.0)]
    assert get_run(tracking, source).metrics[0].step == 3


def test_a_fork_is_created_once(tracking: Tracking) -> None:
    source = create_run(tracking, "source").name
    write(tracking, source, metrics=metric("loss", *points(0, 5)))
    first = fork(tracking, source, 2, "fork")
    write(tracking, source, metrics=metric("loss", (1, 8, 1.0)))
    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=source))
    assert fork(tracking, source, 2, "fork").SerializeToString() == first.SerializeToString()
    before = snapshot(tracking)
    others: list[Callable[[], object]] = [
        lambda: fork(tracking, source, 3, "fork"),
        lambda: fork(tracking, source, 2, "fork", tags={"a": "b"}),
        lambda: create_run(tracking, "fork"),
    ]
    for other in others:
        failure = error_of(other)
        assert (failure.code, failure.reason) == (grpc.StatusCode.ALREADY_EXISTS, "RUN_ID_TAKEN")
    assert snapshot(tracking) == before


def test_a_fork_has_the_inputs_of_the_run_and_not_its_outputs(tracking: Tracking) -> None:
    source = create_run(tracking).name
    inputs = RunInputs(
        datasets=[dataset_input("d", context="train", source="s3://a", tags={"k": "v"})],
        models=[LoggedModelInput(model_id="m-used")],
    )
    write(tracking, source, inputs=inputs, outputs=RunOutputs(models=[LoggedModelOutput(model_id="m-made", step=1)]))
    forked = fork(tracking, source, 10)
    assert forked.inputs == get_run(tracking, source).inputs
    assert len(forked.inputs.datasets) == len(forked.inputs.models) == 1
    assert not forked.outputs.models


def test_a_fork_before_the_first_step_has_no_points(tracking: Tracking) -> None:
    source = create_run(tracking, params={"a": "1"}).name
    write(tracking, source, metrics=metric("loss", *points(0, 5)))
    forked = fork(tracking, source, -1)
    assert (len(forked.metrics), dict(forked.params)) == (0, {"a": "1"})
    assert id_of(forked.name) != id_of(source)


@pytest.mark.parametrize("deleted", ["run", "experiment"])
def test_what_is_deleted_is_neither_changed_nor_forked(tracking: Tracking, deleted: str) -> None:
    experiment = create_experiment(tracking).name
    run = create_run(tracking, experiment=experiment).name
    write(tracking, run, metrics=metric("loss", *points(0, 5)))
    if deleted == "experiment":
        tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=experiment))
    else:
        tracking.stub.DeleteRun(pb.DeleteRunRequest(name=run))
    before = snapshot(tracking)
    calls: list[Callable[[], object]] = [
        lambda: delete(tracking, run, "loss"),
        lambda: rewind(tracking, run, 2),
        lambda: fork(tracking, run, 2),
    ]
    for call in calls:
        failure = error_of(call)
        assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "RUN_DELETED")
    assert snapshot(tracking) == before
