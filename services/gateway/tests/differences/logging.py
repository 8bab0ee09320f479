"""Params, metrics, tags and batches: names, values, limits and partial effects."""

from __future__ import annotations

from typing import Any

from .case import Case, Group, experiment, get, pairs, post, run

KEYS = {
    "'ok key'": "ok key",
    "'a/b'": "a/b",
    "'a.b'": "a.b",
    "'a:b'": "a:b",
    "'a-b'": "a-b",
    "'a%b'": "a%b",
    "'a@b'": "a@b",
    "''": "",
    "'/abs'": "/abs",
    "'a//b'": "a//b",
    "'a/'": "a/",
    "'..'": "..",
    "'a/../b'": "a/../b",
    "'./a'": "./a",
    "'.'": ".",
    "'...'": "...",
    "' '": " ",
    "' a'": " a",
    "250": "k" * 250,
    "251": "k" * 251,
    "'é'": "é",
    "'漢字'": "漢字",
    "'a\\nb'": "a\nb",
    "'a\\tb'": "a\tb",
    "'a\\\\b'": "a\\b",
    "'☃'": "☃",
    "'a,b'": "a,b",
    "'a(b)'": "a(b)",
    "5": 5,
    "None": None,
}


def _metric(label: str, **fields: Any) -> Case:
    return post(label, "runs/log-metric", **{"run_id": "$run", "key": "m", "value": 1, "timestamp": 1, **fields})


