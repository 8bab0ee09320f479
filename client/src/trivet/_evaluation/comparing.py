"""`trivet.compare_models`. Its module loads nothing of the extra, so that the function is there without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trivet._evaluation.evaluating import ModelType, check_extra

if TYPE_CHECKING:
    from trivet._client import Client
    from trivet._entities import Dataset
    from trivet._evaluation.results import Comparison, Threshold


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
    from trivet._evaluation.into_runs import compare_into  # noqa: PLC0415 - these load the extra
    from trivet._evaluation.measuring import Wanted  # noqa: PLC0415 - as above
    from trivet._evaluation.writing import run_to_log_to  # noqa: PLC0415 - as above

    return compare_into(
        run_to_log_to(client, run_id),
        (baseline, candidate),
        data,
        targets,
        Wanted(model_type, labels, pos_label, slices, extra_metrics),
        thresholds=thresholds,
        dataset=dataset,
        plots=plots,
        client=client,
    )
