"""What goes on in experiments: counts of their runs, and when these were last written to."""

from __future__ import annotations

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from trivet_kit.timestamps import now_millis
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.experiment_activity_pb2 import ExperimentActivity, ListExperimentActivityRequest
from trivet_proto.tracking.v1.run_pb2 import RUN_STATUS_FINISHED, RUN_STATUS_RUNNING, RUN_STATUS_SCHEDULED, Run
from trivet_testing.errors import error_of
from trivet_testing.records import create_experiment, create_run, metric, write
from trivet_testing.tracking import Tracking
from trivet_testing.workspaces import unused_workspace


def activities(tracking: Tracking, *experiments: str) -> list[ExperimentActivity]:
    """What goes on in experiments, as the server says it."""
    request = ListExperimentActivityRequest(parent=tracking.parent, experiments=experiments)
    return list(tracking.stub.ListExperimentActivity(request).activities)


def counts(activity: ExperimentActivity) -> tuple[int, int, int]:
    """Of runs in use, of those that run, and of deleted ones."""
    return activity.run_count, activity.running_run_count, activity.deleted_run_count


def test_an_experiment_without_runs_has_no_activity(tracking: Tracking) -> None:
    experiment = create_experiment(tracking).name
    assert activities(tracking, experiment) == [ExperimentActivity(experiment=experiment)]


def test_runs_are_counted_by_what_they_do(tracking: Tracking) -> None:
    experiment = create_experiment(tracking).name
    statuses = (RUN_STATUS_RUNNING, RUN_STATUS_RUNNING, RUN_STATUS_SCHEDULED, RUN_STATUS_FINISHED)
    runs = [create_run(tracking, experiment=experiment, status=status).name for status in statuses]
    assert [counts(each) for each in activities(tracking, experiment)] == [(4, 2, 0)]
    for run in runs[:1] + runs[3:]:
        tracking.stub.DeleteRun(pb.DeleteRunRequest(name=run))
    assert [counts(each) for each in activities(tracking, experiment)] == [(2, 1, 2)]
    tracking.stub.RestoreRun(pb.RestoreRunRequest(name=runs[0]))
    assert [counts(each) for each in activities(tracking, experiment)] == [(3, 2, 1)]


def test_experiments_come_by_id_and_each_once(tracking: Tracking) -> None:
    first, second = (create_experiment(tracking).name for _ in range(2))
    create_run(tracking, experiment=second)
    found = activities(tracking, second, first, second)
    assert [(each.experiment, each.run_count) for each in found] == [(first, 0), (second, 1)]


def test_a_deleted_experiment_has_the_runs_that_it_would_be_restored_with(tracking: Tracking) -> None:
    experiment = create_experiment(tracking).name
    kept, deleted = (create_run(tracking, experiment=experiment).name for _ in range(2))
    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=deleted))
    tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=experiment))
    assert counts(*activities(tracking, experiment)) == (1, 1, 1)
    tracking.stub.RestoreExperiment(pb.RestoreExperimentRequest(name=experiment))
    assert counts(*activities(tracking, experiment)) == (1, 1, 1)
    assert kept != deleted


def test_the_last_activity_is_that_of_a_run_in_use(tracking: Tracking) -> None:
    experiment = create_experiment(tracking).name
    older = create_run(tracking, experiment=experiment)
    newer = create_run(tracking, experiment=experiment)
    (activity,) = activities(tracking, experiment)
    assert activity.last_activity_time == newer.update_time
    renamed = tracking.stub.UpdateRun(
        pb.UpdateRunRequest(
            run=Run(name=older.name, display_name="renamed"), update_mask=FieldMask(paths=["display_name"])
        )
    )
    (activity,) = activities(tracking, experiment)
    assert activity.last_activity_time == max(renamed.update_time, newer.update_time, key=Timestamp.ToMilliseconds)
    for run in (older, newer):
        tracking.stub.DeleteRun(pb.DeleteRunRequest(name=run.name))
    (activity,) = activities(tracking, experiment)
    assert not activity.HasField("last_activity_time")


def test_writes_to_a_run_that_runs_are_activity(tracking: Tracking) -> None:
    experiment = create_experiment(tracking).name
    run = create_run(tracking, experiment=experiment, status=RUN_STATUS_RUNNING)
    before = now_millis()
    write(tracking, run.name, metrics=metric("loss", (0, 0, 1.0)))
    (activity,) = activities(tracking, experiment)
    assert before <= activity.last_activity_time.ToMilliseconds() <= now_millis()
    found = tracking.stub.GetRun(pb.GetRunRequest(name=run.name))
    assert activity.last_activity_time == found.last_write_time


def test_experiments_of_other_workspaces_are_missing(tracking: Tracking) -> None:
    other = Tracking(tracking.stub, unused_workspace())
    foreign = create_experiment(other).name
    own = create_experiment(tracking).name
    assert error_of(lambda: activities(tracking, own, foreign)).reason == "WORKSPACES_MIXED"
    there = f"{tracking.parent}/experiments/{10**6}"
    assert error_of(lambda: activities(tracking, there)).reason == "EXPERIMENT_NOT_FOUND"
