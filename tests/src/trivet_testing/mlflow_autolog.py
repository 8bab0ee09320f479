"""Runs a program that MLflow logs unasked, and writes what it has logged; run by MLflow's environment.

python -m trivet_testing.mlflow_autolog PROGRAM FOLDER

The program is told `mlflow`, and logs to the experiment `autolog`. `answers.json` in the folder has its runs, as
`trivet_testing.autologs` explains them.
"""

from __future__ import annotations

import json
import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient


def _files(client: MlflowClient, run_id: str, path: str | None = None) -> list[str]:
    found: list[str] = []
    for entry in client.list_artifacts(run_id, path):
        found += _files(client, run_id, entry.path) if entry.is_dir else [entry.path]
    return found


def _contents(run: Any, files: list[str]) -> dict[str, Any]:
    return {
        name: json.loads(mlflow.artifacts.load_text(f"{run.info.artifact_uri}/{name}"))
        for name in files
        if name.endswith(".json")
    }


def _models(client: MlflowClient, run: Any) -> list[dict[str, Any]]:
    models = []
    for output in run.outputs.model_outputs if run.outputs else ():
        model = client.get_logged_model(output.model_id)
        described = mlflow.models.get_model_info(model.model_uri)
        models.append(
            {
                "name": model.name,
                "status": str(model.status),
                "params": dict(model.params),
                "metrics": {metric.key: metric.value for metric in model.metrics or ()},
                "flavors": sorted(described.flavors),
                "has_signature": described.signature is not None,
                "has_example": described.saved_input_example_info is not None,
            }
        )
    return models


def _told(client: MlflowClient, run: Any) -> dict[str, Any]:
    files = _files(client, run.info.run_id)
    return {
        "id": run.info.run_id,
        "parent": run.data.tags.get("mlflow.parentRunId", ""),
        "status": run.info.status,
        "params": run.data.params,
        "metrics": run.data.metrics,
        "tags": run.data.tags,
        "files": files,
        "contents": _contents(run, files),
        "inputs": [tag.value for each in run.inputs.dataset_inputs for tag in each.tags],
        "models": _models(client, run),
    }


def main(program: str, folder: str) -> None:
    """Runs the program, and writes its runs in the order in which they were started."""
    with tempfile.TemporaryDirectory() as kept:
        mlflow.set_tracking_uri(f"sqlite:///{kept}/mlflow.db")
        mlflow.create_experiment("autolog", artifact_location=Path(kept, "files").as_uri())
        experiment_id = mlflow.set_experiment("autolog").experiment_id
        sys.argv = [program, "mlflow"]
        runpy.run_path(program, run_name="__main__")
        client = MlflowClient()
        runs = client.search_runs([experiment_id], order_by=["attributes.start_time ASC"])
        answers = [_told(client, client.get_run(run.info.run_id)) for run in runs]
    Path(folder, "answers.json").write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
