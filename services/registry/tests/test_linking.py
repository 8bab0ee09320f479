"""Versions of files in the artifact service: a real one, with a proxy before it where the moment counts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc
import pytest

from trivet_proto.registry.v1 import model_history_pb2, model_version_pb2
from trivet_proto.registry.v1.model_version_pb2 import ModelVersion
from trivet_proto.registry.v1.registry_service_pb2 import CreateModelVersionRequest as CreateRequest
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_testing.artifact_files import ArtifactFiles, manifest
from trivet_testing.errors import error_of
from trivet_testing.registry import Registry, migrate, number_of, start_server
from trivet_testing.servers import ServerProcess, free_port
from trivet_testing.tcp_proxy import Direction, TcpProxy
from trivet_testing.workspaces import unused_workspace

FAILED = model_version_pb2.MODEL_VERSION_STATE_FAILED
PENDING = model_version_pb2.MODEL_VERSION_STATE_PENDING
READY = model_version_pb2.MODEL_VERSION_STATE_READY
MODEL = {"MLmodel": b"flavors: {}\n", "data/weights.bin": b"\0" * 1000}
"""The files of a model, by their paths below its folder."""
FILES = {f"model/{path}": content for path, content in MODEL.items()}
DIGESTS = {path: hashlib.sha256(content).digest() for path, content in MODEL.items()}
RUN_DIGESTS = {path: hashlib.sha256(content).digest() for path, content in FILES.items()}
QUICK = {"TRIVET_LINK_TIMEOUT_SECONDS": "0.5", "TRIVET_SWEEP_AFTER_SECONDS": "0.2"}
"""Settings with which a registry gives up a link, and takes it up again, at once."""


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArtifactFiles]:
    with ArtifactFiles(tmp_path_factory.mktemp("artifacts")) as files:
        yield files


@pytest.fixture(scope="module")
def proxy(artifacts: ArtifactFiles) -> Iterator[TcpProxy]:
    """Stands before the artifact server."""
    with TcpProxy(artifacts.server.address) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def address(server_database_url: str, proxy: TcpProxy) -> Iterator[str]:
    """A registry that reaches the artifact server through the proxy, and gives up and sweeps at once."""
    migrate(server_database_url)
    with start_server(server_database_url, artifacts_url=f"grpc://{proxy.address}", **QUICK) as server:
        yield server.address


@pytest.fixture
def linked(address: str, proxy: TcpProxy, artifacts: ArtifactFiles) -> Iterator[Registry]:
    """That registry in a workspace of the test's own, with a model `taxi` and a run `r1` that has FILES."""
    workspace = unused_workspace()
    with grpc.insecure_channel(address) as channel:
        registry = Registry(RegistryServiceStub(channel), workspace)
        registry.create_model("taxi")
        artifacts.put(run(registry), FILES)
        yield registry
    proxy.release()


def run(registry: Registry, run_id: str = "r1") -> str:
    return f"{registry.parent}/runs/{run_id}"


def ended(registry: Registry, model: str, number: int) -> ModelVersion:
    """The version as soon as it is no longer PENDING; the test's own time limit bounds the wait."""
    while (version := registry.get_version(model, number)).state == PENDING:
        pass
    return version


def test_a_version_is_ready_with_its_files(linked: Registry, artifacts: ArtifactFiles) -> None:
    version = linked.link_version("taxi", run(linked), "model")
    assert (version.state, version.state_message, version.verified) == (READY, "", True)
    assert version.manifest_sha256 == manifest(MODEL)
    assert version.artifact_owner == f"{linked.parent}/models/{linked.get_model().uid}/versions/1"
    assert artifacts.list(version.artifact_owner) == DIGESTS
    assert artifacts.list(run(linked)) == RUN_DIGESTS
    assert linked.get_version("taxi", 1) == version
    assert linked.move("taxi", 1, "Production").stage == "Production"
    assert dict(linked.set_alias("taxi", "champion", 1).aliases) == {"champion": 1}


