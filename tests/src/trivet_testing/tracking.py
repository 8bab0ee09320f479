"""The tracking service as its tests see it: a real process on a real database."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.servers import ServerProcess, run_to_exit
from trivet_testing.workspaces import WORKSPACES

READY = r"^trivet-tracking is ready: grpc (\S+)$"
_COMMAND = (sys.executable, "-m", "trivet_tracking")


def migrate(database_url: str) -> None:
    """Brings a database to the current schema, as an operator does."""
    done = run_to_exit([*_COMMAND, "migrate"], {"TRIVET_DATABASE_URL": database_url})
    assert done.returncode == 0, done.stderr


def start_server(database_url: str, listen: str = "127.0.0.1:0", **env: str) -> ServerProcess:
    """Starts a tracking server on a migrated database."""
    return ServerProcess.start(
        [*_COMMAND, "serve"],
        {
            "TRIVET_DATABASE_URL": database_url,
            "TRIVET_LISTEN": listen,
            "TRIVET_WORKSPACES": ",".join(WORKSPACES),
            **env,
        },
        READY,
    )


def full(short: int, long: int) -> int:
    """How often to repeat: `short` in `make test`, `long` in `make test-all`."""
    return long if os.environ.get("TRIVET_TEST_FULL") else short


@dataclass(frozen=True)
class Tracking:
    """A tracking server in one workspace."""

    stub: TrackingServiceStub
    workspace: str

    @property
    def parent(self) -> str:
        """The workspace's resource name."""
        return f"workspaces/{self.workspace}"

    def experiment_name(self, experiment_id: int) -> str:
        """An experiment's resource name."""
        return f"{self.parent}/experiments/{experiment_id}"

    def run_name(self, run_id: str) -> str:
        """A run's resource name."""
        return f"{self.parent}/runs/{run_id}"
