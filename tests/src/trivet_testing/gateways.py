"""Gateways before real services, each a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet_testing.servers import ServerProcess
from trivet_testing.workspaces import WORKSPACES

READY: Final = r"^trivet-gateway is ready: http (\S+)$"


@dataclass(frozen=True)
class Gateway:
    """A gateway that runs."""

    url: str
    pid: int


def start_standalone(folder: Path, *options: str, **settings: str) -> ServerProcess:
    """All of Trivet in one process that runs in a folder, with options of `trivet up`; its address is that of gRPC.

    Its workspaces are `default`, or those of the policy file where TRIVET_POLICY is among the settings.
    """
    command = [sys.executable, "-m", "trivet_standalone", "--grpc-port", "0", "--http-port", "0", *options]
    return ServerProcess.start(command, settings, r"^Trivet is ready: grpc (\S+)$", cwd=folder)


@contextmanager
def services_in(folder: Path, *options: str, **settings: str) -> Iterator[str]:
    """The gRPC address of all three services, in one process that runs in a folder, with options of `trivet up`."""
    environment = {"TRIVET_WORKSPACES": ",".join(WORKSPACES), **settings}
    with start_standalone(folder, *options, **environment) as server:
        yield f"grpc://{server.address}"


def start_gateway(listen: str, settings: Mapping[str, str]) -> ServerProcess:
    """Starts a gateway at an address, with settings that say where the services are."""
    command = [sys.executable, "-m", "trivet_gateway", "serve", "--listen", listen]
    return ServerProcess.start(command, settings, READY, cwd=Path.cwd())


@contextmanager
def gateway_before(services: str, **settings: str) -> Iterator[Gateway]:
    """A gateway before all three services at one address, with settings of its own."""
    addresses = {f"TRIVET_{name}_URL": services for name in ("TRACKING", "ARTIFACTS", "REGISTRY")}
    with start_gateway("127.0.0.1:0", addresses | settings) as server:
        yield Gateway(f"http://{server.address}", server.pid)
        assert "Traceback" not in server.stderr, server.stderr
