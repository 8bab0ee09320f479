"""Servers that are killed under load: what was acknowledged is there, and nothing is there twice."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import grpc
import sqlalchemy as sa
from grpc_health.v1 import health_pb2, health_pb2_grpc

from trivet_proto.tracking.v1 import metric_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import CallFailure
from trivet_testing.postgres import PostgresServer
from trivet_testing.postgres_local import LocalCluster
from trivet_testing.servers import ServerProcess
from trivet_testing.tracking import full, migrate, start_server
from trivet_testing.tracking_model import (
    Context,
    RunModel,
    answer_of,
    assert_run_is,
    context_message,
    has_details,
    outcome,
)
from trivet_tracking.server import open_database
from trivet_tracking.store import tables

DEADLINE_SECONDS = 180  # it only bounds a failure
# Folders work all the time, in the midst of what is being written and killed.
FOLD_AFTER_SECONDS = 0.05
WRITERS = 6
ON_THE_WAY = 20
RUNS = ("one", "two")
SERVICE = "trivet.tracking.v1.TrackingService"
PARENT = "workspaces/default"


@dataclass
class Writer:
    """What one writer sends to one run: messages of points, params and tags that nothing else writes."""

    number: int
    random_source: random.Random
    messages: list[pb.WriteRunRequest] = field(default_factory=list)
    """All that were made, in order; the last one may not be acknowledged yet, of a stream the last ones."""
    acknowledged: int = 0
    """The last sequence that was acknowledged."""
    resends: int = 0
    """How many messages turned out to be applied already when they were sent again."""
    failures: list[grpc.RpcError] = field(default_factory=list)

    @property
    def run(self) -> str:
        return f"{PARENT}/runs/{RUNS[self.number % len(RUNS)]}"

    @property
    def streams(self) -> bool:
        """Whether it writes by a stream, with many messages on the way."""
        return self.number % 3 == 0

    def message_after(self, sequence: int) -> pb.WriteRunRequest:
        """One that was made before, or else a new one."""
        if sequence == len(self.messages):
            self.messages.append(self._message(1 + sequence))
        return self.messages[sequence]

    def _message(self, sequence: int) -> pb.WriteRunRequest:
        n_points = self.random_source.randint(1, 12)
        return pb.WriteRunRequest(
            run=self.run,
            writer_id=2**63 + self.number,
            sequence=sequence,
            metrics=metric_pb2.MetricColumns(
                keys=["loss", "acc"],
                counts=[n_points, 1],
                steps=[*range(100 * sequence, 100 * sequence + n_points), sequence],
                times_millis=[sequence],
                values=[float(self.number)] * (n_points + 1),
                contexts=[context_message(Context(rank=self.number))],
                context_index=[1, 0],
            ),
            params=[pb.Param(key=f"{self.number}, {sequence}", value=f"{sequence}")],
            tags=[pb.Tag(key=f"{self.number}, {sequence % 3}", value=f"{sequence}")],
            deleted_tags=[f"{self.number}, {(sequence + 1) % 3}"],
            atomic=sequence % 2 == 0,
        )


class Load:
    """Writers in threads of their own, that write while the gate is open and stand still after a failure.

    A writer that failed waits until the gate is opened anew, then sends again what was not acknowledged.
    """

    def __init__(self, seed: int) -> None:
        self.writers = [Writer(number, random.Random(seed + number)) for number in range(WRITERS)]
        self.acknowledgements = 0
        self._changed = threading.Condition()
        self._stub: TrackingServiceStub | None = None
        self._opened = 0
        self._standing = 0
        self._ending = False
        self._pool = ThreadPoolExecutor(WRITERS)
        self._threads: list[Future[None]] = [self._pool.submit(self._write, writer) for writer in self.writers]

    def open(self, stub: TrackingServiceStub) -> None:
        """Lets all writers write to a server; each of them has failed before, or not begun."""
        with self._changed:
            self._stub = stub
            self._opened += 1
            self._standing = 0
            self._changed.notify_all()

    def wait_for_acknowledgements(self, more: int) -> None:
        """Returns once so many more messages were acknowledged, and each writer has had one."""
        wanted = self.acknowledgements + more
        self._wait(
            lambda: self.acknowledgements >= wanted and all(writer.acknowledged for writer in self.writers),
            f"{more} more acknowledgements",
        )

    def wait_until_all_failed(self) -> list[grpc.RpcError]:
        """Returns the last error of each writer, once all stand still."""
        self._wait(lambda: self._standing == WRITERS, "all writers to fail")
        return [writer.failures[-1] for writer in self.writers]

    def finish(self) -> None:
        """Returns once all that was made is acknowledged."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.result(DEADLINE_SECONDS)

    def abandon(self) -> None:
        """Ends the threads, whatever they are at. Idempotent."""
        with self._changed:
            self._ending = True
            self._stub = None
            self._opened += 1
            self._changed.notify_all()
        self._pool.shutdown()

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        with self._changed:
            # A thread that ended by an exception will not bring about what is waited for.
            self._changed.wait_for(
                lambda: condition() or any(thread.done() for thread in self._threads), DEADLINE_SECONDS
            )
            done = condition()
        for thread in self._threads:
            if thread.done():
                thread.result()
        assert done, f"waited in vain for {what}"

    def _write(self, writer: Writer) -> None:
        try:
            opened = 0
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._opened > opened or self._ending)  # noqa: B023 - used at once
                    opened, stub = self._opened, self._stub
                if stub is None:
                    return
                write = self._stream_until_failure if writer.streams else self._write_until_failure
                try:
                    while not write(writer, stub):
                        pass
                except grpc.RpcError as error:
                    with self._changed:
                        writer.failures.append(error)
                        self._standing += 1
                        self._changed.notify_all()
                else:
                    return
        finally:
            with self._changed:
                self._changed.notify_all()

    def _write_until_failure(self, writer: Writer, stub: TrackingServiceStub) -> bool:
        """Whether the writer is done; else it is to begin again at once."""
        first_attempt = writer.acknowledged == len(writer.messages)
        while not self._ending or writer.acknowledged < len(writer.messages):
            request = writer.message_after(writer.acknowledged)
            try:
                response = stub.WriteRun(request, timeout=DEADLINE_SECONDS)
            except grpc.RpcError as error:
                if is_busy(error):
                    return False
                raise
            assert response.sequence == request.sequence
            assert not response.refused
            assert not (response.resend and first_attempt)
            with self._changed:
                writer.acknowledged = request.sequence
                writer.resends += response.resend
                self.acknowledgements += 1
                self._changed.notify_all()
            first_attempt = True
        return True

    def _stream_until_failure(self, writer: Writer, stub: TrackingServiceStub) -> bool:
        """As above. What was not acknowledged when the last stream failed goes first, in order."""
        begin = writer.acknowledged
        known = len(writer.messages)
        room = threading.Semaphore(ON_THE_WAY)
        failed = False

        def messages() -> Iterator[pb.StreamWritesRequest]:
            for sequence in itertools.count(begin):
                room.acquire()
                # gRPC may ask for one more when the stream has failed: nothing is made then that is not sent.
                with self._changed:
                    if failed or (self._ending and sequence == len(writer.messages)):
                        return
                    request = writer.message_after(sequence)
                yield pb.StreamWritesRequest(write=request)

        try:
            for answer in stub.StreamWrites(messages(), timeout=DEADLINE_SECONDS):
                assert not any(its.response.refused for its in answer.answers)
                # Only what was sent before the last failure can have been applied then.
                assert all(begin + its.index < known for its in answer.answers if its.response.resend)
                with self._changed:
                    writer.resends += len(answer.answers)
                    more = begin + answer.acknowledged_count - writer.acknowledged
                    writer.acknowledged += more
                    self.acknowledgements += more
                    self._changed.notify_all()
                room.release(more)
        except grpc.RpcError as error:
            with self._changed:
                failed = True
            room.release()
            if is_busy(error):
                return False
            raise
        assert writer.acknowledged == len(writer.messages) >= known
        return True


