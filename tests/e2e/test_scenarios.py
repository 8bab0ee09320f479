"""The three scenarios of docs/scenarios.md; in each, the demo of examples/ passes and leaves what it says."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trivet
from trivet_testing import artifacts, one_address, registry, tracking
from trivet_testing.minio import MinioServer
from trivet_testing.pages import Block, Step, blocks_of, matches, steps_of
from trivet_testing.postgres import PostgresServer
from trivet_testing.servers import ServerProcess, free_port, run_to_exit

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "examples" / "taxi" / "demo.py"
PAGE = ROOT / "docs" / "scenarios.md"
PORTS = {"tracking": 7332, "artifacts": 7333, "registry": 7334}
TRIALS, ROUNDS = 2, 5


@dataclass(frozen=True)
class Remote:
    """Where three separate processes serve."""

    tracking: str
    artifacts: str
    registry: str

    def environment(self, workspace: str) -> dict[str, str]:
        """Three addresses, as a client is told them."""
        return {
            "TRIVET_TRACKING_URL": f"grpc://{self.tracking}",
            "TRIVET_ARTIFACTS_URL": f"grpc://{self.artifacts}",
            "TRIVET_REGISTRY_URL": f"grpc://{self.registry}",
            "TRIVET_WORKSPACE": workspace,
        }


@pytest.fixture(scope="module")
def remote(
    postgres_server: PostgresServer, minio_server: MinioServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Remote]:
    """Three processes over one PostgreSQL database and a bucket, which ask nobody who they are."""
    database_url = postgres_server.create_database()
    place = artifacts.Place(database_url, minio_server.store(minio_server.create_bucket()), minio_server.credentials)
    for service in (tracking, artifacts, registry):
        service.migrate(database_url)
    with ExitStack() as stack:
        tracking_server = stack.enter_context(tracking.start_server(database_url, TRIVET_INSECURE_NO_AUTH="true"))
        artifact_server = stack.enter_context(artifacts.start_server(place, TRIVET_INSECURE_NO_AUTH="true"))
        registry_server = stack.enter_context(
            registry.start_server(
                database_url, artifacts_url=f"grpc://{artifact_server.address}", TRIVET_INSECURE_NO_AUTH="true"
            )
        )
        yield Remote(tracking_server.address, artifact_server.address, registry_server.address)
    postgres_server.drop_database(database_url)


@pytest.fixture
def any_table(tmp_path: Path) -> Path:
    """A CSV file with numbers, texts, and a row that is not complete."""
    random = np.random.default_rng(1)
    area, town = random.uniform(20, 200, 100), random.choice(["Here", "There"], 100)
    table = pd.DataFrame({"area": area, "town": town, "price": 2 * area + 50 * (town == "Here")})
    table.loc[7, "area"] = None
    table.to_csv(tmp_path / "houses.csv", index=False)
    return tmp_path / "houses.csv"


@pytest.fixture
def taxi_trips(tmp_path: Path) -> Path:
    """A file with the columns of New York's green-taxi data, and others, and trips that cannot have been."""
    random = np.random.default_rng(1)
    count = 400
    pickup = pd.Timestamp("2021-01-01") + pd.to_timedelta(random.integers(0, 31 * 86400, count), unit="s")
    distance = random.exponential(3, count)
    minutes = np.where(np.arange(count) % 20 == 0, 600, 3 + 4 * distance + random.normal(0, 1, count))
    trips = pd.DataFrame(
        {
            "VendorID": 1,
            "lpep_pickup_datetime": pickup,
            "lpep_dropoff_datetime": pickup + pd.to_timedelta((minutes * 60).round(), unit="s"),
            "PULocationID": random.integers(1, 10, count),
            "DOLocationID": random.integers(1, 10, count),
            "trip_distance": distance,
            "ehail_fee": None,
        }
    )
    trips.to_parquet(tmp_path / "green_tripdata.parquet")
    return tmp_path / "green_tripdata.parquet"


