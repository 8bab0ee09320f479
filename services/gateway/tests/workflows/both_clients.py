"""An experiment that a client of 3.x and one of 2.x write to, and read what the other wrote. Each writes its own layout
of models: 3.x logged models, 2.x folders of runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow import MlflowClient
from sklearn.linear_model import LinearRegression
from told import failure, number, of_experiment, of_models

X = np.arange(10.0).reshape(-1, 1)


def of_3x() -> dict[str, Any]:
    """A session of the newer client."""
    with _run("of 3.x"):
        mlflow.sklearn.log_model(
            _model(2),
            name="model",
            registered_model_name="both-new",
            serialization_format="cloudpickle",
            pip_requirements=["scikit-learn"],
        )
    MlflowClient().set_registered_model_alias("both-new", "champion", "1")
    return of_experiment("both")


def of_2x() -> dict[str, Any]:
    """A session of the older client; then it reads what the newer one wrote."""
    client = MlflowClient()
    with _run("of 2.x") as run:
        for path in ("model", "folder/second"):
            mlflow.sklearn.log_model(_model(3), artifact_path=path, pip_requirements=["scikit-learn"])
        with mlflow.start_run(run_name="child of 2.x", nested=True):
            mlflow.log_metric("m", 1)
    registered = mlflow.register_model(f"runs:/{run.info.run_id}/model", "both-old")
    again = mlflow.register_model(f"runs:/{run.info.run_id}/folder/second", "both-old")
    client.transition_model_version_stage("both-old", "1", "Production")
    client.transition_model_version_stage("both-old", "2", "Staging")
    client.set_registered_model_alias("both-old", "champion", "2")
    client.copy_model_version("models:/both-old@champion", "both-copied")
    uris = [
        f"runs:/{run.info.run_id}/model",
        "models:/both-old/1",
        "models:/both-old/Production",
        "models:/both-old@champion",
        "models:/both-old/latest",
        "models:/both-copied/1",
        "models:/both-new/1",
        "models:/both-new@champion",
    ]
    other = _named("of 3.x")
    return {
        "versions": (registered.version, again.version),
        "predicted": {uri.replace(run.info.run_id, "RUN"): _predicted(uri) for uri in uris},
        "told": of_experiment("both"),
        "models": of_models("both-"),
        "model of 3.x by its run": failure(lambda: mlflow.pyfunc.load_model(f"runs:/{other.info.run_id}/model")),
        "files of 3.x": [each.path for each in client.list_artifacts(other.info.run_id)],
        "metric of 3.x": [point.value for point in client.get_metric_history(other.info.run_id, "m")],
        "frame": mlflow.search_runs(experiment_names=["both"], order_by=["tags.mlflow.runName"])[
            "tags.mlflow.runName"
        ].tolist(),
    }


def of_3x_again() -> dict[str, Any]:
    """The newer client reads what the older one wrote, and goes on with it."""
    client = MlflowClient()
    other = _named("of 2.x")
    uris = [
        f"runs:/{other.info.run_id}/model",
        "models:/both-old/1",
        "models:/both-old@champion",
        "models:/both-copied/1",
    ]
    with mlflow.start_run(run_id=other.info.run_id):
        mlflow.log_metric("m", 7, step=9)
    registered = mlflow.register_model(f"runs:/{other.info.run_id}/model", "both-old")
    return {
        "predicted": {uri.replace(other.info.run_id, "RUN"): _predicted(uri) for uri in uris},
        "listed": [each.path for each in client.list_artifacts(other.info.run_id, "model")],
        "files": sorted(
            file.name for file in Path(mlflow.artifacts.download_artifacts(uris[0])).rglob("*") if file.is_file()
        ),
        "version": registered.version,
        "told": of_experiment("both"),
        "models": of_models("both-"),
    }


def _run(name: str) -> Any:
    mlflow.set_experiment("both")
    run = mlflow.start_run(run_name=name, tags={"client": name})
    mlflow.log_params({"a": 1, "b": "x"})
    for step in range(3):
        mlflow.log_metric("m", step / 2, step=step)
    mlflow.log_text("text", "notes/a.txt")
    mlflow.log_dict({"a": 1}, "b.json")
    return run


def _model(slope: float) -> LinearRegression:
    return LinearRegression().fit(X, slope * X[:, 0] + 1)


def _predicted(uri: str) -> float | str:
    return number(float(mlflow.pyfunc.load_model(uri).predict(X[2:3])[0]))


def _named(name: str) -> Any:
    experiment = mlflow.get_experiment_by_name("both")
    return MlflowClient().search_runs([experiment.experiment_id], f"attributes.run_name = '{name}'")[0]
