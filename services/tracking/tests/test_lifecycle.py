from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from trivet_proto.tracking.v1 import lifecycle_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.experiment_pb2 import Experiment
from trivet_proto.tracking.v1.run_pb2 import Run
from trivet_testing.errors import error_of
from trivet_testing.records import (
    create_experiment,
    create_run,
    get_run,
    metric,
    read_history,
    search_experiments,
    search_runs,
    snapshot,
    write,
)
from trivet_testing.tracking import Tracking

ACTIVE, DELETED = lifecycle_pb2.LIFECYCLE_STATE_ACTIVE, lifecycle_pb2.LIFECYCLE_STATE_DELETED
VIEW_ACTIVE, VIEW_DELETED, VIEW_ALL = (
    lifecycle_pb2.LIFECYCLE_VIEW_ACTIVE,
    lifecycle_pb2.LIFECYCLE_VIEW_DELETED,
    lifecycle_pb2.LIFECYCLE_VIEW_ALL,
)


def delete_run(tracking: Tracking, name: str) -> Run:
    return tracking.stub.DeleteRun(pb.DeleteRunRequest(name=name))


def restore_run(tracking: Tracking, name: str) -> Run:
    return tracking.stub.RestoreRun(pb.RestoreRunRequest(name=name))


def delete_experiment(tracking: Tracking, name: str) -> Experiment:
    return tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=name))


def restore_experiment(tracking: Tracking, name: str) -> Experiment:
    return tracking.stub.RestoreExperiment(pb.RestoreExperimentRequest(name=name))


def get_experiment(tracking: Tracking, name: str) -> Experiment:
    return tracking.stub.GetExperiment(pb.GetExperimentRequest(name=name))


def test_a_deleted_run_can_be_read_and_restored(tracking: Tracking) -> None:
    created = create_run(tracking, params={"a": "1"}, tags={"b": "2"})
    write(tracking, created.name, metrics=metric("loss", (1, 1, 1.0)))
    deleted = delete_run(tracking, created.name)
    assert deleted.state == DELETED
    assert deleted.delete_time.ToMilliseconds() >= created.create_time.ToMilliseconds()
    assert deleted.etag != created.etag
    assert get_run(tracking, created.name) == deleted
    assert (dict(deleted.params), dict(deleted.tags), len(deleted.metrics)) == ({"a": "1"}, {"b": "2"}, 1)
    assert read_history(tracking, created.name, "loss") == [(1, 1, 1.0)]

    restored = restore_run(tracking, created.name)
    assert restored.state == ACTIVE
    assert not restored.HasField("delete_time")
    assert restored.etag != deleted.etag
    assert get_run(tracking, created.name) == restored
    assert (dict(restored.params), dict(restored.tags)) == ({"a": "1"}, {"b": "2"})


def test_deleting_and_restoring_a_run_again_changes_nothing(tracking: Tracking) -> None:
    created = create_run(tracking)
    assert restore_run(tracking, created.name) == created
    deleted = delete_run(tracking, created.name)
    assert delete_run(tracking, created.name) == deleted
    restored = restore_run(tracking, created.name)
    assert restore_run(tracking, created.name) == restored


def test_a_deleted_experiment_can_be_read_and_restored(tracking: Tracking) -> None:
    created = create_experiment(tracking, tags={"a": "1"})
    deleted = delete_experiment(tracking, created.name)
    assert deleted.state == DELETED
    assert deleted.delete_time.ToMilliseconds() >= created.create_time.ToMilliseconds()
    assert deleted.etag != created.etag
    assert get_experiment(tracking, created.name) == deleted
    request = pb.LookupExperimentRequest(parent=tracking.parent, display_name=created.display_name)
    assert tracking.stub.LookupExperiment(request) == deleted

    restored = restore_experiment(tracking, created.name)
    assert restored.state == ACTIVE
    assert not restored.HasField("delete_time")
    assert get_experiment(tracking, created.name) == restored
    assert dict(restored.tags) == {"a": "1"}


def test_deleting_and_restoring_an_experiment_again_changes_nothing(tracking: Tracking) -> None:
    created = create_experiment(tracking)
    assert restore_experiment(tracking, created.name) == created
    deleted = delete_experiment(tracking, created.name)
    assert delete_experiment(tracking, created.name) == deleted
    restored = restore_experiment(tracking, created.name)
    assert restore_experiment(tracking, created.name) == restored