_METRICS = Group(
    "metrics",
    [
        experiment("metrics"),
        run("metrics"),
        *(_metric(f"METRIC KEY {label}", key=key) for label, key in KEYS.items()),
        _metric("metric str", value="x"),
        _metric("metric str of a number", value="1.5", timestamp=2),
        _metric("metric bool", value=True, key="bool"),
        _metric("metric null", value=None),
        _metric("metric list", value=[1]),
        _metric("metric NaN", value="NaN", key="nan"),
        _metric("metric nan lower", value="nan", key="lower"),
        _metric("metric inf", value="Infinity", key="inf"),
        _metric("metric -inf", value="-Infinity", key="-inf"),
        _metric("metric inf short", value="inf", key="inf"),
        _metric("metric 1e308", value=1e308, key="large"),
        _metric("metric 1e400 text", value="1e400", key="larger"),
        _metric("metric -0.0", value=-0.0, key="zero"),
        _metric("metric tiny", value=5e-324, key="tiny"),
        _metric("metric large int", value=2**70, key="int"),
        _metric("metric 0.1+0.2", value=0.1 + 0.2, key="float"),
        _metric("metric neg step", step=-5, key="steps"),
        _metric("metric float step", step=1.5, key="float step"),
        _metric("metric whole float step", step=2.0, key="steps"),
        _metric("metric text step", step="3", key="steps"),
        _metric("metric no step", step="x", key="no step"),
        _metric("metric largest step", step=2**63 - 1, key="largest"),
        _metric("metric too large step", step=2**63, key="too large"),
        _metric("metric neg ts", timestamp=-3, key="nts"),
        _metric("metric ts 0", timestamp=0, key="ts"),
        _metric("metric ts text", timestamp="5", key="ts"),
        _metric("metric ts float", timestamp=1.5, key="float time"),
        _metric("metric ts missing", timestamp=None, key="ts"),
        _metric("metric ts x", timestamp="x", key="ts"),
        _metric("metric unknown run", run_id="0" * 32),
        _metric("metric run none", run_id=None),
        _metric("metric run by uuid", run_id=None, run_uuid="$run"),
        _metric("metric run of strange id", run_id="a b"),
        get("history of NaN", "metrics/get-history", run_id="$run", metric_key="nan"),
        get("history of inf", "metrics/get-history", run_id="$run", metric_key="inf"),
        get("history of steps", "metrics/get-history", run_id="$run", metric_key="steps"),
        run("metrics of any value"),
        *(
            _metric(f"metric {value} with {name}", key=name, value=value)
            for name, value in (("nan", "NaN"), ("inf", "Infinity"), ("-inf", "-Infinity"), ("zero", 0), ("é", 2.5))
        ),
        get("get", "runs/get", run_id="$run"),
    ],
)
_ORDER = Group(
    "latest values and histories",
    [
        experiment("latest"),
        run("latest"),
        *(
            _metric(f"log {key} {value} at {time}, step {step}", key=key, value=value, timestamp=time, step=step)
            for key, value, time, step in (
                ("latest", 1, 1000, 5),
                ("latest", 2, 2000, 3),
                ("latest", 3, 500, 5),
                ("ties", 1, 1000, 0),
                ("ties", 7, 1000, 0),
                ("ties", 3, 1000, 0),
                ("nan last", 1, 1000, 0),
                ("nan last", "NaN", 1000, 0),
                ("nan later", 1, 1000, 0),
                ("nan later", "NaN", 2000, 0),
                ("inf", 1, 1000, 0),
                ("inf", "Infinity", 1000, 0),
                ("inf", "-Infinity", 1000, 0),
            )
        ),
        _metric("same tuple twice 1", key="twice", value=4, timestamp=7, step=2),
        _metric("same tuple twice 2", key="twice", value=4, timestamp=7, step=2),
        _metric("NaN twice 1", key="nan twice", value="NaN", timestamp=7),
        _metric("NaN twice 2", key="nan twice", value="NaN", timestamp=7),
        get("metric semantics latest", "runs/get", run_id="$run", only="run.data.metrics"),
        *(
            get(f"history of {key}", "metrics/get-history", run_id="$run", metric_key=key)
            for key in ("latest", "ties", "nan last", "nan later", "inf", "twice", "nan twice")
        ),
        get("history unknown key", "metrics/get-history", run_id="$run", metric_key="never"),
        get("history unknown run", "metrics/get-history", run_id="0" * 32, metric_key="a"),
        get("history no key", "metrics/get-history", run_id="$run"),
        get("history no run", "metrics/get-history", metric_key="a"),
        get("history by uuid", "metrics/get-history", run_uuid="$run", run_id="$run", metric_key="twice"),
        get("history max 0", "metrics/get-history", run_id="$run", metric_key="latest", max_results=0),
        get("history max -1", "metrics/get-history", run_id="$run", metric_key="latest", max_results=-1),
        get("history max x", "metrics/get-history", run_id="$run", metric_key="latest", max_results="x"),
        get("history max 25000", "metrics/get-history", run_id="$run", metric_key="latest", max_results=25_000),
        get(
            "history page 1",
            "metrics/get-history",
            run_id="$run",
            metric_key="latest",
            max_results=2,
            keep={"token": "next_page_token"},
        ),
        get(
            "history page 2",
            "metrics/get-history",
            run_id="$run",
            metric_key="latest",
            max_results=2,
            page_token="$token",
        ),
        get("history long token", "metrics/get-history", run_id="$run", metric_key="latest", page_token="9" * 5000),
        get("history bad token", "metrics/get-history", run_id="$run", metric_key="a", max_results=2, page_token="!"),
    ],
)


def _param(label: str, key: object, value: object, **fields: Any) -> Case:
    return post(label, "runs/log-parameter", **{"run_id": "$run", "key": key, "value": value, **fields})


_PARAMS = Group(
    "params",
    [
        experiment("params"),
        run("params"),
        *(_param(f"PARAM KEY {label}", key, "v") for label, key in KEYS.items()),
        _param("param 6000", "6000", "x" * 6000),
        _param("param 6001", "6001", "x" * 6001),
        _param("param 6001 again", "6001", "x" * 6001),
        _param("param 6001 é", "6001é", "é" * 6001),
        _param("param 6000 of three bytes", "bytes", "漢" * 6000),
        _param("param empty", "empty", ""),
        _param("param null", "null", None),
        _param("param number", "number", 5),
        _param("param", "lr", "0.1"),
        _param("param same again", "lr", "0.1"),
        _param("param change", "lr", "0.2"),
        _param("param emptied", "lr", ""),
        _param("param newline", "newline", "a\nb"),
        run("params of any value"),
        *(_param(f"param of {len(value)} letters", f"p{len(value)}", value) for value in ("", "a", "é" * 5000)),
        get("get", "runs/get", run_id="$run"),
        _param("param too long", "long", "x" * 6001),
        get("get with one cut", "runs/get", run_id="$run", only="run.data.tags"),
        get("get one cut", "runs/get", run_id="$run", only="run.data.params.value"),
        _param("param unknown run", "a", "b", run_id="0" * 32),
        _param("param run by uuid", "uuid", "b", run_id=None, run_uuid="$run"),
    ],
)


