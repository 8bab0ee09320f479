"""What libraries log by themselves: autologging of MLflow, callbacks of their own, tuning, evaluation."""

from __future__ import annotations

from typing import Any

import hyperopt
import lightgbm
import matplotlib as mpl
import mlflow
import numpy as np
import optuna
import optuna_integration
import pandas as pd
import xgboost
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from told import number, of_experiment

mpl.use("Agg")


def sklearn_autolog() -> dict[str, Any]:
    """A pipeline with its score, and a search whose candidates become runs of their own."""
    features, labels = load_iris(return_X_y=True, as_frame=True)
    mlflow.set_experiment("sklearn autolog")
    mlflow.sklearn.autolog(max_tuning_runs=3)
    try:
        with mlflow.start_run(run_name="pipeline"):
            pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(features, labels)
            pipeline.score(features[:50], labels[:50])
        search = GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 1.0, 10.0]}, cv=2).fit(features, labels)
    finally:
        mlflow.sklearn.autolog(disable=True)
    return {**of_experiment("sklearn autolog"), "best": search.best_params_}


def xgboost_autolog() -> dict[str, Any]:
    """Points of each iteration, early stopping, importances, datasets, model and signature."""
    features, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    train, test = (xgboost.DMatrix(features[begin:end], labels[begin:end]) for begin, end in ((0, 400), (400, None)))
    experiment = mlflow.set_experiment("xgboost autolog")
    mlflow.xgboost.autolog(log_model_signatures=True)
    try:
        parameters = {"objective": "binary:logistic", "max_depth": 2, "seed": 1, "nthread": 1}
        xgboost.train(
            parameters, train, 12, evals=[(train, "train"), (test, "test")], early_stopping_rounds=3, verbose_eval=False
        )
        with mlflow.start_run(run_name="of scikit-learn's kind"):
            xgboost.XGBClassifier(n_estimators=3, max_depth=2, n_jobs=1).fit(features, labels)
    finally:
        mlflow.xgboost.autolog(disable=True)
    models = mlflow.search_logged_models([experiment.experiment_id], output_format="list")
    loaded = mlflow.xgboost.load_model(f"models:/{models[-1].model_id}")
    return {**of_experiment("xgboost autolog"), "loaded": type(loaded).__name__}


def lightgbm_autolog() -> dict[str, Any]:
    """Points of each iteration and importances, from another library."""
    features, labels = load_breast_cancer(return_X_y=True)
    mlflow.set_experiment("lightgbm autolog")
    mlflow.lightgbm.autolog()
    try:
        data = lightgbm.Dataset(features, labels)
        parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 1, "deterministic": True}
        lightgbm.train(parameters, data, 5, valid_sets=[data], valid_names=["train"])
    finally:
        mlflow.lightgbm.autolog(disable=True)
    return of_experiment("lightgbm autolog")


def hyperopt_trials() -> dict[str, Any]:
    """Fifty trials, each a run below one; the best is found by search."""
    experiment = mlflow.set_experiment("hyperopt")

    def trial(point: dict[str, float]) -> dict[str, Any]:
        with mlflow.start_run(nested=True, run_name=f"trial {len(trials.trials) - 1:02}"):
            loss = (point["x"] - 1) ** 2 + abs(point["y"])
            mlflow.set_tag("model", "quadratic")
            mlflow.log_params(point)
            mlflow.log_metric("loss", loss)
            return {"loss": loss, "status": hyperopt.STATUS_OK}

    trials = hyperopt.Trials()
    space = {"x": hyperopt.hp.uniform("x", -5, 5), "y": hyperopt.hp.lognormal("y", 0, 1)}
    with mlflow.start_run(run_name="search") as parent:
        best = hyperopt.fmin(
            trial,
            space,
            algo=hyperopt.tpe.suggest,
            max_evals=50,
            trials=trials,
            rstate=np.random.default_rng(1),
            show_progressbar=False,
        )
        mlflow.log_metrics({f"best {name}": value for name, value in best.items()})
    filters = f"tags.mlflow.parentRunId = '{parent.info.run_id}' and metrics.loss < 5"
    found = mlflow.search_runs([experiment.experiment_id], filters, order_by=["metrics.loss ASC"], max_results=5)
    return {
        **of_experiment("hyperopt"),
        "found": found["tags.mlflow.runName"].tolist(),
        "params": [number(float(value)) for value in found["params.x"]],
    }


def optuna_callback() -> dict[str, Any]:
    """Optuna's own callback, with and without nested runs."""
    optuna.logging.disable_propagation()
    for nested in (False, True):
        callback = optuna_integration.MLflowCallback(
            metric_name="score", mlflow_kwargs={"nested": nested}, create_experiment=True
        )
        study = optuna.create_study(study_name=f"optuna {nested}", sampler=optuna.samplers.TPESampler(seed=1))

        @callback.track_in_mlflow()  # type: ignore[untyped-decorator,unused-ignore]
        def objective(trial: optuna.Trial) -> float:
            x = trial.suggest_float("x", -1, 1)
            kind = trial.suggest_categorical("kind", ["a", "b"])
            mlflow.log_metric("inner", x)
            return float(x * x + (kind == "b"))

        study.set_user_attr("team", "a")
        study.optimize(objective, n_trials=6, callbacks=[callback])
    return {"flat": of_experiment("optuna False"), "nested": of_experiment("optuna True")}


def evaluation() -> dict[str, Any]:
    """A classifier is evaluated: metrics of a model and a dataset, plots, tables."""
    features, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    train_x, test_x, train_y, test_y = train_test_split(features, labels, random_state=1)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(train_x, train_y)
    mlflow.set_experiment("evaluation")
    with mlflow.start_run(run_name="evaluated"):
        logged = mlflow.sklearn.log_model(model, name="classifier", pip_requirements=["scikit-learn"])
        result = mlflow.models.evaluate(
            logged.model_uri,
            pd.concat([test_x, test_y], axis=1),
            targets="target",
            model_type="classifier",
            evaluators="default",
            evaluator_config={"log_explainer": False},
        )
    with mlflow.start_run(run_name="by its predictions"):
        predicted = pd.DataFrame({"truth": test_y, "predicted": model.predict(test_x)})
        mlflow.models.evaluate(
            data=predicted, targets="truth", predictions="predicted", model_type="classifier", evaluators="default"
        )
    return {
        **of_experiment("evaluation"),
        "metrics": {key: number(value) for key, value in sorted(result.metrics.items()) if "time" not in key},
        "artifacts": sorted(result.artifacts),
    }
