"""Logged models: states, params, tags, metrics, and finding them."""

from __future__ import annotations

from typing import Any

from .case import Case, Group, delete, experiment, get, pairs, patch, post, run


def _create(label: str, kept: str = "", **fields: Any) -> Case:
    keep = {kept: "model.info.model_id"} if kept else None
    return post(label, "logged-models", keep=keep, **{"experiment_id": "$experiment", "name": "model", **fields})


_STATES = Group(
    "logged models",
    [
        experiment("logged-models"),
        run("logged-models"),
        _create(
            "create",
            "model",
            model_type="sklearn",
            source_run_id="$run",
            params=pairs({"a": "1", "b": ""}),
            tags=pairs({"t": "v"}),
        ),
        _create("create without a name", name=None, model_type="x"),
        _create("create with an empty name", name=""),
        *(
            _create(f"bad lm name {name!r}", name=name)
            for name in ("a/b:c", "a.b", "a%b", 'a"b', "a'b", "a b", "é", "x" * 256)
        ),
        _create("create in an unknown experiment", experiment_id="987654321"),
        _create("create without an experiment", experiment_id=None),
        _create("create of an unknown run", source_run_id="0" * 32),
        _create("create with a long param", params=pairs({"a": "x" * 6001})),
        _create("create with a long tag", tags=pairs({"a": "x" * 8001})),
        _create("create with a param key 251", params=pairs({"k" * 251: "x"})),
        _create("create with 101 params", params=pairs({f"p{number}": "x" for number in range(101)})),
        get("get", "logged-models/$model"),
        get("get missing", "logged-models/m-" + "0" * 32),
        post("log to it", "runs/log-metric", run_id="$run", key="m", value=2, timestamp=5, step=1, model_id="$model"),
        post("log to a missing one", "runs/log-metric", run_id="$run", key="m", value=2, timestamp=5, model_id="m-0"),
        post(
            "a dataset",
            "runs/log-inputs",
            run_id="$run",
            datasets=[{"dataset": {"name": "ds", "digest": "d", "source_type": "local", "source": "s"}}],
        ),
        post(
            "log to it on a dataset",
            "runs/log-metric",
            run_id="$run",
            key="m",
            value=3,
            timestamp=6,
            model_id="$model",
            dataset_name="ds",
            dataset_digest="d",
        ),
        get("get with metrics", "logged-models/$model"),
        get("the run's metrics", "runs/get", run_id="$run", only="run.data.metrics"),
        post("params", "logged-models/$model/params", model_id="$model", params=pairs({"c": "2"})),
        post("params again", "logged-models/$model/params", model_id="$model", params=pairs({"c": "2"})),
        post("params changed", "logged-models/$model/params", model_id="$model", params=pairs({"c": "3"})),
        post("params of missing", "logged-models/m-0/params", model_id="m-0", params=pairs({"c": "3"})),
        patch("tags", "logged-models/$model/tags", tags=pairs({"u": "w", "t": "v2"})),
        patch("tags of missing", "logged-models/m-0/tags", tags=pairs({"u": "w"})),
        delete("delete tag", "logged-models/$model/tags/u"),
        delete("delete missing tag", "logged-models/$model/tags/u"),
        get("get with tags", "logged-models/$model"),
        patch("status unknown", "logged-models/$model", model_id="$model", status="DONE"),
        patch("status of missing", "logged-models/m-0", model_id="m-0", status="LOGGED_MODEL_READY"),
        patch("status READY", "logged-models/$model", model_id="$model", status="LOGGED_MODEL_READY"),
        patch("status READY again", "logged-models/$model", model_id="$model", status="LOGGED_MODEL_READY"),
        patch("status by number", "logged-models/$model", model_id="$model", status=2),
        post("outputs", "runs/outputs", run_id="$run", models=[{"model_id": "$model", "step": 3}]),
        post("outputs again", "runs/outputs", run_id="$run", models=[{"model_id": "$model", "step": 3}]),
        post("outputs of nothing", "runs/outputs", run_id="$run", models=[]),
        post("outputs missing", "runs/outputs", run_id="$run"),
        post("outputs of an unknown run", "runs/outputs", run_id="0" * 32, models=[{"model_id": "$model"}]),
        post("inputs", "runs/log-inputs", run_id="$run", models=[{"model_id": "$model"}]),
        get("the run", "runs/get", run_id="$run", only="run.outputs"),
        patch("tags with an empty key", "logged-models/$model/tags", tags=pairs({"": "w"})),
        _create("create a failing one", "failed"),
        patch("status FAILED", "logged-models/$failed", model_id="$failed", status="LOGGED_MODEL_UPLOAD_FAILED"),
        delete("delete logged model", "logged-models/$failed"),
        get("get deleted lm", "logged-models/$failed"),
        delete("delete twice", "logged-models/$failed"),
        delete("delete missing", "logged-models/m-0"),
    ],
)
_NAMES = "models.info.name"


def _search(label: str, **fields: Any) -> Case:
    return post(label, "logged-models/search", only=_NAMES, **{"experiment_ids": ["$experiment"], **fields})


def _filter(text: str) -> Case:
    return _search(f"LMFILTER {text}", filter=text, order_by=[{"field_name": "name"}])


