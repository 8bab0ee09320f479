"""A registry that is killed between any two steps of registering: afterwards every version is READY with its files, or
FAILED, and none is READY without.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass

import grpc
import pytest

from trivet_proto.registry.v1 import model_version_pb2
from trivet_proto.registry.v1.model_version_pb2 import ModelVersion
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_registry.server import migrations, open_database
from trivet_testing.artifact_files import ArtifactFiles, manifest
from trivet_testing.registry import Registry, number_of, start_server
from trivet_testing.servers import ServerProcess
from trivet_testing.tcp_proxy import Direction, TcpProxy

FAILED = model_version_pb2.MODEL_VERSION_STATE_FAILED
PENDING = model_version_pb2.MODEL_VERSION_STATE_PENDING
READY = model_version_pb2.MODEL_VERSION_STATE_READY
MODEL = {f"{number}.bin": bytes([number]) * 100 for number in range(5)}
"""The files of a model, by their paths below its folder."""
DIGESTS = {path: hashlib.sha256(content).digest() for path, content in MODEL.items()}
PATIENT = {"TRIVET_LINK_TIMEOUT_SECONDS": "60", "TRIVET_SWEEP_AFTER_SECONDS": "3600"}
"""Of the registry that is killed: nothing of it gives up before."""
QUICK = {"TRIVET_LINK_TIMEOUT_SECONDS": "20", "TRIVET_SWEEP_AFTER_SECONDS": "0.2"}
"""Of the registry that is started after it."""


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArtifactFiles]:
    with ArtifactFiles(tmp_path_factory.mktemp("artifacts")) as files:
        yield files


@dataclass
class World:
    """A registry with a proxy on either side, and somebody who registers a version through both."""

    stack: ExitStack
    database_url: str
    artifacts: ArtifactFiles
    before_artifacts: TcpProxy
    server: ServerProcess
    run: str

    def connect(self, address: str) -> Registry:
        channel = self.stack.enter_context(grpc.insecure_channel(address))
        return Registry(RegistryServiceStub(channel), "default")

    def restart(self) -> Registry:
        """Kills the registry, lets what was held be lost, and starts another one."""
        self.server.kill()
        self.before_artifacts.drop()
        self.before_artifacts.release()
        self.server = self.stack.enter_context(
            start_server(self.database_url, artifacts_url=f"grpc://{self.before_artifacts.address}", **QUICK)
        )
        return self.connect(self.server.address)


@pytest.fixture
def world(database_url: str, artifacts: ArtifactFiles) -> Iterator[World]:
    # In this process: a start of another one costs seconds, and is not the point.
    with closing(open_database(database_url)) as database:
        migrations(database).upgrade()
    with ExitStack() as stack:
        proxy = stack.enter_context(TcpProxy(artifacts.server.address))
        server = stack.enter_context(start_server(database_url, artifacts_url=f"grpc://{proxy.address}", **PATIENT))
        run = f"workspaces/default/runs/{uuid.uuid4().hex}"
        artifacts.put(run, {f"model/{path}": content for path, content in MODEL.items()})
        world = World(stack, database_url, artifacts, proxy, server, run)
        world.connect(server.address).create_model("taxi")
        yield world


def ended(registry: Registry, number: int) -> ModelVersion:
    """The version as soon as it is no longer PENDING; the test's own time limit bounds the wait."""
    while (version := registry.get_version("taxi", number)).state == PENDING:
        pass
    return version


def check_ready(world: World, version: ModelVersion) -> None:
    """Checks that a version is READY with its files."""
    assert (version.state, version.verified, version.manifest_sha256) == (READY, True, manifest(MODEL))
    assert world.artifacts.list(version.artifact_owner) == DIGESTS


def begin(world: World, threads: ThreadPoolExecutor, address: str, request_id: str) -> Future[ModelVersion]:
    """Somebody registers a version, and waits for the answer."""
    registry = world.connect(address)
    return threads.submit(registry.link_version, "taxi", world.run, "model", request_id=request_id, timeout_seconds=60)


def check_lost(call: Future[ModelVersion]) -> None:
    """Checks that a call was not answered."""
    error = call.exception(timeout=60)
    assert isinstance(error, grpc.RpcError)
    assert error.code() == grpc.StatusCode.UNAVAILABLE


