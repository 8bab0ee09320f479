"""Who began to write to a run last says how it stands: the end of somebody before that may come late."""

from __future__ import annotations

import grpc
import pytest

from trivet_proto.tracking.v1 import run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.rewrite_pb2 import RewindRunRequest
from trivet_testing.errors import error_of
from trivet_testing.records import create_run, get_run, timestamp
from trivet_testing.tracking import Tracking

RUNNING, FINISHED, FAILED = run_pb2.RUN_STATUS_RUNNING, run_pb2.RUN_STATUS_FINISHED, run_pb2.RUN_STATUS_FAILED


def set_status(
    tracking: Tracking,
    name: str,
    status: run_pb2.RunStatus.ValueType,
    *,
    end: int | None = None,
    begun: int | None = None,
) -> run_pb2.Run:
    """Sets the status and the end, as somebody who began at some time, in milliseconds."""
    run = run_pb2.Run(name=name, status=status, end_time=None if end is None else timestamp(end))
    request = pb.UpdateRunRequest(run=run, begun_time=None if begun is None else timestamp(begun))
    request.update_mask.paths[:] = ["status", "end_time"]
    return tracking.stub.UpdateRun(request)


def begun(run: run_pb2.Run) -> int:
    return run.begun_time.ToMilliseconds()


def test_a_run_begins_with_its_start_and_again_with_each_change_to_running(tracking: Tracking) -> None:
    run = create_run(tracking, start_time=timestamp(5_000))
    assert begun(run) == 5_000
    name, before = run.name, begun(run)
    for _ in range(5):  # also within a millisecond
        run = set_status(tracking, name, RUNNING)
        assert begun(run) > before
        before = begun(run)
    assert begun(set_status(tracking, name, FINISHED, end=6_000)) == before
    rewound = tracking.stub.RewindRun(RewindRunRequest(name=name, step=0))
    assert begun(rewound) > before
    assert get_run(tracking, name) == rewound


def test_an_end_that_comes_when_somebody_else_goes_on_changes_nothing(tracking: Tracking) -> None:
    first = create_run(tracking)
    second = set_status(tracking, first.name, RUNNING)
    assert set_status(tracking, first.name, FAILED, end=9_000, begun=begun(first)) == second
    assert get_run(tracking, first.name) == second
    ended = set_status(tracking, first.name, FINISHED, end=8_000, begun=begun(second))
    assert (ended.status, ended.end_time) == (FINISHED, timestamp(8_000))


def test_of_those_who_have_all_ended_the_last_end_counts(tracking: Tracking) -> None:
    first = create_run(tracking)
    second = set_status(tracking, first.name, RUNNING)
    ended = set_status(tracking, first.name, FINISHED, end=8_000, begun=begun(second))
    assert set_status(tracking, first.name, FAILED, end=7_999, begun=begun(first)) == ended
    later = set_status(tracking, first.name, FAILED, end=8_001, begun=begun(first))
    assert (later.status, later.end_time) == (FAILED, timestamp(8_001))


def test_a_beginning_that_no_server_could_be_asked_for_has_the_time_it_says(tracking: Tracking) -> None:
    run = create_run(tracking, start_time=timestamp(5_000))
    offline = set_status(tracking, run.name, RUNNING, begun=6_000)
    assert begun(offline) == 6_000
    # The same again, as after a lost answer.
    assert set_status(tracking, run.name, RUNNING, begun=6_000).status == RUNNING
    ended = set_status(tracking, run.name, FINISHED, end=7_000, begun=6_000)
    # One from before that comes now does not open the run again.
    assert set_status(tracking, run.name, RUNNING, begun=5_500) == ended
    assert set_status(tracking, run.name, FINISHED, end=5_600, begun=5_500) == ended


def test_who_does_not_say_when_he_began_changes_the_run_in_any_case(tracking: Tracking) -> None:
    run = create_run(tracking)
    set_status(tracking, run.name, RUNNING)
    assert set_status(tracking, run.name, FAILED, end=1).status == FAILED


@pytest.mark.parametrize("paths", [["end_time"], ["display_name"]])
def test_a_beginning_without_a_status_is_refused(tracking: Tracking, paths: list[str]) -> None:
    run = create_run(tracking)
    request = pb.UpdateRunRequest(run=run_pb2.Run(name=run.name, display_name="x"), begun_time=timestamp(1))
    request.update_mask.paths[:] = paths
    error = error_of(lambda: tracking.stub.UpdateRun(request))
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert (error.reason, error.fields) == ("FIELD_INVALID", ("begun_time",))


def test_a_beginning_before_the_epoch_is_refused(tracking: Tracking) -> None:
    run = create_run(tracking)
    error = error_of(lambda: set_status(tracking, run.name, FINISHED, begun=-1))
    assert (error.reason, error.fields) == ("FIELD_INVALID", ("begun_time",))
    assert get_run(tracking, run.name) == run
