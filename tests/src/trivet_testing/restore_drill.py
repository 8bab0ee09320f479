"""A drill: data are written and backed up, all is lost, and what is restored is compared with what there was.

`make drill` prints a report. The scripts are those of deploy/k8s/components/backup, which the
CronJob runs; the database, the buckets and the servers are real ones of the drill's own.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg2

import trivet
from trivet_testing import minio, postgres, tools
from trivet_testing.gateways import start_standalone
from trivet_testing.minio import MinioServer
from trivet_testing.servers import run_to_exit
from trivet_testing.waiting import wait_until

SCRIPTS: Final = Path(__file__).parents[3] / "deploy" / "k8s" / "components" / "backup"
_SCHEMAS: Final = ("trivet_registry", "trivet_tracking", "trivet_artifacts")
# Tables whose rows servers put together, pass on or note while nobody calls; what is in them for clients, digests tell.
_PASSING: Final = frozenset(
    {
        *("artifact_collection", "artifact_upload", "audit_event", "change_horizon", "console", "console_chunk"),
        *("delivery", "metric_chunk", "metric_log", "outbox", "rate_demand", "run_change"),
    }
)
_STEPS: Final = 500


@dataclass(frozen=True)
class Facts:
    """What there is, to be compared."""

    digests: Mapping[str, str]
    """By what it is of: SHA-256 over what clients see of it."""
    rows: Mapping[str, int]
    """By table."""


@dataclass
class Drill:
    """What a drill has shown."""

    before: Facts
    after: Facts
    damaged: int
    """Contents that the restored store does not have as the index says."""
    checked: int
    """Contents that were compared."""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def differences(self) -> list[str]:
        """What is not as it was; empty where the restore is whole."""
        found = [f"{name}: digest" for name in _unequal(self.before.digests, self.after.digests)]
        return [*found, *(f"{name}: rows" for name in _unequal(self.before.rows, self.after.rows))]

    def report(self) -> str:
        """As Markdown."""
        lines = ["# Restore drill", "", "| step | seconds |", "|---|---|"]
        lines += [f"| {step} | {seconds:.1f} |" for step, seconds in self.seconds.items()]
        lines += ["", "| table | rows before | rows restored |", "|---|---|---|"]
        lines += [
            f"| {name} | {count:,} | {self.after.rows.get(name, 0):,} |"
            for name, count in self.before.rows.items()
            if count
        ]
        same = len(self.before.digests) - len(_unequal(self.before.digests, self.after.digests))
        lines += [
            "",
            f"Digests of runs, their files and model versions: {same} of {len(self.before.digests)} equal.",
            f"Contents compared between index and bucket: {self.checked}, of which {self.damaged} are damaged.",
            f"Differences: {', '.join(self.differences) or 'none'}.",
        ]
        return "\n".join(lines)


def drill(folder: Path, rclone: Path, server: postgres.PostgresServer, store: MinioServer, runs: int = 20) -> Drill:
    """Runs a drill in an empty folder.

    Raises:
        AssertionError: a script ended badly; says what it said.
    """
    lost, restored = server.create_database(), server.create_database()
    bucket, empty, kept = (store.create_bucket() for _ in range(3))
    env = rclone_env(folder, rclone, store) | {"TRIVET_BACKUP_TO": f"backup:{kept}/trivet"}
    dumps, brought = folder / "dumps", folder / "brought"
    dumps.mkdir()
    brought.mkdir()
    seconds: dict[str, float] = {}

    with _served(folder / "lost", lost, store, bucket) as client:
        with _timed(seconds, f"write {runs} runs, their files and models"):
            _write(client, folder, runs)
        before = _facts(client, lost)
        copying = env | {"TRIVET_BACKUP_FILES": f"files:{bucket}"}
        with _timed(seconds, "copy files into the backup"):
            _run("files.sh", "ahead", None, copying)
        with _timed(seconds, "dump the databases"):
            _run("databases.sh", "dump", dumps, env | _urls(folder / "urls-lost", lost))
        with _timed(seconds, "copy dumps and what is new into the backup"):
            _run("files.sh", "backup", dumps, copying)
        # What comes later is in no backup, and nothing of it may come back by half.
        _write(client, folder, 1)
    with _timed(seconds, "bring files and dumps back"):
        _run("files.sh", "restore", brought, env | {"TRIVET_BACKUP_FILES": f"files:{empty}"})
    with _timed(seconds, "restore the databases"):
        _run("databases.sh", "restore", brought, env | _urls(folder / "urls-restored", restored))
    with _served(folder / "restored", restored, store, empty) as client:
        after = _facts(client, restored)
        with _timed(seconds, "compare the index with the bucket, by digest"):
            check = client.artifacts.housekeeping.verify_store(progress=False)
        _write(client, folder, 1)  # numbers go on where they were
    return Drill(before, after, len(check.damaged), check.checked_contents, seconds)


def rclone_env(folder: Path, rclone: Path, store: MinioServer) -> dict[str, str]:
    """The environment of the scripts, in which `files` and `backup` are remotes; `folder` is for their settings."""
    remotes = folder / "rclone.conf"
    remotes.write_text(
        "".join(
            f"[{name}]\ntype = s3\nprovider = Minio\nendpoint = {store.endpoint}\nregion = us-east-1\n"
            f"access_key_id = {store.user}\nsecret_access_key = {store.password}\n"
            for name in ("files", "backup")
        ),
        encoding="utf-8",
    )
    return {
        "PATH": os.pathsep.join([str(rclone.parent), os.environ.get("PATH", "")]),
        "RCLONE_CONFIG": str(remotes),
        # Of the machine on which the drill runs; rclone before 1.63 does not work with it.
        "AWS_CA_BUNDLE": "",
    }


def main() -> int:
    """Prints the report of a drill; 1 where something is not as it was."""
    rclone = tools.find_rclone()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "minio").mkdir()
        server = postgres.start()
        try:
            with minio.start(tools.find_minio().path, folder / "minio") as store:
                done = drill(folder, rclone.path, server, store)
        finally:
            server.stop()
    sys.stdout.write(done.report() + "\n")
    return 1 if done.differences or done.damaged else 0


@contextmanager
def _served(folder: Path, database: str, store: MinioServer, bucket: str) -> Iterator[trivet.Client]:
    folder.mkdir()
    options = ("--database", database, "--artifacts", store.store(bucket))
    with start_standalone(folder, *options, **store.credentials) as server:
        with trivet.Client(f"grpc://{server.address}") as client:
            yield client
        assert server.terminate() == 0, server.stderr


def _write(client: trivet.Client, folder: Path, runs: int) -> None:

    experiment_id = _experiment_id(client)
    for number in range(runs):
        run_id = client.create_run(experiment_id).info.run_id
        client.log_batch(
            run_id,
            metrics=[trivet.Metric("loss", 1 / (step + 1), step=step, timestamp=step) for step in range(_STEPS)],
            params={"number": number},
        )
        file = folder / "weights.bin"
        file.write_bytes(os.urandom(1000 * (number + 1)))
        client.log_artifact(run_id, str(file), "model")
        client.set_terminated(run_id)
        if number % 5 == 0:
            version = client.register_model(f"runs:/{run_id}/model", "drill")
            client.set_registered_model_alias("drill", "newest", version.version)
    file.unlink()


def _experiment_id(client: trivet.Client) -> str:
    """Of the experiment, which is made where there is none."""
    experiment = client.get_experiment_by_name("drill")
    return client.create_experiment("drill") if experiment is None else experiment.experiment_id


def _facts(client: trivet.Client, database: str) -> Facts:
    digests: dict[str, str] = {}
    for run in client.search_runs([_experiment_id(client)]):
        run_id = run.info.run_id
        history = client.get_metric_history(run_id, "loss")
        seen = (run.info.status, sorted(run.data.params.items()), [(each.step, each.value) for each in history])
        digests[f"run {run_id}"] = hashlib.sha256(repr(seen).encode()).hexdigest()
        digests[f"files of run {run_id}"] = client.artifacts.get_manifest(run_id).sha256
    for version in client.search_model_versions("name='drill'"):
        digests[f"version {version.version}"] = hashlib.sha256(repr(version).encode()).hexdigest()
    digests["history of the model"] = repr(client.registry.history.verify("drill"))
    return Facts(digests, _rows(database))


def _rows(database: str) -> dict[str, int]:
    """How many rows each table has."""
    connection = psycopg2.connect(database)
    try:
        with connection.cursor() as cursor:

            def all_is_passed_on() -> bool:
                cursor.execute("SELECT count(*) FROM trivet_registry.outbox")
                return cursor.fetchone() == (0,)

            # `event` has them only then.
            wait_until(all_is_passed_on)
            cursor.execute(
                "SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN %s ORDER BY 1",
                (_SCHEMAS,),
            )
            names = [name for (name,) in cursor.fetchall() if name.partition(".")[2] not in _PASSING]
            counts = {}
            for name in names:
                cursor.execute(f"SELECT count(*) FROM {name}")  # as PostgreSQL has quoted it
                ((counts[name],),) = cursor.fetchall()
            return counts
    finally:
        connection.close()


def _urls(folder: Path, database: str) -> dict[str, str]:
    for service in ("registry", "tracking", "artifacts"):
        (folder / service).mkdir(parents=True)
        (folder / service / "url").write_text(database, encoding="utf-8")
    return {"TRIVET_DATABASES": str(folder)}


def _run(script: str, what: str, folder: Path | None, env: Mapping[str, str]) -> None:
    ended = run_to_exit([str(SCRIPTS / script), what, *([] if folder is None else [str(folder)])], dict(env))
    assert ended.returncode == 0, f"{script} {what}: {ended.stdout}{ended.stderr}"


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    begin = time.monotonic()
    yield
    seconds[step] = time.monotonic() - begin


def _unequal(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    return [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]


if __name__ == "__main__":
    sys.exit(main())