def is_busy(error: grpc.RpcError) -> bool:
    """Whether a server asks to be called again: one fsync on a disk that others use may take SQLite's patience."""
    return bool(error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED)


class Folder:
    """A folder process beside the server's own, which hardly comes to work before it is killed with its server."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._start()

    def kill_at_work(self) -> None:
        """Waits until it has folded something, kills it, and starts another one."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while folded_points(self._database_url) <= self._folded_before:
            assert time.monotonic() < deadline, "waited in vain for a fold"
        self.close()
        self._start()

    def close(self) -> None:
        """Kills it."""
        self._process.kill()
        self._process.communicate()

    def _start(self) -> None:
        self._folded_before = folded_points(self._database_url)
        environment = {
            "TRIVET_DATABASE_URL": self._database_url,
            "TRIVET_FOLD_AFTER_SECONDS": str(FOLD_AFTER_SECONDS),
            "TRIVET_KEEP_CHANGES_SECONDS": "600",
        }
        command = [sys.executable, "-m", "trivet_tracking.folder"]
        self._process = subprocess.Popen(command, env=os.environ | environment, stdin=subprocess.PIPE)


@contextmanager
def loaded(seed: int) -> Iterator[Load]:
    load = Load(seed)
    try:
        yield load
    finally:
        load.abandon()


