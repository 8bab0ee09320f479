"""The data that measurements share fits the schema as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grpc

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.tracking import start_server

SCRIPT = Path(__file__).parents[2] / "bench" / "dataset.py"


def test_a_database_is_filled_with_runs_that_can_be_searched(database_url: str) -> None:
    command = [sys.executable, str(SCRIPT), "--database", database_url, "--runs", "50"]
    filled = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert filled.returncode == 0, filled.stderr
    with start_server(database_url) as server, grpc.insecure_channel(server.address) as channel:
        request = pb.SearchRunsRequest(parent="workspaces/default", filter="metrics.rmse > 0", count_total=True)
        assert TrackingServiceStub(channel).SearchRuns(request).total_size == 50
