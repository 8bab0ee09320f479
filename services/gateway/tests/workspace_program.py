"""Works in the workspace of MLFLOW_WORKSPACE with MLflow's own client, and looks for it in another one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

import mlflow
from mlflow.exceptions import MlflowException, RestException

workspace = os.environ["MLFLOW_WORKSPACE"]
name = f"of {workspace}"
mlflow.set_experiment(name)
with mlflow.start_run() as run:
    mlflow.log_param("alpha", 0.1)
    mlflow.log_metric("rmse", 0.5, step=3)
    mlflow.log_text("hello", "notes/a.txt")
mlflow.MlflowClient().create_registered_model(name)
told = {
    "run_id": run.info.run_id,
    "experiment": name,
    "params": mlflow.get_run(run.info.run_id).data.params,
    "text": mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/a.txt"),
    "models": [model.name for model in mlflow.search_registered_models()],
    "workspaces": [each.name for each in mlflow.list_workspaces()],
    "workspace": mlflow.get_workspace(workspace).name,
}
refused = []
attempts: tuple[Callable[[], object], ...] = (
    lambda: mlflow.get_workspace("nobodys"),
    lambda: mlflow.create_workspace("another"),
    lambda: mlflow.delete_workspace(workspace),
)
for attempt in attempts:
    try:
        attempt()
    except RestException as error:
        refused.append(error.error_code)
mlflow.set_workspace("default")
told["found in default"] = mlflow.get_experiment_by_name(name) is not None
try:
    mlflow.get_run(run.info.run_id)
except MlflowException as error:
    refused.append(error.error_code)
told["refused"] = refused
sys.stdout.write("\n" + json.dumps(told) + "\n")
