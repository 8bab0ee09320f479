"""What is logged of trainings by XGBoost, unasked: beside what MLflow logs of the same, and what may go wrong."""

from __future__ import annotations

import json
import logging
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

import trivet
import trivet.pyfunc
import trivet.xgboost
from trivet_testing.autologging import amounts, frame, history, only_run, told_by_both

PROGRAMS = Path(__file__).with_name("autolog_programs")
PARAMS = {"objective": "reg:squarederror", "max_depth": 3, "seed": 1, "nthread": 1}


@pytest.fixture(autouse=True)
def turned_off() -> Iterator[None]:
    yield
    trivet.xgboost.autolog(disable=True)


def matrix(rows: int = 60, seed: int = 1) -> xgboost.DMatrix:
    given = frame(rows, seed)
    return xgboost.DMatrix(given, amounts(given))


@pytest.mark.timeout(900)
def test_what_is_logged_is_what_mlflow_logs(mlflow: Path, servers: Any, workspace: str, environment: object) -> None:
    settings = {
        "TRIVET_TRACKING_URL": servers.tracking,
        "TRIVET_ARTIFACTS_URL": servers.artifacts,
        "TRIVET_REGISTRY_URL": servers.registry,
        "TRIVET_WORKSPACE": workspace,
    }
    ours, theirs = told_by_both("xgboost", PROGRAMS, (Path(sys.executable), mlflow / "bin" / "python"), settings)
    assert ours.keys() == theirs.keys() >= {"early_stopping", "classifier"}
    for case, expected in theirs.items():
        for model in expected["models"]:
            # MLflow's model of a booster has no params; ours has those of its run, as models of estimators have.
            model["params"] = model["params"] or expected["params"]
            # MLflow gives a model that is logged afterwards the first points of its run, and calls those the last.
            model["last"] = {key: points[-1] for key, points in expected["points"].items()}
        assert ours[case] == expected, case
    assert max(step for step, _ in ours["early_stopping"]["points"]["validation-rmse"]) == 10
    assert len(ours["early_stopping"]["models"]) == 1


def test_points_are_there_while_it_trains(client: trivet.Client) -> None:
    seen: list[tuple[int, int]] = []

    class Looks(xgboost.callback.TrainingCallback):  # type: ignore[misc,unused-ignore]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            del model, evals_log
            trivet.flush()
            run = trivet.active_run()
            assert run is not None
            seen.append((epoch, len(client.get_metric_history(run.info.run_id, "test-rmse"))))
            return False

    def largest(predictions: Any, data: xgboost.DMatrix) -> tuple[str, float]:
        return "largest", float(np.abs(predictions - data.get_label()).max())

    trivet.xgboost.autolog(log_models=False)
    xgboost.train(
        PARAMS,
        matrix(),
        3,
        evals=[(matrix(20, 2), "test")],
        callbacks=[Looks()],
        custom_metric=largest,
        verbose_eval=False,
    )
    assert seen == [(0, 1), (1, 2), (2, 3)]
    assert trivet.active_run() is None
    run = only_run(client)
    assert run.info.status == "FINISHED"
    # MLflow has the address of the function here, which is another each time.
    assert run.params["custom_metric"].endswith("largest")
    assert len(history(client, run.info.run_id, "test-largest")) == 3


def test_the_model_is_the_one_without_logging(client: trivet.Client) -> None:
    def trained() -> tuple[bytes, Any, Any]:
        booster = xgboost.train(PARAMS, matrix(), 5, evals=[(matrix(20, 2), "test")], verbose_eval=False)
        given = frame(60, 1)
        estimator = xgboost.XGBRegressor(n_estimators=4, max_depth=2, n_jobs=1).fit(given, amounts(given))
        copied = pickle.loads(pickle.dumps(estimator))
        return bytes(booster.save_raw()), copied.predict(given).tolist(), estimator.get_params()

    before = trained()
    trivet.xgboost.autolog()
    assert trained() == before
    assert len(client.search_runs(["0"])) == 2
    models = client.search_logged_models(["0"])
    assert [model.status for model in models] == ["READY", "READY"]
    for model in models:
        loaded = trivet.pyfunc.load_model(model.model_uri)
        signature = loaded.metadata.signature
        assert signature is not None
        assert [(each["name"], each["type"]) for each in json.loads(signature.to_dict()["inputs"] or "")] == [
            (name, "double") for name in ("width", "height", "age")
        ]
        assert len(loaded.predict(frame(4, 3))) == 4
        folder = client.download_artifacts(artifact_uri=model.model_uri)
        assert f"xgboost-cpu=={xgboost.__version__}" in Path(folder, "requirements.txt").read_text().splitlines()


def test_callers_callbacks_are_as_they_were_and_their_early_stopping_is_noted(client: trivet.Client) -> None:
    trivet.xgboost.autolog(log_models=False)
    stopping = xgboost.callback.EarlyStopping(rounds=2, save_best=True)
    callbacks = [stopping]
    booster = xgboost.train(
        {**PARAMS, "eta": 0.9, "max_depth": 6},
        matrix(100),
        40,
        evals=[(matrix(40, 2), "test")],
        callbacks=callbacks,
        verbose_eval=False,
    )
    assert callbacks == [stopping]
    run = only_run(client)
    points = history(client, run.info.run_id, "test-rmse")
    best = int(run.metrics["best_iteration"])
    assert booster.num_boosted_rounds() == best + 1
    # The last iteration too, of which MLflow is not told.
    assert run.metrics["stopped_iteration"] == best + 2
    assert points[-1] == (best + 3, points[best][1])


