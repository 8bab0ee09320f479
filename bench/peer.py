"""A real MLflow server on the same PostgreSQL server, and its own client, to compare with.

Its packages live in an environment of their own in the cache, never in the project's. It is asked twice: of a server
with one worker, which answers fastest, and of one with its default of four. The better answer counts.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import dataset
import numpy as np
import psycopg2
from processes import pss_mib, settled

from trivet_testing.environments import mlflow_environment
from trivet_testing.postgres import PostgresServer
from trivet_testing.servers import ServerProcess, free_port
from trivet_tracking.domain.runs import RunStatus

WORKERS = (1, 4)

_START_SECONDS = 300
_FOLDER = Path(__file__).parent
_SETTINGS = {
    # Workers for jobs of its own, which nothing here asks for.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # A fault of the server is to fail the measurement, not to be tried again for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}
_TABLES = {
    "runs": "run_uuid name source_type source_name user_id status start_time end_time lifecycle_stage artifact_uri "
    "experiment_id",
    "params": "key value run_uuid",
    "tags": "key value run_uuid",
    "metrics": "key value timestamp run_uuid step is_nan",
    "latest_metrics": "key value timestamp step is_nan run_uuid",
}
_MODELS = (
    "INSERT INTO registered_models (workspace, name, creation_time, last_updated_time, description) "
    "SELECT 'default', 'model-' || lpad(i::text, 5, '0'), %(now)s + i, %(now)s + i, 'A model to be found.' "
    "FROM generate_series(0, %(models)s - 1) AS i",
    "INSERT INTO registered_model_tags (workspace, name, key, value) "
    "SELECT 'default', 'model-' || lpad(i::text, 5, '0'), 'team', 'team-' || i %% 200 "
    "FROM generate_series(0, %(models)s - 1) AS i",
    "INSERT INTO model_versions (workspace, name, version, creation_time, last_updated_time, description, "
    "current_stage, source, run_id, status) SELECT 'default', 'model-' || lpad(i::text, 5, '0'), v, %(now)s + i, "
    "%(now)s + i, '', CASE v WHEN %(versions)s THEN 'Production' "
    "WHEN %(versions)s - 1 THEN 'Staging' ELSE 'Archived' END, "
    "'s3://models/model-' || lpad(i::text, 5, '0'), lpad(to_hex(i * %(versions)s + v), 32, '0'), 'READY' "
    "FROM generate_series(0, %(models)s - 1) AS i CROSS JOIN generate_series(1, %(versions)s) AS v",
    "INSERT INTO model_version_tags (workspace, name, version, key, value) "
    "SELECT workspace, name, version, 'kind', 'kind-' || substr(name, 7)::int %% 200 FROM model_versions",
    "INSERT INTO registered_model_aliases (workspace, name, alias, version) "
    "SELECT workspace, name, CASE version WHEN %(versions)s THEN 'champion' ELSE 'challenger' END, version "
    "FROM model_versions WHERE version >= %(versions)s - 1",
)


@dataclass(frozen=True)
class Answer:
    """What the better of the servers reached."""

    figure: float
    workers: int
    way: str
    """The cell of `peer_client.py`."""


@dataclass(frozen=True)
class Question:
    """What the client is asked to do."""

    way: str
    """The cell of `peer_client.py`."""
    number: int = 0
    callers: int = 1
    """How many call at once, of the ways that count calls."""
    most: bool = True
    """Whether more is better."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of the client, as environment variables."""


@dataclass(frozen=True)
class ArtifactStore:
    """Where MLflow's servers keep artifacts."""

    destination: str
    """A folder, or a URI of S3."""
    env: Mapping[str, str]
    """What it takes to get there."""


@dataclass(frozen=True)
class Server:
    """One that MLflow's client can ask."""

    address: str
    process: ServerProcess


