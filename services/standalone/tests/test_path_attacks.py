"""Paths and names that mean to reach something else, in every field of tracking and registry that bears one.

Those of the artifact service are tested beside it; here the registry asks it, all in one process on one folder.
"""

from __future__ import annotations

import hashlib
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_proto.registry.v1 import registry_service_pb2 as registry_pb
from trivet_proto.registry.v1.model_version_pb2 import ArtifactSource, ModelSource, ModelVersion
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_proto.tracking.v1 import tracking_service_pb2 as tracking_pb
from trivet_proto.tracking.v1.experiment_pb2 import Experiment
from trivet_proto.tracking.v1.run_pb2 import Run
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.artifacts import Artifacts
from trivet_testing.errors import CallFailure, outcome
from trivet_testing.path_payloads import payloads
from trivet_testing.registry import Registry
from trivet_testing.servers import ServerProcess

SECRET = "canary-77be21"
RUN = "workspaces/default/runs/r"
ALLOWED = {
    "FIELD_INVALID",
    "FIELD_REQUIRED",
    "FIELD_TOO_LONG",
    "MODEL_NOT_FOUND",
    "MODEL_SOURCE_UNUSABLE",
    "MODEL_VERSION_NOT_FOUND",
    "RESOURCE_NAME_INVALID",
    "RUN_NOT_FOUND",
    "WORKSPACE_NOT_FOUND",
    "WORKSPACES_MIXED",
}


@dataclass(frozen=True)
class Fortress:
    """A server of everything, a canary in every folder around its data, and one that listens."""

    channel: grpc.Channel
    folder: Path
    listener: socket.socket

    def files(self) -> set[str]:
        """What there is, but for the files of databases and the bytes of the one artifact."""
        return {
            str(file.relative_to(self.folder))
            for file in self.folder.rglob("*")
            if file.is_file() and not file.name.endswith(("-wal", "-shm"))
        }

    def canaries(self) -> set[bytes]:
        """What is in all files that no call may touch."""
        return {file.read_bytes() for file in self.folder.rglob("canary.txt")}

    def was_called(self) -> bool:
        """Whether anybody connected to an address that a payload names."""
        try:
            self.listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture(scope="module")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fortress]:
    folder = tmp_path_factory.mktemp("fortress")
    (folder / "cwd").mkdir()
    (folder / "data").mkdir()
    for around in (".", "cwd", "data"):
        (folder / around / "canary.txt").write_text(SECRET)
    command = [sys.executable, "-m", "trivet_standalone", "--grpc-port", "0", "--data", str(folder / "data")]
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        ServerProcess.start(command, {}, r"^Trivet is ready: grpc (\S+)$", cwd=folder / "cwd") as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        listener.settimeout(0)
        Artifacts(ArtifactServiceStub(channel), "default").upload(RUN, "model/weights", b"w")
        Registry(RegistryServiceStub(channel), "default").create_model("m")
        yield Fortress(channel, folder, listener)
        assert "Traceback" not in server.stderr


def register(channel: grpc.Channel, source: ModelSource, model: str = "workspaces/default/models/m") -> ModelVersion:
    request = registry_pb.CreateModelVersionRequest(parent=model, model_version=ModelVersion(source=source))
    return RegistryServiceStub(channel).CreateModelVersion(request)


def create_experiment(channel: grpc.Channel, location: str) -> Experiment:
    name = hashlib.sha256(location.encode(errors="surrogatepass")).hexdigest()  # each location has its own
    request = tracking_pb.CreateExperimentRequest(
        parent="workspaces/default", experiment=Experiment(display_name=name, artifact_location=location)
    )
    return TrackingServiceStub(channel).CreateExperiment(request)


Send = Callable[[grpc.Channel, str], object]
FIELDS: dict[str, Send] = {
    "CreateModelVersion source.artifacts.owner": lambda channel, text: register(
        channel, ModelSource(artifacts=ArtifactSource(owner=text, path="model"))
    ),
    "CreateModelVersion source.artifacts.path": lambda channel, text: register(
        channel, ModelSource(artifacts=ArtifactSource(owner=RUN, path=text))
    ),
    "CreateModelVersion source.external_uri": lambda channel, text: register(channel, ModelSource(external_uri=text)),
    "CreateModelVersion source.run": lambda channel, text: register(
        channel, ModelSource(external_uri="s3://b/k", run=text)
    ),
    "CreateModelVersion parent": lambda channel, text: register(channel, ModelSource(external_uri="s3://b/k"), text),
    "CreateModel model_id": lambda channel, text: Registry(RegistryServiceStub(channel), "default").create_model(text),
    "CreateExperiment artifact_location": create_experiment,
    "CreateRun run_id": lambda channel, text: TrackingServiceStub(channel).CreateRun(
        tracking_pb.CreateRunRequest(parent="workspaces/default", run_id=text)
    ),
    "CreateRun run.source": lambda channel, text: TrackingServiceStub(channel).CreateRun(
        tracking_pb.CreateRunRequest(parent="workspaces/default", run=Run(source=text))
    ),
}


@pytest.mark.parametrize("field", FIELDS)
def test_payload_in_a_field_reaches_nothing(fortress: Fortress, field: str) -> None:
    files = fortress.files()
    url = f"http://127.0.0.1:{fortress.listener.getsockname()[1]}/model"
    names = [url] if field.endswith(("uri", "location", "path", "source")) else []
    kept = refused = 0
    for text in (*payloads(), *names):
        answer = outcome(lambda text=text: FIELDS[field](fortress.channel, text))  # type: ignore[misc] # bound at once
        if isinstance(answer, CallFailure):
            refused += 1
            assert answer.reason in ALLOWED, (text, answer)
            assert SECRET not in str(answer)
            assert str(fortress.folder) not in str(answer)
        else:
            kept += 1
            assert SECRET not in str(answer)
    assert kept + refused >= 200
    assert fortress.files() == files
    assert fortress.canaries() == {SECRET.encode()}
    assert not fortress.was_called()
