"""MLflow's own client, as it comes, in one session after the other until SIGTERM. Run with MLFLOW_TRACKING_URI."""

from __future__ import annotations

import json
import logging
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient

# As the other clients: it would take the processors from servers.
PAUSE_SECONDS = 0.1

done: Counter[str] = Counter()
failed: list[str] = []
sent_again: list[str] = []
stopped = threading.Event()


class SentAgain(logging.Handler):
    """Notes what urllib3 sends again by MLflow's settings, which no caller sees."""

    def emit(self, record: logging.LogRecord) -> None:
        """As logging has it."""
        if "Retrying" in record.msg:
            sent_again.append(record.getMessage())


def call(name: str, act: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Calls and counts."""
    try:
        answer = act(*arguments, **options)
    except Exception as error:
        failed.append(f"{name}: {type(error).__name__}: {error}")
        raise
    done[name] += 1
    return answer


def session(client: MlflowClient, experiment_id: str, number: int, folder: str) -> None:
    """What a training does."""
    run_id = call("create_run", client.create_run, experiment_id).info.run_id
    call("log_param", client.log_param, run_id, "number", number)
    call("log_metric", client.log_metric, run_id, "loss", 1 / number, step=number)
    metrics = [mlflow.entities.Metric("acc", step / 10, step, step) for step in range(10)]
    call("log_batch", client.log_batch, run_id, metrics)
    call("set_tag", client.set_tag, run_id, "team", "a")
    file = Path(folder, "weights.bin")
    file.write_bytes(number.to_bytes(8, "big") * 12_500)
    call("log_artifact", client.log_artifact, run_id, str(file), "model")
    fetched = call("download_artifacts", client.download_artifacts, run_id, "model/weights.bin", folder)
    if Path(fetched).read_bytes() != file.read_bytes():
        raise AssertionError("the file is another one")
    call("set_terminated", client.set_terminated, run_id)
    if len(call("get_metric_history", client.get_metric_history, run_id, "acc")) != len(metrics):
        raise AssertionError("there are not all points")
    call("search_runs", client.search_runs, [experiment_id], "metrics.acc > 0.5", max_results=5)
    call("create_model_version", client.create_model_version, "rolling", f"runs:/{run_id}/model", run_id)
    call("set_registered_model_alias", client.set_registered_model_alias, "rolling", "best", "1")
    call("get_model_version_by_alias", client.get_model_version_by_alias, "rolling", "best")


def main() -> None:
    """Says `begun` when the first session is over, and what became of all at the end."""
    logging.getLogger("urllib3.connectionpool").addHandler(SentAgain())
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    client = MlflowClient()
    experiment_id = client.create_experiment("rolling by mlflow")
    client.create_registered_model("rolling")
    number = 0
    with tempfile.TemporaryDirectory() as folder:
        while not stopped.wait(PAUSE_SECONDS):
            number += 1
            try:
                session(client, experiment_id, number, folder)
            except Exception as error:  # noqa: BLE001 - a call that failed is noted already
                failed.append(f"session {number} ended early: {type(error).__name__}: {error}")
            if number == 1:
                sys.stdout.write("begun\n")
                sys.stdout.flush()
    answer = {"done": done, "failed": failed, "sent_again": sent_again}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
