"""Exports while servers die: what is in place in the end is whole, and every row is there once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pyarrow.parquet as pq
import pytest

import trivet
from trivet_proto.tracking.v1 import export_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.servers import ServerProcess, free_port
from trivet_testing.tracking import Tracking, migrate, start_server
from trivet_testing.workspaces import unused_workspace

# Several groups of messages, and more than the network takes in before they are asked for.
LONG_POINTS = 1_000_000
SHORT_RUNS = 300
BATCH = 100_000


FILLED = unused_workspace()
"""The workspace that the runs are in."""


class Replicas:
    """Two addresses of servers on one database, of which the first serves."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self.first_address, self.second_address = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self.servers = [start_server(database_url, self.first_address)]

    @property
    def url(self) -> str:
        return f"grpc://{self.first_address},{self.second_address}/{FILLED}"

    @property
    def first(self) -> ServerProcess:
        return self.servers[0]

    def start_second(self) -> None:
        self.servers.append(start_server(self._database_url, self.second_address))

    def close(self) -> None:
        for server in self.servers:
            server.close()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def filled_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a database with a long run and many short ones; its tests write into other workspaces only."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('exported') / 'tracking.db'}"
    else:
        url = request.getfixturevalue("postgres_server").create_database()
    migrate(url)
    with start_server(url) as server, grpc.insecure_channel(server.address) as channel:
        fill(Tracking(TrackingServiceStub(channel), FILLED))
        assert server.terminate() == 0
    return url


def fill(tracking: Tracking) -> None:
    long = tracking.stub.CreateRun(pb.CreateRunRequest(parent=tracking.parent, run_id="long")).name
    for begin in range(0, LONG_POINTS, BATCH):
        steps = range(begin, begin + BATCH)
        columns = MetricColumns(keys=["m"], counts=[BATCH], steps=steps, times_millis=[5], values=map(float, steps))
        tracking.stub.WriteRun(pb.WriteRunRequest(run=long, metrics=columns))
    for number in range(SHORT_RUNS):
        request = pb.CreateRunRequest(parent=tracking.parent, run_id=f"run-{number:03}")
        request.run.params["number"] = str(number)
        # Enough of them that runs come in several groups as well.
        request.run.tags["text"] = "x" * 60_000
        run = tracking.stub.CreateRun(request).name
        columns = MetricColumns(keys=["m"], times_millis=[5], values=[float(number)])
        tracking.stub.WriteRun(pb.WriteRunRequest(run=run, metrics=columns))


@pytest.fixture
def replicas(filled_url: str) -> Iterator[Replicas]:
    replicas = Replicas(filled_url)
    yield replicas
    replicas.close()


def check_whole(folder: Path) -> None:
    points = pq.read_table(folder / "points", columns=["run_id", "step", "value"]).to_pandas()
    long = points[points["run_id"] == "long"]
    assert np.array_equal(np.sort(long["step"]), np.arange(LONG_POINTS))
    assert np.array_equal(long["value"], long["step"])
    short = points[points["run_id"] != "long"]
    numbers = {f"run-{number:03}": float(number) for number in range(SHORT_RUNS)}
    assert len(short) == SHORT_RUNS
    assert dict(zip(short["run_id"], short["value"], strict=True)) == numbers
    params = pq.read_table(folder / "params").to_pandas()
    assert len(params) == SHORT_RUNS
    assert dict(zip(params["run_id"], params["number"], strict=True)) == numbers
    assert pq.read_table(folder / "tags").num_rows == SHORT_RUNS
    assert pq.read_table(folder / "runs").num_rows == SHORT_RUNS + 1
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "params", "points", "runs", "tags"]


@pytest.mark.parametrize("broken", ["runs", "points"])
def test_an_export_goes_on_at_another_replica_when_its_own_is_killed(
    replicas: Replicas, tmp_path: Path, broken: str
) -> None:
    killed_at: list[trivet.ExportProgress] = []

    def kill(progress: trivet.ExportProgress) -> None:
        in_midst = {
            "runs": 0 < progress.run_tables < progress.run_count,
            "points": 0 < progress.rows["points"] < LONG_POINTS,
        }
        if in_midst[broken] and not killed_at:
            killed_at.append(progress)
            replicas.start_second()
            replicas.first.kill()

    with trivet.Client(replicas.url) as client:
        client.export(tmp_path / "data", on_progress=kill)
    assert killed_at
    check_whole(tmp_path / "data")


def test_an_export_without_a_server_fails_and_leaves_nothing(
    replicas: Replicas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trivet._export_streams._PATIENCE_SECONDS", 1.0)

    def stop(progress: trivet.ExportProgress) -> None:
        if progress.rows["points"]:
            replicas.first.kill()

    with trivet.Client(replicas.url) as client, pytest.raises(trivet.ServerUnavailable):
        client.export(tmp_path / "data", on_progress=stop)
    assert not (tmp_path / "data").exists()


def test_the_memory_of_the_server_does_not_grow_with_an_export(replicas: Replicas) -> None:
    with grpc.insecure_channel(replicas.first.address) as channel:
        stub = TrackingServiceStub(channel)
        parent = f"workspaces/{unused_workspace()}"
        run = stub.CreateRun(pb.CreateRunRequest(parent=parent)).name
        steps = range(BATCH)
        values = [float(step) for step in steps]
        for number in range(50):
            columns = MetricColumns(keys=[f"m{number}"], counts=[BATCH], steps=steps, times_millis=[5], values=values)
            stub.WriteRun(pb.WriteRunRequest(run=run, metrics=columns))
        before = peak_memory_bytes(replicas.first)
        sent = 0
        stream = stub.ExportMetricPoints(export_pb2.ExportMetricPointsRequest(parent=parent))
        for message in stream:
            sent += len(message.points.values) + len(message.points.steps) + len(message.points.times_millis)
        grown = peak_memory_bytes(replicas.first) - before
    assert sent == 50 * BATCH * 24
    assert grown < sent / 3, f"grew by {grown:,} bytes for {sent:,}"


def peak_memory_bytes(server: ServerProcess) -> int:
    """The largest resident memory that a server has had."""
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
