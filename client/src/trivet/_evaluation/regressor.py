"""What regressors are measured by. The names of metrics are those of MLflow's evaluator of regressors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sklearn_metrics

from trivet._evaluation.answers import Answers
from trivet._evaluation.columns import to_numbers
from trivet._evaluation.scores import ExtraMetrics, Mask, Scores, add_extra

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Numbers = npt.NDArray[np.float64]

GREATER_IS_BETTER: Final[Mapping[str, bool]] = {
    "mean_absolute_error": False,
    "mean_squared_error": False,
    "root_mean_squared_error": False,
    "r2_score": True,
    "max_error": False,
    "mean_absolute_percentage_error": False,
}
"""Of those that are better or worse: the others say something of the data."""


@dataclass(frozen=True)
class ScoredRegressor:
    """Numbers, and what a model predicted of them."""

    targets: Numbers
    predictions: Numbers
    extra: ExtraMetrics = field(default_factory=dict)

    def score(self, mask: Mask) -> Scores:
        """The metrics of some rows."""
        targets, predictions = self.targets[mask], self.predictions[mask]
        squared = float(sklearn_metrics.mean_squared_error(targets, predictions))
        values = {
            "example_count": float(len(targets)),
            "mean_absolute_error": float(sklearn_metrics.mean_absolute_error(targets, predictions)),
            "mean_squared_error": squared,
            "root_mean_squared_error": float(np.sqrt(squared)),
            "sum_on_target": float(targets.sum()),
            "mean_on_target": float(targets.mean()),
            "max_error": float(sklearn_metrics.max_error(targets, predictions)),
        }
        left_out = {}
        if np.all(targets == targets[0]):
            left_out["r2_score"] = "there is one row" if len(targets) == 1 else "all targets are the same"
        else:
            values["r2_score"] = float(sklearn_metrics.r2_score(targets, predictions))
        zeros = int((targets == 0).sum())
        if zeros:
            # scikit-learn divides by 2e-16 instead, and gives numbers that say nothing.
            left_out["mean_absolute_percentage_error"] = f"{zeros} of {len(targets)} targets are 0"
        else:
            share = sklearn_metrics.mean_absolute_percentage_error(targets, predictions)
            values["mean_absolute_percentage_error"] = float(share)
        return add_extra(Scores(values, left_out), self.extra, targets, predictions)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """None: all of it is in the metrics."""
        return {}

    def figures(self) -> Iterator[tuple[str, Figure]]:
        """Predictions beside targets, and the residuals."""
        from trivet._evaluation import regressor_figures as figures  # noqa: PLC0415 - metrics need no matplotlib

        yield "predicted_vs_actual", figures.predicted_vs_actual(self.targets, self.predictions)
        yield "residuals", figures.residuals(self.targets, self.predictions)


def scored_regressor(targets: npt.NDArray[np.generic], answers: Answers, extra: ExtraMetrics) -> ScoredRegressor:
    """Targets and answers as numbers.

    Raises:
        InvalidArgument: one of them is none, or is missing.
    """
    return ScoredRegressor(to_numbers(targets, "targets"), to_numbers(answers.predictions, "predictions"), extra)
