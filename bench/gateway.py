"""MLflow's own client, unmodified, against the gateway and against a real MLflow server.

Both sides are asked by the same program (`peer_client.py`), over the same PostgreSQL server and the same MinIO.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import dataset
import numpy as np
import registry
from harness import Cell, Report, Side, served
from metric_reads import make_series
from peer import ArtifactStore, Peer, Question, Server, mlflow_on, wait_for_answer
from processes import pss_mib, settled
from replay import recording, replaying

import trivet
from trivet_testing import artifacts as artifact_server
from trivet_testing import minio, tools
from trivet_testing import registry as registry_server
from trivet_testing import tracking as tracking_server
from trivet_testing.artifacts import Place
from trivet_testing.minio import MinioServer
from trivet_testing.postgres import PostgresServer
from trivet_testing.servers import ServerProcess, free_port

SMALL_FILES = 1_000
HISTORY = 100_000
MODELS = 300
_THROUGH_SERVER = {
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
}
"""Files go through the server, whatever it offers."""


@dataclass(frozen=True)
class Databases:
    """Migrated ones of all services."""

    tracking: str
    registry: str
    place: Place
    together: str
    """One for all of them, which is empty."""


@dataclass(frozen=True)
class Trivet:
    """Everything of it that runs."""

    url: str
    """Of the gateway."""
    services: dict[str, str]
    """Addresses of the services, as environment variables."""
    pids: list[int]
    """Of the services and of the gateway."""
    gateway: ServerProcess


def report_on(report: Report, postgres: PostgresServer, runs: int, file_mib: int) -> None:
    """Measures and prints the tables."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=os.environ.get("TRIVET_BENCH_DIR"))))
        server = stack.enter_context(minio.start(tools.find_minio().path, folder / "minio"))
        databases = _databases(postgres, server, runs)
        running = stack.enter_context(_running(databases))
        _fill_models(running, databases, folder)
        store = ArtifactStore(
            f"s3://{server.create_bucket()}", {"MLFLOW_S3_ENDPOINT_URL": server.endpoint, **server.credentials}
        )
        peer = stack.enter_context(mlflow_on(postgres, store))
        peer.fill(runs, [HISTORY])
        peer.fill_models(MODELS, registry.VERSIONS)
        report.notes.append(
            f"The same program asks both, by MLflow's client. {runs:,} runs, a history of {HISTORY:,} points and "
            f"{MODELS:,} models were put into the tables of either at once. {peer.versions()}."
        )
        ours = replace(peer, servers={1: Server(running.url, running.gateway)})
        report.table("The gateway beside MLflow's server", cells(ours, peer, file_mib, runs, folder))
        report.notes.append("Of all processes of either but PostgreSQL and MinIO; MLflow's server as it is shipped.")
        report.table("At rest", _cells_at_rest(databases, peer))


def cells(ours: Peer, peer: Peer, file_mib: int, runs: int, folder: Path) -> Iterator[Cell]:
    """What the client's users wait for."""
    page = f"page of 100 of {runs:,} runs, two terms ordered by a metric"
    asked: tuple[tuple[str, str, float, Question], ...] = (
        ("log_metric, 1 client", "calls/s", 2.5, Question("log_metric")),
        ("log_metric, 8 clients", "calls/s", 5, Question("log_metric_of_processes", callers=8)),
        ("log_batch of 1,000 points", "points/s", 20, Question("log_batch")),
        ("the same, by plain HTTP", "points/s", 20, Question("plain_log_batch")),
        ("create a run, 20 params, 10 metrics, 5 tags, end it", "runs/s", 4, Question("whole_runs")),
        (page, "s", 5, Question("search", 1, most=False)),
        ("the same, by plain HTTP", "s", 5, Question("plain_search", most=False)),
        (f"history of {HISTORY:,} points", "s", 10, Question("history", HISTORY, most=False)),
        ("the same, by plain HTTP", "s", 10, Question("plain_history", HISTORY, most=False)),
        ("resolve an alias", "calls/s", 3, Question("resolve_alias", MODELS)),
        (f"{SMALL_FILES:,} files of 10 KiB up", "files/s", 3, Question("small_files", SMALL_FILES)),
    )
    for name, unit, times, question in asked:
        yield _cell(name, unit, times, (question, question), ours, peer, folder)
    for what, way, times in (("up", "file_up", 1.5), ("down", "file_down", 1)):
        # MLflow's goes through its server; ours once as well, and once as its client likes it.
        through = Question(way, file_mib, settings=_THROUGH_SERVER)
        yield _cell(f"{file_mib:,} MiB {what}", "MB/s", times, (Question(way, file_mib), through), ours, peer)
        yield _cell(f"{file_mib:,} MiB {what}, through the server", "MB/s", times, (through, through), ours, peer)


