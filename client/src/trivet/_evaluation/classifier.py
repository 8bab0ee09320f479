"""What classifiers are measured by. The names of metrics are those of MLflow's evaluator of classifiers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn import metrics as sklearn_metrics

from trivet._evaluation.answers import Answers
from trivet._evaluation.columns import Column
from trivet._evaluation.labels import Classes, Codes
from trivet._evaluation.probabilities import Probabilities, to_probabilities
from trivet._evaluation.scores import ExtraMetrics, Mask, Scores, add_extra

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GREATER_IS_BETTER: Final[Mapping[str, bool]] = {
    "accuracy_score": True,
    "precision_score": True,
    "recall_score": True,
    "f1_score": True,
    "log_loss": False,
    "roc_auc": True,
    "precision_recall_auc": True,
    "true_positives": True,
    "true_negatives": True,
    "false_positives": False,
    "false_negatives": False,
}
"""Of those that are better or worse: the others say something of the data."""


@dataclass(frozen=True)
class ScoredClassifier:
    """Labels, and what a model predicted of them."""

    classes: Classes
    targets: Column
    predictions: Column
    probabilities: Probabilities | None = None
    extra: ExtraMetrics = field(default_factory=dict)

    @property
    def _codes(self) -> tuple[Codes, Codes]:
        return self.classes.codes(self.targets), self.classes.codes(self.predictions)

    def score(self, mask: Mask) -> Scores:
        """The metrics of some rows."""
        targets, predictions = self.targets[mask], self.predictions[mask]
        actual, predicted = self.classes.codes(targets), self.classes.codes(predictions)
        scores = _Collected()
        scores.values["example_count"] = float(len(actual))
        scores.values["accuracy_score"] = float((actual == predicted).mean())
        if len(self.classes.labels) == 1:
            reason = f"there is no class but {self.classes.labels[0]!r}; labels= may name others"
            scores.left_out.update(dict.fromkeys(("precision_score", "recall_score", "f1_score"), reason))
        elif self.classes.are_two:
            _score_two(scores, actual == 1, predicted == 1, self.classes.labels[1])
        else:
            _score_many(scores, actual, predicted, len(self.classes.labels))
        if self.probabilities is not None:
            self._score_probabilities(scores, actual, self.probabilities.values[mask])
        return add_extra(Scores(scores.values, scores.left_out), self.extra, targets, predictions)

    def _score_probabilities(self, scores: _Collected, actual: Codes, probabilities: npt.NDArray[np.float64]) -> None:
        assert self.probabilities is not None
        labels = self.classes.labels
        names = ("log_loss", "roc_auc", *(["precision_recall_auc"] if self.classes.are_two else []))
        strange = [place for place in self.probabilities.unknown if (actual == place).any()]
        if len(labels) == 1 or strange:
            reason = (
                f"the model does not know the class {labels[strange[0]]!r}"
                if strange
                else f"there is no class but {labels[0]!r}; labels= may name others"
            )
            scores.left_out.update(dict.fromkeys(names, reason))
            return
        places = range(len(labels))
        scores.values["log_loss"] = float(sklearn_metrics.log_loss(actual, probabilities, labels=places))
        rows = np.bincount(actual, minlength=len(labels))
        if self.classes.are_two and not rows[1]:
            scores.left_out["precision_recall_auc"] = f"no row is {labels[1]!r}"
        elif self.classes.are_two:
            area = sklearn_metrics.average_precision_score(actual == 1, probabilities[:, 1])
            scores.values["precision_recall_auc"] = float(area)
        if (rows == len(actual)).any():
            scores.left_out["roc_auc"] = f"all rows are {labels[int(rows.argmax())]!r}"
        elif self.classes.are_two:
            scores.values["roc_auc"] = float(sklearn_metrics.roc_auc_score(actual == 1, probabilities[:, 1]))
        else:
            scores.values["roc_auc"] = _weighted_area(actual, probabilities, rows)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """The metrics of each class against all others, and how many rows of each class were taken for which."""
        actual, predicted = self._codes
        counts = _confusion(actual, predicted, len(self.classes.labels))
        labels = self.classes.labels
        pairs = [
            {"actual": label, "predicted": other, "rows": int(counts[place, other_place])}
            for place, label in enumerate(labels)
            for other_place, other in enumerate(labels)
        ]
        classes = [self._of_class(place, actual, predicted) for place in range(len(labels))]
        return {"per_class_metrics": pd.DataFrame(classes), "confusion_counts": pd.DataFrame(pairs)}

    def _of_class(self, place: int, actual: Codes, predicted: Codes) -> dict[str, Any]:
        is_it, is_predicted = actual == place, predicted == place
        scores = _Collected()
        scores.values["example_count"] = float(len(actual))
        scores.values["accuracy_score"] = float((is_it == is_predicted).mean())
        _score_two(scores, is_it, is_predicted, self.classes.labels[place])
        if self.probabilities is not None and place not in self.probabilities.unknown and is_it.any():
            of_class = self.probabilities.values[:, place]
            scores.values["precision_recall_auc"] = float(sklearn_metrics.average_precision_score(is_it, of_class))
            if not is_it.all():
                scores.values["roc_auc"] = float(sklearn_metrics.roc_auc_score(is_it, of_class))
        return {"positive_class": self.classes.labels[place], **scores.values}

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """The confusion matrix, and what probabilities show: ROC, precision and recall, calibration."""
        from trivet._evaluation import classifier_figures as figures  # noqa: PLC0415 - metrics need no matplotlib

        actual, predicted = self._codes
        counts = _confusion(actual, predicted, len(self.classes.labels))
        yield "confusion_matrix", figures.confusion_matrix(counts, self.classes.labels)
        curves = self._curves(actual)
        if curves:
            yield "roc_curve", figures.roc_curve(curves)
            yield "precision_recall_curve", figures.precision_recall_curve(curves)
            yield "calibration_curve", figures.calibration_curve(curves)

    def _curves(self, actual: Codes) -> list[tuple[Any, Mask, npt.NDArray[np.float64]]]:
        """For each class that a curve can be drawn of: its label, which rows are of it, and its probabilities."""
        if self.probabilities is None:
            return []
        places = [1] if self.classes.are_two else range(len(self.classes.labels))
        return [
            (self.classes.labels[place], actual == place, self.probabilities.values[:, place])
            for place in places
            if place not in self.probabilities.unknown and 0 < int((actual == place).sum()) < len(actual)
        ]


def scored_classifier(
    targets: Column, answers: Answers, classes: Classes, extra: ExtraMetrics, *, labels: Sequence[Any] | None
) -> ScoredClassifier:
    """Targets and answers as labels, all of which are of the classes.

    Raises:
        InvalidArgument: the probabilities do not go with them.
    """
    probabilities = None
    if answers.probabilities is not None:
        order = answers.classes if answers.classes is not None else labels
        probabilities = to_probabilities(answers.probabilities, order, classes, len(targets))
    return ScoredClassifier(classes, targets, answers.predictions, probabilities, extra)


class _Collected:
    """Scores while they are made."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.left_out: dict[str, str] = {}


