"""Rolling restarts and migrations under load: two replicas of each service and of the gateway, clients of all kinds.

`make rolling` prints a report. Servers end by SIGTERM as on Kubernetes, without the pause that there comes before.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import trivet
from trivet._target import resolve_addresses
from trivet_artifacts import server as artifacts_service
from trivet_kit.db import Migrations
from trivet_registry import server as registry_service
from trivet_testing import artifacts, gateways, minio, postgres, registry, tools, tracking
from trivet_testing.artifacts import Place
from trivet_testing.environments import mlflow_environment
from trivet_testing.later_schemas import package_of_migrations
from trivet_testing.load import Load, SdkLoad
from trivet_testing.minio import MinioServer
from trivet_testing.replicas import HOSTS, BalancedReplicas, Replicas
from trivet_testing.servers import ServerProcess
from trivet_tracking import server as tracking_service

WORKSPACE: Final = "test-0"
_OF_MLFLOW: Final = "test-1"
# The registry links files for it, which says nothing of where the SDK is connected.
_BY_THE_SDK: Final = f'"method": "[^"]*/(?!LinkArtifacts)[^"/]*".*"workspace": "{WORKSPACE}"'
_PROGRAM: Final = Path(__file__).with_name("mlflow_load.py")
_SERVICES: Final = {"tracking": tracking_service, "artifacts": artifacts_service, "registry": registry_service}
_USED: Final = {
    "tracking": ("run", "run_pk", ("run", "param", "metric_latest", "metric_log")),
    "artifacts": ("artifact_object", "object_pk", ("artifact_object", "artifact_entry")),
    "registry": ("version", "version_pk", ("model", "version", "history")),
}
"""Of each service: a table, its key, and tables that calls use all the time."""
_LATER: Final = "9001"


class Restarted(Protocol):
    """Two replicas that can be restarted."""

    def restart(self, number: int) -> None:
        """Ends one, and returns when its successor serves."""


@dataclass(frozen=True)
class Installation:
    """Two replicas of everything, and what they keep things in."""

    tracking: Replicas
    artifacts: Replicas
    registry: Replicas
    gateway: BalancedReplicas
    database_url: str

    @property
    def services(self) -> dict[str, Restarted]:
        """In the order in which they are restarted."""
        return {
            "tracking": self.tracking,
            "artifacts": self.artifacts,
            "registry": self.registry,
            "gateway": self.gateway,
        }


@dataclass
class Rolled:
    """What came of it."""

    calls: Counter[str] = field(default_factory=Counter)
    """That succeeded, by who made them and their name."""
    failed: list[str] = field(default_factory=list)
    sent_again: int = 0
    """Requests of MLflow's client that itself sent again."""
    restarts: Counter[str] = field(default_factory=Counter)
    """Rolling restarts of a service, each of both replicas."""
    migrations: list[str] = field(default_factory=list)
    seconds: float = 0

    def report(self) -> str:
        """As Markdown."""
        lines = ["# Rolling restarts under load", "", "| what | rolling restarts |", "|---|---|"]
        lines += [f"| {service} | {number} |" for service, number in self.restarts.items()]
        lines += ["", *(f"Migrated meanwhile: {migration}." for migration in self.migrations)]
        lines += ["", "| calls | succeeded |", "|---|---|"]
        lines += [f"| {name} | {number:,} |" for name, number in sorted(self.calls.items())]
        lines += [
            "",
            f"{self.restarts.total()} rolling restarts, each of two replicas, in {self.seconds:.0f} s: "
            f"{self.calls.total():,} calls succeeded, {len(self.failed)} failed. MLflow's client sent "
            f"{self.sent_again} of its requests again.",
            *self.failed[:20],
        ]
        return "\n".join(lines)


@contextmanager
def installed(database_url: str, store: MinioServer) -> Iterator[Installation]:
    """Starts it on an empty database and a bucket of its own."""
    for service in (tracking, artifacts, registry):
        service.migrate(database_url)
    credentials = {"AWS_ACCESS_KEY_ID": store.user, "AWS_SECRET_ACCESS_KEY": store.password}
    place = Place(database_url, store.store(store.create_bucket()), credentials)
    with ExitStack() as stack:

        def started(start: Callable[[str], ServerProcess]) -> Replicas:
            return stack.enter_context(Replicas(start, _BY_THE_SDK))

        def start_registry(listen: str) -> ServerProcess:
            # A name that leads to all replicas needs DNS; each registry knows one of them instead, and tries again.
            own = of_artifacts.addresses[HOSTS.index(listen.partition(":")[0])]
            sweep = {"TRIVET_SWEEP_AFTER_SECONDS": "1"}
            return registry.start_server(database_url, listen, f"grpc://{own}", **sweep)

        def start_gateway(listen: str) -> ServerProcess:
            urls = {"TRACKING": of_tracking.url, "ARTIFACTS": of_artifacts.url, "REGISTRY": of_registry.url}
            return gateways.start_gateway(listen, {f"TRIVET_{name}_URL": url for name, url in urls.items()})

        of_tracking = started(lambda listen: tracking.start_server(database_url, listen))
        of_artifacts = started(lambda listen: artifacts.start_server(place, listen))
        of_registry = started(start_registry)
        gateway = stack.enter_context(BalancedReplicas(start_gateway))
        yield Installation(of_tracking, of_artifacts, of_registry, gateway, database_url)


