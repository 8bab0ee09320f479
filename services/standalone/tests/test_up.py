"""`trivet up`, run as a user runs it: the script itself, on a real folder and real ports.

A start costs seconds of a processor, so a test makes the most of each.
"""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import sqlite3
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import grpc
import pytest

from trivet_proto.artifacts.v1 import direct_pb2
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_proto.common.v1 import system_service_pb2, system_service_pb2_grpc
from trivet_proto.registry.v1 import model_version_pb2
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_proto.tracking.v1 import run_pb2, tracking_service_pb2, tracking_service_pb2_grpc
from trivet_testing.artifacts import Artifacts
from trivet_testing.minio import MinioServer
from trivet_testing.policies import write_policy
from trivet_testing.registry import Registry
from trivet_testing.servers import ServerProcess, free_port, run_to_exit

TRIVET_UP = (str(Path(sys.executable).with_name("trivet")), "up")
READY = r"^Trivet is ready: grpc (\S+)$"
RUN = "workspaces/default/runs/kept"
SECRET = "hunter2"


def up(*options: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> ServerProcess:
    return ServerProcess.start([*TRIVET_UP, "--grpc-port", "0", *options], env or {}, READY, cwd=cwd)


def refusal(*options: str) -> str:
    """The one line that a start ends with which cannot succeed."""
    ended = run_to_exit([*TRIVET_UP, "--grpc-port", "0", *options], {})
    assert (ended.returncode, ended.stdout) == (1, ""), ended
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("trivet up: ")
    return lines[0]


def write_run(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        stub = tracking_service_pb2_grpc.TrackingServiceStub(channel)
        stub.CreateRun(tracking_service_pb2.CreateRunRequest(parent="workspaces/default", run_id="kept"), timeout=30)
        param = tracking_service_pb2.Param(key="learning_rate", value="0.1")
        stub.WriteRun(tracking_service_pb2.WriteRunRequest(run=RUN, params=[param]), timeout=30)


def read_run(address: str) -> run_pb2.Run:
    with grpc.insecure_channel(address) as channel:
        stub = tracking_service_pb2_grpc.TrackingServiceStub(channel)
        return stub.GetRun(tracking_service_pb2.GetRunRequest(name=RUN), timeout=30)


def test_up_is_ready_in_three_seconds_says_what_to_try_and_ends_by_ctrl_c(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = []
    for attempt in range(5):  # other work on the machine may slow one start down, not all of them
        folder = tmp_path / str(attempt)
        folder.mkdir()
        began = time.monotonic()
        with up("--http-port", "0", cwd=folder) as server:
            seconds.append(time.monotonic() - began)
            assert [path.name for path in folder.iterdir()] == [".trivet"]
            assert server.terminate(by=signal.SIGINT) == 0
            *lines, mlflow = server.stdout_lines
            assert re.fullmatch(r"  MLflow's own client: export MLFLOW_TRACKING_URI=http://127\.0\.0\.1:\d+", mlflow)
            assert lines == [
                f"Trivet is ready: grpc {server.address}",
                "  Everything is kept in .trivet. Ctrl-C stops it.",
                f"  Web pages: {mlflow.partition('=')[2]}",
                f"  Try: export TRIVET_URL=grpc://{server.address}   # then: import trivet",
                "       trivet status",
                f"       grpcurl -plaintext {server.address} list",
            ]
            assert server.stderr == ""
        if seconds[-1] < 3:
            break
    with capsys.disabled():
        sys.stdout.write(f"[trivet up was ready after {', '.join(f'{each:.2f}' for each in seconds)} s]")
    assert min(seconds) < 3


@pytest.mark.parametrize("signs_in", [True, False])
def test_with_a_policy_file_it_says_how_callers_get_in(tmp_path: Path, *, signs_in: bool) -> None:
    issuer: dict[str, object] = {"url": "https://accounts.example.org", "audiences": ["trivet"]}
    if signs_in:
        issuer["sign_in"] = {"client_id": "trivet"}
    write_policy(tmp_path / "policy.yaml", {"issuers": {"people": issuer}, "workspaces": {"default": {}}})
    with up("--http-port", "0", "--policy", "policy.yaml", cwd=tmp_path) as server:
        assert server.terminate(by=signal.SIGINT) == 0
        lines = server.stdout_lines
    assert "  Callers need credentials." in lines
    assert (f"  People: trivet login grpc://{server.address}" in lines) is signs_in
    token = "$(trivet token create --key FILE --subject NAME --expires 1d)"
    assert f"  Programs: export TRIVET_TOKEN={token}" in lines
    assert f'       grpcurl -H "authorization: Bearer $TRIVET_TOKEN" -plaintext {server.address} list' in lines


def test_data_outlives_a_restart_and_a_kill_and_a_second_up_is_told_who_has_it(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path))
    with up(*data) as server:
        write_run(server.address)
        assert server.terminate(by=signal.SIGTERM) == 0
    with up(*data) as server:
        found = read_run(server.address)
        assert (dict(found.params), found.stale) == ({"learning_rate": "0.1"}, False)
        server.kill()
        assert server.exit_code == -signal.SIGKILL
    with up(*data, env={"TRIVET_STALE_AFTER_SECONDS": "0.001"}) as server:
        assert refusal(*data) == (
            f"trivet up: Another Trivet serves the data folder {tmp_path} at grpc {server.address} "
            f"(process {server.pid}). Use it, or choose another by --data."
        )
        # The refused one did no harm.
        assert json.loads((tmp_path / "trivet.lock").read_text()) == {"pid": server.pid, "grpc": server.address}
        found = read_run(server.address)
        assert (dict(found.params), found.stale) == ({"learning_rate": "0.1"}, True)


def log_and_register(address: str) -> None:
    """A run with a file, of which a model is registered: what each of the three services keeps."""
    write_run(address)
    with grpc.insecure_channel(address) as channel:
        artifacts = Artifacts(ArtifactServiceStub(channel), "default")
        artifacts.upload(RUN, "model/weights", b"w" * 100_000)
        registry = Registry(RegistryServiceStub(channel), "default")
        registry.create_model("taxi")
        version = registry.link_version("taxi", RUN, "model")
        assert version.state == model_version_pb2.MODEL_VERSION_STATE_READY


def read_registered(address: str) -> bytes:
    """The file, found by the name of the model."""
    with grpc.insecure_channel(address) as channel:
        version = Registry(RegistryServiceStub(channel), "default").get_version("taxi", 1)
        return Artifacts(ArtifactServiceStub(channel), "default").download(version.artifact_owner, "weights")[1]


def test_up_on_a_sqlite_file_keeps_the_rest_beside_it(tmp_path: Path) -> None:
    database = ("--database", f"sqlite:///{tmp_path / 'x.db'}", "--host", "0.0.0.0", "--insecure-no-auth")
    with up(*database) as server:
        log_and_register(server.address.replace("0.0.0.0", "127.0.0.1"))
        here = server.address.replace("0.0.0.0", "127.0.0.1")
        assert f"at grpc {here} (process {server.pid})" in refusal(*database)
        assert server.terminate() == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "x.db",
        "x-artifacts.db",
        "x-registry.db",
        "x-artifacts",
        "x.lock",
    }
    with up(*database) as server:
        assert read_registered(server.address.replace("0.0.0.0", "127.0.0.1")) == b"w" * 100_000


def test_up_keeps_everything_in_postgres_and_s3_where_asked_to(
    tmp_path: Path, postgres_url: str, minio_server: MinioServer
) -> None:
    store = minio_server.store(minio_server.create_bucket())
    options = ("--database", postgres_url, "--artifacts", store)
    with up(*options, cwd=tmp_path, env=minio_server.credentials) as server:
        log_and_register(server.address)
        assert server.terminate() == 0
        password = postgres_url.partition("@")[0].rpartition(":")[2]
        assert password not in "\n".join(server.stdout_lines)
    public = {"TRIVET_S3_PUBLIC_ENDPOINT": "https://files.example.org"}
    with up(*options, cwd=tmp_path, env={**minio_server.credentials, **public}) as server:
        assert read_run(server.address).params == {"learning_rate": "0.1"}
        assert read_registered(server.address) == b"w" * 100_000
        with grpc.insecure_channel(server.address) as channel:
            wanted = direct_pb2.GetDownloadUrlRequest(owner=RUN, path="model/weights")
            signed = ArtifactServiceStub(channel).GetDownloadUrl(wanted, timeout=30)
        assert signed.request.url.startswith("https://files.example.org/test-")
    assert list(tmp_path.iterdir()) == []


def test_up_on_postgres_keeps_files_in_the_data_folder(tmp_path: Path, postgres_url: str) -> None:
    with up("--database", postgres_url, cwd=tmp_path) as server:
        log_and_register(server.address)
        assert read_registered(server.address) == b"w" * 100_000
    assert {path.name for path in (tmp_path / ".trivet").iterdir()} == {"artifacts", "trivet.lock"}


def test_up_takes_host_ports_and_workspaces_and_warns_where_it_is_open_to_others(tmp_path: Path) -> None:
    port = free_port()
    options = ("--grpc-port", str(port), "--http-port", "0", "--host", "0.0.0.0", "--data", str(tmp_path))
    with up(*options, "--workspaces", "team-a,team-b", "--insecure-no-auth") as server:
        assert server.address == f"0.0.0.0:{port}"
        warning = json.loads(server.wait_for_line("authentication is off", on="stderr").string)
        assert warning["level"] == "WARNING"
        assert f"whoever reaches {server.address} may do everything" in warning["message"]
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = system_service_pb2_grpc.SystemServiceStub(channel)
            info = stub.GetServerInfo(system_service_pb2.GetServerInfoRequest(), timeout=30)
            page = stub.ListWorkspaces(system_service_pb2.ListWorkspacesRequest(), timeout=30)
    assert list(info.services) == [
        "trivet.artifacts.v1.ArtifactService",
        "trivet.common.v1.SystemService",
        "trivet.registry.v1.RegistryService",
        "trivet.tracking.v1.TrackingService",
    ]
    assert not info.authentication_required
    names = [workspace.name for workspace in page.workspaces]
    assert names == ["workspaces/default", "workspaces/team-a", "workspaces/team-b"]


def test_up_on_a_port_in_use_is_refused_and_leaves_the_folder_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refusal("--grpc-port", str(port), "--data", str(tmp_path / "data"))
    assert line == f"trivet up: Cannot listen on 127.0.0.1:{port}: address already in use."
    assert not (tmp_path / "data").exists()


def test_up_serves_mlflows_client_and_says_where(tmp_path: Path) -> None:
    with up("--http-port", "0", "--data", str(tmp_path)) as server:
        url = server.wait_for_line(r"MLFLOW_TRACKING_URI=(\S+)").group(1)
        with urllib.request.urlopen(f"{url}/health", timeout=30) as answer:
            assert answer.read() == b"OK"
        with urllib.request.urlopen(f"{url}/api/2.0/mlflow/experiments/get?experiment_id=0", timeout=30) as answer:
            assert json.load(answer)["experiment"]["name"] == "Default"
        assert server.terminate(by=signal.SIGTERM) == 0
    assert server.stderr == ""


def http_status(url: str, host: str) -> int:
    """Of a call that names a host."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    with closing(connection):
        connection.request("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0", headers={"host": host})
        return connection.getresponse().status


def test_up_answers_by_the_names_that_it_is_told(tmp_path: Path) -> None:
    options = ("--http-port", "0", "--data", str(tmp_path))
    for option, env in ((("--allowed-hosts", "trivet.corp"), {}), ((), {"TRIVET_ALLOWED_HOSTS": "trivet.corp"})):
        with up(*options, *option, env=env) as server:
            url = server.wait_for_line(r"MLFLOW_TRACKING_URI=(\S+)").group(1)
            statuses = [http_status(url, host) for host in ("trivet.corp", "localhost", "evil.example.org")]
            assert statuses == [200, 200, 400]


def test_up_that_listens_everywhere_answers_by_any_name_until_names_are_said(tmp_path: Path) -> None:
    options = ("--http-port", "0", "--host", "0.0.0.0", "--insecure-no-auth", "--data", str(tmp_path))
    hosts = ("trivet.corp", "10.0.0.1", "any.example.org")
    for names, expected in (((), [200, 200, 200]), (("--allowed-hosts", "trivet.corp"), [200, 200, 400])):
        with up(*options, *names) as server:
            url = server.wait_for_line(r"MLFLOW_TRACKING_URI=(\S+)").group(1).replace("0.0.0.0", "127.0.0.1")
            assert [http_status(url, host) for host in hosts] == expected


def test_a_port_of_http_in_use_is_an_error_where_somebody_chose_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refusal("--http-port", str(port), "--data", str(tmp_path / "data"))
    assert line == f"trivet up: Cannot listen on 127.0.0.1:{port}: address already in use."
    assert not (tmp_path / "data").exists()
    # Another address than the one that other tests use.
    with socket.create_server(("127.0.0.2", 7331)), up("--host", "127.0.0.2", "--data", str(tmp_path)) as server:
        server.wait_for_line("MLflow's own client: no, port 7331 is in use: --http-port")


def test_up_on_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "file"
    data.write_text("mine")
    line = refusal("--data", str(data))
    assert line.startswith(f"trivet up: Cannot write to the data folder {data}: ")
    assert line.endswith("Choose another by --data.")
    assert data.read_text() == "mine"


def test_up_with_a_database_that_is_away_is_refused_and_tells_no_password() -> None:
    port = free_port()
    line = refusal("--database", f"postgresql://trivet:{SECRET}@127.0.0.1:{port}/trivet")
    assert f"127.0.0.1:{port}" in line
    assert "Connection refused" in line
    assert SECRET not in line


def test_up_on_another_host_without_authentication_is_refused(tmp_path: Path) -> None:
    line = refusal("--host", "0.0.0.0", "--data", str(tmp_path / "data"))
    assert "0.0.0.0:0 can be reached from other machines" in line
    assert "--insecure-no-auth" in line
    assert not (tmp_path / "data").exists()


def test_up_on_the_data_of_a_newer_trivet_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "tracking.db")) as database:
        database.executescript(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL); INSERT INTO alembic_version VALUES (9999)"
        )
    line = refusal("--data", str(tmp_path))
    assert "has schema 9999 of trivet_tracking, which this version does not know" in line


def test_up_on_a_database_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tracking.db").write_text("a note of mine that is long enough to be looked at as a header" * 20)
    line = refusal("--data", str(tmp_path))
    assert "file is not a database" in line
    assert str(tmp_path / "tracking.db") in line


def test_a_start_imports_nothing_that_only_some_servers_need() -> None:
    program = (
        "import sys, trivet_standalone.__main__, trivet_standalone.components, trivet_gateway.serving;"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    ended = run_to_exit([sys.executable, "-c", program], {})
    assert ended.returncode == 0, ended.stderr
    loaded = set(ended.stdout.split())
    assert "trivet_registry" in loaded
    # For migrations that were made already, for signing in, and for S3.
    assert not loaded & {"alembic", "mako", "jwt", "urllib3", "minio", "jsonschema", "websockets"}
