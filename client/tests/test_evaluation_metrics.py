"""Metrics with answers that are known, and those that have none: left out, with a reason."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import trivet

pytestmark = pytest.mark.usefixtures("environment")


def regressed(targets: Any, predictions: Any, **options: Any) -> trivet.Evaluation:
    features = np.zeros((len(targets), 1))
    return trivet.evaluate(None, features, targets, "regressor", predictions=predictions, plots=False, **options)


def classified(targets: Any, predictions: Any, **options: Any) -> trivet.Evaluation:
    features = np.zeros((len(targets), 1))
    return trivet.evaluate(None, features, targets, "classifier", predictions=predictions, plots=False, **options)


# --- regressors


def test_regressor() -> None:
    found = regressed([1, 2, 4], [1, 3, 2])
    assert found.left_out == {}
    assert found.metrics == pytest.approx(
        {
            "example_count": 3,
            "mean_absolute_error": 1,
            "mean_squared_error": 5 / 3,
            "root_mean_squared_error": math.sqrt(5 / 3),
            "sum_on_target": 7,
            "mean_on_target": 7 / 3,
            "max_error": 2,
            "mean_absolute_percentage_error": (0 + 1 / 2 + 2 / 4) / 3,
            "r2_score": 1 - 5 / (14 / 3),
        }
    )


def test_r2_needs_targets_that_differ() -> None:
    assert regressed([2, 2], [1, 2]).left_out == {"r2_score": "all targets are the same"}
    assert regressed([2], [1]).left_out == {"r2_score": "there is one row"}


def test_a_percentage_of_zero_is_left_out() -> None:
    found = regressed([0, 1, 0], [1, 1, 1])
    assert found.left_out == {"mean_absolute_percentage_error": "2 of 3 targets are 0"}
    assert "mean_absolute_percentage_error" not in found.metrics


@pytest.mark.parametrize("dtype", ["Int64", "Float32", "boolean", "object"])
def test_numbers_of_every_type_of_pandas_are_numbers(dtype: str) -> None:
    column = pd.Series([1, 0, 1], dtype=dtype)
    assert regressed(column, [1.0, 1.0, 1.0]).metrics["mean_absolute_error"] == pytest.approx(1 / 3)


def test_a_column_of_one_is_one_value_a_row() -> None:
    nested: Any = [[1.0], [2.0]]
    assert regressed([1, 3], np.array(nested)).metrics["mean_absolute_error"] == 0.5
    assert regressed([1, 3], pd.DataFrame(nested)).metrics["mean_absolute_error"] == 0.5


# --- classifiers of two classes

TARGETS = ["no", "no", "yes", "yes", "yes"]
PREDICTIONS = ["no", "yes", "yes", "yes", "no"]
OF_YES = [0.1, 0.6, 0.9, 0.7, 0.4]


def test_two_classes() -> None:
    found = classified(TARGETS, PREDICTIONS, probabilities=OF_YES)
    assert found.left_out == {}
    assert found.metrics == pytest.approx(
        {
            "example_count": 5,
            "accuracy_score": 3 / 5,
            "true_positives": 2,
            "true_negatives": 1,
            "false_positives": 1,
            "false_negatives": 1,
            "precision_score": 2 / 3,
            "recall_score": 2 / 3,
            "f1_score": 2 / 3,
            "log_loss": -sum(map(math.log, (0.9, 0.4, 0.9, 0.7, 0.4))) / 5,
            # Of six pairs of a yes and a no, one is in the wrong order.
            "roc_auc": 5 / 6,
            "precision_recall_auc": 1 / 3 * 1 + 1 / 3 * 1 + 1 / 3 * 3 / 4,
        }
    )
    counts = found.tables["confusion_counts"]
    assert counts.to_dict("records") == [
        {"actual": "no", "predicted": "no", "rows": 1},
        {"actual": "no", "predicted": "yes", "rows": 1},
        {"actual": "yes", "predicted": "no", "rows": 1},
        {"actual": "yes", "predicted": "yes", "rows": 2},
    ]


def test_the_other_class_may_be_the_positive_one() -> None:
    both = np.column_stack([1 - np.array(OF_YES), OF_YES])
    found = classified(TARGETS, PREDICTIONS, probabilities=both, pos_label="no")
    assert found.metrics["precision_score"] == 1 / 2
    assert found.metrics["roc_auc"] == pytest.approx(5 / 6)
    assert (found.metrics["true_positives"], found.metrics["true_negatives"]) == (1, 2)
    one = classified(TARGETS, PREDICTIONS, probabilities=1 - np.array(OF_YES), pos_label="no")
    assert one.metrics == pytest.approx(found.metrics)


@pytest.mark.parametrize(
    ("targets", "predictions"),
    [([0, 1, 1], [0, 1, 0]), ([False, True, True], [0, 1, 0]), ([0.0, 1.0, 1.0], [False, True, False])],
)
def test_labels_that_are_equal_are_one_class(targets: list[Any], predictions: list[Any]) -> None:
    found = classified(targets, predictions)
    assert found.metrics["true_positives"] == 1
    assert found.metrics["accuracy_score"] == pytest.approx(2 / 3)


def test_what_no_row_can_tell_is_left_out() -> None:
    found = classified(["no", "no"], ["no", "no"], labels=["no", "yes"], probabilities=[0.2, 0.4])
    assert found.left_out == {
        "precision_score": "no row is predicted 'yes'",
        "recall_score": "no row is 'yes'",
        "f1_score": "no row is 'yes', or predicted so",
        "precision_recall_auc": "no row is 'yes'",
        "roc_auc": "all rows are 'no'",
    }
    assert found.metrics["log_loss"] == pytest.approx(-(math.log(0.8) + math.log(0.6)) / 2)
    assert found.metrics["true_negatives"] == 2


def test_one_class_alone_has_an_accuracy() -> None:
    found = classified(["no", "no"], ["no", "no"])
    assert found.metrics == {"example_count": 2, "accuracy_score": 1}
    assert set(found.left_out) == {"precision_score", "recall_score", "f1_score"}
    assert "labels= may name others" in found.left_out["f1_score"]


# --- classifiers of many classes


def test_many_classes_are_weighted_by_their_rows() -> None:
    found = classified(list("aabc"), list("abbb"))
    assert found.metrics == pytest.approx(
        {
            "example_count": 4,
            "accuracy_score": 2 / 4,
            "precision_score": (2 * 1 + 1 * 1 / 3 + 1 * 0) / 4,
            "recall_score": (2 * 1 / 2 + 1 * 1 + 1 * 0) / 4,
            "f1_score": (2 * 2 / 3 + 1 * 1 / 2 + 1 * 0) / 4,
        }
    )
    table = found.tables["per_class_metrics"].set_index("positive_class")
    assert table.loc["b", "precision_score"] == pytest.approx(1 / 3)
    assert table.loc["a", "true_negatives"] == 2
    assert math.isnan(table.loc["c", "precision_score"])  # it is never predicted
    assert table.loc["c", "recall_score"] == 0


def test_many_classes_have_the_weighted_area_of_each_against_the_others() -> None:
    probabilities = [[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.3, 0.4, 0.3], [0.1, 0.3, 0.6]]
    found = classified(list("aabc"), list("abbc"), probabilities=probabilities)
    areas = {"a": 3 / 4, "b": 2 / 3, "c": 1}
    assert found.metrics["roc_auc"] == pytest.approx((2 * areas["a"] + areas["b"] + areas["c"]) / 4)
    assert found.metrics["log_loss"] == pytest.approx(-sum(map(math.log, (0.8, 0.2, 0.4, 0.6))) / 4)
    assert found.tables["per_class_metrics"]["roc_auc"].tolist() == pytest.approx(list(areas.values()))


def test_a_class_that_the_model_does_not_know_leaves_probabilities_out() -> None:
    class Model:
        classes_ = np.array(["a", "b"])

        def predict(self, _: Any) -> Any:
            return np.array(["a", "b", "a"])

        def predict_proba(self, _: Any) -> Any:
            return np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])

    found = trivet.evaluate(Model(), np.zeros((3, 1)), ["a", "b", "new"], "classifier")
    assert found.left_out == dict.fromkeys(("log_loss", "roc_auc"), "the model does not know the class 'new'")
    assert found.metrics["accuracy_score"] == pytest.approx(2 / 3)


def test_probabilities_are_taken_in_the_order_that_the_model_or_the_caller_says() -> None:
    targets, predictions = list("aabc"), list("abbc")
    sorted_ = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.3, 0.4, 0.3], [0.1, 0.3, 0.6]])
    expected = classified(targets, predictions, probabilities=sorted_).metrics
    turned = classified(targets, predictions, probabilities=sorted_[:, ::-1], labels=["c", "b", "a"]).metrics
    assert turned == pytest.approx(expected)
    frame = pd.DataFrame({"target": targets, "said": predictions, **dict(zip("xyz", sorted_.T, strict=True))})
    by_columns = trivet.evaluate(
        None, frame, "target", "classifier", predictions="said", probabilities=["x", "y", "z"], plots=False
    )
    assert by_columns.metrics == pytest.approx(expected)