def _tag(label: str, key: object, value: object, **fields: Any) -> Case:
    return post(label, "runs/set-tag", **{"run_id": "$run", "key": key, "value": value, **fields})


_TAGS = Group(
    "tags of runs",
    [
        experiment("tags"),
        run("tags"),
        *(_tag(f"TAG KEY {label}", key, "v") for label, key in KEYS.items()),
        _tag("tag 8000", "8000", "x" * 8000),
        _tag("tag 8001", "8001", "x" * 8001),
        _tag("tag", "a", "1"),
        _tag("tag overwrite", "a", "2"),
        _tag("tag empty", "empty", ""),
        _tag("tag null", "null", None),
        _tag("tag number", "number", 5),
        _tag("tag unknown run", "a", "b", run_id="0" * 32),
        _tag("tag parent", "mlflow.parentRunId", "f" * 32),
        post("delete tag", "runs/delete-tag", run_id="$run", key="a"),
        post("delete missing tag", "runs/delete-tag", run_id="$run", key="nope"),
        post("delete tag without a key", "runs/delete-tag", run_id="$run"),
        post("delete tag of an unknown run", "runs/delete-tag", run_id="0" * 32, key="a"),
        run("tags of any value"),
        _tag("a tag", "a", "1"),
        _tag("a tag again", "a", "2"),
        _tag("an empty tag", "b", ""),
        get("get", "runs/get", run_id="$run"),
        _tag("a tag too long", "long", "x" * 8001),
        get("get with one cut", "runs/get", run_id="$run", only="run.data.tags"),
    ],
)
_POINT = {"key": "m", "value": 1, "timestamp": 1}


def _numbered(prefix: str, n: int) -> list[dict[str, str]]:
    return pairs({f"{prefix}{number}": "v" for number in range(n)})


def _batch(label: str, **fields: Any) -> Case:
    return post(label, "runs/log-batch", **{"run_id": "$run", **fields})


