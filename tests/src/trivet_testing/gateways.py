"""Gateways before real services, each a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet_testing.servers import ServerProcess
from trivet_testing.workspaces import WORKSPACES

_READY: Final = r"^trivet-gateway is ready: http (\S+)$"


@dataclass(frozen=True)
class Gateway:
    """A gateway that runs."""

    url: str
    pid: int


@contextmanager
def services_in(folder: Path, *options: str, **settings: str) -> Iterator[str]:
    """The gRPC address of all three services, in one process that runs in a folder, with options of `trivet up`."""
    command = [sys.executable, "-m", "trivet_standalone", "--grpc-port", "0", "--http-port", "0", *options]
    environment = {"TRIVET_WORKSPACES": ",".join(WORKSPACES), **settings}
    with ServerProcess.start(command, environment, r"^Trivet is ready: grpc (\S+)$", cwd=folder) as server:
        yield f"grpc://{server.address}"


@contextmanager
def gateway_before(services: str, **settings: str) -> Iterator[Gateway]:
    """A gateway before all three services at one address, with settings of its own."""
    command = [sys.executable, "-m", "trivet_gateway", "serve", "--listen", "127.0.0.1:0"]
    addresses = {f"TRIVET_{name}_URL": services for name in ("TRACKING", "ARTIFACTS", "REGISTRY")}
    with ServerProcess.start(command, addresses | settings, _READY, cwd=Path.cwd()) as server:
        yield Gateway(f"http://{server.address}", server.pid)
        assert "Traceback" not in server.stderr, server.stderr
