"""Watchers of two replicas on one PostgreSQL: no change is missed, whoever commits when; and many of them at once."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import grpc
import psycopg2
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from trivet_proto.tracking.v1 import run_pb2, watch_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.idle_clients import idle_clients
from trivet_testing.postgres import PostgresServer
from trivet_testing.records import create_run, get_run, list_metrics, log, metric, write
from trivet_testing.servers import ServerProcess
from trivet_testing.tracking import Tracking, full, migrate, start_server
from trivet_testing.watcher import PATIENCE_SECONDS, Watcher
from trivet_testing.workspaces import WORKSPACES, unused_workspace

if TYPE_CHECKING:
    from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceAsyncStub  # of the types alone

IDLE_CLIENTS = 2000
WATCHERS = 200
# Above what the service has without them; most of it is what gRPC keeps for connections.
MOST_BYTES_MORE = 200 * 2**20


@dataclass(frozen=True)
class Replicas:
    """Two servers on one database, in a workspace of the test's own."""

    first: Tracking
    second: Tracking
    servers: tuple[ServerProcess, ServerProcess]
    database_url: str

    @property
    def both(self) -> tuple[Tracking, Tracking]:
        return self.first, self.second


@pytest.fixture(scope="module")
def servers(postgres_server: PostgresServer) -> Iterator[tuple[ServerProcess, ServerProcess, str]]:
    url = postgres_server.create_database()
    migrate(url)
    # Changes are dropped as soon as may be, in the midst of it all.
    settings = {"TRIVET_FOLD_AFTER_SECONDS": "0.1", "TRIVET_KEEP_CHANGES_SECONDS": "10"}
    with start_server(url, **settings) as first, start_server(url, **settings) as second:
        yield first, second, url
    postgres_server.drop_database(url)


@pytest.fixture
def replicas(servers: tuple[ServerProcess, ServerProcess, str]) -> Iterator[Replicas]:
    first, second, url = servers
    workspace = unused_workspace()
    with ExitStack() as stack:
        of_both = [
            Tracking(TrackingServiceStub(stack.enter_context(grpc.insecure_channel(server.address))), workspace)
            for server in (first, second)
        ]
        yield Replicas(of_both[0], of_both[1], (first, second), url)
    for server in (first, second):
        assert server.exit_code is None
        assert "Traceback" not in server.stderr


@contextmanager
def locked_series(replicas: Replicas, run: str) -> Iterator[None]:
    """Holds the current values of a run's metrics, so that a write of it begins and cannot commit."""
    with closing(psycopg2.connect(replicas.database_url)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM trivet_tracking.metric_latest JOIN trivet_tracking.run USING (run_pk) "
                "WHERE workspace = %s AND run_id = %s FOR UPDATE OF metric_latest",
                (replicas.first.workspace, run.rpartition("/")[2]),
            )
            assert cursor.rowcount == 1
        yield


def await_waiting_writer(replicas: Replicas) -> None:
    """Returns when a transaction waits for the lock of another: it has begun, and has recorded its change."""
    began = time.monotonic()
    with closing(psycopg2.connect(replicas.database_url)) as connection, connection.cursor() as cursor:
        while time.monotonic() - began < PATIENCE_SECONDS:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone() != (0,):
                return
    raise AssertionError("no transaction waits")


def test_a_transaction_that_began_earlier_and_commits_later_is_not_missed_and_holds_up_nobody(
    replicas: Replicas,
) -> None:
    slow, quick = (create_run(replicas.first).name for _ in range(2))
    log(replicas.first, slow, a=1.0)
    with Watcher(replicas.first) as here, Watcher(replicas.second) as there, ThreadPoolExecutor(1) as pool:
        before = here.token
        with locked_series(replicas, slow):
            late = pool.submit(write, replicas.first, slow, metrics=metric("a", (1, 1, 2.0)))
            await_waiting_writer(replicas)
            # The other replica's writes begin later and commit first; they are seen at once, also by its own watchers.
            for value in (1.0, 2.0, 3.0):
                write(replicas.second, quick, metrics=metric("b", (int(value), 1, value)))
                for watcher in (here, there):
                    watcher.until(partial(has, watcher, quick, {"b": value}))
            meanwhile = here.token, there.token
            assert not late.done()
        late.result(PATIENCE_SECONDS)
        for watcher in (here, there):
            watcher.until(partial(has, watcher, slow, {"a": 2.0}))
    # Nor does one miss it who was away, wherever it stood.
    for token in (before, *meanwhile):
        with Watcher(replicas.second, token, runs=[slow]) as resumed:
            resumed.until(partial(has, resumed, slow, {"a": 2.0}))