def create_runs(stub: TrackingServiceStub) -> None:
    for run_id in RUNS:
        stub.CreateRun(pb.CreateRunRequest(parent=PARENT, run_id=run_id))


def assert_holds(stub: TrackingServiceStub, database_url: str, writers: Sequence[Writer]) -> int:
    """Checks, while the writers stand still, that the server holds what they wrote and nothing else; counts the points.

    That is all that was acknowledged. Of each writer's messages that may be either, some of the first ones are there,
    each whole or not at all.
    """
    models = {writer.run: RunModel() for writer in writers}
    points = 0
    for writer in writers:
        resent = answer_of(stub.WriteRun(writer.messages[writer.acknowledged - 1], timeout=DEADLINE_SECONDS))
        assert (resent.resend, resent.refused) == (True, ())
        assert writer.acknowledged <= resent.sequence <= len(writer.messages)
        assert writer.streams or len(writer.messages) <= writer.acknowledged + 1
        for request in writer.messages[: resent.sequence]:
            assert not models[writer.run].write(request).failure
            points += len(request.metrics.values)
    for run, model in models.items():
        assert_run_is(stub, run, model)
    assert points == sum(len(series) for model in models.values() for series in model.series.values())
    assert stored_points(database_url) == points
    return points


def stored_points(database_url: str) -> int:
    """How many points log and chunks hold: more than were written where something was applied twice."""
    with closing(open_database(database_url)) as database, database.transaction("read") as connection:
        counts = [
            connection.execute(sa.select(sa.func.sum(table.c.points))).scalar_one() or 0
            for table in (tables.metric_log, tables.metric_chunk)
        ]
    return sum(map(int, counts))


def folded_points(database_url: str) -> int:
    """How many points chunks hold."""
    with closing(open_database(database_url)) as database, database.transaction("read") as connection:
        return int(connection.execute(sa.select(sa.func.sum(tables.metric_chunk.c.points))).scalar_one() or 0)


@contextmanager
def stub_of(server: ServerProcess) -> Iterator[TrackingServiceStub]:
    # Each server gets connections of its own: what the last one left behind is of no interest here.
    with grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield TrackingServiceStub(channel)


def report(what: str, seed: int, load: Load, points: int) -> None:
    resends = sum(writer.resends for writer in load.writers)
    print(  # noqa: T201 - what a person asks of such a run
        f"{what}, seed {seed}: {load.acknowledgements} messages with {points} points acknowledged, "
        f"{resends} of them only when sent again after they had been applied"
    )


