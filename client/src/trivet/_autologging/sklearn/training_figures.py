"""Plots of a classifier on the data that it was fitted to: those of an evaluation, under the names of MLflow's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trivet._autologging.sklearn.training_scores import Answered

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figures(answered: Answered) -> Iterator[tuple[str, Figure]]:
    """By their names: the confusion matrix, and of two classes the curves of ROC, and of precision and recall.

    Raises:
        ImportError: matplotlib is not installed.
    """
    import numpy as np  # noqa: PLC0415 - whoever fits an estimator has it
    from sklearn import metrics  # noqa: PLC0415 - as above

    from trivet._evaluation import classifier_figures as plots  # noqa: PLC0415 - matplotlib is not always there

    targets = np.asarray(answered.data.targets)
    labels = np.unique(np.concatenate([targets, np.asarray(answered.predictions)]))
    counts = metrics.confusion_matrix(targets, answered.predictions, labels=labels)
    yield "confusion_matrix", plots.confusion_matrix(counts, labels.tolist())
    scores = _scores(answered) if len(np.unique(targets)) == 2 else None
    if scores is not None:
        positive = labels.tolist()[-1]
        curves = [(positive, targets == positive, np.asarray(scores, np.float64))]
        yield "roc_curve", plots.roc_curve(curves)
        yield "precision_recall_curve", plots.precision_recall_curve(curves)


def _scores(answered: Answered) -> Any:
    """How much each row is taken for the greater one of two classes; None where it cannot be said."""
    if answered.probabilities is not None:
        return answered.probabilities[:, 1]
    decide = getattr(answered.estimator, "decision_function", None)
    return None if decide is None else decide(answered.data.features)
