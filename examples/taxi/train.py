"""Trains models, each in a run of its own that keeps its params, its error and its files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import xgboost as xgb
from hyperopt import STATUS_OK, fmin, hp, tpe
from hyperopt.pyll import scope
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import Lasso

import trivet
from data import Data
from model import Model, Numbers, rmse

SEARCH_SPACE: Final = {
    "max_depth": scope.int(hp.quniform("max_depth", 2, 10, 1)),
    "learning_rate": hp.loguniform("learning_rate", -3, 0),
    "reg_alpha": hp.loguniform("reg_alpha", -5, -1),
    "reg_lambda": hp.loguniform("reg_lambda", -6, -1),
    "min_child_weight": hp.loguniform("min_child_weight", -1, 3),
}
"""Where hyperopt looks for the params of XGBoost."""

_SEED: Final = 42
# One thread: tables of this size are learned in less time than several threads take to agree on a busy machine.
_FIXED: Final = {"seed": _SEED, "nthread": 1}


def train_lassos(data: Data, alphas: Sequence[float]) -> list[str]:
    """Trains a linear model for each strength of its penalty; returns the ids of the runs."""
    return [_train_lasso(data, alpha) for alpha in alphas]


def _train_lasso(data: Data, alpha: float) -> str:
    with trivet.start_run(run_name=f"lasso {alpha:g}") as run:
        trivet.log_params({"model": "lasso", "alpha": alpha})
        preprocessor = DictVectorizer()
        regressor = Lasso(alpha).fit(preprocessor.fit_transform(data.train.records), data.train.target)
        model = Model(preprocessor, regressor)
        trivet.log_metric("rmse", model.rmse(data.valid))
        _log_model(model)
    return run.info.run_id


def tune_xgboost(data: Data, trials: int, rounds: int) -> None:
    """Lets hyperopt search for params with a small error; each of its trials is a run."""
    fmin(
        lambda params: {"loss": _train_xgboost(data, params, rounds), "status": STATUS_OK},
        SEARCH_SPACE,
        algo=tpe.suggest,
        max_evals=trials,
        rstate=np.random.default_rng(_SEED),
        show_progressbar=sys.stderr.isatty(),
    )


def _train_xgboost(data: Data, params: dict[str, Any], rounds: int) -> float:
    with trivet.start_run():
        trivet.log_params({"model": "xgboost", "rounds": rounds, **params})
        preprocessor = DictVectorizer()
        train = xgb.DMatrix(preprocessor.fit_transform(data.train.records), data.train.target)
        valid = xgb.DMatrix(preprocessor.transform(data.valid.records))
        watch = _LogRmse(valid, data.valid.target)
        booster = xgb.train(params | _FIXED, train, rounds, callbacks=[watch])
        model = Model(preprocessor, booster)
        _log_model(model)
        return model.rmse(data.valid)


class _LogRmse(xgb.callback.TrainingCallback):
    """Logs the error after each boosting round."""

    def __init__(self, valid: xgb.DMatrix, target: Numbers) -> None:
        self._valid = valid
        self._target = target

    def after_iteration(self, model: xgb.Booster, epoch: int, evals_log: object) -> bool:  # noqa: ARG002 - XGBoost's
        trivet.log_metric("rmse", rmse(self._target, model.predict(self._valid)), step=epoch)
        return False  # go on


def _log_model(model: Model) -> None:
    with TemporaryDirectory() as folder:
        model.save(Path(folder))
        trivet.log_artifacts(folder, "model")
