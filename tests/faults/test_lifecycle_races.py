"""Runs rewound, forked, cleared and purged while two replicas write to them, and a server killed at a purge."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf.duration_pb2 import Duration

from trivet_kit.db import Database
from trivet_proto.tracking.v1 import run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.purge_pb2 import PurgeExperimentsRequest, PurgeRunsRequest, PurgeRunsResponse
from trivet_proto.tracking.v1.rewrite_pb2 import DeleteMetricsRequest, ForkRunRequest, RewindRunRequest
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import CallFailure
from trivet_testing.postgres import PostgresServer
from trivet_testing.records import (
    create_experiment,
    create_run,
    get_run,
    id_of,
    list_metrics,
    metric,
    read_history,
    write,
)
from trivet_testing.servers import ServerProcess
from trivet_testing.tracking import Tracking, full, migrate, start_server
from trivet_testing.tracking_model import outcome
from trivet_testing.workspaces import unused_workspace
from trivet_tracking.server import open_database
from trivet_tracking.store import tables

DEADLINE_SECONDS = 60
WRITERS = 4
# Folders work all the time, in the midst of what is changed.
FOLD_AFTER = {"TRIVET_FOLD_AFTER_SECONDS": "0.05"}


@dataclass(frozen=True)
class Replicas:
    """Two servers on one database, in one workspace."""

    both: tuple[Tracking, Tracking]
    database_url: str


@pytest.fixture(scope="module")
def servers(postgres_server: PostgresServer) -> Iterator[tuple[ServerProcess, ServerProcess, str]]:
    url = postgres_server.create_database()
    migrate(url)
    with start_server(url, **FOLD_AFTER) as first, start_server(url, **FOLD_AFTER) as second:
        yield first, second, url
    postgres_server.drop_database(url)


@pytest.fixture
def replicas(servers: tuple[ServerProcess, ServerProcess, str]) -> Iterator[Replicas]:
    """The two servers in a workspace of the test's own; none of them may have had a fault of its own in the test."""
    first, second, url = servers
    workspace = unused_workspace()
    with ExitStack() as stack:
        stubs = [
            TrackingServiceStub(stack.enter_context(grpc.insecure_channel(server.address)))
            for server in (first, second)
        ]
        yield Replicas((Tracking(stubs[0], workspace), Tracking(stubs[1], workspace)), url)
    for server in (first, second):
        assert server.exit_code is None
        assert "Traceback" not in server.stderr


@dataclass
class Changes:
    """How many changes of a run have begun, and ended."""

    begun: int = 0
    ended: int = 0


@dataclass
class Sent:
    """A point that was acknowledged, of a step that no other point has."""

    step: int
    ended_before: int
    """How many changes had ended when it was sent."""
    begun_after: int
    """How many had begun when it was acknowledged."""


@dataclass
class Load:
    """Writers to one run, each to a replica, with a writer id or without, until they are told to stop."""

    run: str
    replicas: Replicas
    changes: Changes = field(default_factory=Changes)
    sent: list[Sent] = field(default_factory=list)
    failures: list[CallFailure] = field(default_factory=list)
    acknowledged: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    stopped: threading.Event = field(default_factory=threading.Event)
    writers: list[Future[None]] = field(default_factory=list)

    def stop(self) -> None:
        """Lets all writers end what they are at."""
        self.stopped.set()
        for writer in self.writers:
            writer.result(DEADLINE_SECONDS)

    def write(self, number: int) -> None:
        """One writer; it becomes another one when it was ended, and stops when the run is gone."""
        replica, generation, sequence, step = self.replicas.both[number % 2], 0, 0, number
        while not self.stopped.is_set():
            writer_id = 0 if number == 0 else 1000 * number + generation
            request = pb.WriteRunRequest(
                run=self.run,
                writer_id=writer_id,
                sequence=sequence + 1 if writer_id else 0,
                metrics=metric("loss", (step, 1, float(step))),
                params=[pb.Param(key=f"{number}, {step}", value="1")],
                tags=[pb.Tag(key="last", value=f"{step}")],
            )
            ended = self.changes.ended
            answer = outcome(lambda request=request: replica.stub.WriteRun(request, timeout=DEADLINE_SECONDS))  # type: ignore[misc]
            if not isinstance(answer, CallFailure):
                assert not answer.resend
                self.sent.append(Sent(step, ended, self.changes.begun))
                sequence, step = sequence + 1, step + WRITERS
                self.acknowledged.release()
            elif answer.reason == "WRITER_ENDED":
                generation, sequence = generation + 1, 0
            else:
                self.failures.append(answer)
                return

    def change(self, make: Callable[[], object]) -> None:
        """Lets the writers write some, then makes a change of the run."""
        for _ in range(full(20, 60)):
            assert self.acknowledged.acquire(timeout=DEADLINE_SECONDS)
        self.changes.begun += 1
        make()
        self.changes.ended += 1


