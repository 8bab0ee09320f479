from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.experiment_pb2 import Experiment
from trivet_proto.tracking.v1.run_pb2 import Run
from trivet_testing.errors import error_of
from trivet_testing.records import create_experiment, create_run, get_run, snapshot, write
from trivet_testing.tracking import Tracking

DESCRIPTION = FieldMask(paths=["description"])


def describe_run(tracking: Tracking, name: str, description: str, etag: str = "") -> Run:
    run = Run(name=name, description=description, etag=etag)
    return tracking.stub.UpdateRun(pb.UpdateRunRequest(run=run, update_mask=DESCRIPTION))


def describe_experiment(tracking: Tracking, name: str, description: str, etag: str = "") -> Experiment:
    experiment = Experiment(name=name, description=description, etag=etag)
    return tracking.stub.UpdateExperiment(pb.UpdateExperimentRequest(experiment=experiment, update_mask=DESCRIPTION))


def test_an_update_with_the_current_etag_succeeds(tracking: Tracking) -> None:
    run = create_run(tracking)
    changed = describe_run(tracking, run.name, "1", run.etag)
    assert describe_run(tracking, run.name, "2", changed.etag).description == "2"
    experiment = create_experiment(tracking)
    renewed = describe_experiment(tracking, experiment.name, "1", experiment.etag)
    assert describe_experiment(tracking, experiment.name, "2", renewed.etag).description == "2"


def test_an_update_with_an_older_etag_changes_nothing(tracking: Tracking) -> None:
    run, experiment = create_run(tracking), create_experiment(tracking)
    describe_run(tracking, run.name, "other")
    describe_experiment(tracking, experiment.name, "other")
    before = snapshot(tracking)
    for name, failure in (
        (run.name, error_of(lambda: describe_run(tracking, run.name, "mine", run.etag))),
        (experiment.name, error_of(lambda: describe_experiment(tracking, experiment.name, "mine", experiment.etag))),
    ):
        assert failure.code == grpc.StatusCode.ABORTED
        assert failure.reason == "ETAG_STALE"
        assert failure.metadata == {"name": name}
    assert snapshot(tracking) == before


@pytest.mark.parametrize("etag", ["0", "-1", "x", "W/", "9" * 100, "\u0661", " 1", "1 ", "1\n", "é"], ids=repr)
def test_an_etag_that_was_never_given_is_stale(tracking: Tracking, etag: str) -> None:
    run, experiment = create_run(tracking), create_experiment(tracking)
    before = snapshot(tracking)
    assert error_of(lambda: describe_run(tracking, run.name, "mine", etag)).reason == "ETAG_STALE"
    assert error_of(lambda: describe_experiment(tracking, experiment.name, "mine", etag)).reason == "ETAG_STALE"
    assert snapshot(tracking) == before


def test_a_deletion_makes_an_etag_stale(tracking: Tracking) -> None:
    run = create_run(tracking)
    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=run.name))
    tracking.stub.RestoreRun(pb.RestoreRunRequest(name=run.name))
    assert error_of(lambda: describe_run(tracking, run.name, "mine", run.etag)).reason == "ETAG_STALE"


def test_writes_to_a_run_do_not_make_its_etag_stale(tracking: Tracking) -> None:
    run = create_run(tracking)
    write(tracking, run.name, tags=[pb.Tag(key="a", value="b")], params=[pb.Param(key="a", value="b")])
    assert describe_run(tracking, run.name, "mine", run.etag).description == "mine"


def test_of_updates_in_the_same_moment_with_one_etag_one_succeeds(tracking: Tracking) -> None:
    run = create_run(tracking)

    def attempt(number: int) -> str:
        try:
            return describe_run(tracking, run.name, str(number), run.etag).description
        except grpc.RpcError:
            return error_of(partial(describe_run, tracking, run.name, str(number), run.etag)).reason

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(attempt, range(16)))
    winners = [outcome for outcome in outcomes if outcome != "ETAG_STALE"]
    assert winners == [get_run(tracking, run.name).description]


def test_updates_without_an_etag_are_all_applied(tracking: Tracking) -> None:
    run = create_run(tracking)
    with ThreadPoolExecutor(8) as threads:
        etags = list(threads.map(lambda number: describe_run(tracking, run.name, str(number)).etag, range(16)))
    assert len({run.etag, *etags}) == 17
