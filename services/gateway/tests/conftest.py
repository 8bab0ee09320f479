"""A gateway before real services, over SQLite and a folder: in a process of its own, and as a part of `trivet up`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trivet_testing.servers import ServerProcess
from trivet_testing.workspaces import WORKSPACES


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The gRPC address of all three services."""
    folder = tmp_path_factory.mktemp("services")
    options = ["--grpc-port", "0", "--http-port", "0", "--data", str(folder)]
    command = [sys.executable, "-m", "trivet_standalone", *options]
    settings = {"TRIVET_WORKSPACES": ",".join(WORKSPACES)}
    with ServerProcess.start(command, settings, r"^Trivet is ready: grpc (\S+)$", cwd=folder) as server:
        yield f"grpc://{server.address}"


@pytest.fixture(scope="session")
def gateway(services: str) -> Iterator[str]:
    """The URL of the gateway."""
    command = [sys.executable, "-m", "trivet_gateway", "serve", "--listen", "127.0.0.1:0"]
    settings = {f"TRIVET_{name}_URL": services for name in ("TRACKING", "ARTIFACTS", "REGISTRY")}
    with ServerProcess.start(command, settings, r"^trivet-gateway is ready: http (\S+)$", cwd=Path.cwd()) as server:
        yield f"http://{server.address}"
        assert "Traceback" not in server.stderr, server.stderr
