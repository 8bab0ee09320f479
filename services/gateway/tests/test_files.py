"""The proxy of files, byte for byte, over a folder and over S3."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trivet_testing.gateway_http import API, FILES, Http
from trivet_testing.gateways import Gateway, gateway_before
from trivet_testing.servers import ServerProcess
from trivet_testing.workspaces import WORKSPACES

CONTENT = bytes(range(256)) * 20_000


@pytest.fixture(params=["gateway_over_folder", "gateway_over_s3"])
def server(request: pytest.FixtureRequest) -> Gateway:
    found: Gateway = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def files(server: Gateway) -> Http:
    return Http(server.url)


@pytest.fixture
def path(files: Http) -> str:
    """Of a file with CONTENT."""
    path = f"{FILES}/0/{files.run()}/artifacts/deep/page.html"
    assert files.raw("PUT", path, CONTENT)[0] == 200
    return path


SIZE = len(CONTENT)


def test_a_range_is_given_as_a_part(files: Http, path: str) -> None:
    for wanted, begin, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        (f"bytes=0-{SIZE + 5}", 0, SIZE),
        (f"bytes={SIZE - 3}-", SIZE - 3, SIZE),
        ("bytes=-5", SIZE - 5, SIZE),
        (f"bytes=-{SIZE + 5}", 0, SIZE),
        ("BYTES=1-2", 1, 3),
    ):
        status, headers, body = files.raw("GET", path, headers={"range": wanted})
        assert (status, body) == (206, CONTENT[begin:end]), wanted
        assert headers["content-range"] == f"bytes {begin}-{end - 1}/{SIZE}"
        assert headers["content-length"] == str(end - begin)


def test_what_is_no_range_of_bytes_gives_the_whole(files: Http, path: str) -> None:
    for wanted in ("bytes=5-4", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes 0-1"):
        assert files.raw("GET", path, headers={"range": wanted})[::2] == (200, CONTENT), wanted


def test_a_range_that_the_file_does_not_have_is_416(files: Http, path: str) -> None:
    for wanted in (f"bytes={SIZE}-", f"bytes={SIZE + 10}-{SIZE + 20}", "bytes=-0"):
        status, headers, body = files.raw("GET", path, headers={"range": wanted})
        assert (status, headers["content-range"], body) == (416, f"bytes */{SIZE}", b""), wanted


def test_conditions_hold_for_the_file_that_a_client_has(files: Http, path: str) -> None:
    status, headers, body = files.raw("HEAD", path)
    assert (status, headers["content-length"], headers["accept-ranges"], body) == (200, str(SIZE), "bytes", b"")
    etag = headers["etag"]
    assert etag == f'"{hashlib.sha256(CONTENT).hexdigest()}"'
    part = {"range": "bytes=0-9"}
    assert files.raw("HEAD", path, headers=part)[0] == 200
    assert files.raw("GET", path, headers=part | {"if-range": etag})[0] == 206
    assert files.raw("GET", path, headers={"if-none-match": etag})[::2] == (304, b"")
    assert files.raw("GET", path, headers={"if-none-match": f'W/"other", {etag}'})[0] == 304
    assert files.raw("PUT", path, b"another")[0] == 200
    assert files.raw("GET", path, headers=part | {"if-range": etag})[::2] == (200, b"another")
    assert files.raw("GET", path, headers={"if-none-match": etag})[::2] == (200, b"another")


def test_a_file_is_an_attachment_and_nothing_that_a_browser_runs(files: Http, path: str) -> None:
    for headers in (
        files.raw("GET", path)[1],
        files.raw("GET", path, headers={"range": "bytes=0-1"})[1],
        files.raw("HEAD", path)[1],
        files.raw("GET", f"/get-artifact?run_id={path.split('/')[6]}&path=deep/page.html")[1],
    ):
        assert headers["content-type"] == "application/octet-stream"
        assert headers["content-disposition"] == "attachment; filename*=UTF-8''page.html"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "sandbox; default-src 'none'"


def test_files_of_no_and_of_few_bytes_and_of_odd_names(files: Http) -> None:
    root = f"{FILES}/0/{files.run()}/artifacts"
    for name, content in (("empty", b""), ("one", b"1"), ("a%20b%C3%A9%25%3F.txt", b"odd"), ("edge", bytes(1 << 20))):
        assert files.raw("PUT", f"{root}/{name}", content)[0] == 200
        assert files.raw("GET", f"{root}/{name}")[::2] == (200, content)
    assert files.raw("GET", f"{root}/empty", headers={"range": "bytes=0-"})[0] == 416
    listed = json.loads(files.raw("GET", f"{FILES}?path={root.removeprefix(FILES)[1:]}")[2])["files"]
    assert [each["path"] for each in listed] == ["a bé%?.txt", "edge", "empty", "one"]


def test_a_body_in_chunks_is_taken_in(files: Http) -> None:
    path = f"{FILES}/0/{files.run()}/artifacts/chunked"
    chunks = iter([CONTENT, b"", b"end"])
    assert files.raw("PUT", path, chunks)[0] == 200
    assert files.raw("GET", path)[::2] == (200, CONTENT + b"end")


def test_what_a_client_did_not_send_to_its_end_is_not_there(files: Http) -> None:
    path = f"{FILES}/0/{files.run()}/artifacts/cut"
    for announced in (100, 5_000_000):
        head = f"PUT {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {announced}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in files.headers.items())
        host, _, port = files.host.partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(f"{head}\r\n".encode() + b"x" * 50)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
        assert files.raw("GET", path)[0] == 404


def test_a_client_that_goes_away_ends_its_download(files: Http, path: str) -> None:
    with files.opened("GET", path) as answer:
        assert answer.read(10) == CONTENT[:10]
    assert files.raw("GET", path)[::2] == (200, CONTENT)


def test_what_is_deleted_is_gone_with_all_below(files: Http, path: str) -> None:
    root = path.rpartition("/deep")[0]
    assert files.raw("PUT", f"{root}/other", b"stays")[0] == 200
    assert files.raw("GET", f"{root}/deep")[0] == 400  # a folder
    assert files.raw("DELETE", f"{root}/deep")[::2] == (200, b"{}")
    assert files.raw("DELETE", f"{root}/deep")[::2] == (200, b"{}")
    assert files.raw("GET", path)[0] == 404
    assert files.raw("GET", f"{root}/other")[::2] == (200, b"stays")


def test_a_file_is_not_put_where_a_folder_is_nor_below_a_file(files: Http, path: str) -> None:
    for taken in (path.rpartition("/")[0], f"{path}/below"):
        status, _, body = files.raw("PUT", taken, b"x")
        assert (status, json.loads(body)["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_a_list_of_what_has_no_owner_is_refused(files: Http) -> None:
    for path in ("0", "0/run", "models", "artifacts", "artifacts/x", "0/run/artifact"):
        status, _, body = files.raw("GET", f"{FILES}?path={path}")
        assert (status, json.loads(body)["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), path


MIB = 1 << 20


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


@pytest.mark.timeout(300)
def test_memory_does_not_grow_with_the_size_of_a_file(server: Gateway, files: Http) -> None:
    """200 MiB both ways: more than four times what the process may grow by."""
    path = f"{FILES}/0/{files.run()}/artifacts/large"
    piece = bytes(range(256)) * 4096
    digest = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        for number in range(200):
            data = number.to_bytes(4, "big") + piece[4:]
            digest.update(data)
            most.append(resident_bytes(server.pid))
            yield data

    assert files.raw("PUT", f"{path}-small", CONTENT)[0] == 200  # what every process needs at its first file
    assert files.raw("GET", f"{path}-small")[0] == 200
    before, most = resident_bytes(server.pid), [0]
    headers = {"content-length": str(200 * MIB)}
    assert files.raw("PUT", path, pieces(), headers)[0] == 200
    got = hashlib.sha256()
    with files.opened("GET", path) as answer:
        while data := answer.read(MIB):
            got.update(data)
            most.append(resident_bytes(server.pid))
    assert got.digest() == digest.digest()
    assert max(most) - before < 48 * MIB


def test_lists_of_a_run_have_its_logged_models_in_their_places(files: Http) -> None:
    run_id = files.run()
    root = f"{FILES}/0/{run_id}/artifacts"
    models = []
    for _ in range(2):
        status, created = files.call("POST", "/logged-models", experiment_id="0", name="model", source_run_id=run_id)
        assert status == 200
        models.append(created["model"]["info"]["model_id"])
    assert files.raw("PUT", f"{root}/notes.txt", b"notes")[0] == 200
    assert files.raw("PUT", f"{root}/model/MLmodel", b"of the run")[0] == 200
    assert files.raw("PUT", f"{root}/model/run.txt", b"run")[0] == 200
    assert files.raw("PUT", f"{FILES}/0/models/{models[0]}/artifacts/old.txt", b"old")[0] == 200
    for name in ("MLmodel", "code/train.py"):
        assert files.raw("PUT", f"{FILES}/0/models/{models[1]}/artifacts/{name}", b"of the model")[0] == 200

    def listed(path: str) -> list[tuple[str, bool]]:
        status, _, body = files.raw("GET", f"{API}/artifacts/list?run_id={run_id}&path={path}")
        answer = json.loads(body)
        assert (status, answer["root_uri"]) == (200, f"mlflow-artifacts:/0/{run_id}/artifacts")
        return [(each["path"], each["is_dir"]) for each in answer.get("files", [])]

    assert listed("") == [("model", True), ("notes.txt", False)]
    assert listed("model") == [("model/MLmodel", False), ("model/code", True), ("model/run.txt", False)]
    assert listed("model/code") == [("model/code/train.py", False)]
    assert listed("model/MLmodel") == listed("never") == listed("no'model") == []
    # The proxy's own lists stay as upstream has them: the client looks for models itself.
    own = json.loads(files.raw("GET", f"{FILES}?path=0/{run_id}/artifacts/model")[2])["files"]
    assert [each["path"] for each in own] == ["MLmodel", "run.txt"]
    for path, content in (
        ("model/MLmodel", b"of the model"),
        ("model/run.txt", b"run"),
        ("model/code/train.py", b"of the model"),
        ("notes.txt", b"notes"),
    ):
        assert files.raw("GET", f"/get-artifact?run_id={run_id}&path={path}")[::2] == (200, content)
    assert files.raw("GET", f"/get-artifact?run_id={run_id}&path=model/never")[0] == 404
    # A path is one of this run, whatever it looks like.
    assert files.raw("GET", f"/get-artifact?run_id={files.run()}&path={run_id}/artifacts/notes.txt")[0] == 404
    assert files.raw("GET", f"/get-artifact?run_id={run_id}&path=../{run_id}/artifacts/notes.txt")[0] == 400
    assert files.raw("GET", "/get-artifact?run_id=never&path=model/x")[0] == 404
    only_models = files.run()
    assert files.call("POST", "/logged-models", experiment_id="0", name="m", source_run_id=only_models)[0] == 200
    body = files.raw("GET", f"{API}/artifacts/list?run_id={only_models}")[2]
    assert json.loads(body)["files"] == [{"path": "m", "is_dir": True}]


def made_at(files: Http, location: str) -> tuple[str, str, str]:
    """A new experiment at a location, a run of it and a logged model of it."""
    _, created = files.call("POST", "/experiments/create", name=location, artifact_location=location)
    experiment_id = created["experiment_id"]
    _, created = files.call("POST", "/runs/create", experiment_id=experiment_id)
    run_id = created["run"]["info"]["run_id"]
    _, created = files.call("POST", "/logged-models", experiment_id=experiment_id, name="model", source_run_id=run_id)
    return experiment_id, run_id, created["model"]["info"]["model_id"]


@pytest.mark.parametrize(
    ("location", "folder"),
    [
        ("mlflow-artifacts:/team", "mlflow-artifacts:/team"),
        ("mlflow-artifacts:/team/", "mlflow-artifacts:/team"),
        ("mlflow-artifacts:/", "mlflow-artifacts:"),
        ("mlflow-artifacts://host/team/", "mlflow-artifacts://host/team"),
        ("mlflow-artifacts:/a/artifacts/", "mlflow-artifacts:/a/artifacts"),
    ],
)
def test_files_at_a_location_of_this_server_are_logged_and_listed(files: Http, location: str, folder: str) -> None:
    experiment_id, run_id, model_id = made_at(files, location)
    of_run = f"{folder}/{run_id}/artifacts"
    of_model = f"{folder}/models/{model_id}/artifacts"
    root = folder.removeprefix("mlflow-artifacts:").removeprefix("//host").strip("/")
    for owner, name in ((run_id, "deep/a.txt"), (f"models/{model_id}", "MLmodel")):
        path = "/".join(filter(None, (root, owner, "artifacts", name)))
        assert files.raw("PUT", f"{FILES}/{path}", name.encode())[0] == 200
        assert files.raw("GET", f"{FILES}/{path}")[::2] == (200, name.encode())
    run = json.loads(files.raw("GET", f"{API}/runs/get?run_id={run_id}")[2])["run"]
    assert run["info"]["artifact_uri"] == of_run
    listed = json.loads(files.raw("GET", f"{API}/artifacts/list?run_id={run_id}&path=deep")[2])
    assert listed == {"root_uri": of_run, "files": [{"path": "deep/a.txt", "is_dir": False, "file_size": 10}]}
    assert files.raw("GET", f"/get-artifact?run_id={run_id}&path=deep/a.txt")[::2] == (200, b"deep/a.txt")
    listed = json.loads(files.raw("GET", f"{API}/logged-models/{model_id}/artifacts/directories")[2])
    assert listed == {"root_uri": of_model, "files": [{"path": "MLmodel", "is_dir": False, "file_size": 7}]}
    fields = {"experiment_ids": [experiment_id], "filter": f"artifact_uri = '{of_run}'"}
    assert len(files.call("POST", "/runs/search", **fields)[1]["runs"]) == 1


@pytest.mark.parametrize(
    ("location", "folder", "query"),
    [
        ("s3://bucket/folder/", "s3://bucket/folder", ""),
        ("s3://bucket", "s3://bucket", ""),
        ("s3://bucket/a?b=c/d", "s3://bucket/a", "?b=c/d"),
        ("s3://bucket/a/?b=c", "s3://bucket/a", "?b=c"),
        ("/mnt/what?/files", "/mnt/what?/files", ""),
    ],
)
def test_files_at_another_location_are_listed_by_the_client(
    files: Http, location: str, folder: str, query: str
) -> None:
    _, run_id, model_id = made_at(files, location)
    for path, inside in (
        (f"artifacts/list?run_id={run_id}", f"{run_id}/artifacts"),
        (f"logged-models/{model_id}/artifacts/directories", f"models/{model_id}/artifacts"),
    ):
        status, _, body = files.raw("GET", f"{API}/{path}")
        assert (status, json.loads(body)) == (200, {"root_uri": f"{folder}/{inside}{query}"})


MADE = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    "location",
    [
        f"mlflow-artifacts:/{MADE}/artifacts/x",
        f"mlflow-artifacts:/{MADE}/artifacts",
        f"mlflow-artifacts:/team/{MADE}/artifacts/",
        f"mlflow-artifacts://host/1/{MADE}/artifacts/x",
        f"mlflow-artifacts:/models/m-{MADE}/artifacts/x",
        f"mlflow-artifacts:/versions/{MADE}-3/artifacts/x",
        f"mlflow-artifacts:/{MADE}%2Fartifacts/x",
        f"MLflow-Artifacts:/{MADE}/artifacts/x",
        "mlflow-artifacts:/models",
        "mlflow-artifacts:/team//",
        "mlflow-artifacts:/team/../x",
        "mlflow-artifacts:/team/%2e%2e/x",
        "mlflow-artifacts:/team?a=b",
    ],
)
def test_a_location_where_runs_would_not_have_their_own_files_is_refused(gateway: str, location: str) -> None:
    files = Http(gateway)
    status, answer = files.call("POST", "/experiments/create", name="one", artifact_location=location)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "would not have their own files" in answer["message"]
    assert files.raw("GET", f"{API}/experiments/get-by-name?experiment_name=one")[0] == 404


def test_a_download_that_its_service_does_not_end_is_cut_off(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trivet_standalone", "--grpc-port", "0", "--http-port", "0"]
    settings = {"TRIVET_WORKSPACES": ",".join(WORKSPACES)}
    with (
        ServerProcess.start(command, settings, r"^Trivet is ready: grpc (\S+)$", cwd=tmp_path) as services,
        gateway_before(f"grpc://{services.address}") as gateway,
    ):
        files = Http(gateway.url)
        path = f"{FILES}/0/{files.run()}/artifacts/large"
        assert files.raw("PUT", path, bytes(64 * MIB))[0] == 200
        with files.opened("GET", path) as answer:
            assert answer.read(MIB) == bytes(MIB)
            services.kill()
            with pytest.raises(http.client.IncompleteRead):
                answer.read()
        assert files.raw("GET", path)[0] == 503