def roll(
    installation: Installation,
    python: Path,
    folder: Path,
    restarts: int,
    tell: Callable[[str], object] = lambda _: None,
) -> Rolled:
    """Restarts one service after the other, again and again, and migrates when half of it is done.

    Args:
        installation: What is restarted; its workspaces are empty.
        python: That of an environment with MLflow.
        folder: For files.
        restarts: How many rolling restarts, each of one service.
        tell: Told what is done next.

    Raises:
        AssertionError: what was acknowledged is not there, or a server did not end as it has to.
    """
    rolled = Rolled()
    load = Load()
    services = installation.services
    balanced = {name: replicas for name, replicas in services.items() if isinstance(replicas, Replicas)}
    urls = {name: replicas.url for name, replicas in balanced.items()}
    with trivet.Client(resolve_addresses(urls, WORKSPACE)) as client, closing(SdkLoad(load, client, folder)) as sdk:
        mlflow = _mlflow(python, f"http://{installation.gateway.address}/w/{_OF_MLFLOW}")
        sdk.begin()
        try:
            for replicas in balanced.values():
                for number in (0, 1):
                    replicas.await_calls(number)
            began = time.monotonic()
            for turn in range(restarts):
                if turn == restarts // 2:
                    tell("migrating")
                    rolled.migrations += _migrate(installation.database_url, folder)
                name = [*services][turn % len(services)]
                tell(f"{turn + 1} of {restarts}: {name}")
                for number in (0, 1):
                    services[name].restart(number)
                rolled.restarts[name] += 1
            rolled.seconds = time.monotonic() - began
        finally:
            load.stop()
            with mlflow:
                ended = mlflow.terminate(timeout_seconds=300)
        assert ended == 0, mlflow.stderr
        sdk.end()
    said: dict[str, Any] = json.loads(mlflow.stdout_lines[-1])
    rolled.failed += [f"SDK: {each}" for each in load.failed] + [f"MLflow: {each}" for each in said["failed"]]
    rolled.calls.update({f"SDK: {name}": number for name, number in load.done.items()})
    rolled.calls.update({f"MLflow: {name}": number for name, number in said["done"].items()})
    rolled.sent_again = len(said["sent_again"])
    return rolled


def _mlflow(python: Path, url: str) -> ServerProcess:
    """MLflow's client with the settings that it has by itself."""
    settings = {
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }
    return ServerProcess.start([str(python), str(_PROGRAM)], settings, r"^begun$", timeout_seconds=120)


def _migrate(database_url: str, folder: Path) -> list[str]:
    """Migrates each schema to one that a later release might have, and says from what to what."""
    said = []
    for name, service in _SERVICES.items():
        with closing(service.open_database(database_url)) as database:
            package = f"trivet_{name}"
            script = {f"{_LATER} {service.migrations(database).head}": _expansion(name)}
            with package_of_migrations(folder, script, after=package) as later:
                before, after = Migrations(database, later).upgrade()
            said.append(f"{package} from {before} to {after}")
    return said


def _expansion(service: str) -> str:
    """Columns for tables in use, and a table that refers to one: each takes a lock that calls have to wait for."""
    table, key, used = _USED[service]
    schema = f"trivet_{service}"
    lines = [f'op.add_column("{each}", sa.Column("later", sa.Text), schema="{schema}")' for each in used]
    reference = f'sa.ForeignKey("{schema}.{table}.{key}", ondelete="CASCADE")'
    lines.append(
        f'op.create_table("later", sa.Column("{key}", sa.BigInteger, {reference}, primary_key=True), schema="{schema}")'
    )
    return "\n".join(f"    {line}" for line in lines)


def main() -> int:
    """Prints the report; 1 where a call failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=50, help="rolling restarts, each of two replicas (default: 50)")
    restarts = parser.parse_args().restarts
    store_program = tools.find_minio()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "minio").mkdir()
        server = postgres.start()
        try:
            with (
                minio.start(store_program.path, folder / "minio") as store,
                installed(server.create_database(), store) as installation,
            ):
                python = mlflow_environment() / "bin" / "python"
                rolled = roll(installation, python, folder, restarts, lambda text: sys.stderr.write(f"{text}\n"))
        finally:
            server.stop()
    sys.stdout.write(rolled.report() + "\n")
    return 1 if rolled.failed else 0


if __name__ == "__main__":
    sys.exit(main())
