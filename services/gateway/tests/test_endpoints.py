"""MLflow's table of endpoints, gone through from end to end, and compared with a real server where pages alone call."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from trivet_gateway import routes
from trivet_testing.gateway_http import AJAX, API, Http
from trivet_testing.mlflow_told import told_by_mlflow

_PROXY: Final = "/api/2.0/mlflow-artifacts"
_MLMODEL: Final = {"artifact_path": "m", "flavors": {}, "utc_time_created": "2026-01-01 00:00:00", "run_id": "r"}

# Method, path and fields, in an order in which each finds what it needs. `{NAME}` stands for what was answered before;
# what is answered under the names after the arrow is kept as it.
TABLE: Final[list[tuple[str, str, dict[str, Any] | bytes | None, str]]] = [
    ("GET", "/experiments/get-by-name", {"experiment_name": "Default"}, ""),
    ("POST", "/experiments/create", {"name": "one", "tags": [{"key": "a", "value": "b"}]}, "experiment_id"),
    ("POST", "/experiments/search", {"max_results": 10, "filter": "name = 'one'"}, ""),
    ("GET", "/experiments/search", {"max_results": 10, "view_type": "ALL"}, ""),
    ("GET", "/experiments/get", {"experiment_id": "{experiment_id}"}, ""),
    ("POST", "/experiments/update", {"experiment_id": "{experiment_id}", "new_name": "two"}, ""),
    ("POST", "/experiments/set-experiment-tag", {"experiment_id": "{experiment_id}", "key": "k", "value": "v"}, ""),
    ("POST", "/experiments/delete-experiment-tag", {"experiment_id": "{experiment_id}", "key": "k"}, ""),
    ("POST", "/experiments/delete", {"experiment_id": "{experiment_id}"}, ""),
    ("POST", "/experiments/restore", {"experiment_id": "{experiment_id}"}, ""),
    ("POST", "/runs/create", {"experiment_id": "{experiment_id}", "start_time": 5}, "run.info.run_id"),
    ("POST", "/runs/update", {"run_id": "{run_id}", "status": "FINISHED", "end_time": 7}, ""),
    ("POST", "/runs/delete", {"run_id": "{run_id}"}, ""),
    ("POST", "/runs/restore", {"run_id": "{run_id}"}, ""),
    ("POST", "/runs/log-metric", {"run_id": "{run_id}", "key": "m", "value": 1.5, "timestamp": 5, "step": 2}, ""),
    ("POST", "/runs/log-parameter", {"run_id": "{run_id}", "key": "p", "value": "1"}, ""),
    ("POST", "/runs/set-tag", {"run_id": "{run_id}", "key": "t", "value": "1"}, ""),
    ("POST", "/runs/delete-tag", {"run_id": "{run_id}", "key": "t"}, ""),
    ("POST", "/runs/log-batch", {"run_id": "{run_id}", "params": [{"key": "q", "value": "1"}]}, ""),
    ("POST", "/runs/log-model", {"run_id": "{run_id}", "model_json": json.dumps(_MLMODEL)}, ""),
    ("POST", "/runs/log-inputs", {"run_id": "{run_id}", "datasets": [{"dataset": {"name": "d", "digest": "1"}}]}, ""),
    ("GET", "/runs/get", {"run_id": "{run_id}", "run_uuid": "{run_id}"}, ""),
    ("POST", "/runs/search", {"experiment_ids": ["{experiment_id}"], "filter": "metrics.m > 1"}, ""),
    ("GET", "/metrics/get-history", {"run_id": "{run_id}", "metric_key": "m", "max_results": 5}, ""),
    ("GET", "/metrics/get-history-bulk", {"run_id": ["{run_id}"], "metric_key": "m"}, ""),
    ("GET", "/metrics/get-history-bulk-interval", {"run_ids": ["{run_id}"], "metric_key": "m"}, ""),
    ("POST", "/experiments/search-datasets", {"experiment_ids": ["{experiment_id}"]}, ""),
    ("POST", "/upload-artifact?run_uuid={run_id}&path=up/a.txt", b"data", ""),
    ("GET", "/artifacts/list", {"run_id": "{run_id}"}, ""),
    ("POST", "/logged-models", {"experiment_id": "{experiment_id}", "name": "lm"}, "model.info.model_id"),
    ("POST", "/runs/outputs", {"run_id": "{run_id}", "models": [{"model_id": "{model_id}", "step": 1}]}, ""),
    ("PATCH", "/logged-models/{model_id}", {"status": "LOGGED_MODEL_READY"}, ""),
    ("GET", "/logged-models/{model_id}", {}, ""),
    ("POST", "/logged-models/search", {"experiment_ids": ["{experiment_id}"], "filter": "name = 'lm'"}, ""),
    ("PATCH", "/logged-models/{model_id}/tags", {"tags": [{"key": "a/b", "value": "1"}]}, ""),
    ("DELETE", "/logged-models/{model_id}/tags/a/b", {}, ""),
    ("POST", "/logged-models/{model_id}/params", {"params": [{"key": "p", "value": "1"}]}, ""),
    ("PUT", _PROXY + "/artifacts/{experiment_id}/models/{model_id}/artifacts/MLmodel", b"data", ""),
    ("GET", "/logged-models/{model_id}/artifacts/directories", {}, ""),
    ("GET", "/logged-models/{model_id}/artifacts/files", {"artifact_file_path": "MLmodel"}, ""),
    ("PUT", _PROXY + "/artifacts/{experiment_id}/{run_id}/artifacts/m/b.txt", b"data", ""),
    ("GET", _PROXY + "/artifacts/{experiment_id}/{run_id}/artifacts/m/b.txt", {}, ""),
    ("GET", _PROXY + "/artifacts", {"path": "{experiment_id}/{run_id}/artifacts/m"}, ""),
    ("POST", "/upload-artifact?run_uuid={run_id}&path=up/a.png", b"data", ""),
    ("GET", "//files/save", {"owner": "runs/{run_id}", "path": "up/a.txt"}, ""),
    ("GET", "//files/show", {"owner": "runs/{run_id}", "path": "up/a.png"}, ""),
    ("GET", "//get-artifact", {"run_id": "{run_id}", "path": "m/b.txt"}, ""),
    ("POST", "/registered-models/create", {"name": "rm", "description": "d"}, ""),
    ("GET", "/registered-models/get", {"name": "rm"}, ""),
    ("POST", "/registered-models/rename", {"name": "rm", "new_name": "rn"}, ""),
    ("PATCH", "/registered-models/update", {"name": "rn", "description": "e"}, ""),
    ("GET", "/registered-models/search", {"filter": "name LIKE 'r%'"}, ""),
    (
        "POST",
        "/model-versions/create",
        {
            "name": "rn",
            "source": "mlflow-artifacts:/{experiment_id}/{run_id}/artifacts/m",
            "run_id": "{run_id}",
        },
        "",
    ),
    ("PATCH", "/model-versions/update", {"name": "rn", "version": "1", "description": "x"}, ""),
    ("POST", "/model-versions/transition-stage", {"name": "rn", "version": "1", "stage": "Staging"}, ""),
    ("GET", "/model-versions/get", {"name": "rn", "version": "1"}, ""),
    ("GET", "/model-versions/search", {"filter": "name = 'rn'", "max_results": 200000}, ""),
    ("GET", "/model-versions/get-download-uri", {"name": "rn", "version": "1"}, ""),
    ("GET", "//model-versions/get-artifact", {"name": "rn", "version": "1", "path": "b.txt"}, ""),
    ("POST", "/registered-models/get-latest-versions", {"name": "rn", "stages": ["Staging"]}, ""),
    ("GET", "/registered-models/get-latest-versions", {"name": "rn"}, ""),
    ("POST", "/registered-models/set-tag", {"name": "rn", "key": "a", "value": "b"}, ""),
    ("DELETE", "/registered-models/delete-tag", {"name": "rn", "key": "a"}, ""),
    ("POST", "/model-versions/set-tag", {"name": "rn", "version": "1", "key": "a", "value": "b"}, ""),
    ("DELETE", "/model-versions/delete-tag", {"name": "rn", "version": "1", "key": "a"}, ""),
    ("POST", "/registered-models/alias", {"name": "rn", "alias": "best", "version": "1"}, ""),
    ("GET", "/registered-models/alias", {"name": "rn", "alias": "best"}, ""),
    ("DELETE", "/registered-models/alias", {"name": "rn", "alias": "best"}, ""),
    ("DELETE", "/model-versions/delete", {"name": "rn", "version": "1"}, ""),
    ("DELETE", "/registered-models/delete", {"name": "rn"}, ""),
    (
        "POST",
        "/webhooks",
        {
            "name": "hook",
            "url": "https://example.org/x",
            "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}],
        },
        "webhook.webhook_id",
    ),
    ("GET", "/webhooks", {"max_results": 5}, ""),
    ("GET", "/webhooks/{webhook_id}", {}, ""),
    ("PATCH", "/webhooks/{webhook_id}", {"status": "DISABLED"}, ""),
    ("DELETE", "/webhooks/{webhook_id}", {}, ""),
    ("DELETE", _PROXY + "/artifacts/{experiment_id}/{run_id}/artifacts/m/b.txt", {}, ""),
    ("DELETE", "/logged-models/{model_id}", {}, ""),
    ("GET", "//api/3.0/mlflow/server-info", {}, ""),
    ("GET", "//api/3.0/mlflow/workspaces", {}, ""),
    ("GET", "//api/3.0/mlflow/workspaces/default", {}, ""),
    ("GET", "//health", {}, ""),
    ("GET", "//version", {}, ""),
]
NOT_THERE: Final = [
    ("POST", "/2.0/mlflow/webhooks/{webhook_id}/test"),
    ("POST", "/2.0/mlflow/traces"),
    ("GET", "/2.0/mlflow/traces/t/info"),
    ("GET", "/2.0/mlflow/get-trace-artifact"),
    ("POST", "/2.0/mlflow/gateway/routes"),
    ("GET", "/2.0/mlflow/gateway-proxy"),
    ("POST", "/2.0/mlflow/scorers/register"),
    ("POST", "/2.0/mlflow/users/create"),
    ("POST", "/2.0/mlflow/experiments/permissions/create"),
    ("POST", "/3.0/mlflow/traces"),
    ("POST", "/3.0/mlflow/traces/search"),
    ("POST", "/3.0/mlflow/datasets/create"),
    ("POST", "/3.0/mlflow/review-queues/get-or-create-user"),
    ("POST", "/3.0/mlflow/workspaces"),
    ("DELETE", "/3.0/mlflow/workspaces/w"),
    ("PATCH", "/3.0/mlflow/workspaces/w"),
    ("POST", "/3.0/mlflow/label-schemas"),
    ("DELETE", "/3.0/mlflow/jobs/1"),
]


def request_of(path: str, fields: dict[str, Any] | bytes | None, method: str) -> tuple[str, bytes | None]:
    """The path with its query, and the body."""
    path = f"{API}{path}" if not path.startswith(("//", _PROXY)) else path.replace("//", "/", 1)
    if isinstance(fields, bytes):
        return path, fields
    if method == "GET":
        return f"{path}?{urlencode(fields or {}, doseq=True)}", None
    return path, json.dumps(fields).encode()


def filled(value: Any, known: dict[str, str]) -> Any:
    """A value with what is known in the place of names."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], found[0]), value)
    if isinstance(value, list):
        return [filled(each, known) for each in value]
    return {name: filled(each, known) for name, each in value.items()} if isinstance(value, dict) else value