def test_a_version_of_one_file_has_that_alone(linked: Registry, artifacts: ArtifactFiles) -> None:
    version = linked.link_version("taxi", run(linked), "model/MLmodel")
    assert version.manifest_sha256 == manifest({"MLmodel": MODEL["MLmodel"]})
    assert list(artifacts.list(version.artifact_owner)) == ["MLmodel"]


def test_a_version_keeps_its_files_whatever_becomes_of_the_source(linked: Registry, artifacts: ArtifactFiles) -> None:
    version = linked.link_version("taxi", run(linked))
    assert version.manifest_sha256 == manifest(FILES)
    artifacts.put(run(linked), {"model/MLmodel": b"changed"})
    assert artifacts.list(version.artifact_owner) == RUN_DIGESTS
    artifacts.delete(run(linked))
    assert artifacts.list(version.artifact_owner) == RUN_DIGESTS


@pytest.mark.parametrize("path", ["missing", "mode", "../model", "model/MLmodel/x"])
def test_a_source_without_files_fails_the_version_and_says_which(linked: Registry, path: str) -> None:
    failure = error_of(lambda: linked.link_version("taxi", run(linked), path))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "MODEL_SOURCE_UNUSABLE")
    assert failure.metadata == {"name": linked.version_name("taxi", 1), "owner": run(linked), "path": path}
    assert run(linked) in failure.message
    version = linked.get_version("taxi", 1)
    assert (version.state, version.verified, version.manifest_sha256) == (FAILED, False, b"")
    assert version.state_message in failure.message
    assert version.state_message
    assert error_of(lambda: linked.set_alias("taxi", "champion", 1)).reason == "MODEL_VERSION_NOT_READY"
    assert number_of(linked.link_version("taxi", run(linked), "model")) == 2


def test_an_owner_without_files_fails_the_version(linked: Registry) -> None:
    failure = error_of(lambda: linked.link_version("taxi", run(linked, "empty")))
    assert (failure.reason, failure.metadata["owner"]) == ("MODEL_SOURCE_UNUSABLE", run(linked, "empty"))
    assert linked.get_version("taxi", 1).state == FAILED


def test_a_failed_version_fails_again_when_its_request_is_repeated(linked: Registry) -> None:
    id_ = "0192f0c1-a7b0-4000-8000-000000000001"
    failures = [error_of(lambda: linked.link_version("taxi", run(linked), "no", request_id=id_)) for _ in range(2)]
    assert failures[0] == failures[1]
    assert len(linked.search_versions()) == 1


def test_a_version_is_copied_by_its_name_and_by_its_owner(linked: Registry, artifacts: ArtifactFiles) -> None:
    first = linked.link_version("taxi", run(linked), "model")
    linked.create_model("best")
    copies = [linked.link_version("best", owner) for owner in (first.name, first.artifact_owner)]
    assert [copy.manifest_sha256 for copy in copies] == [first.manifest_sha256] * 2
    assert copies[0].source.artifacts.owner == first.name
    linked.delete_model("taxi")
    assert [artifacts.list(copy.artifact_owner) for copy in copies] == [DIGESTS] * 2


def test_files_follow_a_rename_and_not_a_name(linked: Registry, artifacts: ArtifactFiles) -> None:
    version = linked.link_version("taxi", run(linked), "model")
    linked.rename_model("taxi", "bus")
    renamed = linked.get_version("bus", 1)
    assert renamed.artifact_owner == version.artifact_owner
    assert artifacts.list(renamed.artifact_owner) == DIGESTS
    linked.create_model("taxi")
    other = linked.link_version("taxi", run(linked), "model/MLmodel")
    assert other.name == version.name
    assert list(artifacts.list(other.artifact_owner)) == ["MLmodel"]
    assert artifacts.list(renamed.artifact_owner) == DIGESTS


def test_the_request_id_is_passed_on(linked: Registry, artifacts: ArtifactFiles) -> None:
    request = model_version_pb2.ModelSource(artifacts=model_version_pb2.ArtifactSource(owner=run(linked), path="model"))
    sent = linked.stub.CreateModelVersion.with_call(
        _create(linked, request), metadata=(("x-request-id", f"traced-{linked.workspace}"),)
    )
    assert sent[0].state == READY
    artifacts.server.wait_for_line(rf'LinkArtifacts".*"traced-{linked.workspace}"', on="stderr")


