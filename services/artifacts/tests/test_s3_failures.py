"""What callers are told when S3 refuses or does not answer."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from minio import MinioAdmin
from minio.credentials.providers import StaticProvider

from trivet_artifacts.blobs import s3_client
from trivet_artifacts.blobs.digests import sha256_of
from trivet_artifacts.blobs.opening import open_blobs
from trivet_kit.errors import CallerError
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_testing.artifacts import Artifacts, Place, migrate, resumed, start_server
from trivet_testing.depot import MIB, Depot, await_no_litter, await_that, connected
from trivet_testing.errors import error_of, failure_in
from trivet_testing.minio import MinioServer
from trivet_testing.tcp_proxy import Direction, TcpProxy


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


def test_bucket_that_is_full_is_told_and_takes_files_when_there_is_room(
    url: str, own_minio_server: MinioServer
) -> None:
    bucket = own_minio_server.create_bucket()
    place = Place(url, own_minio_server.store(bucket), own_minio_server.credentials)
    admin = MinioAdmin(
        endpoint=f"127.0.0.1:{own_minio_server.port}",
        credentials=StaticProvider(own_minio_server.user, own_minio_server.password),
        secure=False,
    )
    with start_server(place) as server, connected(server) as artifacts:
        admin.bucket_quota_set(bucket, 100_000)
        for size in (200_000, 9 * MIB):
            failure = artifacts.refusal(artifacts.run(), "f", bytes(size))
            assert (failure.code.name, failure.reason) == ("RESOURCE_EXHAUSTED", "STORAGE_FULL"), failure
            assert bucket not in failure.message
        upload = artifacts.create_upload(artifacts.run(), "f", 9 * MIB)
        (answer,) = artifacts.upload_all(resumed(upload.name, bytes(9 * MIB), 0))
        assert failure_in(answer.refused).reason == "STORAGE_FULL"
        assert artifacts.paths(artifacts.run()) == []
        admin.bucket_quota_clear(bucket)
        # What is held of the upload is gone on with.
        held = artifacts.get_upload(upload.name).held_bytes
        (answer,) = artifacts.upload_all(resumed(upload.name, bytes(9 * MIB), held))
        assert answer.artifact.size_bytes == 9 * MIB
        assert "Traceback" not in server.stderr


@pytest.mark.parametrize(
    "marker", [b"?uploads", b"partNumber=1", b"<CompleteMultipartUpload"], ids=["begin", "part", "complete"]
)
def test_request_of_an_upload_whose_answer_is_lost_is_sent_again(
    url: str, minio_server: MinioServer, marker: bytes
) -> None:
    bucket = minio_server.create_bucket()
    content = random.Random(3).randbytes(12 * MIB)
    with TcpProxy(f"127.0.0.1:{minio_server.port}") as proxy:
        behind = Place(url, minio_server.store(bucket), minio_server.credentials)
        store = minio_server.store(bucket).replace(str(minio_server.port), proxy.address.rpartition(":")[2])
        with start_server(replace(behind, store=store)) as server, connected(server) as artifacts:
            proxy.hold_responses_after(marker)
            with ThreadPoolExecutor(1) as pool:
                uploading = pool.submit(artifacts.upload, artifacts.run(), "f", content)
                proxy.wait_for_request(marker)
                proxy.release()
                proxy.drop()
                assert uploading.result().size_bytes == len(content)
            assert artifacts.download(artifacts.run(), "f")[1] == content
            await_no_litter(Depot(behind))
            uploads = minio_server.client()._list_multipart_uploads(bucket, prefix=next(iter(Depot(behind).referred())))
            assert uploads.uploads == []
            assert "Traceback" not in server.stderr


def test_store_that_is_slow_makes_the_server_not_ready_and_loses_nothing(url: str, minio_server: MinioServer) -> None:
    bucket = minio_server.create_bucket()
    content = random.Random(4).randbytes(12 * MIB)
    with TcpProxy(f"127.0.0.1:{minio_server.port}") as proxy:
        store = minio_server.store(bucket).replace(str(minio_server.port), proxy.address.rpartition(":")[2])
        place = Place(url, store, minio_server.credentials)
        with start_server(place) as server, grpc.insecure_channel(server.address) as channel:
            artifacts = Artifacts(ArtifactServiceStub(channel), "test-0")
            health = health_pb2_grpc.HealthStub(channel)
            asked = health_pb2.HealthCheckRequest(service="trivet.artifacts.v1.ArtifactService")
            artifacts.upload(artifacts.run(), "before", b"bytes")
            proxy.hold(Direction.RESPONSES)
            with ThreadPoolExecutor(1) as pool:
                uploading = pool.submit(artifacts.upload, artifacts.run(), "f", content)
                await_that(lambda: health.Check(asked).status == health_pb2.HealthCheckResponse.NOT_SERVING)
                # What needs no bytes is answered meanwhile.
                assert artifacts.paths(artifacts.run()) == ["before"]
                proxy.release()
                assert uploading.result().size_bytes == len(content)
            await_that(lambda: health.Check(asked).status == health_pb2.HealthCheckResponse.SERVING)
            assert artifacts.download(artifacts.run(), "f")[1] == content
            assert "Traceback" not in server.stderr


def test_part_that_changed_on_its_way_is_refused(minio_server: MinioServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in minio_server.credentials.items():
        monkeypatch.setenv(name, value)
    key = f"default/{uuid.uuid4().hex}"
    data = bytes(5 * MIB)
    with closing(open_blobs(minio_server.store(minio_server.create_bucket()))) as blobs:
        store_upload = blobs.begin(key)
        writer = blobs.resume(key, store_upload, 5 * MIB, blobs.held(key, store_upload, 5 * MIB))
        with monkeypatch.context() as changed:
            # As if a byte were flipped between the digest and the store.
            changed.setattr(s3_client.S3Client, "_upload_part", _flipped(s3_client.S3Client._upload_part))
            writer.write(data)
            with pytest.raises(CallerError):
                writer.finish()
        assert blobs.held(key, store_upload, 5 * MIB).size_bytes == 0
        writer = blobs.resume(key, store_upload, 5 * MIB, blobs.held(key, store_upload, 5 * MIB))
        writer.write(data)
        writer.finish()
        with closing(blobs.open(key, 0, len(data))) as reader:
            assert sha256_of(blobs, key, len(data)) == hashlib.sha256(data).digest()
            assert reader.read(9) == data[:9]


def _flipped(upload_part: Callable[..., str]) -> Callable[..., str]:
    def upload_flipped(client: object, bucket: str, key: str, data: bytes, *others: object) -> str:
        return upload_part(client, bucket, key, b"\1" + data[1:], *others)

    return upload_flipped