def test_each_endpoint_of_the_table_answers(gateway: str) -> None:
    http_of = Http(gateway)
    known: dict[str, str] = {}
    for base in (API, AJAX):
        http_of = Http(gateway)
        for method, path, fields, kept in TABLE:
            url, body = request_of(filled(path, known), filled(fields, known), method)
            url = url.replace("/api/", base.removesuffix("2.0/mlflow"), 1)
            status, headers, answer = http_of.raw(method, url, body, {"content-type": "application/json"})
            assert status == 200, (method, url, answer)
            if headers["content-type"] == "application/json":
                found = json.loads(answer)
                for part in kept.split("."):
                    found = found[part] if part else found
                if kept:
                    known[kept.rpartition(".")[2]] = found


def test_each_route_is_in_the_table() -> None:
    in_table = [(method, path.partition("?")[0]) for method, path, _, _ in TABLE]
    for there, prefix in (
        (routes.CALLS, ""),
        (routes.TRANSFERS, ""),
        (routes.FILES, _PROXY),
        (routes.PAGE_FILES, "/"),
        (routes.WORKSPACES, "//api"),
    ):
        for route in there:
            pattern = re.sub(r"\{\w+(:path)?\}", lambda found: ".+" if found[1] else "[^/]+", prefix + route.path)
            tried = any(method == route.method and re.fullmatch(pattern, path) for method, path in in_table)
            assert tried or route.path.endswith("/test"), route


