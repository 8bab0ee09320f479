"""What services do by themselves, with a token of their own: the registry finishes what was interrupted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_proto.registry.v1 import model_version_pb2
from trivet_proto.registry.v1 import registry_service_pb2 as pb
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_testing import artifacts, registry
from trivet_testing.openid import signed
from trivet_testing.policies import key_entry, write_policy
from trivet_testing.servers import ServerProcess
from trivet_testing.tcp_proxy import Direction, TcpProxy
from trivet_testing.waiting import wait_until

PARENT = "workspaces/team-a"
OWNER = f"{PARENT}/runs/r1"
PENDING = model_version_pb2.MODEL_VERSION_STATE_PENDING
READY = model_version_pb2.MODEL_VERSION_STATE_READY


@dataclass(frozen=True)
class Place:
    """A registry and an artifact service that ask who calls, with a version whose linking was interrupted."""

    key: Ed25519PrivateKey
    token_file: Path
    process: ServerProcess
    stub: RegistryServiceStub
    version: str

    def token(self, name: str) -> str:
        return token(self.key, name)

    @property
    def state(self) -> int:
        request = pb.GetModelVersionRequest(name=self.version)
        return int(self.stub.GetModelVersion(request, metadata=as_user(self.token("ann")), timeout=60).state)


def token(key: Ed25519PrivateKey, name: str) -> str:
    now = int(time.time())
    said = {"iss": "trivet", "aud": "trivet", "sub": name, "jti": name, "iat": now, "exp": now + 3600}
    return signed({"alg": "EdDSA", "kid": "own"}, said, key)


def as_user(text: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {text}"),)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    key = Ed25519PrivateKey.generate()
    policy = tmp_path / "policy.yaml"
    write_policy(
        policy,
        {
            "token_keys": [key_entry("own", key)],
            "workspaces": {"team-a": {"roles": {"writer": ["user:trivet/ann"]}}},
            "server": {"maintenance": ["user:trivet/registry"]},
        },
    )
    ann = as_user(token(key, "ann"))
    env = {"TRIVET_POLICY": str(policy), "TRIVET_WORKSPACES": ""}
    kept = artifacts.Place(f"sqlite:///{tmp_path / 'artifacts.db'}", str(tmp_path / "files"), env)
    database = f"sqlite:///{tmp_path / 'registry.db'}"
    artifacts.migrate(kept.database_url)
    registry.migrate(database)
    token_file = tmp_path / "service.token"
    with ExitStack() as stack:
        files = stack.enter_context(artifacts.start_server(kept))
        proxy = stack.enter_context(TcpProxy(files.address))
        quick = {"TRIVET_LINK_TIMEOUT_SECONDS": "0.5", "TRIVET_SWEEP_AFTER_SECONDS": "0.2"}
        process = stack.enter_context(
            registry.start_server(
                database,
                artifacts_url=f"grpc://{proxy.address}",
                TRIVET_SERVICE_TOKEN_FILE=str(token_file),
                **env,
                **quick,
            )
        )
        uploading = ArtifactServiceStub(stack.enter_context(grpc.insecure_channel(files.address)))
        (uploaded,) = uploading.UploadArtifacts(
            iter(artifacts.messages(OWNER, "model/MLmodel", b"flavors: {}\n")), metadata=ann
        )
        assert uploaded.WhichOneof("result") == "artifact"
        stub = RegistryServiceStub(stack.enter_context(grpc.insecure_channel(process.address)))
        name = stub.CreateModel(pb.CreateModelRequest(parent=PARENT, model_id="taxi"), metadata=ann).name
        proxy.hold(Direction.REQUESTS)
        source = model_version_pb2.ModelSource(artifacts=model_version_pb2.ArtifactSource(owner=OWNER, path="model"))
        version = model_version_pb2.ModelVersion(source=source)
        made = stub.CreateModelVersion(pb.CreateModelVersionRequest(parent=name, model_version=version), metadata=ann)
        assert made.state == PENDING
        proxy.release()
        yield Place(key, token_file, process, stub, made.name)


def test_registry_finishes_with_the_token_in_its_file_as_it_is_then(place: Place) -> None:
    place.process.wait_for_line("the token of the service cannot be read: no such file", on="stderr")
    place.process.wait_for_line("files were not linked: UNAUTHENTICATED", on="stderr")
    place.token_file.write_text(f"{place.token('registry')}\n")
    wait_until(lambda: place.state == READY)


def test_token_that_may_not_do_it_fails_no_version(place: Place) -> None:
    place.token_file.write_text(place.token("nobody"))
    place.process.wait_for_line("files were not linked: NOT_FOUND There is no workspace team-a", on="stderr")
    assert place.state == PENDING
    place.token_file.write_text(place.token("registry"))
    wait_until(lambda: place.state == READY)
    assert place.token("registry").rpartition(".")[0] not in place.process.stderr
