"""The images of the three services, run together as strictly as Kubernetes would run them."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import docker
import grpc
import pytest
from docker.models.containers import Container
from grpc_health.v1 import health_pb2, health_pb2_grpc

import trivet
from release.versions import current
from trivet_proto.artifacts.v1 import artifact_service_pb2
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_testing.docker_engine import NoEngineError, engine, require_image
from trivet_testing.left_out import leave_out
from trivet_testing.minio import MinioServer
from trivet_testing.servers import free_port, run_to_exit

ROOT = Path(__file__).parents[2]
BASE = "python:3.12-slim"
SERVICES = {
    "tracking": ("7332", "TrackingService"),
    "artifacts": ("7333", "ArtifactService"),
    "registry": ("7334", "RegistryService"),
}
BUILD = {"REVISION": "0123456789abcdef0123456789abcdef01234567", "SOURCE": "https://git.example.org/trivet"}
# What we add to the base, which itself has some 125 MB where it comes from its maker.
MAX_OWN_BYTES = 150_000_000
MAX_START_SECONDS = 3.0

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
def images(docker_engine: docker.DockerClient) -> dict[str, str]:
    # The tags stay: a later build takes from them the layers that did not change.
    tags = {service: f"trivet-{service}:test" for service in (*SERVICES, "gateway")}
    for service, tag in tags.items():
        dockerfile = f"services/{service}/Dockerfile"
        docker_engine.images.build(path=str(ROOT), dockerfile=dockerfile, tag=tag, forcerm=True, buildargs=BUILD)
    return tags


@contextmanager
def running(client: docker.DockerClient, image: str, *command: str, **options: Any) -> Iterator[Container]:
    container = client.containers.run(image, list(command), **STRICT, **options)
    try:
        yield container
    finally:
        container.remove(force=True)


def exit_code(container: Container) -> int:
    code: int = container.wait(timeout=60)["StatusCode"]
    return code


def output(container: Container) -> str:
    return container.logs().decode()


def seconds_to_health(service: str, address: str, server: Container, began: float) -> float:
    """Seconds from a moment until a service says that it can work."""
    name = f"trivet.{service}.v1.{SERVICES[service][1]}"
    options = (("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 50))
    with grpc.insecure_channel(address, options) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service=name), timeout=60, wait_for_ready=True
            )
        except grpc.RpcError as error:
            pytest.fail(f"not healthy after 60 s ({error}):\n{output(server)}")
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    return time.monotonic() - began


def test_dockerfiles_differ_in_names_ports_and_pages_alone() -> None:
    texts = set()
    for service, (port, _) in SERVICES.items():
        text = (ROOT / "services" / service / "Dockerfile").read_text()
        texts.add(text.replace(service, "SERVICE").replace(port, "PORT"))
    assert len(texts) == 1
    (of_services,), whole = texts, (ROOT / "services" / "gateway" / "Dockerfile").read_text()
    # An image without the pages must not come to be.
    gateway = re.sub(r"^RUN test -f \S+/ui/index\.html \|\| \{ .* exit 1; \}\n", "", whole, flags=re.MULTILINE)
    assert gateway != whole
    described = (r"^#.*\n", r"^(LABEL|HEALTHCHECK) .*\n", r"^ +org\.opencontainers.*\n")
    expected, found = (
        re.sub("|".join(described), "", text, flags=re.MULTILINE)
        for text in (of_services, gateway.replace("gateway", "SERVICE").replace("7331", "PORT"))
    )
    assert found == expected


@pytest.mark.timeout(900)  # the first build brings all that the services depend on
def test_images_hold_their_own_service_and_nothing_to_build_with(
    docker_engine: docker.DockerClient, images: dict[str, str]
) -> None:
    look = """