@pytest.mark.parametrize("base", ["/api", "/ajax-api"])
def test_what_is_out_of_scope_says_so(gateway: str, base: str) -> None:
    http_of = Http(gateway)
    events = [{"entity": "MODEL_VERSION", "action": "CREATED"}]
    _, made = http_of.call("POST", "/webhooks", name="h", url="https://example.org", events=events)
    for method, path in NOT_THERE:
        url = base + filled(path, {"webhook_id": made["webhook"]["webhook_id"]})
        status, _, body = http_of.raw(method, url, b"{}", {"content-type": "application/json"})
        assert status == 501, url
        answer = json.loads(body)
        assert answer["error_code"] == "NOT_IMPLEMENTED"
        assert answer["message"]
    for method, path in (("POST", "/graphql"), ("POST", "/v1/traces")):
        assert http_of.raw(method, path, b"{}")[0] == 501


@pytest.mark.parametrize(
    "path", ["/health/", "//health", f"{API}/runs/get/", f"{API}//runs/get", f"{API}/logged-models//"]
)
def test_a_slash_too_many_is_another_path(gateway: str, path: str) -> None:
    status, headers, body = Http(gateway).raw("GET", path)
    assert status in (404, 405)
    assert "location" not in headers
    assert json.loads(body)["error_code"] == "ENDPOINT_NOT_FOUND"


