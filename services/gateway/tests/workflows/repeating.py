"""A session whose replies get lost now and then, so that the client sends calls again; tells what is there then."""

from __future__ import annotations

import contextlib
from typing import Any

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

N_RUNS = 40


def session() -> dict[str, Any]:
    """Counts what is there."""
    client = MlflowClient()
    # Twice: where the reply to the creation is lost, the client finds the experiment, but does not set it.
    mlflow.set_experiment("repeated")
    experiment = mlflow.set_experiment("repeated")
    data = mlflow.data.from_numpy(np.arange(3.0), name="numbers")
    kept = []
    for number in range(N_RUNS):
        with mlflow.start_run(run_name=f"run {number}") as run:
            kept.append(run.info.run_id)
            mlflow.log_param("number", number)
            mlflow.set_tag("kind", "x")
            for step in range(3):
                mlflow.log_metric("m", step, step=step)
            client.log_batch(
                run.info.run_id,
                [Metric("b", value, 1000 + value, value) for value in range(50)],
                [Param("p", "v")],
                [RunTag("t", "v")],
            )
            mlflow.log_text(str(number), "number.txt")
            mlflow.log_input(data)
    client.delete_run(kept[0])
    client.restore_run(kept[0])
    with contextlib.suppress(MlflowException):  # that there is one already, at the repeat
        client.create_registered_model("repeated")
    client.create_model_version("repeated", mlflow.get_run(kept[0]).info.artifact_uri, kept[0])
    client.set_registered_model_alias("repeated", "a", "1")
    client.transition_model_version_stage("repeated", "1", "Production")
    model = mlflow.initialize_logged_model(name="logged")
    mlflow.finalize_logged_model(model.model_id, "READY")
    found = client.search_runs([experiment.experiment_id])
    by_id = {run.info.run_id: run for run in found}
    return {
        "missing": [number for number, run_id in enumerate(kept) if run_id not in by_id],
        "extra": [
            [len(run.data.metrics), len(run.data.params), run.info.status]
            for run_id, run in by_id.items()
            if run_id not in kept
        ],
        "kept": [
            {
                "status": by_id[run_id].info.status,
                "params": by_id[run_id].data.params,
                "tags": {key: by_id[run_id].data.tags[key] for key in ("kind", "t")},
                "m": [(point.step, point.value) for point in client.get_metric_history(run_id, "m")],
                "b": [(point.step, point.value) for point in client.get_metric_history(run_id, "b")],
                "files": [(each.path, each.file_size) for each in client.list_artifacts(run_id)],
                "datasets": len(by_id[run_id].inputs.dataset_inputs),
            }
            for run_id in kept
            if run_id in by_id
        ],
        "versions": [each.version for each in client.search_model_versions("name = 'repeated'")],
        "aliases": client.get_registered_model("repeated").aliases,
        "logged models": len(client.search_logged_models([experiment.experiment_id])),
    }