_DATA = "run.data"
_BATCHES = Group(
    "batches",
    [
        experiment("batches"),
        run("batches"),
        _batch("empty batch"),
        _batch("raw batch 1001", metrics=[_POINT] * 1001),
        _batch("raw batch 101 params", params=_numbered("p", 101)),
        _batch("raw batch 101 tags", tags=_numbered("t", 101)),
        _batch("log_batch dup params", params=[{"key": "d", "value": "1"}, {"key": "d", "value": "1"}]),
        _batch("dup tags", tags=[{"key": "d", "value": "1"}, {"key": "d", "value": "2"}]),
        _batch("dup metrics", metrics=[_POINT, _POINT]),
        _batch("950 metrics + 60 params", metrics=[{**_POINT, "key": "many"}] * 950, params=_numbered("q", 60)),
        _batch("1000 metrics", metrics=[{**_POINT, "key": "k", "step": step} for step in range(1000)]),
        _batch("100 params and 100 tags", params=_numbered("a", 100), tags=_numbered("a", 100)),
        get("get after many", "runs/get", run_id="$run", only="run.data.metrics"),
        run("partial"),
        _batch("a metric with a bad key", metrics=[_POINT, {**_POINT, "key": "a@b"}], params=pairs({"m1": "1"})),
        _batch("a metric with a bad time", metrics=[_POINT, {**_POINT, "timestamp": -1}], params=pairs({"m2": "1"})),
        _batch("a metric without a key", metrics=[{"value": 1, "timestamp": 1}], params=pairs({"m4": "1"})),
        _batch("a metric without a value", metrics=[{"key": "m", "timestamp": 1}], params=pairs({"m5": "1"})),
        _batch("a metric without a time", metrics=[{"key": "m", "value": 1}], params=pairs({"m6": "1"})),
        _batch("a param with a bad key", params=pairs({"ok1": "1", "a@b": "1"}), metrics=[_POINT]),
        _batch("a tag with a bad key", tags=pairs({"a@b": "1"}), params=pairs({"ok2": "1"}), metrics=[_POINT]),
        _batch("a tag key 251", tags=pairs({"k" * 251: "1"}), params=pairs({"ok3": "1"}), metrics=[_POINT]),
        _batch("a param key 251", params=pairs({"ok4": "1", "k" * 251: "1"})),
        _batch("a changed param, first", params=pairs({"lr": "0.1"})),
        _batch("a changed param", params=pairs({"ok5": "1", "lr": "0.2"}), metrics=[{**_POINT, "key": "changed"}]),
        _batch("same params again", params=pairs({"lr": "0.1"})),
        get("get after refusals", "runs/get", run_id="$run", only=_DATA),
        run("unreadable"),
        _batch("a metric with a bad value", metrics=[_POINT, {**_POINT, "value": "x"}], params=pairs({"m3": "1"})),
        _batch("param number", params=[{"key": "n", "value": 5}]),
        _batch("raw metric string value", metrics=[{**_POINT, "value": "x"}]),
        run("batch of everything"),
        _batch(
            "everything",
            metrics=[{**_POINT, "value": "NaN"}, {**_POINT, "key": "inf", "value": "Infinity", "step": 3}],
            params=pairs({"empty": "", "long": "x" * 6000}),
            tags=pairs({"empty": "", "long": "x" * 8000, "mlflow.runName": "by batch", "mlflow.note.content": "n"}),
        ),
        get("get everything", "runs/get", run_id="$run"),
        _batch("param without a value", params=[{"key": "novalue"}]),
        _batch("tag without a value", tags=[{"key": "novalue"}]),
        _batch("metrics no list", metrics=_POINT),
        _batch("metrics of texts", metrics=["a"]),
        _batch("unknown run", run_id="0" * 32, metrics=[_POINT]),
        _batch("raw missing run_id", run_id=None, metrics=[_POINT]),
        _batch("raw metric int64 strings", metrics=[{"key": "i", "value": "1.5", "timestamp": "9", "step": "4"}]),
        _batch("raw camelCase accepted?", run_id=None, runId="$run", metrics=[_POINT]),
        get("get at the end", "runs/get", run_id="$run", only=_DATA),
        Case("over a megabyte", "POST", "runs/log-batch", body=b'{"run_id": "x", "tags": []}' + b" " * 1_000_000),
    ],
)


def _inputs(label: str, *datasets: object, **fields: Any) -> Case:
    return post(label, "runs/log-inputs", **{"run_id": "$run", "datasets": list(datasets), **fields})


def _dataset(name: object = "ds", digest: object = "d1", **fields: Any) -> dict[str, Any]:
    context = [{"key": "mlflow.data.context", "value": "training"}]
    about = {"name": name, "digest": digest, "source_type": "local", "source": "{}", **fields}
    return {"tags": context, "dataset": about}