@dataclass(frozen=True)
class Peer:
    """MLflow, running."""

    python: Path
    database_url: str
    store: ArtifactStore
    servers: dict[int, Server]
    """By the number of workers."""

    def versions(self) -> str:
        """Of what answers."""
        show = "import mlflow, sqlalchemy; print(f'MLflow {mlflow.__version__}, SQLAlchemy {sqlalchemy.__version__}')"
        done = subprocess.run([str(self.python), "-c", show], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def best(self, *ways: str, number: int = 0, sample: int = 0, most: bool = False, callers: int = 1) -> Answer:
        """The least median of all servers and ways, or the greatest with `most`.

        With a `sample`, a smaller `number`, that tells which server and which way is asked for the figure. `callers`
        is how many threads of the client call at once, of the ways that count calls of the registry.
        """
        asked = [(workers, Question(way, sample or number, callers, most)) for workers in self.servers for way in ways]
        if not sample:
            return self._best(asked)
        first = self._best(asked)
        return self._best([(first.workers, Question(first.way, number, callers, most))])

    def answer(self, question: Question) -> Answer:
        """That of the better server."""
        return self._best([(workers, question) for workers in self.servers])

    def at(self, address: str) -> Peer:
        """The same client, for another address."""
        return replace(self, servers={1: replace(self.servers[1], address=address)})

    def idle_memory(self) -> Answer:
        """MiB of the server that has least, as it is shipped; what its processes share is counted once."""
        return min((self._memory(workers) for workers in WORKERS), key=lambda answer: answer.figure)

    def start_seconds(self) -> Answer:
        """Until the server that starts fastest answers, as it is shipped; the tables are there."""
        return min((self._start(workers) for workers in WORKERS), key=lambda answer: answer.figure)

    def _memory(self, workers: int) -> Answer:
        with _server(self.python, self.database_url, self.store, workers, {}) as server:
            return Answer(settled(lambda: pss_mib([server.process.pid])), workers, "as shipped")

    def _start(self, workers: int) -> Answer:
        begin = time.perf_counter()
        with _started(self.python, self.database_url, self.store, workers, {}) as server:
            wait_for_answer(server.address)
            return Answer(time.perf_counter() - begin, workers, "as shipped")

    def _best(self, asked: Sequence[tuple[int, Question]]) -> Answer:
        answers = [Answer(_median(self._ask(workers, question)), workers, question.way) for workers, question in asked]
        return (max if asked[0][1].most else min)(answers, key=lambda answer: answer.figure)

    def _ask(self, workers: int, question: Question) -> list[float]:
        program = str(_FOLDER / "peer_client.py")
        numbers = [str(question.number), str(question.callers)]
        command = [str(self.python), program, self.servers[workers].address, question.way, *numbers]
        env = {**os.environ, **_SETTINGS, **question.settings}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}:\n{done.stderr}"
        figures: list[float] = json.loads(done.stdout.splitlines()[-1])
        return figures

    def fill(self, n_runs: int, histories: Sequence[int]) -> None:
        """Copies the shared runs, and runs with one long history each, into its tables: calls would take hours."""
        with closing(psycopg2.connect(self.database_url)) as connection:
            with connection.cursor() as cursor:
                # Its server fails for an experiment that lacks any of these.
                cursor.execute(
                    "INSERT INTO experiments "
                    "(name, artifact_location, lifecycle_stage, creation_time, last_update_time) "
                    "VALUES ('dataset', '', 'active', %(now)s, %(now)s) RETURNING experiment_id",
                    {"now": dataset.FIRST_START},
                )
                experiment = cursor.fetchone()
                assert experiment is not None
                # Looks up no foreign keys: every row has its run.
                cursor.execute("SET LOCAL session_replication_role = replica")
                for rows in dataset.rows_of_all_tables(n_runs):
                    _copy_runs(cursor, rows, experiment[0])
                for points in histories:
                    _copy_history(cursor, points)
            connection.commit()
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")

    def fill_models(self, models: int, versions: int) -> None:
        """Puts registered models into its tables, as `registry.py` does with ours."""
        with closing(psycopg2.connect(self.database_url)) as connection:
            with connection.cursor() as cursor:
                for statement in _MODELS:
                    cursor.execute(statement, {"models": models, "versions": versions, "now": dataset.FIRST_START})
            connection.commit()
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")


@contextmanager
def mlflow_on(postgres: PostgresServer, store: ArtifactStore | None = None) -> Iterator[Peer]:
    """MLflow's servers over one database of their own; without a store, artifacts go to a folder."""
    python = mlflow_environment() / "bin" / "python"
    url = postgres.create_database()
    with ExitStack() as stack:
        store = store or ArtifactStore(stack.enter_context(tempfile.TemporaryDirectory()), {})
        # One after the other: the first makes the tables.
        servers = {workers: stack.enter_context(_server(python, url, store, workers)) for workers in WORKERS}
        yield Peer(python, url, store, servers)


