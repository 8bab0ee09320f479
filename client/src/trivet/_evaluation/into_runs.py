"""Evaluates and compares models, and logs to a run that is opened only when all of it can be logged."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any, Final

from trivet._client import Client
from trivet._entities import Dataset
from trivet._evaluation.measuring import Wanted, measure
from trivet._evaluation.opened_model import open_model
from trivet._evaluation.results import Comparison, Evaluation, Threshold
from trivet._evaluation.rows import read_rows
from trivet._evaluation.thresholds import check_thresholds, compare
from trivet._evaluation.writing import FOLDER, RunLog, as_mapping, check_loggable, log_evaluation

COMPARISON_TAG: Final = "trivet.comparison"
"""Of the run: `passed` or `failed`."""
BASELINE_PREFIX: Final = "baseline/"
"""Of the keys of the baseline's metrics, and of its files; those of the candidate have none."""


def evaluate_into(
    run: AbstractContextManager[RunLog],
    model: Any,
    data: Any,
    targets: Any,
    wanted: Wanted,
    *,
    predictions: Any = None,
    probabilities: Any = None,
    dataset: Dataset | str | None = None,
    model_id: str | None = None,
    prefix: str = "",
    plots: bool = True,
    client: Client | None = None,
) -> Evaluation:
    """As `trivet.evaluate`, in a run that is entered once all is measured and can be logged."""
    wanted.check()
    rows = read_rows(data, targets, predictions=predictions, probabilities=probabilities, dataset=dataset)
    (measured,) = measure([open_model(model, model_id, client)], rows, wanted)
    check_loggable(measured, prefix=prefix)
    with run as log:
        return log_evaluation(measured, log, prefix=prefix, plots=plots)


def compare_into(
    run: AbstractContextManager[RunLog],
    models: tuple[Any, Any],
    data: Any,
    targets: Any,
    wanted: Wanted,
    *,
    thresholds: Mapping[str, Threshold],
    dataset: Dataset | str | None = None,
    plots: bool = True,
    client: Client | None = None,
) -> Comparison:
    """As `trivet.compare_models` of a baseline and a candidate, in a run that is entered as by `evaluate_into`."""
    wanted.check()
    check_thresholds(thresholds)
    rows = read_rows(data, targets, dataset=dataset)
    before, after = measure((open_model(model, None, client) for model in models), rows, wanted)
    checks = compare(thresholds, before.evaluation, after.evaluation)
    check_loggable(before, prefix=BASELINE_PREFIX)
    check_loggable(after)
    with run as log:
        comparison = Comparison(
            run_id=log.run_id,
            baseline=log_evaluation(before, log, prefix=BASELINE_PREFIX, plots=plots),
            candidate=log_evaluation(after, log, plots=plots),
            checks=checks,
        )
        content = {
            "passed": comparison.passed,
            "checks": [asdict(check) for check in checks],
            "baseline": as_mapping(comparison.baseline),
            "candidate": as_mapping(comparison.candidate),
        }
        log.client.log_dict(log.run_id, content, f"{FOLDER}/comparison.json")
        log.client.set_tag(log.run_id, COMPARISON_TAG, "passed" if comparison.passed else "failed")
    return comparison
