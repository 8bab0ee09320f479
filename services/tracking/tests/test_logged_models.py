"""Logged models: created, finalised, read, marked, deleted; and what runs measure of them."""

from __future__ import annotations

import math
import re
from functools import partial

import grpc
import pytest

from trivet_proto.tracking.v1 import logged_model_service_pb2 as models_pb
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.lifecycle_pb2 import LIFECYCLE_STATE_ACTIVE, LIFECYCLE_STATE_DELETED
from trivet_proto.tracking.v1.logged_model_pb2 import (
    LOGGED_MODEL_STATUS_PENDING,
    LOGGED_MODEL_STATUS_READY,
    LOGGED_MODEL_STATUS_UPLOAD_FAILED,
    LoggedModel,
    LoggedModelMetric,
    LoggedModelStatus,
)
from trivet_proto.tracking.v1.metric_pb2 import MetricContext
from trivet_testing.errors import error_of
from trivet_testing.records import (
    create_experiment,
    create_logged_model,
    create_run,
    get_logged_model,
    id_of,
    metric,
    search_logged_models,
    write,
)
from trivet_testing.tracking import Tracking
from trivet_testing.workspaces import unused_workspace

NAN = math.nan


def finalize(tracking: Tracking, name: str, status: LoggedModelStatus.ValueType, etag: str = "") -> LoggedModel:
    request = models_pb.FinalizeLoggedModelRequest(name=name, status=status, etag=etag)
    return tracking.stub.FinalizeLoggedModel(request)


def set_tags(tracking: Tracking, name: str, **fields: object) -> LoggedModel:
    return tracking.stub.SetLoggedModelTags(models_pb.SetLoggedModelTagsRequest(name=name, **fields))  # type: ignore[arg-type] # fields of the request


def add_params(tracking: Tracking, name: str, **params: str) -> LoggedModel:
    return tracking.stub.AddLoggedModelParams(models_pb.AddLoggedModelParamsRequest(name=name, params=params))


def delete(tracking: Tracking, name: str) -> LoggedModel:
    return tracking.stub.DeleteLoggedModel(models_pb.DeleteLoggedModelRequest(name=name))


def measured(metrics: object) -> list[tuple[object, ...]]:
    """Key, run id, dataset, digest, value, step, time, min and max of metrics; NaN as the object `math.nan`."""
    assert isinstance(metrics, LoggedModel)

    def plain(metric: LoggedModelMetric) -> tuple[object, ...]:
        values = [NAN if math.isnan(value) else value for value in (metric.value, metric.min, metric.max)]
        value, low, high = values
        where = (metric.dataset_name, metric.dataset_digest)
        return (metric.key, id_of(metric.run), *where, value, metric.step, metric.time_millis, low, high)

    return [plain(metric) for metric in metrics.metrics]


def test_a_logged_model_is_what_it_was_created_as(tracking: Tracking) -> None:
    experiment = create_experiment(tracking).name
    created = create_logged_model(
        tracking,
        "m-1",
        experiment=experiment,
        display_name="taxi model",
        model_type="sklearn",
        source_run=tracking.run_name("not-there-yet"),
        params={"alpha": "0.1"},
        tags={"team": "a"},
    )
    assert created.name == f"{tracking.parent}/loggedModels/m-1"
    assert created.experiment == experiment
    assert (created.display_name, created.model_type) == ("taxi model", "sklearn")
    assert created.source_run == tracking.run_name("not-there-yet")
    assert (dict(created.params), dict(created.tags)) == ({"alpha": "0.1"}, {"team": "a"})
    assert created.status == LOGGED_MODEL_STATUS_PENDING
    assert created.state == LIFECYCLE_STATE_ACTIVE
    assert created.created_by == "anonymous"
    assert created.create_time == created.update_time
    assert not created.HasField("delete_time")
    assert get_logged_model(tracking, created.name) == created


def test_the_server_makes_up_what_a_creation_leaves_open(tracking: Tracking) -> None:
    created = create_logged_model(tracking)
    assert re.fullmatch(r"m-[0-9a-f]{32}", id_of(created.name))
    assert re.fullmatch(r"[a-z]+-[a-z]+-[0-9]+", created.display_name)
    assert created.experiment == tracking.experiment_name(0)
    assert create_logged_model(tracking).name != created.name


def test_the_same_creation_again_returns_the_model_as_it_is_by_now(tracking: Tracking) -> None:
    created = create_logged_model(tracking, "m-1", display_name="a", params={"a": "1"})
    now = finalize(tracking, created.name, LOGGED_MODEL_STATUS_READY)
    assert create_logged_model(tracking, "m-1", display_name="a", params={"a": "1"}) == now
    failure = error_of(lambda: create_logged_model(tracking, "m-1", display_name="a", params={"a": "2"}))
    assert (failure.code, failure.reason) == (grpc.StatusCode.ALREADY_EXISTS, "LOGGED_MODEL_ID_TAKEN")
    assert failure.metadata == {"name": created.name}