def run_demo(environment: Mapping[str, str], *options: str) -> dict[str, str]:
    """Runs the demo small; the rows of the table that it prints."""
    ended = run_to_exit(
        [sys.executable, "-W", "error", str(DEMO), "--trials", str(TRIALS), "--rounds", str(ROUNDS), *options],
        environment,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = (line.partition("  ") for line in ended.stdout.splitlines())
    return {name: value.strip() for name, _, value in rows}


def check_demo(table: Mapping[str, str], client: trivet.Client, name: str = "diabetes") -> None:
    """What the demo printed, and what anybody else finds on the server."""
    assert table["rmse after loading"] == table["rmse logged"]
    assert (table["stages before"], table["stages after"]) == ("1 Production, 2 None", "1 Archived, 2 Production")
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    runs = client.search_runs(experiment.experiment_id, order_by=["metrics.rmse ASC"])
    assert [run.info.status for run in runs] == ["FINISHED"] * (3 + TRIALS)
    assert runs[0].info.run_id in table["best run"]
    assert repr(runs[0].data.metrics["rmse"]) == table["rmse logged"]
    tuned = next(run for run in runs if run.data.params["model"] == "xgboost")
    assert [point.step for point in client.get_metric_history(tuned.info.run_id, "rmse")] == list(range(ROUNDS))
    kept = {info.path for info in client.list_artifacts(tuned.info.run_id, "model")}
    assert kept == {"model/preprocessor.pkl", "model/xgboost.json"}
    (production,) = client.get_latest_versions(name, ["Production"])
    assert (production.version, production.run_id) == (2, runs[0].info.run_id)


def test_demo_passes_without_a_server(tmp_path: Path) -> None:
    table = run_demo({"TRIVET_URL": f"sqlite:///{tmp_path / 'trivet.db'}"})
    assert {path.name for path in tmp_path.iterdir()} >= {"trivet.db", "trivet-registry.db", "trivet-artifacts"}
    with trivet.Client(f"sqlite:///{tmp_path / 'trivet.db'}") as client:
        check_demo(table, client)


def test_demo_passes_on_its_own_server_and_leaves_nothing_of_it(tmp_path: Path) -> None:
    # The address of the environment is not used.
    table = run_demo({"TRIVET_URL": f"file:{tmp_path / 'runs'}"}, "--own-server")
    assert table["rmse after loading"] == table["rmse logged"]
    folder = Path(table["server"].removeprefix("file:"))
    assert folder.name.startswith("trivet-demo-")
    assert not folder.exists()
    assert not list(tmp_path.iterdir())


def test_demo_passes_on_a_local_server(any_table: Path, tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).with_name("trivet")),
        "up",
        "--grpc-port",
        "0",
        "--data",
        str(tmp_path / "data"),
    ]
    with ServerProcess.start(command, {}, r"^Trivet is ready: grpc (\S+)$") as server:
        table = run_demo({"TRIVET_URL": f"grpc://{server.address}"}, "--data", str(any_table), "--target", "price")
        with trivet.Client(f"grpc://{server.address}") as client:
            check_demo(table, client, "houses")
        assert server.terminate() == 0, server.stderr