_INPUTS = Group(
    "datasets of runs",
    [
        experiment("inputs"),
        run("inputs"),
        _inputs("plain", _dataset(schema="{}", profile="{}")),
        _inputs("again", _dataset(schema="{}", profile="{}")),
        _inputs("again with another schema", _dataset(schema='{"a": 1}')),
        get("get once", "runs/get", run_id="$run", only="run.inputs"),
        _inputs("another digest", _dataset(digest="d2")),
        _inputs("two", _dataset("two"), _dataset("three")),
        _inputs("none"),
        _inputs("without tags", {"dataset": {"name": "bare", "digest": "d", "source_type": "t", "source": "s"}}),
        _inputs("no name", _dataset("")),
        _inputs("no digest", _dataset(digest="")),
        _inputs("no source", {"dataset": {"name": "sourceless", "digest": "d"}}),
        _inputs("no dataset", {"tags": []}),
        _inputs("name 500", _dataset("n" * 500)),
        _inputs("name 501", _dataset("n" * 501)),
        _inputs("digest 36", _dataset("digest", "d" * 36)),
        _inputs("digest 37", _dataset("digest", "d" * 37)),
        _inputs("source 65535", _dataset("source", source="s" * 65_535)),
        _inputs("source 65536", _dataset("source", "d9", source="s" * 65_536)),
        _inputs("schema 1048575", _dataset("schema", schema="s" * 1_048_575)),
        _inputs("schema 1048576", _dataset("schema", "d9", schema="s" * 1_048_576)),
        _inputs("tag key 255", {**_dataset("key255"), "tags": pairs({"k" * 255: "v"})}),
        _inputs("tag key 256", {**_dataset("key256"), "tags": pairs({"k" * 256: "v"})}),
        _inputs("tag value 500", {**_dataset("value500"), "tags": pairs({"k": "v" * 500})}),
        _inputs("tag value 501", {**_dataset("value501"), "tags": pairs({"k": "v" * 501})}),
        _inputs("1001 datasets", *(_dataset(f"many{number}") for number in range(1001))),
        _inputs("unknown run", _dataset(), run_id="0" * 32),
        _inputs("no run", _dataset(), run_id=None),
        _inputs("no list", datasets="x"),
        get("names", "runs/get", run_id="$run", only="run.inputs.dataset_inputs.dataset.name"),
        run("another run", "second"),
        _inputs("the same dataset in another run", _dataset(schema="{}"), run_id="$second"),
        get("get of the second", "runs/get", run_id="$second", only="run.inputs"),
    ],
)
_WIRE = Group(
    "bytes on the wire",
    [
        Case("raw no content type", "POST", "experiments/create", body=b'{"name": "w"}', headers={}),
        Case(
            "raw text ct", "POST", "experiments/create", body=b'{"name": "w"}', headers={"content-type": "text/plain"}
        ),
        Case(
            "charset",
            "POST",
            "experiments/create",
            body=b'{"name": "wire-charset"}',
            headers={"content-type": "application/json; charset=utf-8"},
            only="nothing",
        ),
        Case("raw bad json", "POST", "experiments/create", body=b"{"),
        Case("a list", "POST", "experiments/create", body=b"[1]"),
        Case("a text", "POST", "experiments/create", body=b'"x"'),
        Case("nothing at all", "POST", "experiments/create", body=b""),
        Case("not UTF-8", "POST", "experiments/create", body=b'{"name": "\xff\xfe"}'),
        Case("a key twice", "POST", "experiments/create", body=b'{"name": "w1", "name": "wire-2"}', only="nothing"),
        Case("a lone surrogate", "POST", "experiments/create", body=b'{"name": "wire-\\ud800"}'),
        Case("NUL", "POST", "experiments/create", body=b'{"name": "wire-\\u0000"}'),
        Case("JSON's NaN", "POST", "experiments/create", body=b'{"name": NaN}'),
        Case("raw unknown path", "GET", "experiments/never"),
        Case("raw wrong method", "GET", "experiments/create"),
        Case("raw wrong method, DELETE", "DELETE", "runs/search"),
        Case("raw preview path", "GET", "/api/2.0/preview/mlflow/experiments/get?experiment_id=0"),
        Case("raw experiments/list", "GET", "experiments/list"),
        Case("raw ajax", "GET", "/ajax-api/2.0/mlflow/experiments/get", {"experiment_id": "0"}, only="experiment.name"),
        Case("version", "GET", "/version"),
        Case("health", "GET", "/health"),
        post("raw search POST null page token", "runs/search", experiment_ids=["0"], page_token=None, only="nothing"),
        post("null everywhere", "runs/search", experiment_ids=["0"], filter=None, order_by=None, only="nothing"),
    ],
)