def has(watcher: Watcher, run: str, values: dict[str, float]) -> bool:
    return watcher.values(run) == values


def test_what_changes_at_one_replica_is_seen_at_the_other(replicas: Replicas) -> None:
    with Watcher(replicas.second) as watcher:
        run = create_run(replicas.first).name
        log(replicas.first, run, a=1.0)
        write(replicas.first, run, tags=[pb.Tag(key="t", value="1")])
        watcher.until(lambda: watcher.values(run) == {"a": 1.0} and watcher.runs[run].run.tags == {"t": "1"})
        replicas.first.stub.DeleteRun(pb.DeleteRunRequest(name=run))
        watcher.until(lambda: watcher.is_deleted(run))


def write_at_random(replicas: Replicas, runs: list[str], seed: int, count: int) -> None:
    """Changes runs in all ways, at either replica."""
    chosen = random.Random(seed)
    for number in range(count):
        replica, run = chosen.choice(replicas.both), chosen.choice(runs)
        what = chosen.randrange(6)
        if what < 3:
            points = [(chosen.randrange(50), number, chosen.random()) for _ in range(chosen.randint(1, 3))]
            write(replica, run, metrics=metric(chosen.choice("abc"), *points))
        elif what == 3:
            write(replica, run, tags=[pb.Tag(key=chosen.choice("tu"), value=f"{seed} {number}")])
        elif what == 4:
            write(replica, run, params=[pb.Param(key=f"{seed} {number}", value="1")])
        else:
            mask = FieldMask(paths=["description"])
            changed = run_pb2.Run(name=run, description=f"{seed} {number}")
            replica.stub.UpdateRun(pb.UpdateRunRequest(run=changed, update_mask=mask))


def knows_all(watcher: Watcher, expected: dict[str, tuple[run_pb2.Run, dict[str, float]]]) -> bool:
    return all(
        run in watcher.runs and (without_write_time(watcher.runs[run].run), watcher.values(run)) == state
        for run, state in expected.items()
    )


def without_write_time(run: run_pb2.Run) -> run_pb2.Run:
    """Where only metrics changed, nothing else of the run is told."""
    copy = run_pb2.Run()
    copy.CopyFrom(run)
    copy.ClearField("last_write_time")
    return copy


def test_watchers_that_come_and_go_know_in_the_end_what_two_replicas_were_told_at_once(replicas: Replicas) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - to run it again
    chosen = random.Random(seed)
    with ThreadPoolExecutor(6) as pool, Watcher(replicas.first) as first:
        watchers = [first, *(Watcher(chosen.choice(replicas.both)) for _ in range(3))]
        runs = [create_run(replicas.first).name for _ in range(5)]
        writing = [pool.submit(write_at_random, replicas, runs, seed + writer, full(60, 1000)) for writer in range(6)]
        while not all(each.done() for each in writing):
            for place, watcher in enumerate(watchers):
                watcher.until(lambda watcher=watcher: len(watcher.messages) > 1)  # type: ignore[misc] # mypy and defaults of lambdas
                watcher.close()
                watchers[place] = watcher.resumed(chosen.choice(replicas.both))
        for each in writing:
            each.result()
        expected = {}
        for run in runs:
            state = get_run(replicas.second, run)
            values = {current.key: current.value for current in list_metrics(replicas.second, run)}
            state.ClearField("metrics")
            expected[run] = (without_write_time(state), values)
        for watcher in watchers:
            watcher.until(partial(knows_all, watcher, expected))
            watcher.close()