def test_a_server_killed_under_load_loses_nothing_and_doubles_nothing(database_url: str, seed: int) -> None:
    random_source = random.Random(seed)
    kills = full(10, 100)
    migrate(database_url)
    server = start_server(database_url, TRIVET_FOLD_AFTER_SECONDS=str(FOLD_AFTER_SECONDS))
    address = server.address
    with loaded(seed) as load, closing(Folder(database_url)) as folder:
        try:
            with stub_of(server) as stub:
                create_runs(stub)
            for number in range(kills):
                with stub_of(server) as stub:
                    load.open(stub)
                    load.wait_for_acknowledgements(random_source.randint(1, 120))
                    if number % 5 == 2:
                        folder.kill_at_work()
                        load.wait_for_acknowledgements(random_source.randint(1, 20))
                    server.kill()
                    errors = load.wait_until_all_failed()
                assert {error.code() for error in errors} == {grpc.StatusCode.UNAVAILABLE}
                server = start_server(database_url, listen=address, TRIVET_FOLD_AFTER_SECONDS=str(FOLD_AFTER_SECONDS))
                assert server.address == address
                with stub_of(server) as stub:
                    assert_holds(stub, database_url, load.writers)
            with stub_of(server) as stub:
                load.open(stub)
                load.finish()
                assert all(writer.acknowledged == len(writer.messages) for writer in load.writers)
                points = assert_holds(stub, database_url, load.writers)
            assert folded_points(database_url)
            assert server.terminate() == 0
            assert "Traceback" not in server.stderr
        finally:
            server.close()
    report(f"{kills} kills of a server on {database_url.partition(':')[0]}", seed, load, points)


def test_a_postgres_killed_under_load_loses_nothing_and_the_service_recovers_by_itself(
    own_postgres_server: PostgresServer, seed: int
) -> None:
    random_source = random.Random(seed)
    kills = full(2, 20)
    cluster = own_postgres_server.cluster
    assert isinstance(cluster, LocalCluster)
    database_url = own_postgres_server.create_database()
    migrate(database_url)
    with (
        start_server(database_url, TRIVET_FOLD_AFTER_SECONDS=str(FOLD_AFTER_SECONDS)) as server,
        loaded(seed) as load,
        closing(Folder(database_url)),
        stub_of(server) as stub,
    ):
        with grpc.insecure_channel(server.address) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            create_runs(stub)
            for _ in range(kills):
                load.open(stub)
                load.wait_for_acknowledgements(random_source.randint(1, 120))
                cluster.kill()
                errors = load.wait_until_all_failed()
                assert [reason_of(error) for error in errors] == ["UNAVAILABLE DATABASE_UNAVAILABLE"] * WRITERS
                wait_for_health(health, health_pb2.HealthCheckResponse.NOT_SERVING)
                assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING
                read = outcome(lambda: stub.GetRun(pb.GetRunRequest(name=load.writers[0].run), timeout=30))
                assert isinstance(read, CallFailure)
                assert (read.reason, read.retry_seconds) == ("DATABASE_UNAVAILABLE", 1)
                cluster.start()
                wait_for_health(health, health_pb2.HealthCheckResponse.SERVING)
                assert_holds(stub, database_url, load.writers)
            load.open(stub)
            load.finish()
            points = assert_holds(stub, database_url, load.writers)
        assert server.exit_code is None
        assert "Traceback" not in server.stderr
    own_postgres_server.drop_database(database_url)
    report(f"{kills} kills of PostgreSQL", seed, load, points)


def wait_for_health(health: health_pb2_grpc.HealthStub, wanted: health_pb2.HealthCheckResponse.ServingStatus) -> None:
    """Returns once the tracking service has this health."""
    watch = health.Watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=DEADLINE_SECONDS)
    for answer in watch:
        if answer.status == wanted:
            break
    watch.cancel()


def reason_of(error: grpc.RpcError) -> str:
    """Code and reason of an error of the service's own, and what there is of any other."""
    if not has_details(error):
        return repr(error)

    def fail() -> None:
        raise error

    failure = outcome(fail)
    assert isinstance(failure, CallFailure)
    return f"{failure.code.name} {failure.reason}"
