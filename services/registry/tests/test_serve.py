"""`trivet-registry serve` and `migrate` as processes: how they start, and how they refuse to."""

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path

import grpc
import psycopg2
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from trivet_kit.settings import StartupError
from trivet_proto.common.v1 import system_service_pb2, system_service_pb2_grpc
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_registry.settings import parse_artifacts_url
from trivet_registry.store import version_lookups
from trivet_testing.registry import COMMAND, Registry, migrate, start_server
from trivet_testing.servers import run_to_exit

REGISTRY = "trivet.registry.v1.RegistryService"


def refusal(*command: str, **env: str) -> str:
    """The one line that a start ends with which cannot succeed."""
    ended = run_to_exit([*COMMAND, *command], {"TRIVET_LISTEN": "127.0.0.1:0", **env})
    assert (ended.returncode, ended.stdout) == (1, ""), ended
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("trivet-registry: ")
    return lines[0]


def test_serve_says_what_it_is_keeps_what_it_has_and_stops_in_order(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    migrate(url)
    with start_server(url) as server, grpc.insecure_channel(server.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=REGISTRY), timeout=60)
        assert any(answer.status == health_pb2.HealthCheckResponse.SERVING for answer in watch)
        watch.cancel()
        stub = system_service_pb2_grpc.SystemServiceStub(channel)
        info = stub.GetServerInfo(system_service_pb2.GetServerInfoRequest())
        assert list(info.services) == ["trivet.common.v1.SystemService", REGISTRY]
        registry = Registry(RegistryServiceStub(channel), "default")
        registry.create_model("taxi")
        registry.create_version("taxi")
        seen = registry.snapshot()
        # With a version that waits, so that the sweeper has something to stop doing.
        pending = registry.link_version("taxi", "workspaces/default/runs/r1")
        assert server.terminate() == 0
        assert "Traceback" not in server.stderr
    with start_server(url) as server, grpc.insecure_channel(server.address) as channel:
        registry = Registry(RegistryServiceStub(channel), "default")
        assert registry.get_version("taxi", 2) == pending
        registry.delete_version("taxi", 2)
        assert registry.snapshot()[1:] == seen[1:]


def test_migrations_at_once_all_succeed_and_one_migrates(database_url: str) -> None:
    command = [*COMMAND, "migrate", "--database-url", database_url]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [(*process.communicate(timeout=120), process.returncode) for process in started]
    assert [(stderr, code) for _, stderr, code in ended] == [("", 0)] * 3
    said = sorted(stdout for stdout, _, _ in ended)
    assert said[0] == said[1] == "Schema trivet_registry is at 0001 already.\n"
    assert said[2] == "Schema trivet_registry went from nothing to 0001.\n"


def test_serve_without_a_schema_says_what_to_do(tmp_path: Path) -> None:
    line = refusal("serve", TRIVET_DATABASE_URL=f"sqlite:///{tmp_path / 'registry.db'}")
    assert line.endswith("Run `trivet-registry migrate` first.")


def test_serve_without_a_function_that_it_calls_says_what_to_do(postgres_url: str) -> None:
    """As after an update that changed no table: the schema's number is the same."""
    migrate(postgres_url)
    function = version_lookups.FUNCTIONS[0]
    with closing(psycopg2.connect(postgres_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"DROP FUNCTION {function.schema}.{function.name}")
    line = refusal("serve", TRIVET_DATABASE_URL=postgres_url)
    assert f"{function.name} is missing" in line
    assert line.endswith("Run `trivet-registry migrate` first.")
    migrate(postgres_url)
    with start_server(postgres_url) as server:
        assert server.terminate() == 0


def test_serve_with_an_artifact_service_of_another_kind_is_refused(tmp_path: Path) -> None:
    line = refusal(
        "serve",
        TRIVET_DATABASE_URL=f"sqlite:///{tmp_path / 'registry.db'}",
        TRIVET_ARTIFACTS_URL="http://artifacts:7333",
    )
    assert line.endswith("it must be grpc://HOST:PORT or grpcs://HOST:PORT.")


def test_serve_with_a_policy_sends_no_tokens_in_the_clear(tmp_path: Path) -> None:
    line = refusal(
        "serve",
        TRIVET_DATABASE_URL=f"sqlite:///{tmp_path / 'registry.db'}",
        TRIVET_POLICY=str(tmp_path / "policy.yaml"),
        TRIVET_ARTIFACTS_URL="grpc://artifacts:7333",
    )
    assert "TRIVET_ARTIFACTS_URL is grpc://artifacts:7333, and tokens would travel to that machine" in line


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("grpc://127.0.0.1:7333", ("127.0.0.1:7333", False)),
        ("grpcs://artifacts.example:443", ("artifacts.example:443", True)),
        ("grpc://[::1]:7333", ("[::1]:7333", False)),
        ("unix:/run/trivet.sock", ("unix:/run/trivet.sock", False)),
    ],
)
def test_an_artifacts_url_says_where_and_how(url: str, target: tuple[str, bool]) -> None:
    parsed = parse_artifacts_url(url)
    assert (str(parsed.address), parsed.is_secure) == target


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:7333", "http://a:1", "grpc://", "grpc://a", "grpc://a:1/x", "grpc://unix:/a", "grpcs://a:x"]
)
def test_an_artifacts_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(StartupError, match="TRIVET_ARTIFACTS_URL"):
        parse_artifacts_url(url)