def test_a_slow_artifact_service_leaves_the_version_to_the_sweeper(
    linked: Registry, proxy: TcpProxy, artifacts: ArtifactFiles
) -> None:
    proxy.hold(Direction.REQUESTS)
    id_ = "0192f0c1-a7b0-4000-8000-000000000002"
    pending = linked.link_version("taxi", run(linked), "model", request_id=id_)
    assert (pending.state, pending.verified) == (PENDING, False)
    proxy.release()
    version = ended(linked, "taxi", 1)
    assert (version.state, version.verified, version.manifest_sha256) == (READY, True, manifest(MODEL))
    assert artifacts.list(version.artifact_owner) == DIGESTS
    assert linked.link_version("taxi", run(linked), "model", request_id=id_) == version
    assert len(linked.search_versions()) == 1


def test_a_source_that_went_away_meanwhile_fails_the_version(
    linked: Registry, proxy: TcpProxy, artifacts: ArtifactFiles
) -> None:
    proxy.hold(Direction.REQUESTS)
    assert linked.link_version("taxi", run(linked), "model").state == PENDING
    artifacts.delete(run(linked))
    proxy.drop()
    proxy.release()
    version = ended(linked, "taxi", 1)
    assert (version.state, version.verified) == (FAILED, False)
    assert version.state_message
    assert artifacts.list(version.artifact_owner) == {}


def test_a_version_that_is_deleted_while_its_files_are_linked_stays_deleted(linked: Registry, proxy: TcpProxy) -> None:
    proxy.hold(Direction.REQUESTS)
    assert linked.link_version("taxi", run(linked), "model").state == PENDING
    linked.delete_version("taxi", 1)
    proxy.release()
    assert number_of(linked.link_version("taxi", run(linked), "model")) == 2
    assert [number_of(version) for version in linked.search_versions()] == [2]


def test_versions_registered_at_once_all_have_their_files(linked: Registry, artifacts: ArtifactFiles) -> None:
    with ThreadPoolExecutor(32) as threads:
        made = list(threads.map(lambda _: linked.link_version("taxi", run(linked), "model"), range(32)))
    ended_versions = [ended(linked, "taxi", number_of(version)) for version in made]
    assert sorted(number_of(version) for version in made) == list(range(1, 33))
    assert {version.state for version in ended_versions} == {READY}
    assert all(artifacts.list(version.artifact_owner) == DIGESTS for version in ended_versions)


