"""The services, as the logs of runs are sent to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from trivet._connection import Connection
from trivet._names import Names
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub

if TYPE_CHECKING:
    from trivet._artifacts import Artifacts


class RunServices:
    """What a sender calls. Nothing is repeated here: the sender does that, for much longer."""

    def __init__(self, connection: Connection, names: Names, artifacts: Callable[[], Artifacts]) -> None:
        """Prepares it; calls no server.

        Args:
            connection: To the tracking service; of calls that are made again after a fork.
            names: Of the workspace.
            artifacts: The artifact service, when files are to be uploaded.
        """
        self._connection = connection
        self._names = names
        self._artifacts = artifacts

    def write(self, message: pb.WriteRunRequest) -> pb.WriteRunResponse:
        """As `RunServer` has it, like the others here."""
        stub = self._connection.stub(TrackingServiceStub)
        return self._connection.call(stub.WriteRun, message, repeatable=False, patience_seconds=0)

    def create(self, request: pb.CreateRunRequest) -> None:
        """Creates a run."""
        stub = self._connection.stub(TrackingServiceStub)
        self._connection.call(stub.CreateRun, request, repeatable=False, patience_seconds=0)

    def update(self, request: pb.UpdateRunRequest) -> None:
        """Changes a run."""
        stub = self._connection.stub(TrackingServiceStub)
        self._connection.call(stub.UpdateRun, request, repeatable=False, patience_seconds=0)

    def upload(self, run_id: str, local: Path, path: str) -> None:
        """Uploads a file or folder."""
        self._artifacts().log_kept_artifact(run_id, local, path)

    def run_name(self, run_id: str) -> str:
        """The resource name of a run."""
        return self._names.run(run_id)
