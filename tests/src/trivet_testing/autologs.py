"""What programs log unasked: to real MLflow, asked once and kept in the cache, and to Trivet, asked each time.

A program takes the module of the product as its first argument, `mlflow` or `trivet`; an experiment is active.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest import mock

import trivet
from trivet import Client
from trivet_testing.cache import made_once
from trivet_testing.environments import MLFLOW_VERSION, mlflow_environment

_HERE: Final = Path(__file__).parent
EXPERIMENT: Final = "autolog"
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
"""Sums of several threads differ in their last digits."""


@dataclass(frozen=True)
class LoggedUnasked:
    """A run, as both products tell of it."""

    status: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    files: tuple[str, ...]
    """But for those of models."""
    contents: Mapping[str, Any]
    """Of the JSON files, by their names."""
    inputs: tuple[str, ...]
    """What the datasets are for."""
    models: tuple[Mapping[str, Any], ...]
    """By name: `name`, `status`, `params`, `metrics`, `flavors`, `has_signature` and `has_example`."""
    children: tuple[LoggedUnasked, ...] = ()
    """The best first where they are ranked, else in the order of their start."""


def logged_by_mlflow(program: Path) -> list[LoggedUnasked]:
    """The runs that a program makes with MLflow, in the order of their start."""
    content = program.read_bytes() + (_HERE / "mlflow_autolog.py").read_bytes()

    def make(folder: Path) -> None:
        python = str(mlflow_environment() / "bin" / "python")
        command = [python, "-m", "trivet_testing.mlflow_autolog", str(program), str(folder)]
        environment = os.environ | _ONE_THREAD | {"PYTHONPATH": str(_HERE.parent), "MLFLOW_DISABLE_TELEMETRY": "true"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=folder)
        assert done.returncode == 0, done.stderr

    kept = made_once(f"mlflow-{MLFLOW_VERSION}-autolog-{hashlib.sha256(content).hexdigest()[:12]}", make)
    return _as_trees(json.loads((kept / "answers.json").read_text(encoding="utf-8")))


def logged_by_trivet(program: Path) -> list[LoggedUnasked]:
    """The runs that a program makes with Trivet, in this process and where the environment says, as above."""
    trivet.set_experiment(EXPERIMENT)
    with mock.patch.object(sys, "argv", [str(program), "trivet"]):
        runpy.run_path(str(program), run_name="__main__")
    trivet.flush()
    with Client() as client:
        return _as_trees(_told(client))


def _told(client: Client) -> list[dict[str, Any]]:
    runs = trivet.search_runs(
        experiment_names=[EXPERIMENT], order_by=["attributes.start_time ASC"], output_format="list"
    )
    return [_told_of_run(client, run.info.run_id) for run in runs]


def _told_of_run(client: Client, run_id: str) -> dict[str, Any]:
    run = client.get_run(run_id)
    models = [client.get_logged_model(each.model_id) for each in (run.outputs.model_outputs if run.outputs else ())]
    of_models = {model.name for model in models}
    files = [path for path in _files(client, run_id) if path.partition("/")[0] not in of_models]
    return {
        "id": run_id,
        "parent": run.info.parent_run_id,
        "status": run.info.status,
        "params": dict(run.data.params),
        "metrics": dict(run.data.metrics),
        "tags": dict(run.data.tags),
        "files": files,
        "contents": {
            name: json.loads(Path(client.download_artifacts(run_id, name)).read_text(encoding="utf-8"))
            for name in files
            if name.endswith(".json")
        },
        "inputs": [value for each in (run.inputs.dataset_inputs if run.inputs else ()) for value in each.tags.values()],
        "models": [_told_of_model(model) for model in models],
    }


def _told_of_model(model: trivet.LoggedModel) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - of the tests of models alone

    described = yaml.safe_load((Path(trivet.download_artifacts(artifact_uri=model.model_uri)) / "MLmodel").read_text())
    return {
        "name": model.name,
        "status": model.status,
        "params": dict(model.params),
        "metrics": {metric.key: metric.value for metric in model.metrics},
        "flavors": sorted(described["flavors"]),
        "has_signature": described.get("signature") is not None,
        "has_example": described.get("saved_input_example_info") is not None,
    }


def _files(client: Client, run_id: str, path: str | None = None) -> list[str]:
    found = []
    for entry in client.list_artifacts(run_id, path):
        found += _files(client, run_id, entry.path) if entry.is_dir else [entry.path]
    return found


def _as_trees(told: list[dict[str, Any]]) -> list[LoggedUnasked]:
    return _children(told, "")


def _children(told: list[dict[str, Any]], parent: str) -> list[LoggedUnasked]:
    of_parent = [run for run in told if run["parent"] == parent]
    of_parent.sort(key=lambda run: run["metrics"].get("rank_test_score", math.inf))
    return [
        LoggedUnasked(
            status=run["status"],
            params=run["params"],
            metrics=run["metrics"],
            tags=run["tags"],
            files=tuple(sorted(run["files"])),
            contents=run["contents"],
            inputs=tuple(sorted(run["inputs"])),
            models=tuple(sorted(run["models"], key=lambda model: str(model["name"]))),
            children=tuple(_children(told, run["id"])),
        )
        for run in of_parent
    ]
