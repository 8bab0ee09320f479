"""A course-style session with MLflow's own client; prints what it read back. Run with MLFLOW_TRACKING_URI."""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import mlflow
from mlflow import MlflowClient

client = MlflowClient()
mlflow.set_experiment("course")
with (
    tempfile.TemporaryDirectory() as folder,
    mlflow.start_run(run_name="first", description="notes", tags={"team": "a"}) as run,
):
    mlflow.log_param("alpha", 0.1)
    mlflow.log_params({"kind": "lasso", "depth": 3})
    for step in range(5):
        mlflow.log_metric("rmse", 1 / (step + 1), step=step)
    mlflow.log_metrics({"acc": 0.5, "odd": math.nan, "high": math.inf}, step=2)
    mlflow.set_tags({"note": "x", "gone": "y"})
    mlflow.delete_tag("gone")
    Path(folder, "data.txt").write_text("data", encoding="utf-8")
    mlflow.log_artifact(f"{folder}/data.txt", "files")
    mlflow.log_text("hello", "notes/a.txt")
    mlflow.log_dict({"a": 1}, "notes/b.json")
    mlflow.log_text(f"artifact_path: packed\nflavors: {{}}\nrun_id: {run.info.run_id}\n", "packed/MLmodel")
    mlflow.log_artifacts(folder, "model")
    with mlflow.start_run(nested=True, run_name="child"):
        mlflow.log_metric("rmse", 0.9)
run_id = run.info.run_id
read = client.get_run(run_id)
found = client.search_runs(
    [run.info.experiment_id], "metrics.rmse < 0.5 and params.kind = 'lasso'", order_by=["metrics.rmse ASC"]
)
with tempfile.TemporaryDirectory() as folder:
    there = Path(mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=folder))
    downloaded = sorted(str(file.relative_to(there)) for file in there.rglob("*") if file.is_file())
    text = Path(there, "notes/a.txt").read_text(encoding="utf-8")
client.create_registered_model("lasso", description="d", tags={"k": "v"})
version = client.create_model_version("lasso", f"{run.info.artifact_uri}/model", run_id)
mlflow.register_model(f"runs:/{run_id}/packed", "lasso")
client.transition_model_version_stage("lasso", "1", "Staging")
client.transition_model_version_stage("lasso", "2", "staging", archive_existing_versions=True)
client.set_registered_model_alias("lasso", "champion", "1")
client.set_model_version_tag("lasso", "1", "checked", "yes")
client.update_model_version("lasso", "1", "the first")
with tempfile.TemporaryDirectory() as folder:
    model_files = sorted(
        file.name
        for file in Path(mlflow.artifacts.download_artifacts("models:/lasso@champion", dst_path=folder)).rglob("*")
    )
problems = {}
attempts: dict[str, Callable[[], object]] = {
    "missing run": lambda: client.get_run("0" * 32),
    "missing experiment": lambda: client.get_experiment("999"),
    "param again": lambda: client.log_param(run_id, "alpha", 0.2),
    "bad filter": lambda: client.search_runs([run.info.experiment_id], "nonsense ="),
    "bad stage": lambda: client.transition_model_version_stage("lasso", "1", "Nowhere"),
    "missing alias": lambda: client.get_model_version_by_alias("lasso", "nobody"),
    "model again": lambda: client.create_registered_model("lasso"),
    "missing file": lambda: mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="never.txt"),
}
for name, act in attempts.items():
    try:
        act()
        problems[name] = "nothing"
    except mlflow.MlflowException as error:
        problems[name] = error.error_code
client.delete_run(run_id)
deleted = client.get_run(run_id).info.lifecycle_stage
client.restore_run(run_id)
experiment = mlflow.get_experiment_by_name("course")
client.rename_experiment(experiment.experiment_id, "course 2")
client.set_experiment_tag(experiment.experiment_id, "topic", "taxi")
sys.stdout.write(
    "\n"
    + json.dumps(
        {
            "status": read.info.status,
            "name": read.info.run_name,
            "params": read.data.params,
            "rmse": read.data.metrics["rmse"],
            "odd": str(read.data.metrics["odd"]),
            "high": read.data.metrics["high"] > 1e308,
            "tags": {
                key: value
                for key, value in read.data.tags.items()
                if key in ("team", "note", "gone", "mlflow.note.content", "mlflow.runName")
            },
            "history": [(point.step, point.value) for point in client.get_metric_history(run_id, "rmse")],
            "found": [each.info.run_name for each in found],
            "children": [
                each.info.run_name
                for each in client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'")
            ],
            "listed": [(file.path, file.is_dir) for file in client.list_artifacts(run_id)],
            "inner": [(file.path, file.file_size) for file in client.list_artifacts(run_id, "notes")],
            "downloaded": downloaded,
            "text": text,
            "stages": {each.version: each.current_stage for each in client.search_model_versions("name = 'lasso'")},
            "champion": client.get_model_version_by_alias("lasso", "champion").version,
            "version": (
                version.status,
                client.get_model_version("lasso", "1").description,
                client.get_model_version("lasso", "1").tags,
            ),
            "model": (client.get_registered_model("lasso").description, client.get_registered_model("lasso").tags),
            "latest": [each.version for each in client.get_latest_versions("lasso", ["Staging"])],
            "models": [each.name for each in client.search_registered_models("name LIKE 'las%'")],
            "model_files": model_files,
            "problems": problems,
            "deleted": deleted,
            "experiment": (
                mlflow.get_experiment(experiment.experiment_id).name,
                mlflow.get_experiment(experiment.experiment_id).tags,
            ),
        }
    )
)
