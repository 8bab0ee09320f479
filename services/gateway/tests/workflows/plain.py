"""What clients in R and Java send: JSON whose numbers are texts, enums by name or number. Answers are told whole."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from typing import Any

import mlflow
from told import masked

_WHEN = frozenset(("creation_time", "last_update_time", "creation_timestamp", "last_updated_timestamp"))


def session() -> dict[str, Any]:
    """A run and a registered model."""
    told: dict[str, Any] = {}
    ids: dict[str, str] = {}

    def call(method: str, path: str, **fields: Any) -> Any:
        url = f"{mlflow.get_tracking_uri()}/api/2.0/mlflow/{path}"
        body = None
        if method == "GET":
            url += f"?{urllib.parse.urlencode(fields, doseq=True)}"
        else:
            body = json.dumps(fields).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            read = json.load(answer)
        told[f"{len(told)} {method} {path}"] = (answer.status, _without_times(read, ids))
        return read

    experiment = call("POST", "experiments/create", name="plain", tags=[{"key": "a", "value": "b"}])["experiment_id"]
    ids[experiment] = "EXPERIMENT"
    call("GET", "experiments/get-by-name", experiment_name="plain")
    call("GET", "experiments/search", max_results="1", view_type="ACTIVE_ONLY", filter="name = 'plain'")
    run = call(
        "POST",
        "runs/create",
        experiment_id=experiment,
        user_id="r",
        run_name="plain",
        start_time="1500000000000",
        tags=[{"key": "kind", "value": "x"}, {"key": "mlflow.user", "value": "r"}],
    )["run"]["info"]["run_id"]
    ids[run] = "RUN"
    both = {"run_id": run, "run_uuid": run}
    for step, value in enumerate(("0.5", 1, 2.5, "NaN", "Infinity", "-Infinity", "1e-3")):
        call("POST", "runs/log-metric", **both, key="m", value=value, timestamp=f"150000000000{step}", step=str(step))
    call("POST", "runs/log-parameter", **both, key="p", value="v")
    call("POST", "runs/set-tag", **both, key="t", value="v")
    call(
        "POST",
        "runs/log-batch",
        run_id=run,
        metrics=[{"key": "b", "value": "1.5", "timestamp": "1500000000009", "step": "-3"}],
        params=[{"key": "q", "value": "w"}],
        tags=[{"key": "u", "value": "w"}],
    )
    call("POST", "runs/update", **both, status=3, end_time="1500000000100")
    call("GET", "runs/get", **both)
    page = call("GET", "metrics/get-history", **both, metric_key="m", max_results="4")
    call("GET", "metrics/get-history", **both, metric_key="m", max_results="4", page_token=page["next_page_token"])
    call("GET", "metrics/get-history", **both, metric_key="never")
    active = {"experiment_ids": [experiment], "filter": "params.p = 'v'"}
    for view in ("ACTIVE_ONLY", 1, "3"):
        call("POST", "runs/search", **active, run_view_type=view, max_results="5")
    call("POST", "runs/search", experiment_ids=[experiment], filter="params.p = 'never'", order_by=["metrics.m DESC"])
    call("GET", "artifacts/list", **both)
    call("POST", "registered-models/create", name="plain", tags=[{"key": "a", "value": "b"}])
    call("POST", "model-versions/create", name="plain", source="s3://bucket/model", run_id=run)
    call("GET", "model-versions/get", name="plain", version="1")
    call("POST", "model-versions/transition-stage", name="plain", version="1", stage="Staging")
    call("GET", "model-versions/search", filter="name = 'plain'", max_results="10")
    call("GET", "registered-models/get", name="plain")
    call("GET", "registered-models/search", max_results="10", filter="name = 'plain'")
    call("POST", "registered-models/alias", name="plain", alias="a", version="1")
    call("GET", "registered-models/alias", name="plain", alias="a")
    call("POST", "runs/delete", run_id=run)
    call("POST", "experiments/delete", experiment_id=experiment)
    return told


def _is_ours(key: str, thing: dict[str, Any]) -> bool:
    """Whether a field has what cannot be the same: which workspace it is in, and who made what is in the registry."""
    return key == "workspace" or (key == "user_id" and "creation_timestamp" in thing)


def _without_times(value: Any, ids: dict[str, str]) -> Any:
    """A value with names in place of ids; times are told by their types. Keys and values have no order."""
    if isinstance(value, dict):
        return {
            key: type(each).__name__
            if key in _WHEN
            else bool(each)
            if key == "next_page_token"
            else _without_times(each, ids)
            for key, each in value.items()
            if each not in ("", {}) and not _is_ours(key, value)
        }
    if isinstance(value, list):
        each_of = [_without_times(each, ids) for each in value]
        # Points of one metric have an order.
        keys = {each["key"] for each in each_of if isinstance(each, dict) and "key" in each}
        return sorted(each_of, key=lambda each: str(each["key"])) if len(keys) > 1 else each_of
    return masked(ids.get(value, value)) if isinstance(value, str) else value
