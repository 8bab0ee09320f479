"""A server whose database stands still under a flood turns callers away before its memory grows beyond its bound."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import error_of
from trivet_testing.servers import ServerProcess
from trivet_testing.tracking import migrate, start_server
from trivet_tracking.commits import MAX_GROUP_BYTES, MAX_WAITING_BYTES

DEADLINE_SECONDS = 60
POINTS = 40_000
CALLS = 160
PARENT = "workspaces/default"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tracking.db"


@pytest.fixture
def server(file: Path) -> Iterator[ServerProcess]:
    migrate(f"sqlite:///{file}")
    with start_server(f"sqlite:///{file}") as server:
        yield server


def memory_bytes(server: ServerProcess) -> int:
    """The resident memory of a server."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def message(run: str, writer: int) -> pb.WriteRunRequest:
    columns = MetricColumns(
        keys=["a"], counts=[POINTS], steps=range(POINTS), times_millis=[writer], values=[float(writer)] * POINTS
    )
    return pb.WriteRunRequest(run=run, writer_id=writer, sequence=1, metrics=columns)


def test_a_flood_that_cannot_be_committed_is_turned_away_within_the_bound_of_memory(
    server: ServerProcess, file: Path
) -> None:
    with grpc.insecure_channel(server.address) as channel, closing(sqlite3.connect(file)) as blocker:
        stub = TrackingServiceStub(channel)
        run = stub.CreateRun(pb.CreateRunRequest(parent=PARENT)).name
        messages = [message(run, writer) for writer in range(1, CALLS + 1)]
        before = memory_bytes(server)
        blocker.execute("BEGIN IMMEDIATE")
        refused = threading.Semaphore(0)
        calls = [stub.WriteRun.future(request, timeout=DEADLINE_SECONDS) for request in messages]
        for call in calls:
            call.add_done_callback(lambda _: refused.release())
        # So many do not fit, whatever the order in which they come.
        least = CALLS - (MAX_WAITING_BYTES + MAX_GROUP_BYTES) // (24 * POINTS) - 3
        assert all(refused.acquire(timeout=DEADLINE_SECONDS) for _ in range(least))
        grown = memory_bytes(server) - before
        assert grown <= 4 * (MAX_WAITING_BYTES + MAX_GROUP_BYTES), f"grew by {grown:,} bytes"
        print(f"{grown / 2**20:.0f} MiB more with {CALLS} x {POINTS:,} points sent")  # noqa: T201 - the bound, shown
        blocker.rollback()
        again = []
        for call, request in zip(calls, messages, strict=True):
            if call.exception(DEADLINE_SECONDS) is None:
                continue
            failure = error_of(call.result)
            assert (failure.code, failure.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
            assert failure.retry_seconds == 1
            again.append(request)
        assert least <= len(again) < CALLS
        # What was turned away left nothing behind, and is taken when it comes again.
        assert not any(stub.WriteRun(request, timeout=DEADLINE_SECONDS).resend for request in again)
        (listed,) = stub.ListMetrics(pb.ListMetricsRequest(parent=run)).metrics
        assert listed.point_count == CALLS * POINTS
    assert "Traceback" not in server.stderr
