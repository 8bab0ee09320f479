"""Large files that clients send to S3 themselves, and fetch from there."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import grpc
import pytest
import urllib3
from minio.credentials.providers import AssumeRoleProvider

from trivet_proto.artifacts.v1 import artifact_pb2, direct_pb2
from trivet_testing.artifacts import Artifacts, Place, content_of, migrate, resumed, start_server, whole
from trivet_testing.depot import MIB, Depot, await_no_litter, await_that, connected
from trivet_testing.errors import error_of
from trivet_testing.minio import MinioServer

PART = 5 * MIB
CONTENT = random.Random(11).randbytes(2 * PART + 1000)
HTTP = urllib3.PoolManager(retries=False)


@pytest.fixture
def depot(minio_server: MinioServer, postgres_url: str) -> Depot:
    """A bucket, which clients reach."""
    place = Place(postgres_url, minio_server.store(minio_server.create_bucket()), minio_server.credentials)
    migrate(postgres_url)
    return Depot(place)


@pytest.fixture
def direct(depot: Depot) -> Iterator[Artifacts]:
    """A server whose clients reach its bucket."""
    with depot.start() as server, connected(server) as artifacts:
        yield artifacts
        assert "Traceback" not in server.stderr


def parts_of(content: bytes) -> list[bytes]:
    return [content[begin : begin + PART] for begin in range(0, len(content), PART)]


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def sign(artifacts: Artifacts, upload: str, parts: dict[int, bytes]) -> list[direct_pb2.SignedRequest]:
    request = direct_pb2.SignUploadPartsRequest(
        upload=upload,
        parts=[direct_pb2.UploadPart(number=number, sha256=digest(data)) for number, data in parts.items()],
    )
    return list(artifacts.stub.SignUploadParts(request, timeout=30).requests)


def put(signed: direct_pb2.SignedRequest, data: bytes) -> int:
    # The length is that of the body, as every client of HTTP says it.
    headers = {name: value for name, value in signed.headers.items() if name != "content-length"}
    return HTTP.request(signed.method, signed.url, body=data, headers=headers).status


def send(artifacts: Artifacts, upload: str, parts: dict[int, bytes]) -> None:
    for signed, data in zip(sign(artifacts, upload, parts), parts.values(), strict=True):
        assert put(signed, data) == 200


def complete(artifacts: Artifacts, upload: str, content: bytes, sha256: bytes | None = None) -> artifact_pb2.Artifact:
    request = direct_pb2.CompleteUploadRequest(
        upload=upload, sha256=sha256 or digest(content), part_sha256=map(digest, parts_of(content))
    )
    return artifacts.stub.CompleteUpload(request, timeout=60)


def begin(artifacts: Artifacts, path: str = "m/weights", content: bytes = CONTENT) -> str:
    upload = artifacts.create_upload(artifacts.run(), path, len(content), part_size_bytes=PART, resume_key="k")
    assert upload.direct
    return upload.name


def upload_directly(artifacts: Artifacts, path: str, content: bytes = CONTENT) -> artifact_pb2.Artifact:
    name = begin(artifacts, path, content)
    send(artifacts, name, dict(enumerate(parts_of(content), 1)))
    return complete(artifacts, name, content)


def test_file_is_visible_when_complete_and_verified_soon(depot: Depot, direct: Artifacts) -> None:
    name = begin(direct)
    send(direct, name, {1: parts_of(CONTENT)[0], 3: parts_of(CONTENT)[2]})
    upload = direct.get_upload(name)
    assert (list(upload.held_parts), upload.held_bytes) == ([1, 3], PART)
    assert direct.paths(direct.run()) == []
    failure = error_of(lambda: complete(direct, name, CONTENT))
    assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", "UPLOAD_INCOMPLETE")
    assert failure.metadata["heldBytes"] == str(PART)
    send(direct, name, {2: parts_of(CONTENT)[1]})
    artifact = complete(direct, name, CONTENT)
    assert (artifact.size_bytes, artifact.sha256) == (len(CONTENT), digest(CONTENT))
    assert complete(direct, name, CONTENT) == artifact
    assert direct.download(direct.run(), "m/weights")[1] == CONTENT
    await_that(lambda: direct.get(direct.run(), "m/weights").verified)
    assert direct.missing(content_of(CONTENT)) == []
    await_no_litter(depot)


def test_upload_goes_on_after_a_restart_with_the_parts_that_are_held(depot: Depot) -> None:
    with depot.start() as server, connected(server) as artifacts:
        name = begin(artifacts)
        send(artifacts, name, {1: parts_of(CONTENT)[0], 2: parts_of(CONTENT)[1]})
        server.kill()
    with depot.start() as server, connected(server) as artifacts:
        assert begin(artifacts) == name
        assert list(artifacts.get_upload(name).held_parts) == [1, 2]
        send(artifacts, name, {3: parts_of(CONTENT)[2]})
        complete(artifacts, name, CONTENT)
        assert artifacts.download(artifacts.run(), "m/weights")[1] == CONTENT
        await_no_litter(depot)


def test_upload_that_began_directly_is_ended_by_a_stream(depot: Depot, direct: Artifacts) -> None:
    name = begin(direct)
    send(direct, name, {1: parts_of(CONTENT)[0]})
    (answer,) = direct.upload_all(resumed(name, CONTENT, PART))
    assert (answer.artifact.sha256, answer.artifact.verified) == (digest(CONTENT), True)
    assert direct.download(direct.run(), "m/weights")[1] == CONTENT
    await_no_litter(depot)


def test_url_is_good_for_one_part_of_its_length_and_digest_alone(direct: Artifacts) -> None:
    name = begin(direct)
    first, second, third = parts_of(CONTENT)
    (signed,) = sign(direct, name, {1: first})
    assert put(signed, second) == 400  # another digest
    assert put(signed, third) == 403  # another length
    bare = urllib3.PoolManager(retries=False).request("PUT", signed.url, body=first)
    assert bare.status in (400, 403)  # without the digest
    for changed in (
        signed.url.replace("partNumber=1", "partNumber=2"),
        signed.url.replace("uploadId=", "uploadId=x"),
        signed.url.replace("X-Amz-Expires=900", "X-Amz-Expires=90000"),
    ):
        assert changed != signed.url
        other = direct_pb2.SignedRequest(method="PUT", url=changed, headers=dict(signed.headers))
        assert put(other, first) == 403
    assert direct.get_upload(name).held_parts == []
    assert [put(signed, first), put(signed, first)] == [200, 200]
    assert list(direct.get_upload(name).held_parts) == [1]


def test_part_cannot_be_changed_after_the_file_is_complete(direct: Artifacts) -> None:
    name = begin(direct)
    requests = sign(direct, name, dict(enumerate(parts_of(CONTENT), 1)))
    for signed, data in zip(requests, parts_of(CONTENT), strict=True):
        assert put(signed, data) == 200
    complete(direct, name, CONTENT)
    assert put(requests[0], parts_of(CONTENT)[0]) == 404
    assert direct.download(direct.run(), "m/weights")[1] == CONTENT
    failure = error_of(lambda: sign(direct, name, {1: b""}))
    assert failure.reason == "UPLOAD_NOT_FOUND"


def test_parts_of_another_file_than_named_are_not_put_together(direct: Artifacts) -> None:
    name = begin(direct)
    send(direct, name, dict(enumerate(parts_of(CONTENT), 1)))
    changed = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    assert error_of(lambda: complete(direct, name, changed)).reason == "UPLOAD_INCOMPLETE"
    assert direct.paths(direct.run()) == []
    complete(direct, name, CONTENT)


def test_digest_that_was_not_true_is_found_and_nobody_else_gets_the_bytes(direct: Artifacts) -> None:
    victim = b"the bytes that somebody else will upload"
    name = begin(direct)
    send(direct, name, dict(enumerate(parts_of(CONTENT), 1)))
    lie = complete(direct, name, CONTENT, sha256=digest(victim))
    assert not lie.verified
    assert direct.missing(content_of(victim)) == [0]
    direct.upload(direct.run("other"), "f", victim)
    assert direct.download(direct.run("other"), "f")[1] == victim

    def refused() -> bool:
        try:
            direct.download(direct.run(), "m/weights")
        except grpc.RpcError as error:
            return "not those of its digest" in str(error)
        return False

    await_that(refused)
    assert not direct.get(direct.run(), "m/weights").verified
    assert error_of(lambda: read(direct, "m/weights")).reason == "ARTIFACT_CORRUPT"


def test_same_bytes_are_kept_once(depot: Depot, direct: Artifacts) -> None:
    upload_directly(direct, "a")
    await_that(lambda: direct.get(direct.run(), "a").verified)
    assert upload_directly(direct, "b").verified
    await_no_litter(depot)
    assert len(depot.whole()) == 1
    # Two that are not verified yet come to share one object.
    other = CONTENT[::-1]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda path: upload_directly(direct, path, other), ("c", "d")))
    await_that(lambda: direct.get(direct.run(), "c").verified and direct.get(direct.run(), "d").verified)
    direct.collect()
    await_no_litter(depot)
    assert len(depot.whole()) == 2
    assert direct.download(direct.run(), "c")[1] == direct.download(direct.run(), "d")[1] == other


def test_file_of_an_upload_that_cannot_lie_there_waits(direct: Artifacts) -> None:
    name = begin(direct, "m/weights")
    send(direct, name, dict(enumerate(parts_of(CONTENT), 1)))
    direct.upload(direct.run(), "m", b"in the way")
    assert error_of(lambda: complete(direct, name, CONTENT)).reason == "ARTIFACT_PATH_TAKEN"
    direct.delete(direct.run(), "m")
    assert complete(direct, name, CONTENT).path == "m/weights"


def read(artifacts: Artifacts, path: str) -> direct_pb2.DownloadUrl:
    request = direct_pb2.GetDownloadUrlRequest(owner=artifacts.run(), path=path)
    return artifacts.stub.GetDownloadUrl(request, timeout=30)


def test_file_is_read_by_url_whole_and_by_ranges_as_an_attachment(direct: Artifacts) -> None:
    direct.upload(direct.run(), "page.html", b"<script>alert(1)</script>")
    url = read(direct, "page.html")
    assert url.artifact == direct.get(direct.run(), "page.html")
    answer = HTTP.request(url.request.method, url.request.url)
    assert answer.data == b"<script>alert(1)</script>"
    assert (answer.headers["Content-Disposition"], answer.headers["Content-Type"]) == (
        "attachment",
        "application/octet-stream",
    )
    part = HTTP.request("GET", url.request.url, headers={"Range": "bytes=1-6"})
    assert (part.status, part.data) == (206, b"script")
    assert HTTP.request("GET", url.request.url.replace("attachment", "inline")).status == 403
    assert HTTP.request("PUT", url.request.url, body=b"x").status == 403
    assert error_of(lambda: read(direct, "none")).reason == "ARTIFACT_NOT_FOUND"


def test_url_of_a_small_file_reads_nothing_else_of_its_object(direct: Artifacts) -> None:
    files = {"first": b"first bytes", "mine": b"these are mine", "last": b"others come last"}
    for attempt in range(100):
        files["mine"] = b"%03d these are mine" % attempt
        direct.upload_all(whole(direct.run(), path, data) for path, data in files.items())
        signed = read(direct, "mine").request
        if signed.headers:
            break
    headers = dict(signed.headers)
    answer = HTTP.request("GET", signed.url, headers=headers)
    assert (answer.status, answer.data) == (206, files["mine"])
    assert HTTP.request("GET", signed.url).status == 400  # what was signed is missing
    for other in ("bytes=0-100", headers["range"].replace("-", "-1")):
        assert HTTP.request("GET", signed.url, headers={"range": other}).status == 403, other


def test_urls_are_not_logged(depot: Depot) -> None:
    with depot.start() as server, connected(server) as artifacts:
        name = begin(artifacts)
        send(artifacts, name, dict(enumerate(parts_of(CONTENT), 1)))
        complete(artifacts, name, CONTENT)
        read(artifacts, "m/weights")
        assert server.terminate() == 0
        assert "X-Amz" not in server.stderr
        assert "Signature" not in server.stderr


def test_public_endpoint_is_where_urls_lead(depot: Depot, minio_server: MinioServer) -> None:
    public = f"http://localhost:{minio_server.port}"
    with start_server(depot.place, TRIVET_S3_PUBLIC_ENDPOINT=public) as server, connected(server) as artifacts:
        assert upload_directly(artifacts, "f").path == "f"
        url = read(artifacts, "f").request.url
        assert url.startswith(f"{public}/")
        assert HTTP.request("GET", url).data == CONTENT


def test_without_a_public_endpoint_nothing_is_signed(depot: Depot) -> None:
    with start_server(depot.place, TRIVET_S3_PUBLIC_ENDPOINT="none") as server, connected(server) as artifacts:
        refuses_direct_transfer(artifacts)


def test_folder_signs_nothing(tmp_path: Path) -> None:
    place = Place(f"sqlite:///{tmp_path / 'a.db'}", str(tmp_path / "store"), {})
    migrate(place.database_url)
    with start_server(place) as server, connected(server) as artifacts:
        refuses_direct_transfer(artifacts)


def refuses_direct_transfer(artifacts: Artifacts) -> None:
    upload = artifacts.create_upload(artifacts.run(), "f", 3)
    assert not upload.direct
    failure = error_of(lambda: sign(artifacts, upload.name, {1: b"abc"}))
    assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", "DIRECT_TRANSFER_UNAVAILABLE")
    assert error_of(lambda: complete(artifacts, upload.name, b"abc")).reason == "DIRECT_TRANSFER_UNAVAILABLE"
    artifacts.upload_all(resumed(upload.name, b"abc", 0))
    assert error_of(lambda: read(artifacts, "f")).reason == "DIRECT_TRANSFER_UNAVAILABLE"
    assert artifacts.download(artifacts.run(), "f")[1] == b"abc"


def test_parts_that_the_upload_does_not_have_are_refused(direct: Artifacts) -> None:
    name = begin(direct)
    for number in (0, 4, -1):
        failure = error_of(partial(sign, direct, name, {number: b""}))
        assert failure.metadata["field"] == "parts[0].number"
    request = direct_pb2.CompleteUploadRequest(upload=name, sha256=bytes(32), part_sha256=[bytes(32)])
    assert error_of(lambda: direct.stub.CompleteUpload(request)).metadata["field"] == "part_sha256"
    many = direct_pb2.SignUploadPartsRequest(upload=name, parts=[direct_pb2.UploadPart(number=1)] * 101)
    assert error_of(lambda: direct.stub.SignUploadParts(many)).metadata["field"] == "parts"


def test_credentials_that_expire_sign_too(depot: Depot, minio_server: MinioServer) -> None:
    # As a container's or a machine's role gives them: with a session token, which has to be part of each URL.
    role = AssumeRoleProvider(
        sts_endpoint=minio_server.endpoint,
        access_key=minio_server.user,
        secret_key=minio_server.password,
        region="us-east-1",
    ).retrieve()
    env = {
        "AWS_ACCESS_KEY_ID": role.access_key,
        "AWS_SECRET_ACCESS_KEY": role.secret_key,
        "AWS_SESSION_TOKEN": str(role.session_token),
    }
    place = Place(depot.place.database_url, depot.place.store, env)
    with start_server(place) as server, connected(server) as artifacts:
        upload_directly(artifacts, "f")
        assert HTTP.request("GET", read(artifacts, "f").request.url).data == CONTENT