def test_a_watch_goes_on_when_the_database_was_killed_for_a_moment(own_postgres_server: PostgresServer) -> None:
    url = own_postgres_server.create_database()
    migrate(url)
    with start_server(url) as server, grpc.insecure_channel(server.address) as channel:
        tracking = Tracking(TrackingServiceStub(channel), WORKSPACES[0])
        run = create_run(tracking).name
        with Watcher(tracking) as watcher:
            log(tracking, run, before=1.0)
            own_postgres_server.restart_after_kill()
            with start_server(url) as other, grpc.insecure_channel(other.address) as channel_of_other:
                log(Tracking(TrackingServiceStub(channel_of_other), WORKSPACES[0]), run, after=2.0)
            watcher.until(partial(has, watcher, run, {"before": 1.0, "after": 2.0}))
        assert "Traceback" not in server.stderr
    own_postgres_server.drop_database(url)


def memory_bytes(server: ServerProcess) -> int:
    """The resident memory of a server."""
    return status_of(server, "VmRSS") * 1024


def status_of(server: ServerProcess, name: str) -> int:
    """A number of /proc/PID/status."""
    return int(Path(f"/proc/{server.pid}/status").read_text().split(f"{name}:")[1].split()[0])


def commits(database_url: str) -> int:
    """How many transactions a database has seen."""
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        ((count,),) = cursor.fetchall()
        return int(count)


class Crowd:
    """Many watchers of one workspace, in the event loop of one thread."""

    def __init__(self, tracking: Tracking, address: str, count: int) -> None:
        self._request = watch_pb2.WatchRunsRequest(parent=tracking.parent)
        self._address = address
        self._count = count
        self.heard: list[set[str]] = [set() for _ in range(count)]
        """The keys of metrics that each has heard of."""
        self._changed = threading.Condition()
        self._open = 0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="crowd", daemon=True)

    async def _run(self) -> None:
        self._stopped = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        # Connections of their own, as people's browsers and programs have.
        options = (("grpc.use_local_subchannel_pool", 1),)
        channels = [grpc.aio.insecure_channel(self._address, options) for _ in range(self._count)]
        tasks = [asyncio.create_task(self._watch(place, channel)) for place, channel in enumerate(channels)]
        await self._stopped.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(channel.close() for channel in channels))

    async def _watch(self, place: int, channel: grpc.aio.Channel) -> None:
        stub = cast("TrackingServiceAsyncStub", TrackingServiceStub(channel))
        async for message in stub.WatchRuns(self._request):
            with self._changed:
                self._open += not self.heard[place]
                self.heard[place] |= {"", *(current.key for change in message.runs for current in change.metrics)}
                self._changed.notify_all()

    def until_all(self, key: str) -> None:
        """Waits until all have heard of a metric; of the empty key, until all are there."""
        with self._changed:
            assert self._changed.wait_for(lambda: all(key in heard for heard in self.heard), PATIENCE_SECONDS)

    def __enter__(self) -> Crowd:
        self._thread.start()
        self.until_all("")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(PATIENCE_SECONDS)


def test_thousands_of_idle_clients_and_hundreds_of_watchers_are_held_and_writes_go_on(replicas: Replicas) -> None:
    server, tracking = replicas.servers[0], replicas.first
    run = create_run(tracking).name
    before, threads = memory_bytes(server), status_of(server, "Threads")
    with idle_clients(server.address, IDLE_CLIENTS), Crowd(tracking, server.address, WATCHERS) as crowd:
        # Nobody holds a thread, and one poller reads for all: each for itself would be more than 200 commits a round.
        assert status_of(server, "Threads") - threads < 32
        counted = commits(replicas.database_url)
        for step in range(50):
            write(tracking, run, metrics=metric("a", (step, step, float(step))))
        crowd.until_all("a")
        rounds = "bcdefghijk"
        for key in rounds:
            log(tracking, run, **{key: 1.0})
            crowd.until_all(key)
        assert commits(replicas.database_url) - counted < len(rounds) * WATCHERS
        grown = memory_bytes(server) - before
        print(f"{grown / 2**20:.0f} MiB more with {IDLE_CLIENTS} idle clients and {WATCHERS} watchers")  # noqa: T201 - shown
        assert grown < MOST_BYTES_MORE
    # They leave nothing behind that keeps the service from its work.
    assert write(tracking, run, metrics=metric("z", (1, 1, 1.0))).refused_count == 0
