"""Fills an MLflow store with a bit of everything; run by MLflow's own environment, which has nothing of the project.

python mlflow_records.py STORE_URI ARTIFACTS_URI N_RUNS
"""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput, Metric, Param, RunTag

_START = 1_790_000_000_000
_MLMODEL = """flavors: {}
signature:
  inputs: '[{"type": "double", "name": "distance"}]'
  outputs: '[{"type": "double"}]'
"""


def _log(client: MlflowClient, experiment_id: str, number: int) -> str:
    tags = {"mlflow.user": "ada", "mlflow.source.name": f"train_{number % 3}.py", "kind": f"k{number % 4}"}
    if number % 5 == 0:
        tags["mlflow.note.content"] = "Notes of the run,\nin *two* lines: žluťoučký."
        tags["mlflow.source.git.commit"] = "0123abcd" * 5
    run = client.create_run(experiment_id, start_time=_START + number, tags=tags, run_name=f"run-{number}")
    run_id: str = run.info.run_id
    metrics = [
        Metric("loss", 1 / (step + 1) + number, _START + 10 * step, step) for step in range(20 if number else 2_500)
    ]
    metrics += [
        Metric("odd/one", math.nan, _START, 0),
        Metric("odd/one", math.inf, _START + 1, 1),
        Metric("odd/one", -math.inf, _START + 2, -2),
        Metric("odd/one", -0.0, _START + 3, 2**40),
        Metric("odd/one", 5.0, _START + 3, 2**40),
    ]
    params = [Param("lr", str(number / 7)), Param("empty", ""), Param("długa nazwa/ x", "wartość " * 50)]
    for begin in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[begin : begin + 1000], params=params if not begin else [])
    client.log_batch(run_id, tags=[RunTag("long", "t" * 5_000)])
    if number % 3 == 0:
        data = Dataset(
            f"trips-{number % 2}", "4fb5574f", "local", '{"uri": "trips.csv"}', '{"columns": 3}', '{"rows": 9}'
        )
        client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])
    return run_id


def _end(client: MlflowClient, run_id: str, number: int) -> None:
    status = ("FINISHED", "FAILED", "KILLED", "RUNNING")[number % 4]
    if status != "RUNNING":
        client.set_terminated(run_id, status, end_time=_START + 100_000 + number)


def _log_files(client: MlflowClient, run_id: str, folder: Path, number: int) -> None:
    client.log_artifacts(run_id, str(folder), "model")
    client.log_text(run_id, f"report of {number}", "report.txt")
    client.log_text(run_id, "a b", "plots/with space & ü.txt")


def _make_model(client: MlflowClient, experiment_id: str, run_id: str, folder: Path, number: int) -> str:
    model = client.create_logged_model(
        experiment_id,
        name=f"lasso-{number}",
        source_run_id=run_id,
        tags={"a": "b"},
        params={"alpha": "0.1"},
        model_type="x",
    )
    model_id: str = model.model_id
    client.log_model_artifacts(model_id, str(folder))
    client.finalize_logged_model(model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model_id, 3)])
    client.log_metric(run_id, "rmse", 6.5, timestamp=_START + 5, step=4, model_id=model_id)
    client.log_metric(
        run_id,
        "rmse",
        7.5,
        timestamp=_START + 6,
        step=4,
        model_id=model_id,
        dataset_name="trips-0",
        dataset_digest="4fb5574f",
    )
    return model_id


def _register(client: MlflowClient, run_id: str, run_uri: str, model_id: str) -> None:
    client.create_registered_model("taxi", tags={"team": "a"}, description="What it is for.")
    sources = [
        (f"{run_uri}/model", run_id, None),
        (f"models:/{model_id}", run_id, model_id),
        ("s3://elsewhere/model", None, None),
        (f"{run_uri}/model", run_id, None),
        (f"models:/{model_id}", run_id, model_id),
    ]
    for number, (source, of_run, of_model) in enumerate(sources, start=1):
        client.create_model_version(
            "taxi", source, of_run, tags={"number": str(number)}, description=f"Version {number}.", model_id=of_model
        )
    for number, stage in ((1, "Archived"), (3, "Staging"), (5, "Production")):
        client.transition_model_version_stage("taxi", str(number), stage)
    client.set_registered_model_alias("taxi", "champion", "5")
    client.set_registered_model_alias("taxi", "older", "1")
    client.delete_model_version("taxi", "2")
    client.delete_model_version("taxi", "4")
    client.create_registered_model("without versions")


def main(store_uri: str, artifacts_uri: str, n_runs: int) -> None:
    """Writes all of it."""
    mlflow.set_tracking_uri(store_uri)
    mlflow.set_registry_uri(store_uri)
    client = MlflowClient()

    def create_experiment(name: str, number: int, **options: object) -> str:
        location = f"{artifacts_uri}/{number}" if artifacts_uri else None
        created: str = client.create_experiment(name, artifact_location=location, **options)
        return created

    taxi = create_experiment("taxi", 1, tags={"team": "a", "mlflow.note.content": "What it is about."})
    gone = create_experiment("gone", 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "MLmodel").write_text(_MLMODEL, encoding="utf-8")
        (folder / "weights.bin").write_bytes(bytes(range(256)) * 64)
        first = model_id = ""
        for number in range(n_runs):
            run_id = _log(client, "0" if number == 7 else taxi, number)
            if number < 3:
                _log_files(client, run_id, folder, number)
                made = _make_model(client, taxi, run_id, folder, number)
                first, model_id = first or run_id, model_id or made
            elif number == 3:
                client.set_tag(run_id, "mlflow.parentRunId", first)
                client.delete_logged_model(client.create_logged_model(taxi, name="thrown-away").model_id)
            _end(client, run_id, number)
            if number == 4:
                client.delete_run(run_id)
        _log(client, gone, n_runs)
        client.delete_experiment(gone)
        _register(client, first, client.get_run(first).info.artifact_uri, model_id)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