def test_killed_before_the_row_nothing_is_left(world: World) -> None:
    id_ = str(uuid.uuid4())
    with TcpProxy(world.server.address) as before_registry, ThreadPoolExecutor(1) as threads:
        before_registry.hold(Direction.REQUESTS)
        call = begin(world, threads, before_registry.address, id_)
        before_registry.wait_for_request(id_.encode())
        registry = world.restart()
        before_registry.drop()
        check_lost(call)
    assert registry.search_versions() == []
    version = registry.link_version("taxi", world.run, "model", request_id=id_)
    assert number_of(version) == 1
    check_ready(world, version)


def test_killed_before_the_files_are_linked_the_version_becomes_ready(world: World) -> None:
    id_ = str(uuid.uuid4())
    world.before_artifacts.hold_requests_from(world.run.encode())
    with ThreadPoolExecutor(1) as threads:
        call = begin(world, threads, world.server.address, id_)
        world.before_artifacts.wait_for_request(world.run.encode())
        assert world.connect(world.server.address).get_version("taxi", 1).state == PENDING
        registry = world.restart()
        check_lost(call)
    version = ended(registry, 1)
    check_ready(world, version)
    assert registry.link_version("taxi", world.run, "model", request_id=id_) == version
    assert number_of(registry.link_version("taxi", world.run, "model")) == 2


def test_killed_after_the_files_are_linked_the_version_becomes_ready(world: World) -> None:
    id_ = str(uuid.uuid4())
    world.before_artifacts.hold_responses_after(world.run.encode())
    with ThreadPoolExecutor(1) as threads:
        call = begin(world, threads, world.server.address, id_)
        world.before_artifacts.wait_for_request(world.run.encode())
        pending = world.connect(world.server.address).get_version("taxi", 1)
        assert pending.state == PENDING
        while world.artifacts.list(pending.artifact_owner) != DIGESTS:
            pass
        registry = world.restart()
        check_lost(call)
    check_ready(world, ended(registry, 1))
    assert len(registry.search_versions()) == 1


def test_killed_after_it_is_ready_the_caller_finds_the_version_by_the_request_id(world: World) -> None:
    id_ = str(uuid.uuid4())
    with TcpProxy(world.server.address) as before_registry, ThreadPoolExecutor(1) as threads:
        before_registry.hold_responses_after(id_.encode())
        call = begin(world, threads, before_registry.address, id_)
        before_registry.wait_for_request(id_.encode())
        direct = world.connect(world.server.address)
        while not direct.search_versions("state = 'READY'"):
            pass
        registry = world.restart()
        before_registry.drop()
        check_lost(call)
    version = registry.link_version("taxi", world.run, "model", request_id=id_)
    assert (number_of(version), version.etag) == (1, "2")
    check_ready(world, version)
    assert len(registry.search_versions()) == 1


def test_killed_and_the_source_deleted_the_version_fails(world: World) -> None:
    world.before_artifacts.hold_requests_from(world.run.encode())
    with ThreadPoolExecutor(1) as threads:
        call = begin(world, threads, world.server.address, "")
        world.before_artifacts.wait_for_request(world.run.encode())
        world.artifacts.delete(world.run)
        registry = world.restart()
        check_lost(call)
    version = ended(registry, 1)
    assert (version.state, version.verified) == (FAILED, False)
    assert version.state_message
    assert number_of(registry.create_version("taxi")) == 2


def test_killed_while_it_sweeps_another_sweeper_ends_the_version(world: World) -> None:
    world.before_artifacts.hold_requests_from(world.run.encode())
    with ThreadPoolExecutor(1) as threads:
        call = begin(world, threads, world.server.address, "")
        world.before_artifacts.wait_for_request(world.run.encode())
        world.server.kill()
        check_lost(call)
    # The next one sweeps at once, and its link is held as well.
    world.before_artifacts.drop()
    world.before_artifacts.release()
    world.before_artifacts.hold_requests_from(world.run.encode())
    world.server = world.stack.enter_context(
        start_server(world.database_url, artifacts_url=f"grpc://{world.before_artifacts.address}", **QUICK)
    )
    world.before_artifacts.wait_for_request(world.run.encode())
    registry = world.restart()
    check_ready(world, ended(registry, 1))
    assert registry.get_version("taxi", 1).etag == "2"


def test_many_killed_at_once_all_end(world: World) -> None:
    world.before_artifacts.hold_requests_from(world.run.encode())
    with ThreadPoolExecutor(16) as threads:
        calls = [begin(world, threads, world.server.address, "") for _ in range(16)]
        direct = world.connect(world.server.address)
        while len(direct.search_versions()) < len(calls):
            pass
        registry = world.restart()
        for call in calls:
            check_lost(call)
    versions = [ended(registry, number) for number in range(1, 17)]
    for version in versions:
        check_ready(world, version)
