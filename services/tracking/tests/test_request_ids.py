from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from trivet_kit.errors import CallerError
from trivet_kit.requests import RepeatableRequest
from trivet_proto.tracking.v1 import run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.experiment_pb2 import Experiment
from trivet_testing.errors import error_of
from trivet_testing.records import create_experiment, create_run, get_run, log, search_experiments, search_runs
from trivet_testing.tracking import Tracking, migrate
from trivet_tracking.domain.experiments import NewExperiment
from trivet_tracking.server import open_database
from trivet_tracking.store.experiments import SqlExperiments

HOUR_MILLIS = 60 * 60 * 1000


def request_for(tracking: Tracking, request_id: str, display_name: str = "taxi") -> pb.CreateExperimentRequest:
    return pb.CreateExperimentRequest(
        parent=tracking.parent,
        experiment=Experiment(display_name=display_name, tags={"a": "1", "b": "2"}),
        request_id=request_id,
    )


def test_create_experiment_repeated_with_its_request_id_creates_once(tracking: Tracking) -> None:
    request = request_for(tracking, str(uuid.uuid4()))
    first = tracking.stub.CreateExperiment(request)
    assert tracking.stub.CreateExperiment(request) == first
    assert search_experiments(tracking) == ["taxi", "Default"]


def test_the_spelling_of_a_request_id_does_not_count(tracking: Tracking) -> None:
    request_id = uuid.uuid4()
    first = tracking.stub.CreateExperiment(request_for(tracking, str(request_id)))
    assert tracking.stub.CreateExperiment(request_for(tracking, str(request_id).upper())) == first
    assert tracking.stub.CreateExperiment(request_for(tracking, request_id.hex)) == first


def test_create_experiment_repeated_at_the_same_time_creates_once(tracking: Tracking) -> None:
    request = request_for(tracking, str(uuid.uuid4()))
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(tracking.stub.CreateExperiment, [request] * 16))
    assert all(answer == answers[0] for answer in answers)
    assert search_experiments(tracking) == ["taxi", "Default"]


def test_a_request_id_with_another_body_is_refused(tracking: Tracking) -> None:
    request_id = str(uuid.uuid4())
    tracking.stub.CreateExperiment(request_for(tracking, request_id))
    failure = error_of(lambda: tracking.stub.CreateExperiment(request_for(tracking, request_id, "bus")))
    assert failure.code == grpc.StatusCode.INVALID_ARGUMENT
    assert failure.reason == "REQUEST_ID_REUSED"
    assert failure.metadata["requestId"] == request_id
    assert search_experiments(tracking) == ["taxi", "Default"]


def test_a_refused_creation_does_not_use_up_its_request_id(tracking: Tracking) -> None:
    request_id = str(uuid.uuid4())
    create_experiment(tracking, "taxi")
    failure = error_of(lambda: tracking.stub.CreateExperiment(request_for(tracking, request_id, "taxi")))
    assert failure.reason == "EXPERIMENT_NAME_TAKEN"
    assert tracking.stub.CreateExperiment(request_for(tracking, request_id, "bus")).display_name == "bus"


def test_without_a_request_id_a_repeated_creation_finds_its_name_taken(tracking: Tracking) -> None:
    tracking.stub.CreateExperiment(request_for(tracking, ""))
    failure = error_of(lambda: tracking.stub.CreateExperiment(request_for(tracking, "")))
    assert failure.reason == "EXPERIMENT_NAME_TAKEN"


@pytest.mark.parametrize("request_id", ["1", "taxi", "0" * 31, "g" * 32, "0" * 33], ids=repr)
def test_a_request_id_that_is_no_uuid_is_refused(tracking: Tracking, request_id: str) -> None:
    failure = error_of(lambda: tracking.stub.CreateExperiment(request_for(tracking, request_id)))
    assert failure.reason == "FIELD_INVALID"
    assert failure.fields == ("request_id",)
    assert search_experiments(tracking) == ["Default"]


