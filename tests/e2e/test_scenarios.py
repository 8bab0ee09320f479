"""The three scenarios of docs/scenarios.md; in each, the demo of examples/ passes and leaves what it says."""

from __future__ import annotations

import os
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
from trivet_testing.postgres import PostgresServer
from trivet_testing.servers import ServerProcess, free_port, run_to_exit

DEMO = Path(__file__).parents[2] / "examples" / "taxi" / "demo.py"
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