import pathlib, shutil, trivet_proto
print(*(tool for tool in ("cc", "gcc", "g++", "clang", "make", "ld", "uv", "git") if shutil.which(tool)))
print(*(path.name for path in pathlib.Path(trivet_proto.__path__[0]).parent.glob("trivet*/") if path.suffix == ""))
"""
    base_bytes = docker_engine.images.get(BASE).attrs["Size"]
    for service, image in images.items():
        attributes = docker_engine.images.get(image).attrs
        assert attributes["Config"]["User"] == "10001:10001"  # a number, which Kubernetes can check
        assert attributes["Size"] - base_bytes < MAX_OWN_BYTES
        labels = attributes["Config"]["Labels"]
        prefix = "org.opencontainers.image"
        assert labels.pop(f"{prefix}.description")
        assert labels == {
            f"{prefix}.title": f"trivet-{service}",
            f"{prefix}.licenses": "Apache-2.0",
            f"{prefix}.version": current(),
            f"{prefix}.revision": BUILD["REVISION"],
            f"{prefix}.source": BUILD["SOURCE"],
        }
        with running(docker_engine, image, "-c", look, entrypoint="python") as container:
            assert exit_code(container) == 0, output(container)
            tools, packages = output(container).split("\n")[:2]
        assert tools == ""
        assert set(packages.split()) == {"trivet_kit", "trivet_proto", f"trivet_{service}"}


@pytest.mark.timeout(900)  # as above
def test_containers_serve_a_training_run_without_privileges_and_drain(
    docker_engine: docker.DockerClient,
    images: dict[str, str],
    postgres_url: str,
    minio_server: MinioServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    volumes = {str(secrets_of(tmp_path, postgres_url, minio_server)): {"bind": "/run/secrets/trivet", "mode": "ro"}}
    addresses = {service: f"127.0.0.1:{free_port()}" for service in SERVICES}
    common = {"TRIVET_DATABASE_URL_FILE": "/run/secrets/trivet/url", "TRIVET_INSECURE_NO_AUTH": "1"}
    own = {
        "tracking": {},
        "artifacts": {
            "TRIVET_ARTIFACT_STORE": minio_server.store(minio_server.create_bucket()),
            "AWS_SHARED_CREDENTIALS_FILE": "/run/secrets/trivet/credentials",
        },
        "registry": {"TRIVET_ARTIFACTS_URL": f"grpc://{addresses['artifacts']}"},
    }
    servers: dict[str, Container] = {}
    starts: dict[str, float] = {}
    with ExitStack() as stack:
        for service in SERVICES:
            image = images[service]
            settings = common | own[service] | {"TRIVET_LISTEN": addresses[service]}
            with running(docker_engine, image, "migrate", environment=settings, volumes=volumes) as migration:
                assert exit_code(migration) == 0, output(migration)
            began = time.monotonic()
            options = {"environment": settings, "volumes": volumes}
            servers[service] = stack.enter_context(running(docker_engine, image, **options))
            starts[service] = seconds_to_health(service, addresses[service], servers[service], began)
            monkeypatch.setenv(f"TRIVET_{service.upper()}_URL", f"grpc://{addresses[service]}")
            code, said = servers[service].exec_run([f"trivet-{service}", "health", "--ready"])
            assert code == 0, said
        # The other tests have the processors too; what one start can do, the image can.
        assert min(starts.values()) < MAX_START_SECONDS, starts

        http = f"127.0.0.1:{free_port()}"
        settings = {f"TRIVET_{service.upper()}_URL": f"grpc://{address}" for service, address in addresses.items()}
        gateway = {"environment": settings | {"TRIVET_LISTEN": http, "TRIVET_INSECURE_NO_AUTH": "1"}}
        servers["gateway"] = stack.enter_context(running(docker_engine, images["gateway"], **gateway))
        use_by_http(http, servers["gateway"])
        use_by_the_sdk(tmp_path)
        run_the_demo({f"TRIVET_{service.upper()}_URL": f"grpc://{address}" for service, address in addresses.items()})
        stop_during_an_upload(addresses["artifacts"], servers["artifacts"])
        for server in servers.values():
            server.stop(timeout=30)
            assert exit_code(server) == 0, output(server)
            assert "Traceback" not in output(server)


def use_by_http(address: str, gateway: Container) -> None:
    """A run by MLflow's protocol."""
    until = time.monotonic() + 60
    while gateway.exec_run(["trivet-gateway", "health"])[0] != 0:
        assert time.monotonic() < until, output(gateway)
    body = json.dumps({"experiment_id": "0", "start_time": 5}).encode()
    url = f"http://{address}/api/2.0/mlflow/runs/create"
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.load(answer)["run"]["info"]["start_time"] == 5


def secrets_of(folder: Path, postgres_url: str, minio: MinioServer) -> Path:
    """A folder with the secrets as files, which the user of the containers may read."""
    secrets = folder / "secrets"
    secrets.mkdir()
    secrets.chmod(0o755)
    (secrets / "url").write_text(postgres_url)
    keys = f"aws_access_key_id = {minio.user}\naws_secret_access_key = {minio.password}\n"
    (secrets / "credentials").write_text(f"[default]\n{keys}")
    return secrets


def use_by_the_sdk(folder: Path) -> None:
    """A run with a metric and a file, and a registered model of it."""
    model = folder / "model.bin"
    model.write_bytes(b"weights")
    with trivet.Client() as client:
        run_id = client.create_run(client.create_experiment("from containers")).info.run_id
        client.log_metric(run_id, "loss", 0.5, step=1)
        client.log_artifact(run_id, str(model), "model")
        version = client.register_model(f"runs:/{run_id}/model", "taxi")
        assert (version.version, version.status) == (1, "READY")
        fetched = client.download_artifacts(artifact_uri="models:/taxi/1", dst_path=str(folder / "fetched"))
        assert [path.read_bytes() for path in Path(fetched).rglob("*.bin")] == [b"weights"]
        client.flush(30)
        assert [metric.value for metric in client.get_metric_history(run_id, "loss")] == [0.5]


def run_the_demo(environment: dict[str, str]) -> None:
    demo = [sys.executable, str(ROOT / "examples" / "taxi" / "demo.py"), "--trials", "1", "--rounds", "3"]
    ended = run_to_exit(demo, environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 Archived, 2 Production" in ended.stdout


def stop_during_an_upload(address: str, server: Container) -> None:
    """Asks a server to end in the middle of an upload, which ends well all the same."""
    halves = (b"a" * 300_000, b"b" * 300_000)
    draining = threading.Event()

    def requests() -> Iterator[artifact_service_pb2.UploadArtifactsRequest]:
        start = artifact_service_pb2.UploadStart(owner="workspaces/default/runs/drain", path="half.bin")
        yield artifact_service_pb2.UploadArtifactsRequest(start=start)
        yield artifact_service_pb2.UploadArtifactsRequest(data=halves[0])
        assert draining.wait(30)
        yield artifact_service_pb2.UploadArtifactsRequest(data=halves[1])
        digest = hashlib.sha256(b"".join(halves)).digest()
        yield artifact_service_pb2.UploadArtifactsRequest(finish=artifact_service_pb2.UploadFinish(sha256=digest))

    with grpc.insecure_channel(address) as channel, ThreadPoolExecutor(1) as threads:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        answers = ArtifactServiceStub(channel).UploadArtifacts(requests(), timeout=60)
        stopping = threads.submit(server.stop, timeout=30)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        draining.set()
        (answer,) = answers
        assert answer.artifact.size_bytes == sum(map(len, halves)), answer
        stopping.result(60)