@contextmanager
def mlflow_on_sqlite(folder: Path) -> Iterator[str]:
    """The address of an MLflow server with one worker, over SQLite."""
    store = ArtifactStore(str(folder / "mlflow-files"), {})
    with _server(mlflow_environment() / "bin" / "python", f"sqlite:///{folder / 'mlflow.db'}", store, 1) as server:
        yield server.address


def wait_for_answer(address: str) -> None:
    """Until a server answers a search, whoever's it is."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{address}/api/2.0/mlflow/experiments/search?max_results=1", timeout=60):
                return
        except OSError:
            assert time.monotonic() < deadline, f"{address} does not answer"
            time.sleep(0.02)


@contextmanager
def _server(
    python: Path, database_url: str, store: ArtifactStore, workers: int, settings: Mapping[str, str] = _SETTINGS
) -> Iterator[Server]:
    """One all of whose workers answer."""
    with _started(python, database_url, store, workers, settings) as server:
        # On a busy machine their parent starts some of them again.
        deadline = time.monotonic() + _START_SECONDS
        while server.process.stderr.count("Application startup complete") < workers:
            assert time.monotonic() < deadline, server.process.stderr
            time.sleep(0.1)
        wait_for_answer(server.address)
        yield server


@contextmanager
def _started(
    python: Path, database_url: str, store: ArtifactStore, workers: int, settings: Mapping[str, str]
) -> Iterator[Server]:
    """One of which the first process says that it listens; with several workers that is before any of them answers."""
    port = free_port()
    command = [
        *(str(python), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", str(workers), "--artifacts-destination", store.destination),
        # Its SQLAlchemy takes the short form to mean another driver.
        *("--backend-store-uri", database_url.replace("postgresql://", "postgresql+psycopg2://", 1)),
    ]
    with ServerProcess.start(
        command, {**settings, **store.env}, "Uvicorn running on", ready_on="stderr", timeout_seconds=_START_SECONDS
    ) as process:
        yield Server(f"http://127.0.0.1:{port}", process)
        process.terminate()


def _copy_runs(cursor: psycopg2.extensions.cursor, rows: dict[str, list[dataset.Row]], experiment: int) -> None:
    runs = [dict(zip(dataset.COLUMNS["run"].split(), row, strict=True)) for row in rows["run"]]
    ids = {run["run_pk"]: run["run_id"] for run in runs}
    _copy(
        cursor,
        "runs",
        (
            (
                *(run["run_id"], run["display_name"], "LOCAL", run["source"], run["user_name"]),
                *(
                    RunStatus(int(str(run["status"]))).name,
                    run["start_time"],
                    run["end_time"],
                    "active",
                    "",
                    experiment,
                ),
            )
            for run in runs
        ),
    )
    for ours, theirs in (("param", "params"), ("tag", "tags")):
        _copy(cursor, theirs, ((key, value, ids[pk]) for pk, key, _, value, *_ in rows[ours]))
    latest = [(ids[pk], key, step, millis, value) for pk, key, _, _, step, millis, value, *_ in rows["metric_latest"]]
    _copy(cursor, "metrics", ((key, v or 0, t, run, step, v is None) for run, key, step, t, v in latest))
    _copy(cursor, "latest_metrics", ((key, v or 0, t, step, v is None, run) for run, key, step, t, v in latest))


def _copy_history(cursor: psycopg2.extensions.cursor, points: int) -> None:
    run = f"{points:032x}"
    start = dataset.FIRST_START
    _copy(
        cursor,
        "runs",
        [(run, f"points-{points}", "LOCAL", "", "", "FINISHED", start, start, "active", "", 0)],
    )
    _copy(cursor, "tags", [("mlflow.runName", f"points-{points}", run)])  # by which it finds names
    values = np.random.default_rng(0).random(points).tolist()
    _copy(cursor, "metrics", (("loss", value, start + step, run, step, False) for step, value in enumerate(values)))
    _copy(cursor, "latest_metrics", [("loss", values[-1], start + points - 1, points - 1, False, run)])


def _copy(cursor: psycopg2.extensions.cursor, table: str, rows: Iterator[dataset.Row] | list[dataset.Row]) -> None:
    columns = _TABLES[table].replace(" ", ", ")
    text = "".join("\t".join(map(dataset.copied, row)) + "\n" for row in rows)
    cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", io.StringIO(text))


def _median(figures: list[float]) -> float:
    return float(np.median(figures))
