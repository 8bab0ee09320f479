"""A candidate beside a baseline: thresholds that pass or fail, and promotions that wait for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trivet
from trivet import Threshold

pytestmark = pytest.mark.usefixtures("environment")

DATA = pd.DataFrame(
    {"x": [1.0, 2.0, 3.0, 4.0], "region": ["north", "north", "south", "south"], "y": [1.0, 2.0, 3.0, 4.0]}
)


def off_by(error: float) -> Callable[[Any], Any]:
    return lambda features: features["x"] + error


def compare(before: float, after: float, **thresholds: Threshold) -> trivet.Comparison:
    """Of two models whose error is the same in every row."""
    return trivet.compare_models(
        off_by(before), off_by(after), DATA, "y", "regressor", thresholds=thresholds, dataset="new", plots=False
    )


@pytest.mark.parametrize(
    ("before", "after", "threshold", "passed"),
    [
        (1.0, 0.5, Threshold(threshold=0.5), True),
        (1.0, 0.5, Threshold(threshold=0.49), False),
        (1.0, 0.5, Threshold(min_absolute_change=0.5), True),
        (1.0, 0.5, Threshold(min_absolute_change=0.51), False),
        (1.0, 1.0, Threshold(min_absolute_change=0), True),
        (1.0, 1.1, Threshold(min_absolute_change=0), False),
        (1.0, 1.1, Threshold(min_absolute_change=-0.1), True),
        (2.0, 1.5, Threshold(min_relative_change=0.25), True),
        (2.0, 1.5, Threshold(min_relative_change=0.26), False),
        (2.0, 2.04, Threshold(min_relative_change=-0.02), True),
        (2.0, 2.05, Threshold(min_relative_change=-0.02), False),
        (0.0, 0.0, Threshold(min_relative_change=0.1), True),
        (0.0, 0.1, Threshold(min_relative_change=-0.5), False),
        (1.0, 0.5, Threshold(threshold=0.6, min_relative_change=0.9), False),
        (1.0, 0.5, Threshold(threshold=0.4, greater_is_better=True), True),
        (1.0, 0.5, Threshold(threshold=0.6, greater_is_better=True), False),
    ],
)
def test_a_threshold_of_an_error(before: float, after: float, threshold: Threshold, passed: bool) -> None:  # noqa: FBT001 - a case
    comparison = compare(before, after, root_mean_squared_error=threshold)
    assert comparison.passed is passed
    (check,) = comparison.checks
    assert [check.baseline, check.candidate] == pytest.approx([before, after])


def test_greater_is_better_of_a_score() -> None:
    assert compare(1.0, 0.5, r2_score=Threshold(min_absolute_change=0.1)).passed
    assert not compare(0.5, 1.0, r2_score=Threshold(min_absolute_change=-0.1)).passed
    # The baseline is below 0: its size is what the share is of.
    assert compare(3.0, 2.9, r2_score=Threshold(min_relative_change=0.05)).passed


def test_a_comparison_that_fails_says_by_which_numbers() -> None:
    comparison = compare(
        1.0,
        2.0,
        max_error=Threshold(threshold=3),
        root_mean_squared_error=Threshold(threshold=1.5),
        mean_absolute_error=Threshold(min_relative_change=0.1),
    )
    assert [check.passed for check in comparison.checks] == [True, False, False]
    assert comparison.checks[1].reason == "root_mean_squared_error is 2 (baseline 1), and must be at most 1.5"
    with pytest.raises(trivet.ThresholdMissed) as caught:
        comparison.require()
    assert isinstance(caught.value, trivet.FailedPrecondition)
    assert caught.value.metadata == {
        "run_id": comparison.run_id,
        "metrics": "root_mean_squared_error,mean_absolute_error",
    }
    digest = comparison.candidate.dataset.digest[:8]
    assert caught.value.message == (
        f"Comparison failed on new@{digest} (run {comparison.run_id}): "
        "root_mean_squared_error is 2 (baseline 1), and must be at most 1.5; "
        "mean_absolute_error is 2 (baseline 1), and must be at most 0.9; "
        "max_error is 2 (baseline 1), at most 3"
    )


def test_all_of_it_is_logged_to_one_run() -> None:
    comparison = compare(1.0, 0.5, root_mean_squared_error=Threshold(threshold=0.7))
    assert comparison.require() is comparison
    run = trivet.get_run(comparison.run_id)
    assert run.info.status == "FINISHED"
    assert run.tags["trivet.comparison"] == "passed"
    assert run.metrics["root_mean_squared_error"] == 0.5
    assert run.metrics["baseline/root_mean_squared_error"] == 1.0
    content = json.loads(run.artifacts.read("evaluation/comparison.json"))
    assert content["passed"] is True
    assert content["checks"][0]["metric"] == "root_mean_squared_error"
    assert content["baseline"]["metrics"] == comparison.baseline.metrics
    assert {file.path for file in run.artifacts} == {
        "evaluation/baseline/evaluation.json",
        "evaluation/comparison.json",
        "evaluation/evaluation.json",
    }
    (used,) = (run.inputs or trivet.RunInputs()).dataset_inputs
    assert used.dataset == comparison.baseline.dataset == comparison.candidate.dataset


def test_a_comparison_that_fails_is_logged_too() -> None:
    with trivet.start_run() as run:
        assert not compare(1.0, 2.0, max_error=Threshold(min_absolute_change=0)).passed
    assert trivet.get_run(run.info.run_id).tags["trivet.comparison"] == "failed"


def test_a_slice_has_thresholds_of_its_own() -> None:
    def worse_in_the_south(features: Any) -> Any:
        return features["x"] + np.where(features["region"] == "south", 0.9, 0.0)

    thresholds = {
        "root_mean_squared_error": Threshold(min_absolute_change=0),
        "slice/region/south/root_mean_squared_error": Threshold(min_absolute_change=0),
    }
    comparison = trivet.compare_models(
        off_by(0.8), worse_in_the_south, DATA, "y", "regressor", thresholds=thresholds, slices=["region"], plots=False
    )
    assert [check.passed for check in comparison.checks] == [True, False]
    assert comparison.checks[1].reason == (
        "slice/region/south/root_mean_squared_error is 0.9 (baseline 0.8), and must be at most 0.8"
    )


def test_a_metric_without_a_value_has_not_reached_its_threshold() -> None:
    data = DATA.assign(y=1.0)
    comparison = trivet.compare_models(
        off_by(0), off_by(0), data, "y", "regressor", thresholds={"r2_score": Threshold(threshold=-9)}, plots=False
    )
    (check,) = comparison.checks
    assert (check.passed, check.candidate) == (False, None)
    assert check.reason == "r2_score has no value: all targets are the same"


def test_a_baseline_without_a_value_cannot_be_beaten() -> None:
    labels = pd.DataFrame({"x": [0, 1, 1], "label": ["no", "yes", "yes"]})
    comparison = trivet.compare_models(
        lambda features: ["no"] * len(features),
        lambda features: features["x"].map({0: "no", 1: "yes"}),
        labels,
        "label",
        "classifier",
        thresholds={
            "precision_score": Threshold(min_absolute_change=0),
            "recall_score": Threshold(min_absolute_change=0.5, threshold=0.9),
        },
        plots=False,
    )
    assert [check.passed for check in comparison.checks] == [False, True]
    assert comparison.checks[0].reason == (
        "precision_score is 1, and that of the baseline has no value: no row is predicted 'yes'"
    )


@pytest.mark.parametrize(
    ("thresholds", "why"),
    [
        ({}, "give at least one"),
        ({"max_error": Threshold()}, "'max_error' asks for nothing"),
        ({"max_error": Threshold(threshold=float("nan"))}, "'max_error' is NaN"),
        ({"bias": Threshold(threshold=1)}, "which way 'bias' is better"),
        ({"example_count": Threshold(threshold=1)}, "which way 'example_count' is better"),
        ({"accuracy_score": Threshold(threshold=1)}, "no metric 'accuracy_score'. There are example_count, "),
        ({"slice/region/east/max_error": Threshold(threshold=1)}, "no metric 'slice/region/east/max_error'"),
    ],
)
def test_thresholds_that_mean_nothing_are_refused_and_nothing_is_logged(
    thresholds: dict[str, Threshold], why: str
) -> None:
    with pytest.raises(trivet.InvalidArgument, match=why):
        trivet.compare_models(off_by(1), off_by(0), DATA, "y", "regressor", thresholds=thresholds, slices=["region"])
    assert trivet.search_runs(output_format="list") == []


def test_a_metric_of_ones_own_says_which_way_is_better() -> None:
    comparison = trivet.compare_models(
        off_by(1),
        off_by(-2),
        DATA,
        "y",
        "regressor",
        thresholds={"bias": Threshold(threshold=0, greater_is_better=False)},
        extra_metrics={"bias": lambda targets, predictions: (predictions - targets).mean()},
        plots=False,
    )
    assert comparison.passed


def test_a_summary_is_no_longer_than_the_reason_of_a_promotion() -> None:
    masks = {f"{number:050}": [True] * 4 for number in range(40)}
    comparison = trivet.compare_models(
        off_by(1),
        off_by(0),
        DATA,
        "y",
        "regressor",
        thresholds={f"slice/{name}/max_error": Threshold(threshold=1) for name in masks},
        slices=masks,
        plots=False,
    )
    assert len(comparison.summary) == 2048
    assert comparison.summary.endswith("…")


def test_a_promotion_waits_for_the_comparison(client: trivet.Client) -> None:
    for _ in range(2):
        client.register_model("s3://bucket/model", "taxi")
    failed = compare(1.0, 2.0, max_error=Threshold(min_absolute_change=0))
    with pytest.raises(trivet.ThresholdMissed):
        trivet.transition_model_version_stage("taxi", 2, "Production", reason=failed.require().summary)
    assert client.get_model_version("taxi", 2).current_stage == "None"
    passed = compare(1.0, 0.5, max_error=Threshold(min_absolute_change=0))
    trivet.transition_model_version_stage("taxi", 2, "Production", reason=passed.require().summary)
    entry = client.get_model_history("taxi")[-1]
    assert entry.reason == passed.summary
    assert f"run {passed.run_id}" in entry.reason


# --- the classes of two classifiers


class Labels:
    """A classifier that answers what it is made with."""

    def __init__(self, predictions: list[int], classes: list[int]) -> None:
        self.predictions = predictions
        self.classes_ = classes

    def predict(self, _: Any) -> list[int]:
        return self.predictions

    def predict_proba(self, features: Any) -> Any:
        return np.full((len(features), len(self.classes_)), 1 / len(self.classes_))


TEN = pd.DataFrame({"x": range(10), "label": [0] * 8 + [1] * 2})
FINDS_ONE_OF_TWO = [0] * 9 + [1]
FINDS_NONE = [0] * 8 + [2] * 2


def compare_labels(before: Any, after: Any, threshold: Threshold, **options: Any) -> trivet.Comparison:
    return trivet.compare_models(
        before, after, TEN, "label", "classifier", thresholds={"recall_score": threshold}, plots=False, **options
    )


@pytest.mark.parametrize(
    "candidate",
    [lambda _: FINDS_NONE, Labels([0] * 10, [0, 1, 2])],
    ids=["predicts another class", "knows another class"],
)
@pytest.mark.parametrize("threshold", [Threshold(min_absolute_change=0), Threshold(threshold=0.5)])
def test_two_classes_are_not_compared_with_three(candidate: Any, threshold: Threshold) -> None:
    """The recall of the positive class, 0.5, would be beside a mean of 0.8 that finds none of it."""
    baseline = Labels(FINDS_ONE_OF_TWO, [0, 1])
    for before, after in ((baseline, candidate), (candidate, baseline)):
        with pytest.raises(trivet.InvalidArgument, match=r"not have the same classes: \[0, 1(, 2)?\] and .* labels="):
            compare_labels(before, after, threshold)
    assert trivet.search_runs(output_format="list") == []


def test_labels_say_by_which_classes_both_are_measured() -> None:
    comparison = compare_labels(
        Labels(FINDS_ONE_OF_TWO, [0, 1]), lambda _: FINDS_NONE, Threshold(min_absolute_change=0), labels=[0, 1, 2]
    )
    (check,) = comparison.checks
    assert (check.baseline, check.candidate, check.passed) == (0.9, 0.8, False)
    for found in (comparison.baseline, comparison.candidate):
        assert list(found.tables["per_class_metrics"]["positive_class"]) == [0, 1, 2]
    assert comparison.baseline.metrics["log_loss"] == pytest.approx(np.log(2))


def test_a_class_that_one_of_two_models_has_is_one_of_both() -> None:
    data = TEN.assign(label=0)
    comparison = trivet.compare_models(
        lambda _: [0] * 10,
        lambda _: FINDS_ONE_OF_TWO,
        data,
        "label",
        "classifier",
        thresholds={"false_positives": Threshold(min_absolute_change=0)},
        plots=False,
    )
    (check,) = comparison.checks
    assert (check.baseline, check.candidate, check.passed) == (0, 1, False)