def _bulk(label: str, **fields: Any) -> Case:
    return get(f"BULK {label}", "/ajax-api/2.0/mlflow/metrics/get-history-bulk", **{"metric_key": "m", **fields})


def _interval(label: str, **fields: Any) -> Case:
    fields = {"metric_key": "m", "run_ids": ["$run"], **fields}
    return get(f"INTERVAL {label}", "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval", **fields)


_BULK = Group(
    "histories of several runs",
    [
        experiment("bulk"),
        run("one"),
        run("two", "other"),
        _batch("points of one", metrics=[{**_POINT, "step": step, "value": step / 2} for step in range(40)]),
        _batch("points of two", run_id="$other", metrics=[{**_POINT, "value": "NaN"}, {**_POINT, "timestamp": 2}]),
        _bulk("of one", run_id=["$run"]),
        _bulk("at most", run_id=["$run"], max_results=3),
        _bulk("no key", run_id=["$run"], metric_key=[]),
        _bulk("no runs"),
        _bulk("101 runs", run_id=["$run"] * 101),
        _bulk("unknown key", run_id=["$run"], metric_key="never"),
        _bulk("unknown run", run_id=["0" * 32]),
        _interval("all"),
        _interval("a few", max_results=5),
        _interval("within", start_step=10, end_step=20),
        _interval("from alone", start_step=10),
        _interval("turned round", start_step=20, end_step=10),
        _interval("two runs", run_ids=["$run", "$other"], max_results=4, only="metrics.step"),
        _interval("max 0", max_results=0),
        _interval("max 2501", max_results=2501),
        _interval("101 runs", run_ids=["$run"] * 101),
        _interval("no runs", run_ids=[]),
        _interval("no key", metric_key=[]),
        _interval("unknown run", run_ids=["0" * 32]),
    ],
)
_LOG_MODEL = Group(
    "models of 2.x clients",
    [
        experiment("log-model"),
        run("log-model"),
        *(
            post(f"LOGMODEL {label}", "runs/log-model", run_id=run_id, model_json=text)
            for label, text, run_id in (
                (
                    "plain",
                    '{"artifact_path": "m", "flavors": {"python_function": {}}, "utc_time_created": "t"}',
                    "$run",
                ),
                ("another", '{"artifact_path": "n", "flavors": {"f": {}}, "utc_time_created": "t"}', "$run"),
                ("no JSON", "{", "$run"),
                ("a list", "[]", "$run"),
                ("without a path", '{"flavors": {}, "utc_time_created": "t"}', "$run"),
                ("without flavors", '{"artifact_path": "m", "utc_time_created": "t"}', "$run"),
                ("empty", "", "$run"),
                ("no run", "{}", None),
                ("unknown run", '{"artifact_path": "m", "flavors": {}, "utc_time_created": "t"}', "0" * 32),
            )
        ),
        get("get", "runs/get", run_id="$run", only="run.data.tags.key"),
    ],
)
_BARE = {"dataset": {"name": "bare", "digest": "d", "source_type": "t", "source": "s"}}


def _summaries(label: str, **fields: Any) -> Case:
    only = "dataset_summaries.name"
    return post(f"DATASETS {label}", "/ajax-api/2.0/mlflow/experiments/search-datasets", only=only, **fields)


_DATASETS = Group(
    "searching datasets",
    [
        experiment("datasets"),
        run("datasets"),
        _inputs("one", _dataset("one")),
        _inputs("two", _dataset("two", "d2"), _BARE),
        _summaries("of one experiment", experiment_ids=["$experiment"]),
        _summaries("of none", experiment_ids=[]),
        _summaries("without"),
        _summaries("of an unknown one", experiment_ids=["987654321"]),
        _summaries("of a text", experiment_ids="$experiment"),
        _summaries("of 20", experiment_ids=["$experiment"] * 20),
        _summaries("of 21", experiment_ids=["$experiment"] * 21),
    ],
)
GROUPS = (_METRICS, _ORDER, _PARAMS, _TAGS, _BATCHES, _INPUTS, _WIRE, _BULK, _LOG_MODEL, _DATASETS)
