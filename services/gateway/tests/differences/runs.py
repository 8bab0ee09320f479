"""Runs: creating, changing, deleting and restoring them."""

from __future__ import annotations

from typing import Any

from .case import Case, Group, experiment, get, pairs, post, run


def _create(label: str, **fields: Any) -> Case:
    return post(f"CREATE {label}", "runs/create", **{"experiment_id": "$experiment", "start_time": 1000, **fields})


_CREATE = Group(
    "creating runs",
    [
        experiment("creating-runs"),
        _create("named", run_name="edge1", user_id="ada"),
        _create("without anything"),
        _create("empty name", run_name=""),
        _create("tag for a name", tags=pairs({"mlflow.runName": "tagged"})),
        _create("both names, equal", run_name="same", tags=pairs({"mlflow.runName": "same"})),
        _create("both names, other", run_name="one", tags=pairs({"mlflow.runName": "other"})),
        _create("tag for a user", tags=pairs({"mlflow.user": "eve", "mlflow.source.name": "train.py"})),
        _create("user and tag", user_id="ada", tags=pairs({"mlflow.user": "eve"})),
        _create("note", tags=pairs({"mlflow.note.content": "why", "mlflow.source.git.commit": "abc"})),
        _create("tags twice", tags=[{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]),
        _create("tag without a key", tags=[{"value": "1"}]),
        _create("tag with an empty key", tags=pairs({"": "1"})),
        _create("tag key 251", tags=pairs({"k" * 251: "1"})),
        _create("tag key @", tags=pairs({"a@b": "1"})),
        _create("tag value 8001", tags=pairs({"a": "x" * 8001})),
        _create("tags no list", tags={"a": "b"}),
        _create("name 250", run_name="x" * 250),
        _create("name 251", run_name="x" * 251),
        _create("name 501", run_name="x" * 501),
        _create("name é", run_name="é☃"),
        _create("no start", start_time=None),
        _create("start 0", start_time=0),
        _create("start -1", start_time=-1),
        _create("start text", start_time="1234"),
        _create("start no number", start_time="x"),
        _create("start float", start_time=1.5),
        _create("user 300", user_id="u" * 300),
        _create("experiment unknown", experiment_id="987654321"),
        _create("experiment no number", experiment_id="abc"),
        _create("experiment a number", experiment_id=0),
        post("CREATE experiment missing", "runs/create", start_time=1, only="run.info.experiment_id"),
        _create("parent unknown", tags=pairs({"mlflow.parentRunId": "f" * 32})),
        run("parent", "parent"),
        _create("parent", tags=pairs({"mlflow.parentRunId": "$parent"}), run_name="child"),
        _create("raw unknown field", wrong="x", run_name="unknown field"),
    ],
)


def _update(label: str, **fields: Any) -> Case:
    return post(f"UPDATE {label}", "runs/update", **{"run_id": "$run", **fields})


_UPDATE = Group(
    "changing runs",
    [
        experiment("changing-runs"),
        run("edge1"),
        *(
            _update(label, **fields)
            for label, fields in (
                ("nothing", {}),
                ("FINISHED", {"status": "FINISHED", "end_time": 5000}),
                ("RUNNING again", {"status": "RUNNING"}),
                ("FAILED", {"status": "FAILED", "end_time": 6000}),
                ("KILLED", {"status": "KILLED"}),
                ("SCHEDULED", {"status": "SCHEDULED"}),
                ("by number", {"status": 3}),
                ("by a text of a number", {"status": "3"}),
                ("lower case", {"status": "finished"}),
                ("unknown", {"status": "DONE"}),
                ("number unknown", {"status": 9}),
                ("number of many digits", {"status": "9" * 5000}),
                ("end before start", {"status": "FINISHED", "end_time": 1}),
                ("end text", {"end_time": "7000"}),
                ("end no number", {"end_time": "x"}),
                ("name", {"run_name": "renamed"}),
                ("name empty", {"run_name": ""}),
                ("name 251", {"run_name": "x" * 251}),
                ("unknown run", {"run_id": "0" * 32, "status": "FINISHED"}),
                ("no run", {"run_id": None, "status": "FINISHED"}),
                ("strange id", {"run_id": "a b/c", "status": "FINISHED"}),
                ("end -1", {"end_time": -1}),
                ("end 7000 again", {"end_time": 7000}),
            )
        ),
        get("get", "runs/get", run_id="$run"),
        post("set runName tag", "runs/set-tag", run_id="$run", key="mlflow.runName", value="by tag"),
        get("get renamed by tag", "runs/get", run_id="$run"),
        post("delete runName tag?", "runs/delete-tag", run_id="$run", key="mlflow.runName"),
        get("get without the tag", "runs/get", run_id="$run", only="run.info.run_name"),
        post("set note", "runs/set-tag", run_id="$run", key="mlflow.note.content", value="a note"),
        post("set note again", "runs/set-tag", run_id="$run", key="mlflow.note.content", value="another"),
        post("delete note", "runs/delete-tag", run_id="$run", key="mlflow.note.content"),
        get("get without the note", "runs/get", run_id="$run"),
        post("set user", "runs/set-tag", run_id="$run", key="mlflow.user", value="eve"),
        get("get with another user", "runs/get", run_id="$run"),
        get("by run_uuid alone", "runs/get", run_uuid="$run"),
        get("by both", "runs/get", run_uuid="$run", run_id="$run"),
        get("get unknown", "runs/get", run_id="0" * 32),
        get("get none", "runs/get"),
        get("get strange", "runs/get", run_id="../x"),
    ],
)
_NAMES = "runs.info.run_name"
_STATES = Group(
    "states of runs",
    [
        experiment("states-of-runs"),
        run("stays"),
        run("goes", "deleted", start_time=2000),
        post("log before", "runs/log-metric", run_id="$deleted", key="a", value=1, timestamp=1),
        post("delete", "runs/delete", run_id="$deleted"),
        post("delete twice", "runs/delete", run_id="$deleted"),
        post("log to deleted run", "runs/log-metric", run_id="$deleted", key="a", value=1, timestamp=1),
        post("param to deleted run", "runs/log-parameter", run_id="$deleted", key="a", value="1"),
        post("tag to deleted run", "runs/set-tag", run_id="$deleted", key="a", value="1"),
        post("batch to deleted run", "runs/log-batch", run_id="$deleted", params=pairs({"a": "1"})),
        post("delete a tag of a deleted run", "runs/delete-tag", run_id="$deleted", key="a"),
        post("update a deleted run", "runs/update", run_id="$deleted", status="FINISHED"),
        get("get deleted run", "runs/get", run_id="$deleted"),
        get("history of a deleted run", "metrics/get-history", run_id="$deleted", metric_key="a"),
        *(
            post(f"search {view}", "runs/search", experiment_ids=["$experiment"], run_view_type=view, only=_NAMES)
            for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL", 2, "3", "SOME")
        ),
        post("restore", "runs/restore", run_id="$deleted"),
        post("restore active run", "runs/restore", run_id="$deleted"),
        get("get restored run", "runs/get", run_id="$deleted"),
        post("delete unknown", "runs/delete", run_id="0" * 32),
        post("restore unknown", "runs/restore", run_id="0" * 32),
        post("delete none", "runs/delete"),
        post("delete by run_uuid", "runs/delete", run_uuid="$run"),
    ],
)


def _at(name: str, location: str) -> list[Case]:
    """A run and a logged model of an experiment at a location."""
    return [
        post(
            f"experiment at {name}",
            "experiments/create",
            name=f"files-{name}",
            artifact_location=location,
            keep={"at": "experiment_id"},
        ),
        post(f"run at {name}", "runs/create", experiment_id="$at", start_time=1, run_name=name),
        post(f"logged model at {name}", "logged-models", experiment_id="$at", name="model"),
    ]


_ELSEWHERE = Group(
    "files elsewhere",
    [
        post(
            "experiment of a bucket",
            "experiments/create",
            name="files-elsewhere",
            artifact_location="s3://bucket/folder",
            keep={"experiment": "experiment_id"},
        ),
        run("files elsewhere"),
        get("get", "runs/get", run_id="$run"),
        post("update", "runs/update", run_id="$run", status="FINISHED", end_time=5000),
        post("search", "runs/search", experiment_ids=["$experiment"]),
        *(
            post(
                f"search {text}", "runs/search", experiment_ids=["$experiment"], filter=text, only="runs.info.run_name"
            )
            for text in ("artifact_uri LIKE 's3://bucket/folder/%/artifacts'", "artifact_uri LIKE 'mlflow-artifacts:%'")
        ),
        post(
            "logged model",
            "logged-models",
            experiment_id="$experiment",
            name="model",
            keep={"model": "model.info.model_id"},
        ),
        get("get logged model", "logged-models/$model"),
        post("search logged models", "logged-models/search", experiment_ids=["$experiment"]),
        *_at("a slash", "s3://bucket/folder/"),
        *_at("two slashes", "s3://bucket/folder//"),
        *_at("a query", "s3://bucket/a?b=c"),
        *_at("a slash and a query", "s3://bucket/a/?b=c&d=e/f"),
        *_at("a bucket", "s3://bucket"),
        *_at("a slash of this server", "mlflow-artifacts:/team/"),
        *_at("this server", "mlflow-artifacts:/"),
    ],
)
GROUPS = (_CREATE, _UPDATE, _STATES, _ELSEWHERE)
