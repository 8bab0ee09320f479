"""`trivet-artifacts` as a process: how it starts, how it refuses to, and what it says of its store."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_proto.common.v1 import system_service_pb2, system_service_pb2_grpc
from trivet_testing.artifacts import Artifacts, Place, migrate, start_server
from trivet_testing.errors import error_of, rpc_error_of
from trivet_testing.minio import MinioServer
from trivet_testing.servers import free_port, run_to_exit
from trivet_testing.tcp_proxy import TcpProxy

COMMAND = (sys.executable, "-m", "trivet_artifacts")
ARTIFACTS = "trivet.artifacts.v1.ArtifactService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SECRET = "hunter2-hunter2"


@pytest.fixture(scope="module")
def migrated_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('serve') / 'artifacts.db'}"
    migrate(url)
    return url


def refusal(url: str, store: str, **env: str) -> str:
    """The one line that a start ends with which cannot succeed."""
    settings = {"TRIVET_LISTEN": "127.0.0.1:0", "TRIVET_DATABASE_URL": url, "TRIVET_ARTIFACT_STORE": store}
    # Credentials of the person who runs the tests must not be found.
    nobody = {"AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    ended = run_to_exit([*COMMAND, "serve"], settings | nobody | env)
    assert (ended.returncode, ended.stdout) == (1, ""), ended
    (line,) = ended.stderr.splitlines()
    assert line.startswith("trivet-artifacts: ")
    assert SECRET not in line
    return line


def watch(channel: grpc.Channel) -> Iterator[int]:
    """The health of the service, from now on."""
    request = health_pb2.HealthCheckRequest(service=ARTIFACTS)
    for answer in health_pb2_grpc.HealthStub(channel).Watch(request, timeout=120):
        yield answer.status


def test_serve_says_its_limits_and_migrate_can_be_repeated(migrated_url: str, tmp_path: Path) -> None:
    migrate(migrated_url)
    place = Place(migrated_url, f"file://{tmp_path / 'the%20store'}", {})
    with start_server(place) as server, grpc.insecure_channel(server.address) as channel:
        stub = system_service_pb2_grpc.SystemServiceStub(channel)
        info = stub.GetServerInfo(system_service_pb2.GetServerInfoRequest(), timeout=30)
        assert list(info.services) == [ARTIFACTS, "trivet.common.v1.SystemService"] or set(info.services) == {
            ARTIFACTS,
            "trivet.common.v1.SystemService",
        }
        assert info.limits == system_service_pb2.Limits(
            max_message_bytes=8 * 1024 * 1024,
            max_page_size=1000,
            max_artifact_path_bytes=1024,
            max_artifact_data_bytes=1024 * 1024,
        )
        assert next(watch(channel)) == SERVING
        Artifacts(ArtifactServiceStub(channel), "default").upload("workspaces/default/runs/r", "f", b"x")
        assert (tmp_path / "the store" / "objects" / "default").is_dir()
        assert server.terminate() == 0


def test_a_client_that_is_gone_in_the_midst_of_a_download_is_no_fault_of_the_server(
    migrated_url: str, tmp_path: Path
) -> None:
    name = "workspaces/default/runs/gone"
    with start_server(Place(migrated_url, str(tmp_path), {})) as server, TcpProxy(server.address) as proxy:
        with grpc.insecure_channel(server.address) as channel:
            Artifacts(ArtifactServiceStub(channel), "default").upload(name, "large", bytes(64 * 1024 * 1024))
        # Else the next channel may begin on the connection that was dropped.
        own_connection = (("grpc.use_local_subchannel_pool", 1),)
        for _ in range(10):
            with grpc.insecure_channel(proxy.address, own_connection) as channel:
                request = pb.DownloadArtifactRequest(owner=name, path="large")
                download = ArtifactServiceStub(channel).DownloadArtifact(request)
                next(download)
                proxy.drop()
                assert rpc_error_of(lambda: list(download)).code() == grpc.StatusCode.UNAVAILABLE  # noqa: B023 - used at once
        assert server.terminate() == 0
        ended = [line for line in server.stderr.splitlines() if "DownloadArtifact" in line]
        assert len(ended) == 10
        assert {json.loads(line)["code"] for line in ended} <= {"CANCELLED"}
        assert "Traceback" not in server.stderr


def test_files_in_the_store_are_for_its_account_only(migrated_url: str, tmp_path: Path) -> None:
    with (
        start_server(Place(migrated_url, str(tmp_path), {})) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        Artifacts(ArtifactServiceStub(channel), "default").upload("workspaces/default/runs/s", "f", b"y")
    (file,) = [found for found in tmp_path.rglob("*") if found.is_file()]
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "store",
    [
        "",
        "ftp://x/y",
        "file://host/x",
        "s3://",
        "s3://UPPER",
        "s3://b-c/key",
        "s3://bucket?endpoint=x",
        "s3://b-c?key=1",
    ],
)
def test_start_with_a_store_that_cannot_be_one_is_refused(migrated_url: str, store: str) -> None:
    assert "it must be a folder or s3://BUCKET?endpoint=URL&region=REGION." in refusal(migrated_url, store)


def test_start_with_a_folder_that_cannot_be_written_to_is_refused(migrated_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = refusal(migrated_url, str(tmp_path / "file" / "store"))
    assert f"Cannot write to the artifact store {tmp_path / 'file' / 'store'}: not a directory." in line


def test_start_without_a_schema_is_refused(tmp_path: Path) -> None:
    line = refusal(f"sqlite:///{tmp_path / 'empty.db'}", str(tmp_path / "store"))
    assert "Run `trivet-artifacts migrate` first." in line


def test_start_with_a_bucket_that_cannot_be_used_is_refused(migrated_url: str, minio_server: MinioServer) -> None:
    bucket = minio_server.create_bucket()
    assert "there are no credentials" in refusal(migrated_url, minio_server.store(bucket))
    missing = refusal(migrated_url, minio_server.store("no-such-bucket"), **minio_server.credentials)
    assert "no-such-bucket" in missing
    assert "NoSuchBucket" in missing
    wrong = {"AWS_ACCESS_KEY_ID": minio_server.user, "AWS_SECRET_ACCESS_KEY": SECRET}
    assert "SignatureDoesNotMatch" in refusal(migrated_url, minio_server.store(bucket), **wrong)
    port = free_port()
    away = refusal(migrated_url, f"s3://{bucket}?endpoint=http://127.0.0.1:{port}", **minio_server.credentials)
    assert f"127.0.0.1:{port}" in away
    assert "refused" in away


def test_store_that_goes_away_is_told_and_comes_back(migrated_url: str, own_minio_server: MinioServer) -> None:
    place = Place(migrated_url, own_minio_server.store(own_minio_server.create_bucket()), own_minio_server.credentials)
    owner = "workspaces/default/runs/away"
    with start_server(place) as server, grpc.insecure_channel(server.address) as channel:
        artifacts = Artifacts(ArtifactServiceStub(channel), "default")
        artifacts.upload(owner, "f", b"before")
        health = watch(channel)
        assert next(health) == SERVING
        own_minio_server.kill()
        assert next(health) == NOT_SERVING
        failure = artifacts.refusal(owner, "f", b"while away")
        assert (failure.code.name, failure.reason) == ("UNAVAILABLE", "ARTIFACT_STORE_UNAVAILABLE")
        assert error_of(lambda: artifacts.download(owner, "f")).reason == "ARTIFACT_STORE_UNAVAILABLE"
        assert artifacts.get(owner, "f").size_bytes == len(b"before")
        own_minio_server.start()
        assert next(health) == SERVING
        assert artifacts.download(owner, "f")[1] == b"before"
        artifacts.upload(owner, "f", b"after")


def test_folder_that_goes_away_is_told_and_comes_back(migrated_url: str, tmp_path: Path) -> None:
    store = tmp_path / "store"
    owner = "workspaces/default/runs/folder"
    with (
        start_server(Place(migrated_url, str(store), {})) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        artifacts = Artifacts(ArtifactServiceStub(channel), "default")
        artifacts.upload(owner, "f", b"kept by folder")
        health = watch(channel)
        assert next(health) == SERVING
        os.rename(store, tmp_path / "elsewhere")  # noqa: PTH104 - as `mv` does
        assert next(health) == NOT_SERVING
        assert artifacts.refusal(owner, "f", b"while away, too").reason == "ARTIFACT_STORE_UNAVAILABLE"
        assert error_of(lambda: artifacts.download(owner, "f")).reason == "ARTIFACT_STORE_UNAVAILABLE"
        os.rename(tmp_path / "elsewhere", store)  # noqa: PTH104 - as `mv` does
        assert next(health) == SERVING
        assert artifacts.download(owner, "f")[1] == b"kept by folder"
