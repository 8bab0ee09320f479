"""Many processes that log at once, to runs of their own and to one run together."""

from __future__ import annotations

import multiprocessing
from typing import Any

import mlflow
from mlflow import MlflowClient
from told import of_experiment

N_PROCESSES = 32
N_POINTS = 10


def processes() -> dict[str, Any]:
    """What there is when all have ended."""
    experiment = mlflow.set_experiment("crowd")
    shared = MlflowClient().create_run(experiment.experiment_id, run_name="shared").info.run_id
    # Forked: to import MLflow takes a second each.
    context = multiprocessing.get_context("fork")
    together = context.Barrier(N_PROCESSES)
    started = [context.Process(target=_log, args=(number, shared, together)) for number in range(N_PROCESSES)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    return {"exit codes": [process.exitcode for process in started], **of_experiment("crowd")}


def _log(number: int, shared: str, together: Any) -> None:
    together.wait()
    client = MlflowClient()
    mlflow.set_experiment("crowd")
    with mlflow.start_run(run_name=f"process {number:02}"):
        mlflow.log_params({"number": number})
        for step in range(N_POINTS):
            mlflow.log_metric("m", number * step, step=step)
            client.log_metric(shared, "all", number, timestamp=1000 * number + step, step=number * N_POINTS + step)
        client.log_param(shared, f"p{number:02}", number)
        client.set_tag(shared, f"t{number:02}", str(number))
        mlflow.log_text(str(number), "number.txt")
        client.log_text(shared, str(number), f"numbers/{number:02}.txt")
