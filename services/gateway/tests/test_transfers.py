"""Large files that clients send to the store themselves, and fetch from there: the real client, and byte for byte."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
import urllib3

from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_proto.artifacts.v1.direct_pb2 import GetDownloadUrlRequest
from trivet_testing.artifacts import Artifacts, whole
from trivet_testing.call_recorder import recorded_calls
from trivet_testing.gateway_http import FILES, Http
from trivet_testing.gateways import gateway_before
from trivet_testing.mlflow_client import session

PROGRAM = Path(__file__).with_name("transfers_program.py")
PARTS = "/api/2.0/mlflow-artifacts/mpu"
URLS = "/api/2.0/mlflow-artifacts/presigned"
STORE = urllib3.PoolManager(retries=False)
MIB = 1 << 20
LARGE = {"MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(8 * MIB), "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 * MIB)}


def transferred(mlflow: Path, url: str, **settings: str) -> dict[str, Any]:
    return session(mlflow / "bin" / "python", url, PROGRAM, LARGE | settings)


def test_the_real_client_sends_and_fetches_past_the_gateway(services_on_s3: str, mlflow: Path) -> None:
    with (
        recorded_calls(services_on_s3.removeprefix("grpc://")) as recorder,
        gateway_before(f"grpc://{recorder.address}", TRIVET_DIRECT_TRANSFERS="true") as gateway,
    ):
        found = transferred(mlflow, f"{gateway.url}/w/{Http(gateway.url).workspace}")
    assert found["sent"] == "all"
    assert found["whole"] == found["right"]
    calls = [method.rpartition("/")[2] for method, _ in recorder.deadlines]
    # The large one in parts, one in a stream, one in a message; and all come from the store.
    assert (calls.count("CompleteUpload"), calls.count("UploadArtifacts"), calls.count("UploadArtifact")) == (1, 1, 1)
    assert (calls.count("GetDownloadUrl"), calls.count("DownloadArtifact")) == (3, 0)


def test_the_real_client_goes_another_way_where_there_is_no_store_to_reach(gateway: str, mlflow: Path) -> None:
    wished = {"MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true", "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true"}
    found = transferred(mlflow, f"{gateway}/w/{Http(gateway).workspace}", **wished)
    assert found["sent"] == "all"
    assert found["whole"] == found["right"]


def test_an_upload_that_cannot_be_completed_leaves_nothing(gateway_on_s3: str, mlflow: Path) -> None:
    http_of = Http(gateway_on_s3)
    # S3 takes no part of less than 5 MiB but the last.
    small_parts = {"MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(2 * MIB)}
    found = transferred(mlflow, f"{gateway_on_s3}/w/{http_of.workspace}", **small_parts)
    assert found["sent"] == "HTTPError"
    assert "files/large.bin" not in found["listed"]


def post(http_of: Http, path: str, /, **fields: Any) -> tuple[int, dict[str, Any]]:
    status, _, body = http_of.raw("POST", path, json.dumps(fields).encode(), {"content-type": "application/json"})
    return status, json.loads(body)


def send(credentials: list[Mapping[str, Any]], *parts: bytes) -> list[dict[str, Any]]:
    sent = []
    for credential, data in zip(credentials, parts, strict=True):
        answer = STORE.request("PUT", credential["url"], body=data, headers=credential["headers"])
        assert answer.status == 200
        sent.append(
            {"part_number": credential["part_number"], "etag": answer.headers["etag"], "url": credential["url"]}
        )
    return sent


def test_parts_make_a_file_when_they_are_complete(gateway_on_s3: str) -> None:
    http_of = Http(gateway_on_s3)
    folder = f"0/{http_of.run()}/artifacts/deep"
    parts = [bytes(5 * MIB), b"the end"]
    status, upload = post(http_of, f"{PARTS}/create/{folder}", path="C:\\data\\w.bin", num_parts=2)
    assert (status, [each["part_number"] for each in upload["credentials"]]) == (200, [1, 2])
    sent = send(upload["credentials"], *parts)
    assert http_of.raw("GET", f"{FILES}/{folder}/w.bin")[0] == 404
    completion = {"path": "w.bin", "upload_id": upload["upload_id"]}
    for wrong in (sent[:1], [sent[1], sent[1]], [], [{**sent[0], "etag": "x"}, sent[1]]):
        assert post(http_of, f"{PARTS}/complete/{folder}", **completion, parts=wrong)[0] == 400
    for _ in range(2):  # the answer may be lost
        assert post(http_of, f"{PARTS}/complete/{folder}", **completion, parts=sent[::-1]) == (200, {})
    assert http_of.raw("GET", f"{FILES}/{folder}/w.bin")[::2] == (200, b"".join(parts))
    status, _, body = http_of.raw("GET", f"{URLS}/{folder}/w.bin")
    signed = json.loads(body)
    assert (status, signed["file_size"], signed["headers"]) == (200, sum(map(len, parts)), {})
    part = STORE.request("GET", signed["url"], headers={"range": f"bytes={5 * MIB}-"})
    assert (part.status, part.data) == (206, b"the end")
    run_id = folder.split("/")[1]
    status, signed = http_of.call("POST", "/artifacts/presigned-download-url", run_id=run_id, path="deep/w.bin")
    fetched = STORE.request("GET", signed["presigned_url"], headers=signed["headers"])
    assert (status, fetched.data, signed["file_size"]) == (200, b"".join(parts), len(fetched.data))
    assert fetched.headers["content-disposition"] == "attachment"


def test_an_upload_that_is_given_up_takes_no_more(gateway_on_s3: str) -> None:
    http_of = Http(gateway_on_s3)
    folder = f"0/{http_of.run()}/artifacts"
    upload = post(http_of, f"{PARTS}/create/{folder}", path="w", num_parts=1)[1]
    sent = send(upload["credentials"], b"x")
    named = {"path": "w", "upload_id": upload["upload_id"]}
    assert post(http_of, f"{PARTS}/abort/{folder}", **named) == (200, {})
    assert post(http_of, f"{PARTS}/abort/{folder}", **named) == (200, {})
    assert post(http_of, f"{PARTS}/complete/{folder}", **named, parts=sent)[0] == 404
    assert STORE.request("PUT", upload["credentials"][0]["url"], body=b"y").status == 404


def send_as_one(services: str, http_of: Http, run_id: str) -> tuple[str, bytes]:
    """Sends a file with another one, until they come to lie in one object; returns its path and its content.

    Files that come together are written together when none is late, which a busy machine cannot promise.
    """
    owner = f"workspaces/{http_of.workspace}/runs/{run_id}"
    with grpc.insecure_channel(services.removeprefix("grpc://")) as channel:
        artifacts = Artifacts(ArtifactServiceStub(channel), http_of.workspace)
        for attempt in range(100):
            path = f"with-others/{attempt}"
            # Other ones each time: contents that are there already are not written again.
            content = f"file {attempt}".encode()
            artifacts.upload_all([whole(owner, f"{path}-other", b"other " + content), whole(owner, path, content)])
            signed = artifacts.stub.GetDownloadUrl(GetDownloadUrlRequest(owner=owner, path=path), timeout=30)
            if any(name.lower() == "range" for name in signed.request.headers):
                return path, content
    raise AssertionError("files that come together are never written together")


def test_urls_that_there_are_not(gateway_on_s3: str, services_on_s3: str) -> None:
    http_of = Http(gateway_on_s3)
    run_id = http_of.run()
    folder = f"0/{run_id}/artifacts"
    packed, content = send_as_one(services_on_s3, http_of, run_id)
    # For want of a size, the client fetches a file that shares an object by the gateway.
    assert json.loads(http_of.raw("GET", f"{URLS}/{folder}/{packed}")[2]) == {"url": "", "headers": {}}
    signed = http_of.call("POST", "/artifacts/presigned-download-url", run_id=run_id, path=packed, expiration=60)[1]
    assert STORE.request("GET", signed["presigned_url"], headers=signed["headers"]).data == content
    assert http_of.raw("GET", f"{URLS}/{folder}/never")[0] == 404
    assert http_of.raw("GET", f"{URLS}/{folder}")[0] == 400
    assert http_of.raw("GET", f"{URLS}/0/nobodys/path")[0] == 400
    for fields, status in (
        ({"run_id": run_id, "path": "never"}, 404),
        ({"run_id": "0" * 32, "path": packed}, 404),
        ({"run_id": run_id}, 400),
        ({"run_id": run_id, "path": "../x"}, 400),
        ({"run_id": run_id, "path": packed, "expiration": 0}, 400),
        ({"run_id": run_id, "path": packed, "expiration": 604_801}, 400),
    ):
        assert http_of.call("POST", "/artifacts/presigned-download-url", **fields)[0] == status, fields
    for fields in ({"run_id": run_id}, {"model_id": "m-1"}, {}, {"run_id": run_id, "model_id": "m-1"}):
        status, answer = http_of.call("POST", "/artifacts/presigned-upload-url", path="x", **fields)
        assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_parts_that_cannot_be_are_refused(gateway_on_s3: str) -> None:
    http_of = Http(gateway_on_s3)
    folder = f"0/{http_of.run()}/artifacts"
    for path, fields, status in (
        (folder, {"path": "w", "num_parts": 0}, 501),  # in place of which the client sends it in one piece
        (folder, {"path": "w", "num_parts": 1001}, 501),
        (folder, {"path": "w", "num_parts": "many"}, 400),
        (folder, {"num_parts": 1}, 400),
        (folder, {"path": "a/", "num_parts": 1}, 400),
        (folder, {"path": "a/..", "num_parts": 1}, 400),
        ("0/nobodys", {"path": "w", "num_parts": 1}, 400),
    ):
        assert post(http_of, f"{PARTS}/create/{path}", **fields)[0] == status, fields
    # That of another workspace is one that is not there.
    other = Http(gateway_on_s3)
    upload = post(other, f"{PARTS}/create/0/{other.run()}/artifacts", path="w", num_parts=1)[1]["upload_id"]
    for upload_id, status in (("0" * 32, 404), (upload, 404), ("never", 400), ("a/b", 400), ("", 400)):
        part = {"part_number": 1, "etag": "e"}
        assert post(http_of, f"{PARTS}/complete/{folder}", path="w", upload_id=upload_id, parts=[part])[0] == status


def test_server_info_says_what_clients_can_do(gateway: str, gateway_on_s3: str) -> None:
    for url, is_direct in ((gateway, False), (gateway_on_s3, True)):
        info = json.loads(Http(url).raw("GET", "/api/3.0/mlflow/server-info")[2])
        flags = {name for name, value in info.items() if value is True}
        transfers = {"multipart_uploads_enabled", "multipart_downloads_enabled"} if is_direct else set()
        assert flags == {"workspaces_enabled"} | transfers


@pytest.mark.parametrize("is_said", [False, True])
def test_a_folder_has_no_urls_whatever_is_said(gateway: str, services: str, is_said: bool) -> None:  # noqa: FBT001 - a case
    def check(http_of: Http) -> None:
        run_id = http_of.run()
        folder = f"0/{run_id}/artifacts"
        assert http_of.raw("PUT", f"{FILES}/{folder}/file", b"x" * (2 * MIB))[0] == 200
        status, answer = post(http_of, f"{PARTS}/create/{folder}", path="w", num_parts=1)
        assert (status, answer["error_code"]) == (501, "NOT_IMPLEMENTED")
        assert answer["message"].startswith("Multipart upload is not supported for the current artifact repository")
        status, _, body = http_of.raw("GET", f"{URLS}/{folder}/file")
        assert (status, json.loads(body).get("url")) == ((200, "") if is_said else (501, None))
        status, answer = http_of.call("POST", "/artifacts/presigned-download-url", run_id=run_id, path="file")
        assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")

    if not is_said:
        check(Http(gateway))
        return
    with gateway_before(services, TRIVET_DIRECT_TRANSFERS="true") as saying:
        check(Http(saying.url))
