"""What the gateway refuses, and how: bytes on the wire, without a client's help."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from trivet_testing.call_recorder import recorded_calls
from trivet_testing.gateway_http import API, FILES, Http
from trivet_testing.gateways import gateway_before
from trivet_testing.servers import ServerProcess, free_port


@pytest.fixture
def http_of(gateway: str) -> Http:
    return Http(gateway)


def test_health_version_and_server_info_answer(http_of: Http) -> None:
    assert http_of.raw("GET", "/health")[::2] == (200, b"OK")
    assert http_of.raw("GET", "/version")[::2] == (200, b"3.17.2")
    status, _, body = http_of.raw("GET", "/api/3.0/mlflow/server-info")
    info = json.loads(body)
    assert (status, info["store_type"], info["workspaces_enabled"]) == (200, "SqlStore", True)


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b"{", "application/json", "not JSON"),
        (b"[]", "application/json", "JSON object"),
        (b"{}", "", "Content-Type header is missing"),
        (b"{}", "text/plain", "Content-Type"),
        (b"{}", "application/json", "experiment_id"),
        (b'{"experiment_id": 5}', "application/json", "must be a text"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", "application/json", "deep"),
        (b'{"a": "' + b"x" * (9 << 20) + b'"}', "application/json", "bytes"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(http_of: Http, body: bytes, kind: str, message: str) -> None:
    headers = {"content-type": kind} if kind else {}
    status, _, answer = http_of.raw("POST", f"{API}/experiments/delete", body, headers)
    assert status == 400
    assert json.loads(answer)["error_code"] == "INVALID_PARAMETER_VALUE"
    assert message in json.loads(answer)["message"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"key": "a", "value": "x", "timestamp": 1}, "value"),
        ({"key": "a", "value": True, "timestamp": 1}, "value"),
        ({"key": "a", "value": 1}, "timestamp"),
        ({"key": "a", "value": 1, "timestamp": 1.5}, "timestamp"),
        ({"key": "a", "value": 1, "timestamp": 1 << 70}, "64 bits"),
        ({"key": "a", "value": 1, "timestamp": -1}, ""),
        ({"key": "", "value": 1, "timestamp": 1}, "key"),
        ({"key": "a", "value": 1, "timestamp": 1, "step": "x"}, "step"),
    ],
)
def test_a_point_that_is_none_is_refused(http_of: Http, fields: dict[str, Any], message: str) -> None:
    run_id = http_of.run()
    status, answer = http_of.call("POST", "/runs/log-metric", run_id=run_id, **fields)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert message in answer["message"]
    status, _, body = http_of.raw("GET", f"{API}/runs/get?run_id={run_id}")
    assert "metrics" not in json.loads(body)["run"].get("data", {})


def test_numbers_are_read_and_written_as_upstream_does(http_of: Http) -> None:
    run_id = http_of.run()
    for value, step in (("NaN", 1), ("Infinity", 2), ("-Infinity", 3), ("1.5", 4), (2, "5")):
        fields = {"key": "a", "value": value, "timestamp": "7", "step": step}
        assert http_of.call("POST", "/runs/log-metric", run_uuid=run_id, **fields) == (200, {})
    _, _, body = http_of.raw("GET", f"{API}/metrics/get-history?run_id={run_id}&metric_key=a")
    assert [(point["value"], point["step"], point["timestamp"]) for point in json.loads(body)["metrics"]] == [
        ("NaN", 1, 7),
        (1.7976931348623157e308, 2, 7),
        (-1.7976931348623157e308, 3, 7),
        (1.5, 4, 7),
        (2.0, 5, 7),
    ]
    pages = []
    token = ""
    while True:
        _, _, body = http_of.raw(
            "GET", f"{API}/metrics/get-history?run_id={run_id}&metric_key=a&max_results=2&page_token={token}"
        )
        page = json.loads(body)
        pages.append(len(page["metrics"]))
        token = page.get("next_page_token", "")
        if not token:
            break
    assert pages == [2, 2, 1]


def test_a_batch_is_all_or_nothing(http_of: Http) -> None:
    run_id = http_of.run()
    metric = {"key": "a", "value": 1, "timestamp": 1}
    for fields in (
        {"metrics": [metric] * 1001},
        {"params": [{"key": f"p{number}", "value": "v"} for number in range(101)]},
        {"params": [{"key": "p", "value": "1"}, {"key": "p", "value": "1"}]},
        {"metrics": [metric, {"key": "", "value": 1, "timestamp": 1}]},
        {"metrics": [metric], "tags": [{"key": "t\0", "value": "1"}]},
    ):
        status, answer = http_of.call("POST", "/runs/log-batch", run_id=run_id, **fields)
        assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), fields
    _, _, body = http_of.raw("GET", f"{API}/runs/get?run_id={run_id}")
    data = json.loads(body)["run"].get("data", {})
    assert "metrics" not in data
    assert "params" not in data
    good = {"metrics": [metric], "params": [{"key": "p", "value": "x" * 7000}], "tags": [{"key": "t", "value": "1"}]}
    assert http_of.call("POST", "/runs/log-batch", run_id=run_id, **good) == (200, {})
    _, _, body = http_of.raw("GET", f"{API}/runs/get?run_id={run_id}")
    assert json.loads(body)["run"]["data"]["params"] == [{"key": "p", "value": "x" * 6000}]


@pytest.mark.parametrize("name", ["x" * 501, "x" * 9000, " \u2003", "two\nlines", "nul\0", "c1\u0085"])
def test_a_name_that_a_run_cannot_have_writes_nothing(http_of: Http, name: str) -> None:
    run_id = http_of.run()
    before = http_of.raw("GET", f"{API}/runs/get?run_id={run_id}")
    batch = {
        "metrics": [{"key": "a", "value": 1, "timestamp": 1}],
        "params": [{"key": "p", "value": "1"}],
        "tags": [
            {"key": "t", "value": "1"},
            {"key": "mlflow.note.content", "value": "a note"},
            {"key": "mlflow.runName", "value": name},
        ],
    }
    for path, fields in (("log-batch", batch), ("set-tag", {"key": "mlflow.runName", "value": name})):
        status, answer = http_of.call("POST", f"/runs/{path}", run_id=run_id, **fields)
        assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert "The name of a run" in answer["message"]
    assert http_of.raw("GET", f"{API}/runs/get?run_id={run_id}")[::2] == before[::2]
    _, _, body = http_of.raw("GET", f"{API}/metrics/get-history?run_id={run_id}&metric_key=a")
    assert json.loads(body) == {}


def test_the_longest_name_and_note_of_a_run_are_taken_whole(http_of: Http) -> None:
    run_id = http_of.run()
    tags = {"mlflow.note.content": "\U0001f600" * 8000, "mlflow.runName": "\U0001f600" * 500}
    entries = [{"key": key, "value": value} for key, value in tags.items()]
    assert http_of.call("POST", "/runs/log-batch", run_id=run_id, tags=entries) == (200, {})
    run = json.loads(http_of.raw("GET", f"{API}/runs/get?run_id={run_id}")[2])["run"]
    assert run["data"]["tags"] == entries
    assert run["info"]["run_name"] == tags["mlflow.runName"]


@pytest.mark.parametrize(
    "path",
    [
        "../evil",
        "0/run/artifacts/../../x",
        "0/run/artifacts//x",
        "/etc/passwd",
        "0/run/files/x",
        "x",
        "0/%2e%2e/artifacts/x",
    ],
)
def test_a_path_without_an_owner_is_refused(http_of: Http, path: str) -> None:
    for method, body in (("GET", None), ("PUT", b"x"), ("DELETE", None)):
        status, _, answer = http_of.raw(method, f"{FILES}/{path}", body)
        assert status in (400, 404), (method, answer)
        assert json.loads(answer)["error_code"] in ("INVALID_PARAMETER_VALUE", "ENDPOINT_NOT_FOUND")


def test_workspaces_do_not_see_each_other(gateway: str) -> None:
    one, other = Http(gateway), Http(gateway)
    run_id = one.run()
    assert other.raw("GET", f"{API}/runs/get?run_id={run_id}")[0] == 404
    named = one.headers.pop("x-mlflow-workspace")
    assert one.raw("GET", f"/w/{named}{API}/runs/get?run_id={run_id}")[0] == 200
    assert one.raw("GET", f"{API}/runs/get?run_id={run_id}")[0] == 404
    assert one.raw("GET", f"{API}/runs/get?run_id={run_id}", headers={"x-mlflow-workspace": "a b"})[0] == 400
    unknown = one.raw("GET", f"{API}/runs/get?run_id={run_id}", headers={"x-mlflow-workspace": "nobodys"})
    assert unknown[0] == 404


@pytest.mark.parametrize("api", ["/api", "/ajax-api"])
def test_workspaces_are_read_and_not_changed(http_of: Http, api: str) -> None:
    path = f"{api}/3.0/mlflow/workspaces"
    status, _, body = http_of.raw("GET", path)
    names = [workspace["name"] for workspace in json.loads(body)["workspaces"]]
    assert (status, names) == (200, sorted(names))
    assert {"default", http_of.workspace} <= set(names)
    status, _, body = http_of.raw("GET", f"{path}/{http_of.workspace}")
    assert (status, json.loads(body)) == (200, {"workspace": {"name": http_of.workspace}})
    for name, refused, code in (
        ("nobodys", 404, "RESOURCE_DOES_NOT_EXIST"),
        ("A%20b", 400, "INVALID_PARAMETER_VALUE"),
    ):
        status, _, body = http_of.raw("GET", f"{path}/{name}")
        assert (status, json.loads(body)["error_code"]) == (refused, code)
    for method, below in (("POST", ""), ("PATCH", f"/{http_of.workspace}"), ("DELETE", f"/{http_of.workspace}")):
        status, _, body = http_of.raw(method, path + below, b'{"name": "more"}', {"content-type": "application/json"})
        assert (status, json.loads(body)["error_code"]) == (501, "NOT_IMPLEMENTED")


def test_a_request_names_one_workspace(http_of: Http) -> None:
    path = f"{API}/experiments/get?experiment_id=0"
    named = http_of.headers.pop("x-mlflow-workspace")
    for prefix, header, status in (
        (f"/w/{named}", "", 200),
        (f"/w/{named}", named, 200),
        ("", "", 200),
        (f"/w/{named}", "default", 400),
        ("/w/default", named, 400),
        ("/w/", "", 400),
        ("/w/", named, 400),
    ):
        answered, _, body = http_of.raw("GET", prefix + path, headers={"x-mlflow-workspace": header})
        assert answered == status, (prefix, header)
        if status == 400:
            assert json.loads(body)["error_code"] == "INVALID_PARAMETER_VALUE"
            assert "workspace" in json.loads(body)["message"]


def test_credentials_are_tokens_by_bearer_or_basic_and_nothing_else(services: str) -> None:
    path = f"{API}/experiments/get?experiment_id=0"
    tracking = "/trivet.tracking.v1.TrackingService/GetExperiment"
    with (
        recorded_calls(services.removeprefix("grpc://")) as recorder,
        gateway_before(f"grpc://{recorder.address}") as gateway,
    ):
        http_of = Http(gateway.url)
        for given in ("Digest username=x", "Negotiate abc", "AWS4-HMAC-SHA256 Credential=x", "abc", "Bearerabc x"):
            status, _, body = http_of.raw("GET", path, headers={"authorization": given})
            answer = json.loads(body)
            assert (status, answer["error_code"]) == (401, "UNAUTHENTICATED"), given
            assert answer["message"] == "The authorization must be `Bearer TOKEN` or `Basic CREDENTIALS`."
        assert tracking not in dict(recorder.metadata)
        for given in ("Bearer s3cret", "BEARER s3cret", "Basic dXNlcjpzM2NyZXQ="):
            http_of.raw("GET", path, headers={"authorization": given})
            assert recorder.metadata[-1][1]["authorization"] == "Bearer s3cret", given


def test_head_of_a_call_reads_its_query(http_of: Http) -> None:
    run_id = http_of.run()
    status, headers, body = http_of.raw("GET", f"{API}/runs/get?run_id={run_id}")
    head = http_of.raw("HEAD", f"{API}/runs/get?run_id={run_id}")
    assert (status, head[0], head[2]) == (200, 200, b"")
    assert head[1]["content-length"] == headers["content-length"] == str(len(body))
    assert http_of.raw("HEAD", f"{API}/runs/get?run_id={'0' * 32}")[0] == 404


def test_answers_say_the_id_that_the_services_log(services: str) -> None:
    path = f"{API}/experiments/get?experiment_id=0"
    with (
        recorded_calls(services.removeprefix("grpc://")) as recorder,
        gateway_before(f"grpc://{recorder.address}") as gateway,
    ):
        http_of = Http(gateway.url)
        for asked, status in (
            (path, 200),
            (f"{API}/runs/get?run_id={'0' * 32}", 404),
            (f"{API}/never", 404),
            (f"/w/{path}", 400),
            (f"{FILES}/x", 400),
        ):
            answered, headers, _ = http_of.raw("GET", asked, headers={"x-request-id": "of-a-client"})
            assert (answered, headers["x-request-id"]) == (status, "of-a-client"), asked
        assert {metadata["x-request-id"] for _, metadata in recorder.metadata} == {"of-a-client"}
        ids = set()
        for given in ("", "a b", "x" * 65):
            _, headers, _ = http_of.raw("GET", path, headers={"x-request-id": given})
            assert recorder.metadata[-1][1]["x-request-id"] == headers["x-request-id"] != given
            ids.add(headers["x-request-id"])
        assert len(ids) == 3
        # The services are told where a request came from: what it says, and who was at the other end here.
        for said, told in (
            ({}, "127.0.0.1"),
            ({"x-forwarded-for": "203.0.113.9, 10.0.0.1"}, "203.0.113.9, 10.0.0.1, 127.0.0.1"),
            ({"x-forwarded-for": "1" * 1000}, f"{'1' * 289}, 127.0.0.1"),
            ({"x-forwarded-for": "\xe4"}, "127.0.0.1"),
        ):
            http_of.raw("GET", path, headers=said)
            assert recorder.metadata[-1][1]["x-forwarded-for"] == told
        # What is refused before anything is asked has one too.
        _, headers, _ = http_of.raw("GET", path, headers={"host": "evil.example.org"})
        assert headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/2.0/mlflow/never", 404, "ENDPOINT_NOT_FOUND"),
        ("GET", "/api/2.0/mlflow/runs/log-metric", 405, "ENDPOINT_NOT_FOUND"),
        ("POST", "/api/2.0/mlflow/traces", 501, "NOT_IMPLEMENTED"),
        ("POST", "/api/3.0/mlflow/traces/search", 501, "NOT_IMPLEMENTED"),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/create/0/r/artifacts", 501, "NOT_IMPLEMENTED"),
        ("GET", "/ajax-api/2.0/mlflow/runs/get?run_id=never", 404, "RESOURCE_DOES_NOT_EXIST"),
    ],
)
def test_what_there_is_not_says_so_in_json(http_of: Http, method: str, path: str, status: int, code: str) -> None:
    answered, _, body = http_of.raw(
        method, path, b"{}" if method == "POST" else None, {"content-type": "application/json"}
    )
    assert (answered, json.loads(body)["error_code"]) == (status, code)


def test_a_service_that_is_away_is_told_so_without_its_address(tmp_path: Path) -> None:
    away = f"grpc://127.0.0.1:{free_port()}"
    settings = {f"TRIVET_{name}_URL": away for name in ("TRACKING", "ARTIFACTS", "REGISTRY")}
    command = [sys.executable, "-m", "trivet_gateway", "serve", "--listen", "127.0.0.1:0"]
    with ServerProcess.start(command, settings, r"^trivet-gateway is ready: http (\S+)$", cwd=tmp_path) as server:
        status, answer = Http(f"http://{server.address}").call("POST", "/runs/create", experiment_id="0")
    assert (status, answer["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
    assert away.removeprefix("grpc://") not in answer["message"]


def test_a_large_file_has_the_time_that_a_slow_link_needs(services: str, tmp_path: Path) -> None:
    content = b"x" * 8_000_000
    with recorded_calls(services.removeprefix("grpc://")) as recorder:
        settings = {
            f"TRIVET_{name}_URL": f"grpc://{recorder.address}" for name in ("TRACKING", "ARTIFACTS", "REGISTRY")
        }
        command = [sys.executable, "-m", "trivet_gateway", "serve", "--listen", "127.0.0.1:0"]
        with ServerProcess.start(command, settings, r"^trivet-gateway is ready: http (\S+)$", cwd=tmp_path) as server:
            http_of = Http(f"http://{server.address}")
            path = f"{FILES}/0/{http_of.run()}/artifacts/large"
            assert http_of.raw("PUT", path, content)[0] == 200
            assert http_of.raw("GET", path)[::2] == (200, content)
    left = {method.rpartition("/")[2]: seconds for method, seconds in recorder.deadlines}
    for method in ("UploadArtifacts", "DownloadArtifact"):
        assert (left[method] or 0) > 60 + len(content) / 70_000
    assert 50 < (left["CreateRun"] or 0) <= 60