def test_a_deleted_experiment_takes_no_models(tracking: Tracking) -> None:
    experiment = create_experiment(tracking).name
    kept = create_logged_model(tracking, "m-1", experiment=experiment)
    tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=experiment))
    for change in (
        lambda: create_logged_model(tracking, experiment=experiment),
        lambda: finalize(tracking, kept.name, LOGGED_MODEL_STATUS_READY),
        lambda: set_tags(tracking, kept.name, tags={"a": "1"}),
        lambda: add_params(tracking, kept.name, a="1"),
    ):
        failure = error_of(change)
        assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "EXPERIMENT_DELETED")
    assert get_logged_model(tracking, kept.name) == kept
    assert search_logged_models(tracking) == []
    assert search_logged_models(tracking, experiments=[experiment]) == []
    tracking.stub.RestoreExperiment(pb.RestoreExperimentRequest(name=experiment))
    assert search_logged_models(tracking) == ["m-1"]


@pytest.mark.parametrize("status", [LOGGED_MODEL_STATUS_READY, LOGGED_MODEL_STATUS_UPLOAD_FAILED])
def test_a_status_is_said_once_and_stays(tracking: Tracking, status: LoggedModelStatus.ValueType) -> None:
    created = create_logged_model(tracking)
    final = finalize(tracking, created.name, status)
    assert final.status == status
    assert final.etag != created.etag
    assert final.update_time.ToMilliseconds() >= created.update_time.ToMilliseconds()
    assert finalize(tracking, created.name, status) == final
    other = {LOGGED_MODEL_STATUS_READY, LOGGED_MODEL_STATUS_UPLOAD_FAILED} - {status}
    failure = error_of(lambda: finalize(tracking, created.name, other.pop()))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "LOGGED_MODEL_FINALIZED")
    assert failure.metadata == {"name": created.name, "status": LoggedModelStatus.Name(status)[20:]}
    assert get_logged_model(tracking, created.name) == final


def test_a_change_with_a_stale_etag_is_refused(tracking: Tracking) -> None:
    created = create_logged_model(tracking, tags={"a": "1"})
    changed = set_tags(tracking, created.name, tags={"b": "2"}, etag=created.etag)
    for change in (
        lambda: set_tags(tracking, created.name, tags={"b": "3"}, etag=created.etag),
        lambda: finalize(tracking, created.name, LOGGED_MODEL_STATUS_READY, created.etag),
        lambda: finalize(tracking, created.name, LOGGED_MODEL_STATUS_READY, "not ours"),
    ):
        failure = error_of(change)
        assert (failure.code, failure.reason) == (grpc.StatusCode.ABORTED, "ETAG_STALE")
    assert get_logged_model(tracking, created.name) == changed
    assert finalize(tracking, created.name, LOGGED_MODEL_STATUS_READY, changed.etag).etag not in ("", changed.etag)


def test_tags_are_set_and_removed_all_or_none(tracking: Tracking) -> None:
    created = create_logged_model(tracking, tags={"a": "1", "b": "1"})
    changed = set_tags(tracking, created.name, tags={"b": "2", "c": ""}, deleted_tags=["a"])
    assert dict(changed.tags) == {"b": "2", "c": ""}
    failure = error_of(lambda: set_tags(tracking, created.name, tags={"d": "1"}, deleted_tags=["b", "a"]))
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "TAG_NOT_FOUND")
    assert get_logged_model(tracking, created.name) == changed