@pytest.fixture
def load(replicas: Replicas) -> Iterator[Load]:
    load = Load(create_run(replicas.both[0]).name, replicas)
    with ThreadPoolExecutor(WRITERS) as pool:
        load.writers += [pool.submit(load.write, number) for number in range(WRITERS)]
        yield load
        load.stop()


def read_steps(tracking: Tracking, run: str) -> list[int]:
    """The steps of the run's metric; checks that its current value is what its points say."""
    points = read_history(tracking, run, "loss")
    steps = [step for step, _, _ in points]
    assert steps == sorted(set(steps))
    found = list_metrics(tracking, run)
    if points:
        (current,) = found
        assert (current.step, current.value, current.point_count) == (steps[-1], points[-1][2], len(points))
        assert (current.min, current.max) == (points[0][2], points[-1][2])
    else:
        assert found == []
    return steps


def assert_changed(load: Load, kept_up_to: int) -> None:
    """What was sent after the last change is there; what was acknowledged before it is gone, but for early steps."""
    load.stop()
    assert load.failures == []
    for replica in load.replicas.both:
        steps = set(read_steps(replica, load.run))
        assert steps <= {sent.step for sent in load.sent}
        for sent in load.sent:
            if sent.step <= kept_up_to or sent.ended_before == load.changes.ended:
                assert sent.step in steps
            elif sent.begun_after < load.changes.begun:
                assert sent.step not in steps


@pytest.mark.parametrize("at", [0, 1], ids=["first-replica", "second-replica"])
def test_a_run_is_rewound_while_it_is_written(load: Load, at: int) -> None:
    stub = load.replicas.both[at].stub
    step = 10
    for _ in range(full(6, 100)):
        load.change(lambda: stub.RewindRun(RewindRunRequest(name=load.run, step=step), timeout=DEADLINE_SECONDS))
    assert_changed(load, kept_up_to=step)


def test_series_are_deleted_while_they_are_written(load: Load) -> None:
    stub = load.replicas.both[1].stub
    request = DeleteMetricsRequest(run=load.run, keys=["loss"])
    for _ in range(full(6, 100)):
        load.change(lambda: stub.DeleteMetrics(request, timeout=DEADLINE_SECONDS))
    assert_changed(load, kept_up_to=-1)


def test_a_fork_is_what_the_run_was_at_one_moment(load: Load) -> None:
    """Of each writer it has all points up to one, and every point that was acknowledged before."""
    stub = load.replicas.both[1].stub
    forks: list[tuple[run_pb2.Run, set[int]]] = []

    def fork() -> None:
        before = {sent.step for sent in load.sent}
        request = ForkRunRequest(name=load.run, step=2**62)
        forks.append((stub.ForkRun(request, timeout=DEADLINE_SECONDS), before))

    for _ in range(full(6, 100)):
        load.change(fork)
    load.stop()
    for forked, before in forks:
        steps = set(read_steps(load.replicas.both[0], forked.name))
        assert before <= steps
        for number in range(WRITERS):
            of_writer = sorted(step for step in steps if step % WRITERS == number)
            assert of_writer == list(range(number, number + WRITERS * len(of_writer), WRITERS))
        # Params and points are of the same moment.
        assert len(forked.params) == len(steps)


def test_a_fork_that_comes_to_both_replicas_is_created_once(replicas: Replicas) -> None:
    source = create_run(replicas.both[0])
    write(replicas.both[0], source.name, metrics=metric("loss", *((step, 1, 1.0) for step in range(5000))))
    with ThreadPoolExecutor(8) as pool:
        for number in range(full(5, 50)):
            request = ForkRunRequest(name=source.name, step=4000, run_id=f"fork-{number}")
            start = threading.Barrier(8)

            def make(
                stub: TrackingServiceStub, request: ForkRunRequest = request, start: threading.Barrier = start
            ) -> str:
                start.wait(DEADLINE_SECONDS)
                return stub.ForkRun(request, timeout=DEADLINE_SECONDS).SerializeToString(deterministic=True).hex()

            made = [pool.submit(make, replicas.both[which % 2].stub) for which in range(8)]
            assert len({each.result(DEADLINE_SECONDS) for each in made}) == 1
            assert len(read_history(replicas.both[1], replicas.both[1].run_name(f"fork-{number}"), "loss")) == 4001


