"""Trainings by XGBoost, which either product logs by itself."""

from __future__ import annotations

from typing import Any

import xgboost
from made_data import amounts, features, frame, kinds, yes_or_no

_QUIET = {"seed": 1, "nthread": 1}


def early_stopping(tracker: Any) -> None:
    """Stops before its rounds are over."""
    tracker.xgboost.autolog()
    train, test = frame(200, 1), frame(60, 2)
    data = xgboost.DMatrix(train, amounts(train))
    xgboost.train(
        {"objective": "reg:squarederror", "max_depth": 5, "eta": 0.8, **_QUIET},
        data,
        30,
        evals=[(data, "train"), (xgboost.DMatrix(test, amounts(test)), "validation")],
        early_stopping_rounds=3,
        verbose_eval=False,
    )


def active_run(tracker: Any) -> None:
    """Goes into the run that is active, after what the program logged itself; nothing is evaluated."""
    tracker.xgboost.autolog(log_models=False, importance_types=["weight", "gain"])
    given = features(50, 3)
    with tracker.start_run(run_name="mine"):
        tracker.log_param("mine", 1)
        xgboost.train(
            params={"objective": "binary:logistic", "max_depth": 2, **_QUIET},
            dtrain=xgboost.DMatrix(given, yes_or_no(given)),
            num_boost_round=4,
        )


def several_metrics(tracker: Any) -> None:
    """Metrics with `@` in their names."""
    tracker.xgboost.autolog(log_models=False)
    given = features(60, 4)
    data = xgboost.DMatrix(given, yes_or_no(given), qid=[each // 10 for each in range(60)])
    xgboost.train(
        {"objective": "rank:ndcg", "eval_metric": ["ndcg@3", "map@5"], "max_depth": 2, **_QUIET},
        data,
        3,
        evals=[(data, "train")],
        verbose_eval=False,
    )


def linear(tracker: Any) -> None:
    """Importances of each class."""
    tracker.xgboost.autolog(log_models=False)
    given = frame(60, 5)
    xgboost.train(
        {"booster": "gblinear", "objective": "multi:softprob", "num_class": 3, "updater": "coord_descent", **_QUIET},
        xgboost.DMatrix(given, kinds(given)),
        3,
    )


def classifier(tracker: Any) -> None:
    """The estimator that scikit-learn's users know, which stops early."""
    tracker.xgboost.autolog()
    train, test = frame(200, 1), frame(60, 2)
    xgboost.XGBClassifier(n_estimators=30, max_depth=5, learning_rate=0.9, early_stopping_rounds=3, n_jobs=1).fit(
        train, yes_or_no(train), eval_set=[(test, yes_or_no(test))], verbose=False
    )


def regressor(tracker: Any) -> None:
    """The estimator, with nothing to evaluate."""
    tracker.xgboost.autolog(log_models=False)
    given = features(80, 6)
    xgboost.XGBRegressor(n_estimators=3, max_depth=2, n_jobs=1, random_state=4).fit(given, amounts(given))


CASES = (early_stopping, active_run, several_metrics, linear, classifier, regressor)
