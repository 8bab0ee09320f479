"""What a workspace may use at most of tracking servers: runs, and points and calls a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from trivet_proto.common.v1 import system_service_pb2
from trivet_proto.common.v1.system_service_pb2_grpc import SystemServiceStub
from trivet_proto.tracking.v1 import purge_pb2, rewrite_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import CallFailure, error_of, outcome
from trivet_testing.limited_server import start_limited, write_quotas
from trivet_testing.records import create_run, get_run, read_history, search_runs, write
from trivet_testing.servers import ServerProcess
from trivet_testing.tracking import Tracking, migrate
from trivet_testing.waiting import wait_until

MAX_RUNS = 10
MAX_POINTS = 2000
OF_RUNS, RAISED = "test-1", "test-2"
OF_POINTS, OF_WRITERS, OF_STREAMS = "test-3", "test-4", "test-5"
OF_CALLS = "test-6"
UNLIMITED = "test-7"
QUOTAS = {
    **{team: {"runs": MAX_RUNS} for team in (OF_RUNS, RAISED)},
    **{team: {"points_per_second": MAX_POINTS} for team in (OF_POINTS, OF_WRITERS, OF_STREAMS)},
    OF_CALLS: {"requests_per_second": 5},
}
"""Each test has a workspace of its own, so that they can share a server."""


@dataclass(frozen=True)
class Team:
    """A server as a team sees it."""

    tracking: Tracking
    system: SystemServiceStub

    def uses(self) -> dict[str, tuple[int, int | None]]:
        """What is used and may be, of each quota."""
        request = system_service_pb2.GetWorkspaceUsageRequest(workspace=self.tracking.parent)
        quotas = self.system.GetWorkspaceUsage(request, timeout=30).quotas
        return {each.quota: (each.used, each.limit if each.HasField("limit") else None) for each in quotas}


@contextmanager
def seen_by(server: ServerProcess, workspace: str) -> Iterator[Team]:
    with grpc.insecure_channel(server.address) as channel:
        yield Team(Tracking(TrackingServiceStub(channel), workspace), SystemServiceStub(channel))


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    write_quotas(path, QUOTAS)
    return path


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, policy: Path
) -> Iterator[ServerProcess]:
    """A server on a database that no other one has."""
    database_url = (
        f"sqlite:///{tmp_path_factory.mktemp('limited') / 'tracking.db'}"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_server").create_database()
    )
    migrate(database_url)
    with start_limited("tracking", database_url, policy) as server:
        yield server
        assert "Traceback" not in server.stderr


def points(count: int, first_step: int = 0) -> MetricColumns:
    steps = range(first_step, first_step + count)
    return MetricColumns(keys=["loss"], counts=[count], steps=steps, times_millis=[1], values=[0.5] * count)


def written(team: Tracking, run: str, count: int, first_step: int) -> None:
    """Writes points, as often as it takes: again when it is told to."""
    request = pb.WriteRunRequest(run=run, metrics=points(count, first_step))
    while isinstance(failure := outcome(lambda: team.stub.WriteRun(request, timeout=30)), CallFailure):
        assert failure.reason == "QUOTA_EXCEEDED"
        assert failure.retry_seconds is not None
        time.sleep(failure.retry_seconds)  # as a client does


def test_no_more_runs_are_kept_than_the_quota_however_many_are_created_at_once(server: ServerProcess) -> None:
    with seen_by(server, OF_RUNS) as team:
        tracking = team.tracking
        answers: list[object] = []

        def create(number: int) -> object:
            return outcome(lambda: create_run(tracking, f"run-{number}"))

        def fill_up() -> bool:
            # A run that is being created may be counted twice for a moment: then others are refused early.
            with ThreadPoolExecutor(8) as threads:
                answers.extend(threads.map(create, range(len(answers), len(answers) + 4 * MAX_RUNS)))
            return len(search_runs(tracking)) == MAX_RUNS

        wait_until(fill_up)
        refused = [answer for answer in answers if isinstance(answer, CallFailure)]
        assert len(answers) - len(refused) == MAX_RUNS
        assert {failure.code for failure in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert refused[0].reason == "QUOTA_EXCEEDED"
        assert refused[0].metadata == {"workspace": OF_RUNS, "quota": "runs", "limit": str(MAX_RUNS)}
        assert refused[0].retry_seconds is None
        assert team.uses()["runs"] == (MAX_RUNS, MAX_RUNS)

        # Who did not hear the answer asks again, and is not told that there is no room.
        kept = [place for place, answer in enumerate(answers) if not isinstance(answer, CallFailure)]
        assert create_run(tracking, f"run-{kept[0]}") == answers[kept[0]]
        of_run = tracking.run_name(f"run-{kept[0]}")
        fork = rewrite_pb2.ForkRunRequest(name=of_run, step=1, run_id="a-fork")
        assert error_of(lambda: tracking.stub.ForkRun(fork, timeout=30)).reason == "QUOTA_EXCEEDED"
        elsewhere = replace(tracking, workspace=UNLIMITED)
        for number in range(2 * MAX_RUNS):
            create_run(elsewhere, f"run-{number}")

        # A deleted run counts until it is purged.
        tracking.stub.DeleteRun(pb.DeleteRunRequest(name=of_run), timeout=30)
        assert team.uses()["runs"] == (MAX_RUNS, MAX_RUNS)
        assert error_of(lambda: create_run(tracking, "another")).reason == "QUOTA_EXCEEDED"
        purge = purge_pb2.PurgeRunsRequest(parent=tracking.parent, older_than=Duration())
        tracking.stub.PurgeRuns(purge, timeout=30)
        wait_until(lambda: not isinstance(outcome(lambda: create_run(tracking, "another")), CallFailure))


def test_points_over_the_quota_are_refused_until_their_turn(server: ServerProcess) -> None:
    with seen_by(server, OF_POINTS) as team:
        tracking = team.tracking
        run = create_run(tracking).name
        write(tracking, run, metrics=points(10 * MAX_POINTS))
        failure = error_of(lambda: write(tracking, run, metrics=points(1, 10**6)))
        assert failure.code == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert failure.reason == "QUOTA_EXCEEDED"
        assert failure.metadata == {"workspace": OF_POINTS, "quota": "points_per_second", "limit": str(MAX_POINTS)}
        assert failure.retry_seconds is not None
        assert 0 < failure.retry_seconds < 10
        # What has no points is not held up, and other teams are not either.
        write(tracking, run, tags=[pb.Tag(key="k", value="v")])
        assert dict(get_run(tracking, run).tags) == {"k": "v"}
        elsewhere = replace(tracking, workspace=UNLIMITED)
        there = create_run(elsewhere).name
        for number in range(3):
            write(elsewhere, there, metrics=points(2 * MAX_POINTS, number * 2 * MAX_POINTS))
        wait_until(lambda: team.uses()["points_per_second"][0] > 0)


def test_writers_that_come_when_they_are_told_to_lose_nothing_and_keep_to_the_rate(server: ServerProcess) -> None:
    with seen_by(server, OF_WRITERS) as team:
        tracking = team.tracking
        run = create_run(tracking).name
        count, of_each = 24, MAX_POINTS // 4
        began = time.monotonic()
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda number: written(tracking, run, of_each, number * of_each), range(count)))
        seconds = time.monotonic() - began
        assert [step for step, _, _ in read_history(tracking, run, "loss")] == list(range(count * of_each))
        assert count * of_each <= MAX_POINTS * (seconds + 1) + of_each


def test_a_stream_is_held_back_and_loses_nothing(server: ServerProcess) -> None:
    with seen_by(server, OF_STREAMS) as team:
        tracking = team.tracking
        run = create_run(tracking).name
        count, of_each = 8, MAX_POINTS // 2
        messages = [
            pb.StreamWritesRequest(
                write=pb.WriteRunRequest(
                    run=run, writer_id=1, sequence=number + 1, metrics=points(of_each, number * of_each)
                )
            )
            for number in range(count)
        ]
        began = time.monotonic()
        answers = list(tracking.stub.StreamWrites(iter(messages), timeout=60))
        seconds = time.monotonic() - began
        assert answers[-1].acknowledged_count == count
        assert len(read_history(tracking, run, "loss")) == count * of_each
        assert count * of_each <= MAX_POINTS * (seconds + 1) + of_each


def test_calls_over_the_quota_are_refused_before_they_are_done(server: ServerProcess) -> None:
    with seen_by(server, OF_CALLS) as team:
        tracking = team.tracking
        answers = [outcome(lambda: create_run(tracking)) for _ in range(100)]
        refused = [answer for answer in answers if isinstance(answer, CallFailure)]
        assert refused
        assert refused[0].metadata == {"workspace": OF_CALLS, "quota": "requests_per_second", "limit": "5"}
        assert refused[0].retry_seconds is not None
        found: list[str] = []

        def sees_all() -> bool:
            answer = outcome(lambda: search_runs(tracking))
            if isinstance(answer, CallFailure):
                return False
            found.extend(answer)  # type: ignore[arg-type] # the names of runs
            return True

        wait_until(sees_all)
        assert len(found) == len(answers) - len(refused)


def test_a_quota_that_is_raised_holds_at_once(server: ServerProcess, policy: Path) -> None:
    with seen_by(server, RAISED) as team, ExitStack() as stack:
        stack.callback(write_quotas, policy, QUOTAS)
        for number in range(MAX_RUNS):
            create_run(team.tracking, f"run-{number}")
        assert error_of(lambda: create_run(team.tracking, "another")).reason == "QUOTA_EXCEEDED"
        write_quotas(policy, {**QUOTAS, RAISED: {"runs": MAX_RUNS + 1}})
        wait_until(lambda: not isinstance(outcome(lambda: create_run(team.tracking, "another")), CallFailure))
        assert error_of(lambda: create_run(team.tracking, "one-more")).metadata["limit"] == str(MAX_RUNS + 1)
        assert team.uses()["points_per_second"][1] is None


@contextmanager
def flooding(teams: list[Team], runs: list[str]) -> Iterator[None]:
    """Writers that write all the time at each of these servers, as they are told to."""
    ended = threading.Event()

    def flood(team: Team, run: str, number: int) -> None:
        step = number * 10**9
        while not ended.is_set():
            answer = outcome(partial(write, team.tracking, run, metrics=points(MAX_POINTS // 20, step)))
            if isinstance(answer, CallFailure):
                ended.wait(answer.retry_seconds or 0)
            else:
                step += MAX_POINTS // 20

    with ThreadPoolExecutor(4 * len(teams)) as threads:
        jobs = [
            threads.submit(flood, team, run, number)
            for team, run in zip(teams, runs, strict=True)
            for number in range(4)
        ]
        try:
            yield
        finally:
            ended.set()
    for job in jobs:
        job.result()


def test_two_replicas_together_give_what_one_may(postgres_url: str, policy: Path) -> None:
    migrate(postgres_url)
    with ExitStack() as stack:
        servers = [stack.enter_context(start_limited("tracking", postgres_url, policy)) for _ in range(2)]
        teams = [stack.enter_context(seen_by(server, OF_POINTS)) for server in servers]
        runs = [create_run(team.tracking).name for team in teams]

        def used() -> list[int]:
            return [team.uses()["points_per_second"][0] for team in teams]

        with flooding(teams, runs):
            wait_until(holds(lambda: all(it > MAX_POINTS / 4 for it in used()) and sum(used()) < 1.3 * MAX_POINTS))
        # One that is asked for nothing leaves all to the other.
        with flooding(teams[:1], runs[:1]):
            wait_until(lambda: used()[0] > 0.8 * MAX_POINTS)
        for server in servers:
            assert "Traceback" not in server.stderr


def holds(condition: Callable[[], bool], times: int = 5) -> Callable[[], bool]:
    """Whether a condition has held so many times in a row."""
    row: list[bool] = []

    def look() -> bool:
        row.append(condition())
        return len(row) >= times and all(row[-times:])

    return look
