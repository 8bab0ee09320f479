"""The image of trivet-tracking, run as strictly as Kubernetes would run it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import grpc
import pytest
from docker.models.containers import Container
from grpc_health.v1 import health_pb2, health_pb2_grpc

from trivet_proto.common.v1 import system_service_pb2, system_service_pb2_grpc
from trivet_proto.tracking.v1 import experiment_pb2, tracking_service_pb2, tracking_service_pb2_grpc
from trivet_testing.docker_engine import NoEngineError, engine, require_image
from trivet_testing.left_out import leave_out
from trivet_testing.servers import free_port

ROOT = Path(__file__).parents[2]
BASE = "python:3.12-slim"
# The tag stays: a later build takes from it the layers that did not change.
TAG = "trivet-tracking:test"

STRICT: dict[str, Any] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "user": "10001",
    "network_mode": "host",  # reaches the PostgreSQL of the tests wherever that runs, and is reached by them
    "detach": True,
}


@pytest.fixture(scope="module")
def docker_engine() -> Iterator[docker.DockerClient]:
    try:
        require_image(BASE)
        client = engine(timeout_seconds=240)
    except NoEngineError as missing:
        leave_out("a Docker engine", str(missing))
    yield client
    client.close()


@pytest.fixture(scope="module")
def image(docker_engine: docker.DockerClient) -> str:
    docker_engine.images.build(path=str(ROOT), dockerfile="services/tracking/Dockerfile", tag=TAG, forcerm=True)
    return TAG


@contextmanager
def running(client: docker.DockerClient, image: str, *command: str, **environment: str) -> Iterator[Container]:
    container = client.containers.run(image, list(command), environment=environment, **STRICT)
    try:
        yield container
    finally:
        container.remove(force=True)


def exit_code(container: Container) -> int:
    code: int = container.wait(timeout=60)["StatusCode"]
    return code


def output(container: Container) -> str:
    return container.logs().decode()


@pytest.mark.timeout(600)  # the first build brings all that the service depends on
def test_image_migrates_serves_and_drains_without_privileges(
    docker_engine: docker.DockerClient, image: str, postgres_url: str
) -> None:
    with running(docker_engine, image, "migrate", "--database-url", postgres_url) as migration:
        assert exit_code(migration) == 0, output(migration)

    address = f"127.0.0.1:{free_port()}"
    settings = {"TRIVET_DATABASE_URL": postgres_url, "TRIVET_LISTEN": address, "TRIVET_INSECURE_NO_AUTH": "1"}
    with running(docker_engine, image, **settings) as server, grpc.insecure_channel(address) as channel:
        await_health(channel, server)
        info = system_service_pb2_grpc.SystemServiceStub(channel).GetServerInfo(
            system_service_pb2.GetServerInfoRequest(), timeout=10
        )
        assert info.version
        experiment = tracking_service_pb2_grpc.TrackingServiceStub(channel).CreateExperiment(
            tracking_service_pb2.CreateExperimentRequest(
                parent="workspaces/default", experiment=experiment_pb2.Experiment(display_name="from a container")
            ),
            timeout=10,
        )
        assert experiment.name.startswith("workspaces/default/experiments/")
        assert f"trivet-tracking is ready: grpc {address}" in output(server)

        server.stop(timeout=30)
        assert exit_code(server) == 0, output(server)


def await_health(channel: grpc.Channel, server: Container) -> None:
    try:
        answer = health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(), timeout=60, wait_for_ready=True
        )
    except grpc.RpcError as error:
        pytest.fail(f"not healthy after 60 s ({error}):\n{output(server)}")
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_image_runs_as_a_numbered_user_that_is_not_root(docker_engine: docker.DockerClient, image: str) -> None:
    assert docker_engine.images.get(image).attrs["Config"]["User"] == "10001:10001"


def test_image_holds_no_server_but_its_own(docker_engine: docker.DockerClient, image: str) -> None:
    listing = "import pathlib, trivet_proto; print(*pathlib.Path(trivet_proto.__path__[0]).parent.glob('trivet*/'))"
    container = docker_engine.containers.run(image, ["-c", listing], entrypoint="python", **STRICT)
    try:
        assert exit_code(container) == 0, output(container)
        packages = {Path(path).name for path in output(container).split() if not path.endswith(".dist-info")}
    finally:
        container.remove(force=True)
    assert packages == {"trivet_kit", "trivet_proto", "trivet_tracking"}