def test_default_cannot_be_deleted(tracking: Tracking) -> None:
    before = snapshot(tracking)
    failure = error_of(lambda: delete_experiment(tracking, tracking.experiment_name(0)))
    assert failure.code == grpc.StatusCode.FAILED_PRECONDITION
    assert failure.reason == "EXPERIMENT_PROTECTED"
    assert failure.metadata == {"name": tracking.experiment_name(0)}
    assert snapshot(tracking) == before
    assert restore_experiment(tracking, tracking.experiment_name(0)).state == ACTIVE


def test_the_runs_of_a_deleted_experiment_are_deleted_with_it(tracking: Tracking) -> None:
    experiment = create_experiment(tracking)
    untouched = create_run(tracking, "untouched", experiment=experiment.name)
    by_itself = create_run(tracking, "by-itself", experiment=experiment.name)
    elsewhere = create_run(tracking, "elsewhere")
    deleted_by_itself = delete_run(tracking, by_itself.name)
    delete_experiment(tracking, experiment.name)

    seen = get_run(tracking, untouched.name)
    assert seen.state == DELETED
    assert not seen.HasField("delete_time")
    assert get_run(tracking, by_itself.name) == deleted_by_itself
    assert search_runs(tracking) == ["elsewhere"]
    assert sorted(search_runs(tracking, view=VIEW_DELETED)) == ["by-itself", "untouched"]
    assert sorted(search_runs(tracking, view=VIEW_ALL)) == ["by-itself", "elsewhere", "untouched"]

    restore_experiment(tracking, experiment.name)
    assert get_run(tracking, untouched.name) == untouched
    assert get_run(tracking, by_itself.name) == deleted_by_itself
    assert get_run(tracking, elsewhere.name) == elsewhere
    assert sorted(search_runs(tracking)) == ["elsewhere", "untouched"]
    assert search_runs(tracking, view=VIEW_DELETED) == ["by-itself"]


def test_a_run_cannot_be_restored_while_its_experiment_is_deleted(tracking: Tracking) -> None:
    experiment = create_experiment(tracking)
    run = create_run(tracking, experiment=experiment.name)
    delete_run(tracking, run.name)
    delete_experiment(tracking, experiment.name)
    before = snapshot(tracking)
    failure = error_of(lambda: restore_run(tracking, run.name))
    assert failure.code == grpc.StatusCode.FAILED_PRECONDITION
    assert failure.reason == "EXPERIMENT_DELETED"
    assert failure.metadata == {"name": experiment.name}
    assert snapshot(tracking) == before
    restore_experiment(tracking, experiment.name)
    assert restore_run(tracking, run.name).state == ACTIVE


def test_a_run_that_was_deleted_in_a_deleted_experiment_stays_deleted(tracking: Tracking) -> None:
    experiment = create_experiment(tracking)
    run = create_run(tracking, experiment=experiment.name)
    delete_experiment(tracking, experiment.name)
    assert delete_run(tracking, run.name).HasField("delete_time")
    restore_experiment(tracking, experiment.name)
    assert get_run(tracking, run.name).state == DELETED


def write_points(tracking: Tracking, run: str, experiment: str) -> object:
    return write(tracking, run, metrics=metric("a", (1, 1, 1.0)))


def write_nothing(tracking: Tracking, run: str, experiment: str) -> object:
    return write(tracking, run)


def write_as_writer(tracking: Tracking, run: str, experiment: str) -> object:
    return write(tracking, run, writer_id=1, sequence=1, tags=[pb.Tag(key="a", value="b")])


def write_atomically(tracking: Tracking, run: str, experiment: str) -> object:
    return write(tracking, run, params=[pb.Param(key="a", value="b")], atomic=True)


def update_run(tracking: Tracking, run: str, experiment: str) -> object:
    mask = FieldMask(paths=["description"])
    return tracking.stub.UpdateRun(pb.UpdateRunRequest(run=Run(name=run, description="new"), update_mask=mask))


WRITES_TO_A_RUN = [write_points, write_nothing, write_as_writer, write_atomically, update_run]


@pytest.mark.parametrize("change", WRITES_TO_A_RUN)
@pytest.mark.parametrize("deleted", ["run", "experiment", "both"])
def test_a_deleted_run_cannot_be_written(
    tracking: Tracking, change: Callable[[Tracking, str, str], object], deleted: str
) -> None:
    experiment = create_experiment(tracking).name
    run = create_run(tracking, experiment=experiment).name
    if deleted != "experiment":
        delete_run(tracking, run)
    if deleted != "run":
        delete_experiment(tracking, experiment)
    before = snapshot(tracking)
    failure = error_of(lambda: change(tracking, run, experiment))
    assert failure.code == grpc.StatusCode.FAILED_PRECONDITION
    assert failure.reason == "RUN_DELETED"
    assert failure.metadata == {"name": run}
    assert snapshot(tracking) == before
    if deleted != "run":
        restore_experiment(tracking, experiment)
    restore_run(tracking, run)
    change(tracking, run, experiment)