class Walk:
    """Sends requests, and keeps what was answered in a form that two servers have in common."""

    def __init__(self, http_of: Http) -> None:
        self.http_of = http_of
        self.names: dict[str, str] = {}
        self.seen: list[tuple[Any, Any]] = []
        """What was asked, and what came of it as JSON has it."""

    def send(self, method: str, path: str, fields: dict[str, Any] | bytes | None = None) -> Any:
        known = {name: value for value, name in self.names.items()}
        url, body = request_of(filled(path, known), filled(fields, known), method)
        if path.startswith("/ajax"):
            url = url.replace(API, "", 1)
        status, _, answer = self.http_of.raw(method, url, body, {"content-type": "application/json"})
        try:
            found = json.loads(answer or b"{}")
        except json.JSONDecodeError:
            found = answer.decode()
        shown = {"error_code": found.get("error_code")} if status >= 400 else self._shown(found)
        self.seen.append(((method, path, fields), [min(status, 400), shown]))
        return found

    def _shown(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: "T" if name.endswith("_timestamp") else self._shown(each)
                for name, each in value.items()
                if name not in ("run_name", "user_id")
            }
        if isinstance(value, list):
            return [self._shown(each) for each in value]
        if isinstance(value, float) and math.isnan(value):
            return "NaN"
        return self.names.get(value, value) if isinstance(value, str) else value