def _score_two(scores: _Collected, actual: Mask, predicted: Mask, label: object) -> None:
    """The metrics of one class against all others."""
    true_positives = int((actual & predicted).sum())
    false_positives = int((~actual & predicted).sum())
    false_negatives = int((actual & ~predicted).sum())
    scores.values["true_positives"] = float(true_positives)
    scores.values["true_negatives"] = float((~actual & ~predicted).sum())
    scores.values["false_positives"] = float(false_positives)
    scores.values["false_negatives"] = float(false_negatives)
    ratios = {
        "precision_score": (true_positives, true_positives + false_positives, f"no row is predicted {label!r}"),
        "recall_score": (true_positives, true_positives + false_negatives, f"no row is {label!r}"),
        "f1_score": (
            2 * true_positives,
            2 * true_positives + false_positives + false_negatives,
            f"no row is {label!r}, or predicted so",
        ),
    }
    for name, (part, whole, reason) in ratios.items():
        if whole:
            scores.values[name] = part / whole
        else:
            scores.left_out[name] = reason


def _score_many(scores: _Collected, actual: Codes, predicted: Codes, classes: int) -> None:
    """The means over classes, weighted by their rows, as MLflow's; a class that is never predicted counts as 0."""
    precision, recall, f1, _ = sklearn_metrics.precision_recall_fscore_support(
        actual, predicted, labels=range(classes), average="weighted", zero_division=0
    )
    scores.values.update(precision_score=float(precision), recall_score=float(recall), f1_score=float(f1))


def _weighted_area(actual: Codes, probabilities: npt.NDArray[np.float64], rows: npt.NDArray[np.intp]) -> float:
    """The mean of the areas of each class against all others, weighted by their rows: without any it does not count."""
    areas = [
        sklearn_metrics.roc_auc_score(actual == place, probabilities[:, place]) if count else 0.0
        for place, count in enumerate(rows)
    ]
    return float(np.average(areas, weights=rows))


def _confusion(actual: Codes, predicted: Codes, classes: int) -> npt.NDArray[np.int64]:
    """A row for each class that there is, a column for each that was predicted."""
    flat = np.bincount(actual * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)