def create_run_in(tracking: Tracking, run: str, experiment: str) -> object:
    return create_run(tracking, "new", experiment=experiment)


def create_run_by_display_name(tracking: Tracking, run: str, experiment: str) -> object:
    request = pb.CreateRunRequest(parent=tracking.parent, run_id="new", experiment_display_name="taxi")
    return tracking.stub.CreateRun(request)


def create_run_and_experiment(tracking: Tracking, run: str, experiment: str) -> object:
    request = pb.CreateRunRequest(
        parent=tracking.parent, run_id="new", experiment_display_name="taxi", create_experiment=True
    )
    return tracking.stub.CreateRun(request)


def update_experiment(tracking: Tracking, run: str, experiment: str) -> object:
    request = pb.UpdateExperimentRequest(
        experiment=Experiment(name=experiment, description="new"), update_mask=FieldMask(paths=["description"])
    )
    return tracking.stub.UpdateExperiment(request)


def rename_experiment(tracking: Tracking, run: str, experiment: str) -> object:
    request = pb.UpdateExperimentRequest(
        experiment=Experiment(name=experiment, display_name="new"), update_mask=FieldMask(paths=["display_name"])
    )
    return tracking.stub.UpdateExperiment(request)


def set_experiment_tags(tracking: Tracking, run: str, experiment: str) -> object:
    return tracking.stub.SetExperimentTags(pb.SetExperimentTagsRequest(name=experiment, tags={"a": "b"}))


@pytest.mark.parametrize(
    "change",
    [
        create_run_in,
        create_run_by_display_name,
        create_run_and_experiment,
        update_experiment,
        rename_experiment,
        set_experiment_tags,
    ],
)
def test_a_deleted_experiment_cannot_be_written(
    tracking: Tracking, change: Callable[[Tracking, str, str], object]
) -> None:
    experiment = create_experiment(tracking, "taxi").name
    run = create_run(tracking, experiment=experiment).name
    delete_experiment(tracking, experiment)
    before = snapshot(tracking)
    failure = error_of(lambda: change(tracking, run, experiment))
    assert failure.code == grpc.StatusCode.FAILED_PRECONDITION
    assert failure.reason == "EXPERIMENT_DELETED"
    assert failure.metadata == {"name": experiment}
    assert snapshot(tracking) == before
    restore_experiment(tracking, experiment)
    change(tracking, run, experiment)


def test_a_refused_sequence_of_a_deleted_run_is_not_used_up(tracking: Tracking) -> None:
    run = create_run(tracking).name
    write(tracking, run, writer_id=1, sequence=1)
    delete_run(tracking, run)
    assert error_of(lambda: write(tracking, run, writer_id=1, sequence=2)).reason == "RUN_DELETED"
    restore_run(tracking, run)
    assert write(tracking, run, writer_id=1, sequence=2) == pb.WriteRunResponse(sequence=2)


def test_views_of_experiments_are_by_their_state(tracking: Tracking) -> None:
    used, binned = create_experiment(tracking, "used"), create_experiment(tracking, "binned")
    delete_experiment(tracking, binned.name)
    assert used.state == ACTIVE
    assert set(search_experiments(tracking)) == {"Default", "used"}
    assert set(search_experiments(tracking, view=VIEW_ACTIVE)) == {"Default", "used"}
    assert search_experiments(tracking, view=VIEW_DELETED) == ["binned"]
    assert set(search_experiments(tracking, view=VIEW_ALL)) == {"Default", "used", "binned"}


def test_a_deleted_experiment_that_is_named_in_a_search_shows_its_runs_as_deleted(tracking: Tracking) -> None:
    experiment = create_experiment(tracking).name
    create_run(tracking, "a", experiment=experiment)
    delete_experiment(tracking, experiment)
    assert search_runs(tracking, experiments=[experiment]) == []
    assert search_runs(tracking, experiments=[experiment], view=VIEW_DELETED) == ["a"]
    assert search_runs(tracking, experiments=[experiment], view=VIEW_ALL) == ["a"]