def _order(*clauses: tuple[str, bool]) -> Case:
    order_by = [{"field_name": name, "ascending": ascends} for name, ascends in clauses]
    return _search(f"lm order {clauses}", order_by=order_by)


def _on(dataset: str) -> dict[str, Any]:
    return {"dataset_name": dataset, "dataset_digest": "d"} if dataset else {}


def _metric(model: str, value: int, dataset: str = "") -> Case:
    return post(
        f"log {value} to {model} on {dataset!r}",
        "runs/log-metric",
        run_id="$run",
        key="rmse",
        value=value,
        timestamp=value,
        model_id=f"${model}",
        **_on(dataset),
    )


_FOUND = Group(
    "searching logged models",
    [
        experiment("found-logged-models"),
        run("found-logged-models"),
        _create("create 1", "m1", name="model", source_run_id="$run", model_type="sk", params=pairs({"b": "1"})),
        _create("create 2", "m2", name="models_mlflow", tags=pairs({"mlflow.user": "root"})),
        _create("create 3", "m3", name="Other", tags=pairs({"mlflow.user": "eve"}), params=pairs({"b": "2"})),
        _create("create 4", "m4", name="gone"),
        delete("delete 4", "logged-models/$m4"),
        patch("ready 1", "logged-models/$m1", model_id="$m1", status="LOGGED_MODEL_READY"),
        post(
            "a dataset",
            "runs/log-inputs",
            run_id="$run",
            datasets=[{"dataset": {"name": "ds", "digest": "d", "source_type": "local", "source": "s"}}],
        ),
        _metric("m1", 6),
        _metric("m1", 9, "ds"),
        _metric("m2", 3),
        *map(
            _filter,
            (
                "name = 'model'",
                "name != 'model'",
                "attributes.name = 'model'",
                "name LIKE 'mod%'",
                "name ILIKE 'MOD%'",
                "name IN ('model')",
                "name NOT IN ('model')",
                "name > 'a'",
                "source_run_id = 'x'",
                "source_run_id = '$run'",
                "status = 'READY'",
                "status = 'PENDING'",
                "model_id = '$m1'",
                "model_id = 'x'",
                "model_id IN ('$m1', '$m2')",
                "model_type = ''",
                "model_type = 'sk'",
                "metrics.rmse < 7",
                "metrics.rmse > 7",
                "metrics.rmse != 6",
                "metrics.rmse = 'x'",
                "params.b = '1'",
                "params.b != '1'",
                "params.b = 1",
                "params.b LIKE '%'",
                "tags.`mlflow.user` = 'root'",
                "tags.mlflow.user = 'root'",
                "tags.`mlflow.user` != 'root'",
                "tags.`mlflow.user` IS NULL",
                "creation_time > 0",
                "creation_timestamp > 0",
                "last_updated_timestamp > 0",
                "last_updated_time > 0",
                "creation_timestamp > '0'",
                "experiment_id = '1'",
                "foo = 'x'",
                "name = 'model' AND metrics.rmse < 7",
                "name = 'model' OR name = 'x'",
                "",
            ),
        ),
        _search("on a dataset", filter="metrics.rmse > 7", datasets=[{"dataset_name": "ds", "dataset_digest": "d"}]),
        _search("on a dataset, name alone", filter="metrics.rmse < 7", datasets=[{"dataset_name": "ds"}]),
        _search("on a dataset of nothing", filter="metrics.rmse < 99", datasets=[{"dataset_name": "never"}]),
        _search("on a dataset without a name", datasets=[{"dataset_digest": "d"}]),
        _order(),
        _order(("name", True)),
        _order(("name", False)),
        _order(("creation_timestamp", True)),
        _order(("creation_time", False)),
        post(
            "lm order of ids",
            "logged-models/search",
            experiment_ids=["$experiment"],
            order_by=[{"field_name": "model_id"}],
            only="nothing",
        ),
        _order(("model_type", False), ("name", True)),
        _order(("metrics.rmse", True)),
        _order(("metrics.rmse", False)),
        _order(("metrics.never", True)),
        _order(("params.b", True)),
        _order(("tags.a", True)),
        _order(("foo", True)),
        _order(("name", True), ("name", False)),
        _search("order by a text", order_by=["name"]),
        _search("order without a name", order_by=[{"ascending": True}]),
        _search(
            "order by a metric on a dataset",
            order_by=[{"field_name": "metrics.rmse", "dataset_name": "ds", "dataset_digest": "d"}],
        ),
        _search("no experiments", experiment_ids=[]),
        _search("unknown experiment", experiment_ids=["987654321"]),
        *(_search(f"lm max {most}", max_results=most) for most in (1, 0, -1, 50, 100, 101, 1000, "x")),
        _search("lm bad token", page_token="bad!"),
        post(
            "lm page 1",
            "logged-models/search",
            keep={"token": "next_page_token"},
            only=_NAMES,
            experiment_ids=["$experiment"],
            max_results=2,
        ),
        _search("lm page 2", max_results=2, page_token="$token"),
        _search("lm page 2 of another filter", max_results=2, page_token="$token", filter="name = 'model'"),
    ],
)
GROUPS = (_STATES, _FOUND)