def test_a_run_is_purged_while_it_is_written(load: Load) -> None:
    replica = load.replicas.both[1]
    with closing(open_database(load.replicas.database_url)) as database:
        with database.transaction("read") as connection:
            run_pk = connection.execute(
                sa.select(tables.run.c.run_pk).where(
                    tables.run.c.workspace == replica.workspace, tables.run.c.run_id == id_of(load.run)
                )
            ).scalar_one()

        def purge() -> None:
            replica.stub.DeleteRun(pb.DeleteRunRequest(name=load.run), timeout=DEADLINE_SECONDS)
            request = PurgeRunsRequest(parent=replica.parent, older_than=Duration())
            (purged,) = replica.stub.PurgeRuns(request, timeout=DEADLINE_SECONDS).runs
            assert purged.name == load.run

        load.change(purge)
        for writer in load.writers:
            writer.result(DEADLINE_SECONDS)
        assert {failure.reason for failure in load.failures} <= {"RUN_DELETED", "RUN_NOT_FOUND"}
        with database.transaction("read") as connection:
            left = {
                table.name: connection.execute(
                    sa.select(sa.func.count()).select_from(table).where(table.c.run_pk == run_pk)
                ).scalar_one()
                for table in tables.metadata.sorted_tables
                if "run_pk" in table.c
            }
        assert set(left.values()) == {0}, left


def test_two_replicas_purge_the_same_runs(replicas: Replicas) -> None:
    first, second = replicas.both
    experiment = create_experiment(first)
    for _ in range(10):
        run = create_run(first, experiment=experiment.name)
        write(first, run.name, metrics=metric("loss", *((step, 1, 1.0) for step in range(1000))))
    first.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=experiment.name))
    with ThreadPoolExecutor(2) as pool:
        purged = [pool.submit(_purge, tracking) for tracking in (first, second)]
        names = [run.name for each in purged for run in each.result(DEADLINE_SECONDS).runs]
    # Each is told of by whoever removed it.
    assert len(names) == len(set(names)) == 10


def test_a_server_killed_at_a_purge_leaves_runs_whole_or_gone(database_url: str) -> None:
    migrate(database_url)
    kills = full(3, 30)
    with closing(open_database(database_url)) as database:
        server = start_server(database_url, **FOLD_AFTER)
        try:
            tracking = _tracking_on(server)
            experiment = create_experiment(tracking)
            points = [(step, 1, float(step)) for step in range(20_000)]
            names = []
            for number in range(4 * kills):
                run = create_run(tracking, experiment=experiment.name if number % 2 else "")
                write(tracking, run.name, metrics=metric("loss", *points))
                write(tracking, run.name, metrics=metric("loss", (-1, 1, 0.0)))
                if not number % 2:
                    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=run.name))
                names.append(run.name)
            tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=experiment.name))
            interrupted = 0
            with ThreadPoolExecutor(1) as pool:
                for kill in range(kills):
                    purging = pool.submit(_purge, tracking)
                    while _rows(database, tables.run) > len(names) - 2 * (kill + 1) and not purging.done():
                        pass
                    server.kill()
                    interrupted += isinstance(purging.exception(DEADLINE_SECONDS), grpc.RpcError)
                    server = start_server(database_url, **FOLD_AFTER)
                    tracking = _tracking_on(server)
                    for name in names:
                        _assert_whole_or_gone(tracking, name, len(points) + 1)
            assert interrupted
            assert not _purge(tracking).next_page_token
        finally:
            server.kill()
        # Watchers' positions in time are nobody's.
        kept = [table for table in tables.metadata.sorted_tables if table is not tables.change_horizon]
        left = {table.name: _rows(database, table) for table in kept}
    # The experiment `Default` stays.
    assert {name: count for name, count in left.items() if count} == {"workspace": 1, "experiment": 1}


def _purge(tracking: Tracking) -> PurgeRunsResponse:
    age = Duration()
    tracking.stub.PurgeExperiments(PurgeExperimentsRequest(parent=tracking.parent, older_than=age))
    return tracking.stub.PurgeRuns(PurgeRunsRequest(parent=tracking.parent, older_than=age))


def _assert_whole_or_gone(tracking: Tracking, name: str, points: int) -> None:
    found = outcome(lambda: get_run(tracking, name))
    if isinstance(found, CallFailure):
        assert found.reason == "RUN_NOT_FOUND"
    else:
        assert len(read_history(tracking, name, "loss")) == points
        assert [current.key for current in found.metrics] == ["loss"]


def _tracking_on(server: ServerProcess) -> Tracking:
    # Each server gets connections of its own: what the last one left behind is of no interest here.
    channel = grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)])
    return Tracking(TrackingServiceStub(channel), "default")


def _rows(database: Database, table: sa.Table) -> int:
    with database.transaction("read") as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
