"""`trivet.compare_models`. Its module loads nothing of the extra, so that the function is there without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from trivet._evaluation.evaluating import ModelType, check_extra

if TYPE_CHECKING:
    from trivet._client import Client
    from trivet._entities import Dataset
    from trivet._evaluation.results import Comparison, Threshold

COMPARISON_TAG: Final = "trivet.comparison"
"""Of the run: `passed` or `failed`."""
BASELINE_PREFIX: Final = "baseline/"
"""Of the keys of the baseline's metrics, and of its files; those of the candidate have none."""


def compare_models(
    baseline: Any,
    candidate: Any,
    data: Any,
    targets: Any,
    model_type: ModelType,
    *,
    thresholds: Mapping[str, Threshold],
    labels: Sequence[Any] | None = None,
    pos_label: Any = None,
    slices: Sequence[str] | Mapping[str, object] = (),
    extra_metrics: Mapping[str, Callable[[Any, Any], float]] | None = None,
    dataset: Dataset | str | None = None,
    plots: bool = True,
    run_id: str | None = None,
    client: Client | None = None,
) -> Comparison:
    """Evaluates two models on the same data, and says whether the candidate reaches thresholds.

    All of it is logged to the active run, else to a new one: the candidate as `evaluate` does it, the baseline with
    `baseline/` before its keys and files, the checks in `evaluation/comparison.json`, and in the tag
    `trivet.comparison` whether it `passed` or `failed`. A comparison that fails raises nothing: `require` does.

    Args:
        baseline: What is in use, in any form that `evaluate` takes.
        candidate: What may come into its place, likewise.
        data: As of `evaluate`.
        targets: As of `evaluate`.
        model_type: `regressor` or `classifier`.
        thresholds: By the metrics that they are for; of a slice by its key, such as
            `slice/region/north/root_mean_squared_error`. A metric that has no value has not reached its threshold.
        labels: As of `evaluate`.
        pos_label: As of `evaluate`.
        slices: As of `evaluate`.
        extra_metrics: As of `evaluate`.
        dataset: As of `evaluate`.
        plots: Whether to make any.
        run_id: As of `evaluate`.
        client: As of `evaluate`.

    Raises:
        InvalidArgument: as of `evaluate`; or a threshold is for no metric, asks for nothing, or does not say which way
            is better where that is not known; or one of two classifiers has two classes, and both together more, which
            `labels` would say.
        TrivetError: what loading a model raises.
    """
    check_extra()
    from trivet._evaluation.measuring import Wanted, measure  # noqa: PLC0415 - these load the extra
    from trivet._evaluation.opened_model import open_model  # noqa: PLC0415 - as above
    from trivet._evaluation.results import Comparison  # noqa: PLC0415 - as above
    from trivet._evaluation.rows import read_rows  # noqa: PLC0415 - as above
    from trivet._evaluation.thresholds import check_thresholds, compare  # noqa: PLC0415 - as above
    from trivet._evaluation.writing import FOLDER, as_mapping, log_evaluation, run_to_log_to  # noqa: PLC0415 - as above

    wanted = Wanted(model_type, labels, pos_label, slices, extra_metrics)
    wanted.check()
    check_thresholds(thresholds)
    rows = read_rows(data, targets, dataset=dataset)
    before, after = measure((open_model(model, None, client) for model in (baseline, candidate)), rows, wanted)
    checks = compare(thresholds, before.evaluation, after.evaluation)
    with run_to_log_to(client, run_id) as log:
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