def test_demo_passes_with_three_addresses(remote: Remote, taxi_trips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = remote.environment("test-1")
    table = run_demo(environment, "--data", str(taxi_trips))
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    with trivet.Client() as client:
        check_demo(table, client, "green_tripdata")


def test_demo_passes_with_one_address(remote: Remote, nginx: Path, tmp_path: Path) -> None:
    with one_address.start(nginx, tmp_path, vars(remote)) as address:
        target = f"grpc://{address}/test-2"
        table = run_demo({"TRIVET_URL": target})
        with trivet.Client(target) as client:
            check_demo(table, client)


def test_one_address_takes_what_the_services_take(remote: Remote, nginx: Path, tmp_path: Path) -> None:
    content = os.urandom(20_000_000)
    (tmp_path / "weights").write_bytes(content)
    with (
        one_address.start(nginx, tmp_path, vars(remote)) as address,
        trivet.Client(f"grpc://{address}/test-3", token="x" * 7_000) as client,
    ):
        run_id = client.create_run("0").info.run_id
        client.log_artifact(run_id, str(tmp_path / "weights"))
        place = client.download_artifacts(run_id, "weights", str(tmp_path / "back"))
        assert Path(place).read_bytes() == content
        behind = error_for_a_long_name(client)
    with trivet.Client(f"grpc://{remote.registry}/test-3") as client:
        direct = error_for_a_long_name(client)
    assert (behind.reason, behind.message, behind.metadata) == (direct.reason, direct.message, direct.metadata)


def error_for_a_long_name(client: trivet.Client) -> trivet.TrivetError:
    with pytest.raises(trivet.ModelNotFound) as raised:
        client.get_registered_model("☃" * 250)
    return raised.value


def test_one_address_tells_that_a_service_is_away(remote: Remote, nginx: Path, tmp_path: Path) -> None:
    services = vars(remote) | {"registry": f"127.0.0.1:{free_port()}"}
    with (
        one_address.start(nginx, tmp_path, services) as address,
        trivet.Client(f"grpc://{address}/test-4") as client,
    ):
        with pytest.raises(trivet.ServerUnavailable):
            client.list_registered_models()
        assert client.create_run("0").info.status == "RUNNING"


class Operator:
    """Does what the page says, all of it on one machine: addresses and places differ, and nothing else."""

    def __init__(self, folder: Path, nginx: Path, places: Mapping[str, str], credentials: Mapping[str, str]) -> None:
        self._folder = folder
        self._nginx = nginx
        self._places = dict(places)
        self._hosts: dict[str, str] = dict(credentials)  # what the servers have in their environment
        self._stack = ExitStack()
        (folder / "train.py").write_text("import trivet\nwith trivet.start_run():\n    trivet.log_param('a', 1)\n")

    def __enter__(self) -> Operator:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def address(self, on_page: str) -> str:
        return self._places[on_page]

    def paste(self, block: Block) -> None:
        """Pastes a block into a terminal that knows nothing yet."""
        exported: dict[str, str] = {}
        for step in steps_of(f"```console\n{block.text}```\n"):
            program, *arguments = shlex.split(self._here(step.command))
            if program == "export":
                exported |= dict(setting.split("=", 1) for setting in arguments)
            elif program == "cd":
                assert one_address.CONFIGURATION.parent == ROOT / arguments[0]
            elif program == "nginx":
                services = {name: self._places[f"{name}.example:{port}"] for name, port in PORTS.items()}
                folder = self._folder / "nginx"
                folder.mkdir()
                proxy = one_address.start(self._nginx, folder, services)
                self._places["127.0.0.1:7330"] = self._stack.enter_context(proxy)
            elif program == "python":
                ended = run_to_exit([sys.executable, str(self._folder / arguments[0])], exported)
                assert ended.returncode == 0, ended.stderr
            else:
                self._hosts |= exported
                self._run(step, program, arguments)

    def _here(self, text: str) -> str:
        for on_page, here in self._places.items():
            text = text.replace(on_page, here)
        return re.sub(r"0\.0\.0\.0:\d+", "127.0.0.1:0", text)

    def _run(self, step: Step, program: str, arguments: list[str]) -> None:
        # A module starts as a fork, unlike the script of the same name, which other tests run.
        module = "trivet_standalone" if arguments[0] == "up" else program.replace("-", "_")
        command = [sys.executable, "-m", module, *arguments[arguments[0] == "up" :]]
        if arguments[0] == "migrate":
            ended = run_to_exit(command, self._hosts)
            assert ended.returncode == 0, ended.stderr
            return
        if arguments[0] == "up":
            command += ["--grpc-port", "0"]
            on_page = "127.0.0.1:7330"
        else:
            assert arguments[0] == "serve"
            service = program.removeprefix("trivet-")
            on_page = f"{service}.example:{PORTS[service]}"
            assert f" --listen 0.0.0.0:{PORTS[service]}" in step.command
        server = ServerProcess.start(command, self._hosts, r" is ready: grpc (\S+)$", cwd=self._folder)
        self._stack.enter_context(server)
        self._places[on_page] = server.address
        if step.shown:
            assert matches(tuple(map(self._here, step.shown)), "\n".join(server.stdout_lines))


def test_the_commands_of_the_page_do_what_it_says(
    postgres_url: str, minio_server: MinioServer, nginx: Path, tmp_path: Path
) -> None:
    places = {
        "postgresql://trivet:secret@db.example:5432/trivet": postgres_url,
        "s3://trivet?endpoint=https://minio.example": minio_server.store(minio_server.create_bucket()),
    }
    with Operator(tmp_path, nginx, places, minio_server.credentials) as operator:
        for block in blocks_of(PAGE.read_text(encoding="utf-8")):
            if block.language == "console":
                operator.paste(block)
        with trivet.Client(f"grpc://{operator.address('127.0.0.1:7330')}/team-a") as client:
            # One by three addresses, one by one; that of the server on this machine is in its folder.
            assert [run.data.params for run in client.search_runs("0")] == [{"a": "1"}] * 2
            assert all(status.is_reachable for status in client.check_services())
        with trivet.Client(f"file:{tmp_path / '.trivet'}") as client:
            assert len(client.search_runs("0")) == 1