class Clock:
    """Milliseconds since the Unix epoch, as the test says."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def experiments(database_url: str, clock: Clock) -> Iterator[SqlExperiments]:
    migrate(database_url)
    database = open_database(database_url)
    yield SqlExperiments(database, clock)
    database.close()


def test_a_request_id_is_remembered_for_a_day(experiments: SqlExperiments, clock: Clock) -> None:
    first_request, second_request = RepeatableRequest(str(uuid.uuid4()), "a"), RepeatableRequest(str(uuid.uuid4()), "b")
    first = experiments.create("default", NewExperiment("first", "", "", {}), first_request)

    clock.now += 23 * HOUR_MILLIS
    second = experiments.create("default", NewExperiment("second", "", "", {}), second_request)
    assert experiments.create("default", NewExperiment("first", "", "", {}), first_request) == first

    clock.now += HOUR_MILLIS + 1
    forgotten = experiments.create("default", NewExperiment("third", "", "", {}), first_request)
    assert forgotten.experiment_id not in (first.experiment_id, second.experiment_id)
    assert experiments.create("default", NewExperiment("second", "", "", {}), second_request) == second


def test_a_request_id_may_have_another_body_after_a_day(experiments: SqlExperiments, clock: Clock) -> None:
    request_id = str(uuid.uuid4())
    experiments.create("default", NewExperiment("first", "", "", {}), RepeatableRequest(request_id, "a"))
    another = RepeatableRequest(request_id, "b")
    with pytest.raises(CallerError) as raised:
        experiments.create("default", NewExperiment("second", "", "", {}), another)
    assert raised.value.reason == "REQUEST_ID_REUSED"
    clock.now += 24 * HOUR_MILLIS + 1
    assert experiments.create("default", NewExperiment("second", "", "", {}), another).display_name == "second"


def test_create_run_repeated_returns_the_run_as_it_is_by_now(tracking: Tracking) -> None:
    request = pb.CreateRunRequest(
        parent=tracking.parent, run_id="a", run=run_pb2.Run(display_name="first", params={"x": "1", "y": "2"})
    )
    created = tracking.stub.CreateRun(request)
    assert tracking.stub.CreateRun(request) == created
    tracking.stub.UpdateRun(
        pb.UpdateRunRequest(
            run=run_pb2.Run(name=created.name, display_name="later"), update_mask=FieldMask(paths=["display_name"])
        )
    )
    log(tracking, created.name, loss=1.0)
    now = get_run(tracking, created.name)
    assert now.display_name == "later"
    assert tracking.stub.CreateRun(request) == now
    assert search_runs(tracking) == ["a"]


def test_create_run_repeated_at_the_same_time_creates_once(tracking: Tracking) -> None:
    request = pb.CreateRunRequest(
        parent=tracking.parent, run_id="a", experiment_display_name="taxi", create_experiment=True
    )
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(tracking.stub.CreateRun, [request] * 16))
    assert all(answer == answers[0] for answer in answers)
    assert search_experiments(tracking) == ["taxi", "Default"]
    assert search_runs(tracking) == ["a"]


@pytest.mark.parametrize(
    "another",
    [
        pytest.param(pb.CreateRunRequest(), id="no-run"),
        pytest.param(pb.CreateRunRequest(run=run_pb2.Run(display_name="second")), id="display-name"),
        pytest.param(pb.CreateRunRequest(run=run_pb2.Run(display_name="first", params={"x": "2"})), id="param"),
        pytest.param(pb.CreateRunRequest(run=run_pb2.Run(display_name="first", tags={"x": "1"})), id="tag"),
        pytest.param(
            pb.CreateRunRequest(run=run_pb2.Run(display_name="first"), experiment_display_name="Default"),
            id="experiment",
        ),
    ],
)
def test_create_run_of_a_known_id_with_another_body_is_refused(
    tracking: Tracking, another: pb.CreateRunRequest
) -> None:
    created = create_run(tracking, "a", display_name="first")
    another.parent, another.run_id = tracking.parent, "a"
    failure = error_of(lambda: tracking.stub.CreateRun(another))
    assert failure.code == grpc.StatusCode.ALREADY_EXISTS
    assert failure.reason == "RUN_ID_TAKEN"
    assert failure.metadata == {"name": created.name}
    assert get_run(tracking, created.name) == created


def test_create_run_repeated_returns_a_run_that_was_deleted_meanwhile(tracking: Tracking) -> None:
    experiment = create_experiment(tracking)
    request = pb.CreateRunRequest(parent=tracking.parent, run_id="a", run=run_pb2.Run(experiment=experiment.name))
    created = tracking.stub.CreateRun(request)
    deleted = tracking.stub.DeleteRun(pb.DeleteRunRequest(name=created.name))
    assert tracking.stub.CreateRun(request) == deleted
    tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=experiment.name))
    assert tracking.stub.CreateRun(request) == deleted