def histories(walk: Walk) -> None:
    for number, name in enumerate(("{a}", "{b}")):
        points = [
            {"key": "m", "value": step % 7, "timestamp": 1000 - step, "step": step * 3 - number} for step in range(57)
        ]
        odd = [
            {"key": "m", "value": value, "timestamp": 5, "step": 9} for value in ("NaN", "Infinity", "-Infinity", 0, 1)
        ]
        walk.send("POST", "/runs/log-batch", {"run_id": name, "metrics": points + odd})
    both: dict[str, Any] = {"run_id": ["{a}", "{b}"], "metric_key": "m"}
    more: dict[str, Any]
    for more in ({}, {"max_results": 3}, {"max_results": 0}, {"max_results": 70}, {"metric_key": "zz"}):
        walk.send("GET", "/" + AJAX + "/metrics/get-history-bulk", {**both, **more})
    walk.send("GET", "/" + AJAX + "/metrics/get-history-bulk", {"run_id": "nope", "metric_key": "m"})
    walk.send("GET", "/" + AJAX + "/metrics/get-history-bulk", {"metric_key": "m"})
    walk.send("GET", "/" + AJAX + "/metrics/get-history-bulk", {"run_id": ["{a}"] * 101, "metric_key": "m"})
    both = {"run_ids": ["{a}", "{b}"], "metric_key": "m"}
    for most in (None, 1, 2, 3, 7, 31, 61, 62, 2500):
        walk.send("GET", "/metrics/get-history-bulk-interval", both if most is None else {**both, "max_results": most})
    for more in (
        {"start_step": 2, "end_step": 11},
        {"start_step": 2, "end_step": 100, "max_results": 4},
        {"start_step": 2},
        {"end_step": 2},
        {"start_step": 5, "end_step": 2},
        {"max_results": 0},
        {"max_results": 2501},
        {"max_results": "x"},
        {"metric_key": "zz"},
        {"metric_key": ""},
        {"run_ids": ["nope"]},
        {"run_ids": ["{a}"] * 101},
    ):
        walk.send("GET", "/metrics/get-history-bulk-interval", {**both, **more})


def models_of_old_clients(walk: Walk) -> None:
    signature = {"inputs": '[{"type": "double", "name": "a"}]', "outputs": None, "params": None}
    flavors = {"python_function": {"loader_module": "x", "config": {"a": 1}}, "sklearn": {"code": None}}
    model = {**_MLMODEL, "flavors": flavors, "model_uuid": "u1", "model_size_bytes": 3, "signature": signature}
    for text in (json.dumps(model), json.dumps({**model, "model_uuid": "ü"}), "{", json.dumps({"flavors": {}})):
        walk.send("POST", "/runs/log-model", {"run_id": "{a}", "model_json": text})
    walk.send("POST", "/runs/log-model", {"run_id": "nope", "model_json": json.dumps(model)})
    walk.send("POST", "/runs/log-model", {"run_id": "{a}"})
    tags = walk.send("GET", "/runs/get", {"run_id": "{a}"})["run"]["data"]["tags"]
    noted = [json.loads(tag["value"]) for tag in tags if tag["key"] == "mlflow.log-model.history"]
    walk.seen[-1] = walk.seen[-1][0], noted


def datasets(walk: Walk) -> None:
    context = [{"key": "mlflow.data.context", "value": "train"}]
    dataset = {"digest": "1", "source_type": "local", "source": "{}"}
    used = [{"tags": context, "dataset": {**dataset, "name": "d"}}, {"dataset": {**dataset, "name": "e"}}]
    walk.send("POST", "/runs/log-inputs", {"run_id": "{a}", "datasets": used})
    for ids in (["0"], [], ["99"], ["0", "99"], ["0"] * 21):
        walk.send("POST", "/" + AJAX + "/experiments/search-datasets", {"experiment_ids": ids})