def _cell(
    name: str,
    unit: str,
    times: float,
    questions: tuple[Question, Question],
    ours: Peer,
    peer: Peer,
    folder: Path | None = None,
) -> Cell:
    """A row: what we are asked and what MLflow is; with a folder also the limit of the client."""
    question = questions[0]
    return Cell(
        name,
        unit,
        lambda: ours.answer(question).figure,
        limit=Side("the client alone", partial(_client_alone, ours, question, folder)) if folder else None,
        peer=partial(peer.answer, questions[1]),
        peer_reach=times,
        less_is_better=not question.most,
    )


def _client_alone(ours: Peer, question: Question, folder: Path) -> float:
    """What the client reaches where every answer is there at once."""
    tape = folder / f"{question.way}.json"
    if not tape.exists():
        with recording(ours.servers[1].address, tape) as address:
            ours.at(address).answer(question)
    with replaying(tape) as address:
        return ours.at(address).answer(question).figure


def _cells_at_rest(databases: Databases, peer: Peer) -> Iterator[Cell]:
    forms: tuple[tuple[str, Callable[[Databases], AbstractContextManager[Trivet]]], ...] = (
        ("three services and the gateway, one after the other", _running),
        ("`trivet up`", _up),
    )
    memory, start = cache(peer.idle_memory), cache(peer.start_seconds)
    for name, form in forms:
        yield Cell(
            f"{name}: memory, idle",
            "MiB",
            partial(_idle_memory, form, databases),
            less_is_better=True,
            peer=memory,
            peer_reach=1 / 0.15,
            rounds=1,
        )
        yield Cell(
            f"{name}: start to the first answer",
            "s",
            partial(_start_seconds, form, databases),
            less_is_better=True,
            peer=start,
            peer_reach=1 / 0.2,
        )


def _databases(postgres: PostgresServer, server: MinioServer, runs: int) -> Databases:
    tracking, of_registry = postgres.create_database(), postgres.create_database()
    place = Place(postgres.create_database(), server.store(server.create_bucket()), server.credentials)
    tracking_server.migrate(tracking)
    registry_server.migrate(of_registry)
    artifact_server.migrate(place.database_url)
    dataset.load(tracking, runs)
    with served(tracking) as setting:
        make_series(setting, HISTORY, np.float32)
    together = postgres.create_database()
    databases = Databases(tracking, of_registry, place, together)
    with _up(databases):
        pass  # it makes its tables
    return databases


@contextmanager
def _running(databases: Databases) -> Iterator[Trivet]:
    """All services and the gateway; each started when the one before says that it is ready."""
    with ExitStack() as stack:
        artifacts = stack.enter_context(artifact_server.start_server(databases.place))
        artifacts_url = f"grpc://{artifacts.address}"
        tracking = stack.enter_context(tracking_server.start_server(databases.tracking))
        models = stack.enter_context(registry_server.start_server(databases.registry, artifacts_url=artifacts_url))
        addresses = {
            "TRIVET_TRACKING_URL": f"grpc://{tracking.address}",
            "TRIVET_ARTIFACTS_URL": artifacts_url,
            "TRIVET_REGISTRY_URL": f"grpc://{models.address}",
        }
        direct = {"TRIVET_DIRECT_TRANSFERS": "true"}  # clients that are told otherwise do not use them
        command = [sys.executable, "-m", "trivet_gateway", "serve", "--listen", "127.0.0.1:0"]
        gateway = stack.enter_context(
            ServerProcess.start(command, addresses | direct, r"^trivet-gateway is ready: http (\S+)$")
        )
        pids = [server.pid for server in (artifacts, tracking, models, gateway)]
        yield Trivet(f"http://{gateway.address}", addresses, pids, gateway)


@contextmanager
def _up(databases: Databases) -> Iterator[Trivet]:
    """The same in one process."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--data", folder, "--grpc-port", "0", "--http-port", str(free_port())]
        command = [sys.executable, "-m", "trivet_standalone", *options, "--database", databases.together]
        command += ["--artifacts", databases.place.store]
        with ServerProcess.start(command, databases.place.env, r"^Trivet is ready: .*$") as server:
            yield Trivet(f"http://127.0.0.1:{options[-1]}", {}, [server.pid], server)


def _idle_memory(form: Callable[[Databases], AbstractContextManager[Trivet]], databases: Databases) -> float:
    with form(databases) as running:
        wait_for_answer(running.url)
        return settled(lambda: pss_mib(running.pids))


def _start_seconds(form: Callable[[Databases], AbstractContextManager[Trivet]], databases: Databases) -> float:
    """The tables are there."""
    begin = time.perf_counter()
    with form(databases) as running:
        wait_for_answer(running.url)
        return time.perf_counter() - begin


def _fill_models(running: Trivet, databases: Databases, folder: Path) -> None:
    """As many models as MLflow is given."""
    os.environ.update(running.services)
    with trivet.Client() as client:
        registry.fill(client, databases.registry, MODELS, folder)
