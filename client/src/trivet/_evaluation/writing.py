"""Logs evaluations: metrics, plots and tables to a run, and metrics to the logged model too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from trivet._client import Client
from trivet._entities import DatasetInput, LoggedModelInput
from trivet._errors import InvalidArgument
from trivet._evaluation.measuring import Measured
from trivet._evaluation.results import Evaluation
from trivet._fluent import active_run, process_client, start_run
from trivet._records import check_key, check_model_id, to_dataset_input
from trivet._safe_paths import check_logical

FOLDER: Final = "evaluation"
"""Where the files of evaluations are in a run."""
_ALL_OF_IT: Final = "evaluation"
"""The file that has the whole evaluation."""
_CONTEXT: Final = {"mlflow.data.context": "evaluation"}


@dataclass(frozen=True)
class RunLog:
    """A run that is logged to."""

    client: Client
    run_id: str


@contextmanager
def run_to_log_to(client: Client | None, run_id: str | None) -> Iterator[RunLog]:
    """The run of that id, else the active one; where there is none a new one, which is ended afterwards.

    Raises:
        InvalidArgument: there is a client, and no run of it.
    """
    if run_id is not None:
        yield RunLog(client or process_client(), run_id)
        return
    if client is not None:
        raise InvalidArgument("With a client goes the run_id of a run to log to.")
    run = active_run()
    if run is not None:
        yield RunLog(run._client, run.info.run_id)  # noqa: SLF001 - what is logged goes where the run is
        return
    with start_run() as run:
        yield RunLog(run._client, run.info.run_id)  # noqa: SLF001 - as above


def check_loggable(measured: Measured, *, prefix: str = "") -> None:
    """Raises InvalidArgument where `log_evaluation` would be refused, before any of it is logged."""
    evaluation = measured.evaluation
    for key in evaluation.all_metrics():
        check_key(f"{prefix}{key}")
    for name in (*evaluation.tables, _ALL_OF_IT):  # plots have the same prefix, and names no longer than keys
        check_logical(_file(prefix, name, "json"))
    to_dataset_input(evaluation.dataset, _CONTEXT)
    if evaluation.model_id:
        check_model_id(evaluation.model_id)


def _file(prefix: str, name: str, suffix: str) -> str:
    """Where a plot or table is among the files of the run."""
    return f"{FOLDER}/{prefix}{name}.{suffix}"


def log_evaluation(measured: Measured, log: RunLog, *, prefix: str = "", plots: bool = True) -> Evaluation:
    """Logs all of an evaluation, and returns it with the run.

    What an earlier one has logged to the run under the same keys and names is replaced; all else stays.

    Args:
        measured: It, which `check_loggable` let pass.
        log: Where to.
        prefix: Before the keys of metrics, and the names of files.
        plots: Whether there are any.
    """
    evaluation, client, run_id = measured.evaluation, log.client, log.run_id
    models = [LoggedModelInput(evaluation.model_id)] if evaluation.model_id else []
    client.log_inputs(run_id, [DatasetInput(evaluation.dataset, _CONTEXT)], models)
    client.tracking.log_metrics(
        run_id,
        {f"{prefix}{key}": value for key, value in evaluation.all_metrics().items()},
        model_id=evaluation.model_id or None,
        dataset=evaluation.dataset,
    )
    artifacts = {}
    for name, figure in measured.scored.figures() if plots else ():
        artifacts[name] = _file(prefix, name, "png")
        client.log_figure(run_id, figure, artifacts[name])
    for name, table in evaluation.tables.items():
        artifacts[name] = _file(prefix, name, "json")
        client.log_table(run_id, table, artifacts[name], replaces=True)
    artifacts[_ALL_OF_IT] = _file(prefix, _ALL_OF_IT, "json")
    logged = replace(evaluation, run_id=run_id, artifacts=artifacts)
    client.log_dict(run_id, as_mapping(logged), artifacts[_ALL_OF_IT])
    return logged


def as_mapping(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation as JSON has it; tables are files of their own."""
    return {
        "model_type": evaluation.model_type,
        "model": evaluation.model,
        "model_id": evaluation.model_id,
        "dataset": {"name": evaluation.dataset.name, "digest": evaluation.dataset.digest},
        "metrics": dict(evaluation.metrics),
        "left_out": dict(evaluation.left_out),
        "slices": [
            {
                "name": each.name,
                "rows": each.rows,
                "metrics": dict(each.metrics),
                "left_out": dict(each.left_out),
            }
            for each in evaluation.slices
        ],
        "artifacts": dict(evaluation.artifacts),
    }
