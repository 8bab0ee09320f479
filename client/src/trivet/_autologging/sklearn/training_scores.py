"""What an estimator scores on the data that it was fitted to: the metrics of MLflow's autologging, with their names."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from trivet._autologging.sklearn.training_data import TrainingData


@dataclass(frozen=True)
class Answered:
    """A fitted estimator, and what it answers to its training data."""

    estimator: Any
    data: TrainingData
    predictions: Any
    probabilities: Any = None
    """A column a class; None where it gives none."""


@dataclass(frozen=True)
class TrainingScores:
    """By the names of metrics, without the prefix."""

    values: dict[str, float] = field(default_factory=dict)
    failures: dict[str, Exception] = field(default_factory=dict)


def is_classifier(estimator: Any) -> bool:
    """Whether it predicts classes."""
    from sklearn.base import is_classifier as is_one  # noqa: PLC0415 - whoever fits an estimator has it

    return bool(is_one(estimator))


def ask(estimator: Any, data: TrainingData) -> Answered:
    """What a fitted classifier or regressor answers to its training data."""
    predictions = estimator.predict(data.features)
    has_probabilities = is_classifier(estimator) and hasattr(estimator, "predict_proba")
    return Answered(estimator, data, predictions, estimator.predict_proba(data.features) if has_probabilities else None)


def score(answered: Answered | None, estimator: Any, data: TrainingData, pos_label: object) -> TrainingScores:
    """The metrics on the training data; those that cannot be had are left out, with the reason.

    Args:
        answered: By a classifier or regressor; None of other estimators.
        estimator: It.
        data: Its training data, with targets.
        pos_label: Of two classes the one that precision, recall and F1 are of. Default: their means over all classes,
            weighted by their rows.
    """
    scores = TrainingScores()
    steps = [] if answered is None else _steps(answered, pos_label)
    if hasattr(estimator, "score"):
        steps.append(("score", lambda: estimator.score(*_of_score(estimator, data))))
    for name, step in steps:
        try:
            scores.values[name] = float(step())
        except Exception as error:  # noqa: BLE001 - of whatever the estimator is
            scores.failures[name] = error
    if answered is not None and "mean_squared_error" in scores.values:
        scores.values["root_mean_squared_error"] = math.sqrt(scores.values["mean_squared_error"])
    return scores


_Steps = list[tuple[str, Callable[[], Any]]]


def _of_score(estimator: Any, data: TrainingData) -> Iterator[Any]:
    yield data.features
    yield data.targets
    if "sample_weight" in inspect.signature(estimator.score).parameters:
        yield data.weights


def _steps(answered: Answered, pos_label: object) -> _Steps:
    if is_classifier(answered.estimator):
        return _steps_of_classifier(answered, pos_label)
    return _steps_of_regressor(answered)


def _steps_of_classifier(answered: Answered, pos_label: object) -> _Steps:
    from sklearn import metrics  # noqa: PLC0415 - whoever fits an estimator has it

    targets, predictions, weights = answered.data.targets, answered.predictions, answered.data.weights
    chosen = {"average": "weighted"} if pos_label is None else {"average": "binary", "pos_label": pos_label}

    def of_classes(function: Callable[..., Any]) -> Callable[[], Any]:
        return lambda: function(targets, predictions, sample_weight=weights, **chosen)

    steps: _Steps = [
        ("precision_score", of_classes(metrics.precision_score)),
        ("recall_score", of_classes(metrics.recall_score)),
        ("f1_score", of_classes(metrics.f1_score)),
        ("accuracy_score", lambda: metrics.accuracy_score(targets, predictions, sample_weight=weights)),
    ]
    if answered.probabilities is None:
        return steps
    probabilities = answered.probabilities
    of_curve = probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities
    return [
        *steps,
        ("log_loss", lambda: metrics.log_loss(targets, probabilities, sample_weight=weights)),
        (
            "roc_auc",
            lambda: metrics.roc_auc_score(
                targets, of_curve, average="weighted", sample_weight=weights, multi_class="ovo"
            ),
        ),
    ]


def _steps_of_regressor(answered: Answered) -> _Steps:
    from sklearn import metrics  # noqa: PLC0415 - whoever fits an estimator has it

    def of_all(function: Callable[..., Any]) -> Callable[[], Any]:
        data = answered.data
        return lambda: function(data.targets, answered.predictions, sample_weight=data.weights)

    names = ("mean_squared_error", "mean_absolute_error", "r2_score")
    return [(name, of_all(getattr(metrics, name))) for name in names]