def files(walk: Walk) -> None:
    upload = "/" + AJAX + "/upload-artifact"
    walk.send("POST", upload + "?run_uuid={a}&path=m/b.txt", b"hello")
    walk.send("POST", upload + "?run_uuid={a}&path=m/b.txt", b"")
    walk.send("POST", upload + "?run_uuid={a}&path=../b.txt", b"x")
    walk.send("POST", upload + "?run_uuid={a}", b"x")
    walk.send("POST", upload + "?path=a", b"x")
    walk.send("POST", upload + "?run_uuid={a}&path=large", b"x" * ((10 << 20) + 1))
    walk.send("POST", upload + "?run_uuid=nope&path=a", b"x")
    walk.send("GET", "//get-artifact", {"run_id": "{a}", "path": "m/b.txt"})
    walk.send("GET", "//get-artifact", {"run_uuid": "{a}", "path": "m/b.txt"})
    walk.send("GET", "//get-artifact", {"run_id": "{a}", "path": "m/nope.txt"})
    made = walk.send("POST", "/logged-models", {"experiment_id": "0", "name": "lm", "source_run_id": "{a}"})
    del walk.seen[-1]
    walk.names[made["model"]["info"]["model_id"]] = "lm"
    walk.send("PUT", _PROXY + "/artifacts/0/models/{lm}/artifacts/x/MLmodel", b"text")
    of_model = "/" + AJAX + "/logged-models/{lm}/artifacts/files"
    for path in ("x/MLmodel", "nope", "../x"):
        walk.send("GET", of_model, {"artifact_file_path": path})
    walk.send("GET", of_model, {})
    walk.send("POST", "/registered-models/create", {"name": "rm"})
    source = {"name": "rm", "source": "mlflow-artifacts:/0/{a}/artifacts/m", "run_id": "{a}"}
    walk.send("POST", "/model-versions/create", source)
    del walk.seen[-2:]
    for more in ({}, {"path": "nope"}, {"version": "7"}, {"path": "../x"}):
        walk.send("GET", "//model-versions/get-artifact", {"name": "rm", "version": "1", "path": "b.txt", **more})


def webhooks(walk: Walk) -> None:
    events = [
        {"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"},
        {"entity": "REGISTERED_MODEL", "action": "CREATED"},
    ]
    more: dict[str, Any]
    hook = {"name": "h-1", "url": "https://8.8.8.8/x", "events": events, "description": "d: e", "secret": "s" * 20}
    made = walk.send("POST", "/webhooks", hook)
    del walk.seen[-1]
    walk.names[made["webhook"]["webhook_id"]] = "hook"
    for more in (
        {"name": ""},
        {"name": "a b"},
        {"events": []},
        {"url": "nope"},
        {"events": [{"entity": "REGISTERED_MODEL", "action": "SET"}]},
    ):
        walk.send("POST", "/webhooks", {**hook, **more})
    for changes in ({"description": "new"}, {"status": "DISABLED"}, {"name": "other"}, {"events": events[1:]}, {}):
        walk.send("PATCH", "/webhooks/{hook}", changes)
        walk.send("GET", "/webhooks/{hook}", {})
    walk.send("GET", "/webhooks", {})
    walk.send("DELETE", "/webhooks/{hook}", {})
    walk.send("GET", "/webhooks/{hook}", {})


def seen_at(http_of: Http) -> list[tuple[Any, Any]]:
    """What pages of MLflow and clients of 2.x see."""
    walk = Walk(http_of)
    # By their ids, they come in this order.
    walk.names = dict(zip(sorted(http_of.run() for _ in range(2)), "ab", strict=True))
    for part in (histories, models_of_old_clients, datasets, files, webhooks):
        part(walk)
    return walk.seen


def seen_of_mlflow(url: str) -> list[Any]:
    there = Http(url)
    del there.headers["x-mlflow-workspace"]  # an error, where it has none
    return [answer for _, answer in seen_at(there)]


def test_what_pages_ask_is_answered_as_upstream_does(gateway: str, mlflow: Path) -> None:
    del mlflow  # it is there
    theirs = told_by_mlflow("pages", [Path(__file__)], seen_of_mlflow)
    pairs = zip(seen_at(Http(gateway)), theirs, strict=True)
    assert [(asked, ours, expected) for (asked, ours), expected in pairs if ours != expected] == []