def test_an_artifact_service_that_comes_back_is_used_again(database_url: str, tmp_path: Path) -> None:
    migrate(database_url)
    listen = f"127.0.0.1:{free_port()}"
    with (
        start_server(database_url, artifacts_url=f"grpc://{listen}", **QUICK) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        registry = Registry(RegistryServiceStub(channel), "default")
        registry.create_model("taxi")
        assert registry.link_version("taxi", run(registry)).state == PENDING
        with ArtifactFiles(tmp_path, listen) as artifacts:
            # It may be swept before the files are there: then it fails, which is right as well.
            ended(registry, "taxi", 1)
            artifacts.put(run(registry), FILES)
            assert registry.link_version("taxi", run(registry)).state == READY
        assert registry.link_version("taxi", run(registry)).state == PENDING
        with ArtifactFiles(tmp_path, listen) as artifacts:
            version = ended(registry, "taxi", 3)
            assert version.state == READY
            assert artifacts.list(version.artifact_owner) == RUN_DIGESTS


@contextmanager
def two_replicas(url: str, artifacts_url: str) -> Iterator[tuple[Registry, Registry]]:
    with ExitStack() as stack:
        servers: list[ServerProcess] = [
            stack.enter_context(start_server(url, artifacts_url=artifacts_url, **QUICK)) for _ in range(2)
        ]
        channels = [stack.enter_context(grpc.insecure_channel(server.address)) for server in servers]
        one, other = (Registry(RegistryServiceStub(channel), "default") for channel in channels)
        yield one, other


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_two_replicas_that_sweep_end_each_version_once(
    database_url: str, artifacts: ArtifactFiles, proxy: TcpProxy
) -> None:
    migrate(database_url)
    with two_replicas(database_url, f"grpc://{proxy.address}") as (one, other):
        artifacts.put(run(one, "replicas"), FILES)
        one.create_model("taxi")
        proxy.hold(Direction.REQUESTS)
        with ThreadPoolExecutor(12) as threads:
            made = list(threads.map(lambda _: one.link_version("taxi", run(one, "replicas")), range(12)))
        assert {version.state for version in made} == {PENDING}
        proxy.release()
        versions = [ended(other, "taxi", number_of(version)) for version in made]
        assert {(version.state, version.etag) for version in versions} == {(READY, "2")}
        assert all(artifacts.list(version.artifact_owner) == RUN_DIGESTS for version in versions)


def _create(registry: Registry, source: model_version_pb2.ModelSource) -> CreateRequest:
    return CreateRequest(parent=registry.model_name("taxi"), model_version=ModelVersion(source=source))


def test_a_copy_has_the_files_the_digest_and_the_origin(linked: Registry, artifacts: ArtifactFiles) -> None:
    origin = linked.link_version("taxi", run(linked), "model")
    linked.rename_model("taxi", "bus")
    artifacts.delete(run(linked))
    copied = linked.copy_version("bus", 1, "best")
    assert (copied.state, copied.verified, copied.manifest_sha256) == (READY, True, origin.manifest_sha256)
    assert (copied.source.artifacts.owner, copied.source.artifacts.path) == (origin.artifact_owner, "")
    assert copied.copied_from == linked.version_name("bus", 1)
    assert copied.artifact_owner == f"{linked.parent}/models/{linked.get_model('best').uid}/versions/1"
    linked.delete_model("bus")
    assert artifacts.list(copied.artifact_owner) == DIGESTS
    assert linked.move("best", 1, "Production").stage == "Production"


def test_a_copy_of_files_that_were_altered_fails(linked: Registry, artifacts: ArtifactFiles) -> None:
    origin = linked.link_version("taxi", run(linked), "model")
    artifacts.put(origin.artifact_owner, {"data/weights.bin": b"altered"})
    failure = error_of(lambda: linked.copy_version("taxi", 1, "best"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "MODEL_SOURCE_UNUSABLE")
    assert "its files are not those that were registered" in failure.message
    assert (linked.get_version("best", 1).state, linked.get_version("best", 1).verified) == (FAILED, False)


def test_what_becomes_of_a_pending_version_is_in_its_history(
    linked: Registry, proxy: TcpProxy, artifacts: ArtifactFiles
) -> None:
    proxy.hold(Direction.REQUESTS)
    linked.link_version("taxi", run(linked), "model")
    proxy.release()
    ended(linked, "taxi", 1)
    error_of(lambda: linked.link_version("taxi", run(linked), "missing"))
    entries = linked.history("taxi")
    assert [(entry.action, entry.version, entry.actor) for entry in entries[1:]] == [
        (model_history_pb2.MODEL_ACTION_VERSION_CREATED, 1, "anonymous"),
        (model_history_pb2.MODEL_ACTION_VERSION_READY, 1, "registry"),
        (model_history_pb2.MODEL_ACTION_VERSION_CREATED, 2, "anonymous"),
        (model_history_pb2.MODEL_ACTION_VERSION_FAILED, 2, "registry"),
    ]
    ready = {change.field: (change.before, change.after) for change in entries[2].changes}
    assert ready == {"manifest_sha256": ("", manifest(MODEL).hex()), "state": ("PENDING", "READY")}
    assert list(linked.verify("taxi").faults) == []


def test_a_verified_version_cannot_enter_a_protected_stage_either(linked: Registry) -> None:
    linked.link_version("taxi", run(linked), "model")
    linked.change_rules(protected_stages=["Production"])
    failure = error_of(lambda: linked.move("taxi", 1, "Production"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STAGE_PROTECTED")
    assert failure.metadata == {
        "name": linked.version_name("taxi", 1),
        "stage": "Production",
        "permission": "ADMIN",
        "approvals": "0",
    }
