"""Two replicas of each service behind PgBouncer in transaction mode, with fewer sessions than they have threads.

Whatever a service left in a session would be met by another transaction, and what waited for a second session while it
holds one would wait for ever.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psycopg2
import pytest

import trivet
from trivet_proto.tracking.v1 import metric_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing import artifacts, pgbouncer, registry, tracking
from trivet_testing.artifacts import Place
from trivet_testing.errors import CallFailure
from trivet_testing.pgbouncer import PgBouncer
from trivet_testing.postgres import PostgresServer
from trivet_testing.servers import ServerProcess, run_to_exit
from trivet_testing.tracking import Tracking, full
from trivet_testing.tracking_model import RunModel, answer_of, assert_run_is, outcome
from trivet_testing.waiting import wait_until
from trivet_testing.watcher import Watcher
from trivet_testing.workspaces import unused_workspace

DEADLINE_SECONDS = 60
# Two folders, two judges and two deliverers work beside all that is called.
SESSIONS = 2
# What a transaction could have left in a session.
LEFT = {
    "settings": "SELECT name FROM pg_settings WHERE source = 'session'",
    "prepared": "SELECT name FROM pg_prepared_statements",
    "cursors": "SELECT name FROM pg_cursors",
    "channels": "SELECT * FROM pg_listening_channels()",
    "locks": "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    "tables": "SELECT relname FROM pg_class WHERE relpersistence = 't'",
}
# Settings that PgBouncer makes for its client.
OF_THE_POOLER = {"application_name", "client_encoding", "DateStyle", "TimeZone", "standard_conforming_strings"}


@dataclass(frozen=True)
class Pooled:
    """Servers behind a pooler."""

    pooler: PgBouncer
    database_url: str
    """Without the pooler."""
    servers: dict[str, list[ServerProcess]]

    def url(self, service: str) -> str:
        """The setting by which a client finds both replicas of a service."""
        return f"grpc://{','.join(server.address for server in self.servers[service])}"

    @contextmanager
    def client(self) -> Iterator[trivet.Client]:
        """A client of all of them, in a workspace that nobody else uses."""
        with pytest.MonkeyPatch.context() as patch:
            for service in self.servers:
                patch.setenv(f"TRIVET_{service.upper()}_URL", self.url(service))
            with trivet.Client(workspace=unused_workspace()) as client:
                yield client

    @contextmanager
    def replicas(self) -> Iterator[tuple[Tracking, Tracking]]:
        """Both of the tracking service, in a workspace that nobody else uses."""
        workspace = unused_workspace()
        with ExitStack() as stack:
            stubs = [
                TrackingServiceStub(stack.enter_context(grpc.insecure_channel(server.address)))
                for server in self.servers["tracking"]
            ]
            first, second = (Tracking(stub, workspace) for stub in stubs)
            yield first, second

    def assert_no_faults(self) -> None:
        """None of the servers has ended, or met what it did not expect."""
        for server in itertools.chain(*self.servers.values()):
            assert server.exit_code is None
            assert "Traceback" not in server.stderr


@contextmanager
def tracking_pooled(
    program: Path, server: PostgresServer, migrate: Callable[[str], None] = tracking.migrate
) -> Iterator[Pooled]:
    """Two replicas of the tracking service, whose schema is made through the pooler too."""
    database_url = server.create_database()
    settings = {"default_pool_size": str(SESSIONS), "query_wait_timeout": "30"}
    with ExitStack() as stack:
        pooler = stack.enter_context(pgbouncer.started(program, server, settings))
        url = pooler.url(database_url)
        migrate(url)
        fold = {"TRIVET_FOLD_AFTER_SECONDS": "0.05"}
        servers = [stack.enter_context(tracking.start_server(url, **fold)) for _ in range(2)]
        yield Pooled(pooler, database_url, {"tracking": servers})


def migrate_twice_at_once(url: str) -> None:
    """Migrates the tracking service as pods do that start together."""
    command = [sys.executable, "-m", "trivet_tracking", "migrate"]
    with ThreadPoolExecutor(2) as migrating:
        ended = list(migrating.map(run_to_exit, [command] * 2, [{"TRIVET_DATABASE_URL": url}] * 2))
    assert [each.returncode for each in ended] == [0, 0], ended


@pytest.fixture(scope="module")
def everything(
    pgbouncer: Path, postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pooled]:
    files = tmp_path_factory.mktemp("pooled") / "files"
    with tracking_pooled(pgbouncer, postgres_server, migrate_twice_at_once) as running, ExitStack() as stack:
        url = running.pooler.url(running.database_url)
        for service in (artifacts, registry):
            service.migrate(url)
        place = Place(url, str(files), {})
        of_files = [stack.enter_context(artifacts.start_server(place)) for _ in range(2)]
        of_models = [
            stack.enter_context(registry.start_server(url, artifacts_url=f"grpc://{each.address}")) for each in of_files
        ]
        servers = {**running.servers, "artifacts": of_files, "registry": of_models}
        together = Pooled(running.pooler, running.database_url, servers)
        yield together
        together.assert_no_faults()


def test_what_clients_do_works_through_a_pooler(everything: Pooled, tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"x" * 3_000_000)
    with everything.client() as client:
        experiment_id = client.create_experiment("pooled")
        run_id = client.create_run(experiment_id, run_name="first").info.run_id
        # As many points of a series as go to chunks at once, by COPY, and few, which the folder makes chunks of.
        many = [trivet.Metric("loss", 1 / step, step=step, timestamp=step) for step in range(1, 2001)]
        client.log_batch(run_id, metrics=many, params={"depth": 3}, tags={"team": "a"})
        client.log_metric(run_id, "few", 0.5, step=1)
        client.set_terminated(run_id)
        assert [point.value for point in client.get_metric_history(run_id, "loss")] == [m.value for m in many]
        (found,) = client.search_runs(
            [experiment_id], "metrics.loss < 0.1 and params.depth = '3' and tags.team = 'a'", order_by=["metrics.few"]
        )
        assert (found.info.run_id, found.data.metrics["few"]) == (run_id, 0.5)

        client.log_artifact(run_id, str(file), "model")
        fetched = client.download_artifacts(run_id, "model/model.bin", str(tmp_path / "fetched"))
        assert Path(fetched).read_bytes() == file.read_bytes()

        client.create_registered_model("taxi")
        version = client.register_model(f"runs:/{run_id}/model", "taxi").version
        client.set_registered_model_alias("taxi", "best", version)
        client.transition_model_version_stage("taxi", version, "Production")
        assert client.get_model_version_by_alias("taxi", "best").version == version
        assert client.registry.history.verify("taxi").is_intact

        client.delete_run(run_id)
        assert client.search_runs([experiment_id]) == []
        client.restore_run(run_id)
        assert client.get_run(run_id).data.metrics["loss"] == many[-1].value


def points(sequence: int) -> metric_pb2.MetricColumns:
    """Of two series, each with a time of its own."""
    return metric_pb2.MetricColumns(
        keys=["a", "b"], steps=[sequence, sequence], times_millis=[sequence, sequence], values=[0.5, float("nan")]
    )


def test_writers_at_both_replicas_are_stored_once_and_watched(everything: Pooled) -> None:
    n_writers, n_messages = 16, full(12, 200)
    with everything.replicas() as both:
        run = both[0].stub.CreateRun(pb.CreateRunRequest(parent=both[0].parent)).name
        messages = [
            [
                pb.WriteRunRequest(
                    run=run,
                    writer_id=writer,
                    sequence=sequence,
                    metrics=points(1000 * writer + sequence),
                    tags=[pb.Tag(key=f"of {writer}", value=str(sequence))],
                )
                for sequence in range(1, n_messages + 1)
            ]
            for writer in range(1, n_writers + 1)
        ]

        def send(requests: list[pb.WriteRunRequest]) -> int:
            resends = 0
            # Each message comes to both replicas, as where an answer was lost.
            for request, tracking in itertools.product(requests, both):
                answer = answer_of(tracking.stub.WriteRun(request, timeout=DEADLINE_SECONDS))
                assert not answer.refused
                resends += answer.resend
            return resends

        with Watcher(both[1], runs=[run]) as watcher, ThreadPoolExecutor(n_writers) as writing:
            assert list(writing.map(send, messages)) == [n_messages] * n_writers
            last = str(n_messages)
            watcher.until(
                lambda: (
                    [watcher.runs[run].run.tags.get(f"of {w}") for w in range(1, n_writers + 1)] == [last] * n_writers
                )
            )
        model = RunModel()
        for request in itertools.chain(*messages):
            assert not model.write(request).failure
        for tracking in both:
            assert_run_is(tracking.stub, run, model)


def test_nothing_stays_in_sessions(everything: Pooled) -> None:
    """After all kinds of calls; as many transactions look as there are sessions, at once, so that each is looked at."""
    with everything.client() as client:
        run_id = client.create_run(client.create_experiment("left")).info.run_id
        client.log_metric(run_id, "loss", 1.0)
        client.search_runs(["1"], "metrics.loss = 1", order_by=["metrics.loss"])
    all_open = threading.Barrier(SESSIONS)

    def look() -> dict[str, Any]:
        connecting = closing(psycopg2.connect(everything.pooler.url(everything.database_url)))
        with connecting as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            ((session,),) = cursor.fetchall()
            all_open.wait(DEADLINE_SECONDS)
            found = {"session": session}
            for what, query in LEFT.items():
                cursor.execute(query)
                found[what] = {name for (name,) in cursor.fetchall()}
            return found

    with ThreadPoolExecutor(SESSIONS) as looking:
        seen = [each.result(DEADLINE_SECONDS) for each in [looking.submit(look) for _ in range(SESSIONS)]]
    assert len({each["session"] for each in seen}) == SESSIONS
    for each in seen:
        left = each["settings"] - OF_THE_POOLER, *(each[what] for what in LEFT if what != "settings")
        assert not any(left), each


def test_callers_are_told_that_the_database_is_away_and_nothing_acknowledged_is_lost(
    pgbouncer: Path, own_postgres_server: PostgresServer
) -> None:
    with tracking_pooled(pgbouncer, own_postgres_server) as running, running.replicas() as both:
        first = both[0]
        run = first.stub.CreateRun(pb.CreateRunRequest(parent=first.parent)).name
        model = RunModel()

        def write(sequence: int) -> object:
            request = pb.WriteRunRequest(run=run, writer_id=1, sequence=sequence, metrics=points(sequence))
            return outcome(lambda: both[sequence % 2].stub.WriteRun(request, timeout=DEADLINE_SECONDS))

        def is_written(sequence: int) -> bool:
            answer = write(sequence)
            if isinstance(answer, CallFailure):
                assert answer.code is grpc.StatusCode.UNAVAILABLE, answer
                assert answer.reason == "DATABASE_UNAVAILABLE"
                return False
            assert isinstance(answer, pb.WriteRunResponse)
            return answer.sequence == sequence

        for sequence in range(1, 21):
            assert is_written(sequence)
            model.write(pb.WriteRunRequest(run=run, writer_id=1, sequence=sequence, metrics=points(sequence)))
        own_postgres_server.restart_after_kill()
        # The pooler itself tries again after a second.
        wait_until(lambda: is_written(21))
        model.write(pb.WriteRunRequest(run=run, writer_id=1, sequence=21, metrics=points(21)))
        for tracking_service in both:
            assert_run_is(tracking_service.stub, run, model)
        # What the services hold connections to is another process then.
        running.pooler.command("RECONNECT")
        assert is_written(22)
