"""The tracking service as its tests see it: a real process on a real database."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from dataclasses import dataclass

from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.servers import ServerProcess
from trivet_testing.workspaces import WORKSPACES
from trivet_tracking.server import migrations, open_database

READY = r"^trivet-tracking is ready: grpc (\S+)$"
_COMMAND = (sys.executable, "-m", "trivet_tracking")


def migrate(database_url: str) -> None:
    """Brings a database to the current schema, as the command does, and without the second that it takes to start."""
    with closing(open_database(database_url)) as database:
        database.check_usable()
        migrations(database).upgrade()


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
