"""Trainings by LightGBM, which either product logs by itself."""

from __future__ import annotations

from typing import Any

import lightgbm
from made_data import amounts, features, frame, yes_or_no

_QUIET = {"verbose": -1, "num_threads": 1, "seed": 1, "deterministic": True, "force_row_wise": True}


def early_stopping(tracker: Any) -> None:
    """Stops before its rounds are over."""
    tracker.lightgbm.autolog()
    train, test = frame(300, 1), frame(80, 2)
    data = lightgbm.Dataset(train, yes_or_no(train))
    lightgbm.train(
        {"objective": "binary", "metric": ["binary_logloss", "auc"], "learning_rate": 0.1, "num_leaves": 5, **_QUIET},
        data,
        40,
        valid_sets=[data, data.create_valid(test, yes_or_no(test))],
        valid_names=["train", "test"],
        callbacks=[lightgbm.early_stopping(3, verbose=False)],
    )


def active_run(tracker: Any) -> None:
    """Goes into the run that is active, after what the program logged itself; nothing is evaluated."""
    tracker.lightgbm.autolog(log_models=False)
    given = features(100, 3)
    with tracker.start_run(run_name="mine"):
        tracker.log_param("mine", 1)
        lightgbm.train(
            params={"objective": "regression", **_QUIET},
            train_set=lightgbm.Dataset(given, amounts(given)),
            num_boost_round=4,
        )


def several_metrics(tracker: Any) -> None:
    """Metrics with `@` in their names."""
    tracker.lightgbm.autolog(log_models=False)
    given = features(60, 4)
    data = lightgbm.Dataset(given, yes_or_no(given), group=[10] * 6)
    lightgbm.train(
        {"objective": "lambdarank", "metric": "ndcg", "eval_at": [1, 3], "min_data_in_leaf": 5, **_QUIET},
        data,
        3,
        valid_sets=[data],
    )


def classifier(tracker: Any) -> None:
    """The estimator that scikit-learn's users know, which stops early."""
    tracker.lightgbm.autolog()
    train, test = frame(300, 1), frame(80, 2)
    lightgbm.LGBMClassifier(n_estimators=40, learning_rate=0.1, num_leaves=5, n_jobs=1, random_state=1, verbose=-1).fit(
        train,
        yes_or_no(train),
        eval_set=[(test, yes_or_no(test))],
        callbacks=[lightgbm.early_stopping(3, verbose=False)],
    )


def regressor(tracker: Any) -> None:
    """The estimator, with nothing to evaluate."""
    tracker.lightgbm.autolog(log_models=False)
    given = features(80, 6)
    lightgbm.LGBMRegressor(n_estimators=3, n_jobs=1, random_state=4, verbose=-1).fit(given, amounts(given))


CASES = (early_stopping, active_run, several_metrics, classifier, regressor)
