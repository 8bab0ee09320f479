"""The hook by which XGBoost tells what was measured after each iteration."""

from __future__ import annotations

from typing import Any

from xgboost.callback import TrainingCallback

from trivet._autologging.boosting import BoostingLog


class IterationCallback(TrainingCallback):  # type: ignore[misc,unused-ignore] # xgboost has no types
    """Logs what was measured after each iteration, and never ends a training."""

    def __init__(self, log: BoostingLog) -> None:
        super().__init__()
        self._log = log
        self.rounds_before = 0
        """Of the model that the training goes on with."""

    def before_training(self, model: Any) -> Any:
        """Looks where the training begins."""
        self.rounds_before = self._log.attempt("the rounds before", model.num_boosted_rounds, waits=False) or 0
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002 - as xgboost's
        """Logs the newest value of each metric of each dataset."""
        self._log.attempt("the metrics", lambda: self._log.log_iteration(epoch, _newest(evals_log)), waits=False)
        return False


def _newest(evals_log: Any) -> dict[str, float]:
    return {f"{data}-{metric}": values[-1] for data, metrics in evals_log.items() for metric, values in metrics.items()}
