"""What callers are told when S3 refuses, and the keys to it that a machine gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from minio.credentials.providers import AssumeRoleProvider

from trivet_testing.artifacts import Place, migrate, start_server
from trivet_testing.depot import MIB, connected
from trivet_testing.errors import error_of
from trivet_testing.minio import MinioServer

NO_KEYS = {"AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'artifacts.db'}"
    migrate(url)
    return url


def test_bucket_that_is_removed_is_told_and_may_come_back(url: str, minio_server: MinioServer) -> None:
    bucket = minio_server.create_bucket()
    place = Place(url, minio_server.store(bucket), minio_server.credentials)
    with start_server(place) as server, connected(server) as artifacts:
        minio_server.client().remove_bucket(bucket)
        for size in (5, 9 * MIB):
            failure = artifacts.refusal(artifacts.run(), "f", bytes(size))
            assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", "ARTIFACT_STORE_REFUSES")
            assert failure.metadata == {"problem": "BUCKET_MISSING"}
            assert bucket not in failure.message
        failure = error_of(lambda: artifacts.create_upload(artifacts.run(), "f", 9))
        assert failure.metadata == {"problem": "BUCKET_MISSING"}
        assert artifacts.paths(artifacts.run()) == []
        minio_server.client().make_bucket(bucket)
        artifacts.upload(artifacts.run(), "f", b"bytes")


def test_access_that_is_denied_is_told(url: str, own_minio_server: MinioServer) -> None:
    place = Place(url, own_minio_server.store(own_minio_server.create_bucket()), own_minio_server.credentials)
    with start_server(place) as server, connected(server) as artifacts:
        artifacts.upload(artifacts.run(), "f", b"bytes")
        own_minio_server.kill()
        own_minio_server.password = "another-password"
        own_minio_server.start()
        failure = artifacts.refusal(artifacts.run(), "g", b"other bytes")
        assert (failure.reason, failure.metadata) == ("ARTIFACT_STORE_REFUSES", {"problem": "ACCESS_DENIED"})
        assert error_of(lambda: artifacts.download(artifacts.run(), "f")).reason == "ARTIFACT_STORE_REFUSES"


def test_credentials_may_come_from_the_service_of_a_container(url: str, minio_server: MinioServer) -> None:
    role = AssumeRoleProvider(
        sts_endpoint=minio_server.endpoint,
        access_key=minio_server.user,
        secret_key=minio_server.password,
        region="us-east-1",
    ).retrieve()
    answer = {
        "AccessKeyId": role.access_key,
        "SecretAccessKey": role.secret_key,
        "Token": role.session_token,
        "Expiration": "2199-01-01T00:00:00Z",
    }
    with serving(json.dumps(answer).encode()) as endpoint:
        env = NO_KEYS | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint}
        place = Place(url, minio_server.store(minio_server.create_bucket()), env)
        with start_server(place) as server, connected(server) as artifacts:
            artifacts.upload(artifacts.run(), "f", bytes(9 * MIB))
            assert artifacts.download(artifacts.run(), "f", 5, 3)[1] == bytes(3)


@contextmanager
def serving(answer: bytes) -> Iterator[str]:
    """A server on loopback with one answer; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