def test_params_are_written_once(tracking: Tracking) -> None:
    created = create_logged_model(tracking, params={"a": "1"})
    changed = add_params(tracking, created.name, a="1", b="x")
    assert dict(changed.params) == {"a": "1", "b": "x"}
    assert add_params(tracking, created.name, a="1", b="x") == changed
    failure = error_of(lambda: add_params(tracking, created.name, c="new", b="y"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PARAM_CHANGED")
    assert failure.fields == ("params['b']",)
    assert get_logged_model(tracking, created.name) == changed


def test_a_deleted_model_answers_as_a_missing_one(tracking: Tracking) -> None:
    kept, gone = create_logged_model(tracking, "m-1"), create_logged_model(tracking, "m-2")
    deleted = delete(tracking, gone.name)
    assert deleted.state == LIFECYCLE_STATE_DELETED
    assert deleted.HasField("delete_time")
    for call in (
        lambda name: get_logged_model(tracking, name),
        lambda name: finalize(tracking, name, LOGGED_MODEL_STATUS_READY),
        lambda name: set_tags(tracking, name, tags={"a": "1"}),
        lambda name: add_params(tracking, name, a="1"),
        lambda name: delete(tracking, name),
    ):
        missing = f"{tracking.parent}/loggedModels/m-3"
        failures = [error_of(partial(call, name)) for name in (gone.name, missing)]
        for failure in failures:
            assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "LOGGED_MODEL_NOT_FOUND")
        assert failures[0].message.replace("m-2", "m-3") == failures[1].message
    assert search_logged_models(tracking) == [id_of(kept.name)]
    failure = error_of(lambda: create_logged_model(tracking, "m-2"))
    assert failure.reason == "LOGGED_MODEL_ID_TAKEN"


def test_a_model_shows_what_any_run_measured_of_it(tracking: Tracking) -> None:
    model = create_logged_model(tracking, "m-1").name
    train, judge = create_run(tracking, "train").name, create_run(tracking, "judge").name
    of_model, on_trips = (
        MetricContext(model_id="m-1"),
        MetricContext(model_id="m-1", dataset_name="trips", dataset_digest="1"),
    )
    write(tracking, train, metrics=metric("rmse", (1, 10, 5.0), (2, 20, 4.0), context=of_model))
    write(tracking, train, metrics=metric("rmse", (1, 10, 6.0), context=on_trips))
    write(tracking, train, metrics=metric("rmse", (9, 90, 0.0)))  # of the run alone
    write(tracking, judge, metrics=metric("rmse", (0, 99, 7.0), context=on_trips))
    write(tracking, judge, metrics=metric("bias", (0, 99, NAN), context=on_trips))
    write(tracking, judge, metrics=metric("rmse", (0, 99, 1.0), context=MetricContext(model_id="m-10")))
    expected = [
        ("bias", "judge", "trips", "1", NAN, 0, 99, NAN, NAN),
        ("rmse", "judge", "trips", "1", 7.0, 0, 99, 7.0, 7.0),
        ("rmse", "train", "", "", 4.0, 2, 20, 4.0, 5.0),
        ("rmse", "train", "trips", "1", 6.0, 1, 10, 6.0, 6.0),
    ]
    assert measured(get_logged_model(tracking, model)) == expected
    # What is measured later is seen at once, and a deleted run has still measured it.
    write(tracking, judge, metrics=metric("rmse", (1, 100, 8.0), context=on_trips))
    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=judge))
    expected[1] = ("rmse", "judge", "trips", "1", 8.0, 1, 100, 7.0, 8.0)
    assert measured(get_logged_model(tracking, model)) == expected


def test_ranks_of_a_run_are_one_value(tracking: Tracking) -> None:
    model = create_logged_model(tracking, "m-1").name
    run = create_run(tracking, "r").name
    for rank, point in ((0, (3, 1, NAN)), (1, (3, 1, 2.0)), (2, (2, 9, 9.0)), (None, (3, 0, -1.0))):
        write(tracking, run, metrics=metric("loss", point, context=MetricContext(model_id="m-1", rank=rank)))
    assert measured(get_logged_model(tracking, model)) == [("loss", "r", "", "", 2.0, 3, 1, -1.0, 9.0)]


def test_metrics_may_come_before_their_model(tracking: Tracking) -> None:
    run = create_run(tracking, "r").name
    write(tracking, run, metrics=metric("loss", (1, 1, 1.0), context=MetricContext(model_id="m-1")))
    assert measured(create_logged_model(tracking, "m-1")) == [("loss", "r", "", "", 1.0, 1, 1, 1.0, 1.0)]


def test_another_workspace_has_models_of_its_own(tracking: Tracking, channel: grpc.Channel) -> None:
    elsewhere = Tracking(tracking.stub, unused_workspace())
    model_id = f"m-of-{tracking.workspace}"
    theirs = create_logged_model(elsewhere, model_id, display_name="theirs")
    ours = create_logged_model(tracking, model_id, display_name="ours")
    run = create_run(elsewhere, f"r-of-{tracking.workspace}").name
    write(elsewhere, run, metrics=metric("loss", (1, 1, 1.0), context=MetricContext(model_id=model_id)))
    assert not get_logged_model(tracking, ours.name).metrics
    assert len(get_logged_model(elsewhere, theirs.name).metrics) == 1
    assert search_logged_models(tracking, "metrics.loss > 0 OR name = 'theirs'") == []
    delete(tracking, ours.name)
    assert get_logged_model(elsewhere, theirs.name).display_name == "theirs"
