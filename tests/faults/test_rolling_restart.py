"""Two replicas of each service under load, restarted one after the other: no call fails."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import trivet
from trivet_testing import artifacts as artifact_server
from trivet_testing import registry as registry_server
from trivet_testing import tracking as tracking_server
from trivet_testing.artifacts import Place
from trivet_testing.minio import MinioServer
from trivet_testing.servers import ServerProcess, free_port
from trivet_testing.tracking import full

HOSTS = ("127.0.0.1", "127.0.0.2")
CONTENT = b"x" * 100_000


class Replicas:
    """The two servers of a service, on one port of two addresses."""

    def __init__(self, start: Callable[[str], ServerProcess]) -> None:
        self._start = start
        port = free_port()
        self.addresses = [f"{host}:{port}" for host in HOSTS]
        self.url = f"grpc://{','.join(self.addresses)}"
        self.servers: list[ServerProcess] = []

    def __enter__(self) -> Replicas:
        for address in self.addresses:
            self.servers.append(self._start(address))
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers:
            server.close()

    def restart(self, number: int) -> None:
        """Ends a replica as Kubernetes does, by SIGTERM, and returns when its successor has answered calls."""
        assert self.servers[number].terminate() == 0
        assert "Traceback" not in self.servers[number].stderr
        self.servers[number] = self._start(self.addresses[number])
        self.await_calls(number)

    def await_calls(self, number: int) -> None:
        """Returns when a replica has answered a call: clients spread over both."""
        self.servers[number].wait_for_line(r'"message": "call"', on="stderr", timeout_seconds=60)


@dataclass
class Load:
    """What clients do all the time, each in a thread, and how it went."""

    done: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def keep(self, what: str, act: Callable[[int], object]) -> None:
        """Does something again and again until the end."""

        def run() -> None:
            number = 0
            while not self._stopped.is_set():
                number += 1
                try:
                    act(number)
                except trivet.TrivetError as error:
                    self.failed.append(f"{what}, {number}: {type(error).__name__}: {error}")
                else:
                    self.done[what] += 1

        self._threads.append(threading.Thread(target=run, name=what))
        self._threads[-1].start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()


@pytest.fixture
def services(postgres_url: str, minio_server: MinioServer) -> Iterator[dict[str, Replicas]]:
    # One database holds all three; each has a schema of its own.
    for server in (tracking_server, artifact_server, registry_server):
        server.migrate(postgres_url)
    credentials = {"AWS_ACCESS_KEY_ID": minio_server.user, "AWS_SECRET_ACCESS_KEY": minio_server.password}
    place = Place(postgres_url, minio_server.store(minio_server.create_bucket()), credentials)
    with ExitStack() as stack:
        tracking = stack.enter_context(Replicas(lambda listen: tracking_server.start_server(postgres_url, listen)))
        artifacts = stack.enter_context(Replicas(lambda listen: artifact_server.start_server(place, listen)))

        def start_registry(listen: str) -> ServerProcess:
            # A name that leads to all replicas needs DNS; each registry knows one of them instead, and tries again.
            own = artifacts.addresses[HOSTS.index(listen.partition(":")[0])]
            sweep = {"TRIVET_SWEEP_AFTER_SECONDS": "1"}
            return registry_server.start_server(postgres_url, listen, f"grpc://{own}", **sweep)

        registry = stack.enter_context(Replicas(start_registry))
        yield {"tracking": tracking, "artifacts": artifacts, "registry": registry}


@pytest.mark.timeout(600)
def test_no_call_fails_while_each_replica_is_restarted(
    services: dict[str, Replicas], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, replicas in services.items():
        monkeypatch.setenv(f"TRIVET_{name.upper()}_URL", replicas.url)
    file = tmp_path / "model.bin"
    file.write_bytes(CONTENT)
    load = Load()
    with trivet.Client(workspace="test-0") as client:
        run_id = client.create_run(client.create_experiment("rolling")).info.run_id
        client.log_artifact(run_id, str(file), "model")
        client.create_registered_model("taxi")
        first = client.register_model(f"runs:/{run_id}/model", "taxi")

        def track(number: int) -> None:
            client.log_metric(run_id, "loss", 1 / number, step=number)
            client.set_terminated(client.create_run("1").info.run_id)
            assert client.get_metric_history(run_id, "loss") is not None
            client.search_runs(["1"], max_results=5)

        def carry(number: int) -> None:
            client.log_artifact(run_id, str(file), f"more/{number % 10}")
            fetched = client.download_artifacts(run_id, "model/model.bin", str(tmp_path / f"fetched-{number % 10}"))
            assert Path(fetched).read_bytes() == CONTENT

        def register(number: int) -> None:
            client.register_model(f"runs:/{run_id}/model", "taxi")
            client.set_registered_model_alias("taxi", "best", first.version)
            assert client.get_model_version_by_alias("taxi", "best").version == first.version
            client.update_registered_model("taxi", f"as of {number}")

        load.keep("tracking", track)
        load.keep("artifacts", carry)
        load.keep("registry", register)
        try:
            for replicas in services.values():
                for number in (0, 1):
                    replicas.await_calls(number)
            for _ in range(full(1, 9)):
                for replicas in services.values():
                    for number in (0, 1):
                        replicas.restart(number)
        finally:
            load.stop()
        receipt = client.flush(60)
        assert load.failed == []
        assert min(load.done[name] for name in services) > 5
        assert (receipt.pending, receipt.refused) == (0, 0)
        assert len(client.get_metric_history(run_id, "loss")) == load.done["tracking"]
        versions = client.search_model_versions("name = 'taxi'")
        assert len(versions) == load.done["registry"] + 1
        assert {version.status for version in versions} == {"READY"}