def test_a_training_that_goes_on_notes_its_own_best_iteration(client: trivet.Client) -> None:
    first = xgboost.train(PARAMS, matrix(100), 7)
    trivet.xgboost.autolog(log_models=False)
    booster = xgboost.train(
        {**PARAMS, "eta": 0.9, "max_depth": 6},
        matrix(100),
        40,
        evals=[(matrix(40, 2), "test")],
        early_stopping_rounds=2,
        xgb_model=first,
        verbose_eval=False,
    )
    run = only_run(client)
    points = history(client, run.info.run_id, "test-rmse")
    assert run.metrics["best_iteration"] == booster.best_iteration >= 7
    assert points[-1] == (len(points) - 1, min(value for _, value in points))


def test_what_a_training_raises_is_raised_and_the_run_failed(client: trivet.Client) -> None:
    trivet.xgboost.autolog()
    trouble = RuntimeError("no gradient")

    def objective(predictions: Any, data: Any) -> Any:
        if predictions.any():
            raise trouble
        return predictions - data.get_label(), np.ones_like(predictions)

    with pytest.raises(RuntimeError) as raised:
        xgboost.train(
            {**PARAMS, "base_score": 0}, matrix(), 5, obj=objective, evals=[(matrix(), "train")], verbose_eval=False
        )
    assert raised.value is trouble
    run = only_run(client)
    assert run.info.status == "FAILED"
    assert [step for step, _ in history(client, run.info.run_id, "train-rmse")] == [0]
    assert client.search_logged_models(["0"]) == []
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'dtrain'"):
        xgboost.train(PARAMS)


def test_what_cannot_be_logged_changes_nothing_and_is_said_once(
    client: trivet.Client, caplog: pytest.LogCaptureFixture
) -> None:
    trivet.xgboost.autolog(importance_types=["weight", "beauty"], log_models=False)
    with caplog.at_level(logging.WARNING, "trivet"):
        booster = xgboost.train(PARAMS, matrix(), 4, evals=[(matrix(), "x" * 300)], verbose_eval=False)
    assert booster.num_boosted_rounds() == 4
    run = only_run(client)
    assert run.info.status == "FINISHED"
    assert run.metrics == {}
    assert run.params["num_boost_round"] == "4"
    (said,) = [record.getMessage() for record in caplog.records if record.name == "trivet"]
    assert said.count("the metrics (") == 1
    assert "the importances by beauty (" in said
    assert {each.path for each in client.list_artifacts(run.info.run_id)} == {
        "feature_importance_weight.json",
        "feature_importance_weight.png",
    }


def test_turned_off_all_is_as_it_was(client: trivet.Client) -> None:
    def patched() -> list[object]:
        return [
            xgboost.train,
            vars(xgboost.sklearn)["train"],
            xgboost.DMatrix.__init__,
            xgboost.QuantileDMatrix.__init__,
            xgboost.XGBModel.fit,
            xgboost.XGBClassifier.fit,
            xgboost.XGBRegressor.fit,
            xgboost.XGBRFRegressor.fit,
        ]

    before = patched()
    trivet.xgboost.autolog()
    assert all(now is not then for now, then in zip(patched(), before, strict=True))
    trivet.xgboost.autolog(disable=True)
    assert all(now is then for now, then in zip(patched(), before, strict=True))
    xgboost.train(PARAMS, matrix(), 2)
    assert client.search_runs(["0"]) == []


def test_an_estimator_whose_fit_calls_that_of_its_class_is_logged_once(client: trivet.Client) -> None:
    trivet.xgboost.autolog(log_models=False, log_datasets=False, extra_tags={"team": "a"})
    given = frame(50, 4)
    forest = xgboost.XGBRFRegressor(n_estimators=3, max_depth=2, n_jobs=1)
    forest.fit(given, amounts(given), eval_set=[(given, amounts(given))], verbose=False)
    run = only_run(client)
    assert run.tags["team"] == "a"
    assert run.inputs is None or run.inputs.dataset_inputs == ()
    assert run.params["num_parallel_tree"] == "3"
    assert [step for step, _ in history(client, run.info.run_id, "validation_0-rmse")] == [0]


def test_matrix_that_is_too_large_to_be_read_back_is_said(
    client: trivet.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("trivet._autologging.xgboost._MAX_VALUES", 100)
    trivet.xgboost.autolog(log_models=False)
    xgboost.train(PARAMS, matrix(60), 2, evals=[(matrix(20, 2), "test")], verbose_eval=False)
    run = only_run(client)
    assert run.inputs is not None
    assert [each.dataset.name for each in run.inputs.dataset_inputs] == ["test"]
    (said,) = [record.getMessage() for record in caplog.records if record.name == "trivet"]
    assert "the dataset 'dataset' (InvalidArgument: It has 180 values" in said
