"""Versions of models: what their sources may be, and what is kept about them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from trivet_testing.gateway_http import API, Http


@pytest.fixture
def http_of(gateway: str) -> Http:
    return Http(gateway)


def _register(http_of: Http, name: str, source: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    http_of.call("POST", "/registered-models/create", name=name)
    return http_of.call("POST", "/model-versions/create", name=name, source=source, **fields)


@pytest.mark.parametrize(
    "source",
    [
        "s3://bucket/%" + "25" * 100_000,
        "s3://bucket/%" + "25" * 30,
        "mlflow-artifacts:/" + "a/artifacts/" * 100_000 + "x",
        "s3://bucket/" + "a/" * 100_000,
    ],
    ids=["escaped and long", "escaped again and again", "of many roots", "long"],
)
def test_a_source_that_takes_long_to_read_is_refused_at_once(http_of: Http, source: str) -> None:
    status, answer = _register(http_of, "iris", source)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert len(answer["message"]) < 1_000
    assert http_of.call("POST", "/registered-models/create", name="other")[0] == 200


def test_a_long_path_of_files_is_refused_at_once(http_of: Http) -> None:
    path = "a/artifacts/" * 5_000 + "x"
    status, _, body = http_of.raw("GET", f"/api/2.0/mlflow-artifacts/artifacts/{path}")
    assert (status, json.loads(body)["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("target", ["models:/m-iris/1", "models:/m-iris@latest", "models:/m-iris@best"])
def test_a_model_that_is_named_as_logged_models_are_is_copied(http_of: Http, target: str) -> None:
    assert _register(http_of, "m-iris", "s3://bucket/iris")[0] == 200
    assert http_of.call("POST", "/registered-models/alias", name="m-iris", alias="best", version="1")[0] == 200
    status, answer = _register(http_of, "copy", target)
    assert status == 200, answer
    path = f"{API}/model-versions/get-download-uri?name=copy&version=1"
    assert json.loads(http_of.raw("GET", path)[2])["artifact_uri"] == "s3://bucket/iris"


@pytest.mark.parametrize("key", ["trivet.mlflow.source", "trivet.mlflow.runLink"])
def test_what_is_kept_about_a_version_is_not_set_by_tags(http_of: Http, key: str) -> None:
    assert _register(http_of, "iris", "s3://bucket/iris")[0] == 200
    version = {"name": "iris", "version": "1"}
    for method, path, fields in (
        ("POST", "/model-versions/set-tag", {"key": key, "value": "file:///etc"}),
        ("DELETE", "/model-versions/delete-tag", {"key": key}),
        ("POST", "/model-versions/create", {"source": "s3://b/c", "tags": [{"key": key, "value": "file:///etc"}]}),
    ):
        status, answer = http_of.call(method, path, **version, **fields)
        assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), path
        assert key in answer["message"]
    found = json.loads(http_of.raw("GET", f"{API}/model-versions/get?name=iris&version=1")[2])
    assert found["model_version"]["source"] == "s3://bucket/iris"


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_a_blank_filter_passes_all_models(http_of: Http, text: str) -> None:
    http_of.call("POST", "/registered-models/create", name="iris")
    status, _, body = http_of.raw("GET", f"{API}/registered-models/search?filter={quote(text)}")
    assert (status, [model["name"] for model in json.loads(body)["registered_models"]]) == (200, ["iris"])


def test_the_oldest_models_of_a_run_make_way_in_its_list(http_of: Http) -> None:
    run = http_of.run()
    entry = {"artifact_path": "model", "flavors": {}, "run_id": run, "utc_time_created": "2026-11-27"}
    names = [f"{number:03}" + "x" * 20_000 for number in range(4)]
    for name in names:
        status, _ = http_of.call(
            "POST", "/runs/log-model", run_id=run, model_json=json.dumps({**entry, "artifact_path": name})
        )
        assert status == 200
    found = json.loads(http_of.raw("GET", f"{API}/runs/get?run_id={run}")[2])["run"]["data"]["tags"]
    (history,) = [tag["value"] for tag in found if tag["key"] == "mlflow.log-model.history"]
    assert [each["artifact_path"] for each in json.loads(history)] == names[1:]
    large = json.dumps({**entry, "artifact_path": "x" * 70_000})
    status, answer = http_of.call("POST", "/runs/log-model", run_id=run, model_json=large)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
