"""What is logged of trainings by LightGBM, unasked: beside what MLflow logs of the same, and what may go wrong."""

from __future__ import annotations

import json
import logging
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightgbm
import pytest

import trivet
import trivet.lightgbm
import trivet.pyfunc
from trivet_testing.autologging import amounts, frame, history, only_run, told_by_both

PROGRAMS = Path(__file__).with_name("autolog_programs")
PARAMS = {"objective": "regression", "verbose": -1, "seed": 1, "num_threads": 1, "deterministic": True}


@pytest.fixture(autouse=True)
def turned_off() -> Iterator[None]:
    yield
    trivet.lightgbm.autolog(disable=True)


def data_set(rows: int = 100, seed: int = 1) -> lightgbm.Dataset:
    given = frame(rows, seed)
    return lightgbm.Dataset(given, amounts(given))


def held_out(data: lightgbm.Dataset) -> lightgbm.Dataset:
    given = frame(40, 2)
    return data.create_valid(given, amounts(given))


@pytest.mark.timeout(900)
def test_what_is_logged_is_what_mlflow_logs(mlflow: Path, servers: Any, workspace: str, environment: object) -> None:
    settings = {
        "TRIVET_TRACKING_URL": servers.tracking,
        "TRIVET_ARTIFACTS_URL": servers.artifacts,
        "TRIVET_REGISTRY_URL": servers.registry,
        "TRIVET_WORKSPACE": workspace,
    }
    ours, theirs = told_by_both("lightgbm", PROGRAMS, (Path(sys.executable), mlflow / "bin" / "python"), settings)
    assert ours.keys() == theirs.keys() >= {"early_stopping", "classifier"}
    # MLflow tells what is evaluated from what is trained on by its name only where the caller has named it, and does
    # not note it again where it is the same.
    assert theirs["classifier"]["datasets"] == [["dataset", "eval"], ["dataset", "train"]]
    theirs["classifier"]["datasets"] = [["dataset", "train"], ["valid_0", "eval"]]
    assert theirs["several_metrics"]["datasets"] == [["dataset", "train"]]
    theirs["several_metrics"]["datasets"] = [["dataset", "train"], ["training", "eval"]]
    for case, expected in theirs.items():
        for model in expected["models"]:
            # MLflow's model of a booster has no params; ours has those of its run, as models of estimators have.
            model["params"] = model["params"] or expected["params"]
            # MLflow gives a model that is logged afterwards the first points of its run, and calls those the last.
            model["last"] = {key: points[-1] for key, points in expected["points"].items()}
        assert ours[case] == expected, case
    assert "valid_0-binary_logloss" in ours["classifier"]["points"]
    assert ours["early_stopping"]["points"]["best_iteration"] == [[0, 2]]


def test_points_are_there_while_it_trains(client: trivet.Client) -> None:
    seen: list[tuple[int, int]] = []

    def looks(env: Any) -> None:
        trivet.flush()
        run = trivet.active_run()
        assert run is not None
        seen.append((env.iteration, len(client.get_metric_history(run.info.run_id, "valid_0-l2"))))

    trivet.lightgbm.autolog(log_models=False)
    data = data_set()
    callbacks = [looks]
    lightgbm.train(PARAMS, data, 3, valid_sets=[held_out(data)], callbacks=callbacks)
    assert seen == [(0, 1), (1, 2), (2, 3)]
    assert callbacks == [looks]
    assert trivet.active_run() is None
    assert only_run(client).info.status == "FINISHED"


def test_the_model_is_the_one_without_logging(client: trivet.Client) -> None:
    def trained() -> tuple[str, Any, Any]:
        data = data_set()
        booster = lightgbm.train(PARAMS, data, 5, valid_sets=[data])
        given = frame(60, 1)
        estimator = lightgbm.LGBMRegressor(n_estimators=4, n_jobs=1, verbose=-1).fit(given, amounts(given))
        copied = pickle.loads(pickle.dumps(estimator))
        return booster.model_to_string(), copied.predict(given).tolist(), estimator.get_params()

    before = trained()
    trivet.lightgbm.autolog()
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
        assert f"lightgbm=={lightgbm.__version__}" in Path(folder, "requirements.txt").read_text().splitlines()


def test_data_that_a_training_freed_is_known_to_the_next(client: trivet.Client) -> None:
    trivet.lightgbm.autolog(log_input_examples=False)
    data = data_set()
    for _ in range(2):
        lightgbm.train(PARAMS, data, 2)
    assert data.data is None
    used = [client.get_run(run.info.run_id).inputs for run in client.search_runs(["0"])]
    digests = {each.dataset.digest for inputs in used if inputs for each in inputs.dataset_inputs}
    assert len(used) == 2
    assert len(digests) == 1
    for model in client.search_logged_models(["0"]):
        assert trivet.pyfunc.load_model(model.model_uri).metadata.signature is not None


def test_what_a_training_raises_is_raised_and_the_run_failed(client: trivet.Client) -> None:
    trivet.lightgbm.autolog()
    trouble = RuntimeError("no more")

    def fails(env: Any) -> None:
        if env.iteration == 1:
            raise trouble

    data = data_set()
    with pytest.raises(RuntimeError) as raised:
        lightgbm.train(PARAMS, data, 5, valid_sets=[held_out(data)], callbacks=[fails])
    assert raised.value is trouble
    run = only_run(client)
    assert run.info.status == "FAILED"
    assert [step for step, _ in history(client, run.info.run_id, "valid_0-l2")] == [0, 1]
    assert client.search_logged_models(["0"]) == []


def test_what_cannot_be_logged_changes_nothing_and_is_said_once(
    client: trivet.Client, caplog: pytest.LogCaptureFixture
) -> None:
    trivet.lightgbm.autolog(registered_model_name="no/name")
    data = data_set()
    with caplog.at_level(logging.WARNING, "trivet"):
        booster = lightgbm.train(PARAMS, data, 4, valid_sets=[held_out(data)], valid_names=["x" * 300])
    assert booster.num_trees() == 4
    run = only_run(client)
    assert run.info.status == "FINISHED"
    assert run.metrics == {}
    assert client.search_logged_models(["0"]) == []
    (said,) = [record.getMessage() for record in caplog.records if record.name == "trivet"]
    assert said.count("the metrics (") == 1
    assert "the model (" in said
    assert {each.path for each in client.list_artifacts(run.info.run_id)} == {
        f"feature_importance_{kind}.{ending}" for kind in ("split", "gain") for ending in ("json", "png")
    }


def test_turned_off_all_is_as_it_was(client: trivet.Client) -> None:
    def patched() -> list[object]:
        return [
            lightgbm.train,
            vars(lightgbm.sklearn)["train"],
            lightgbm.LGBMModel.fit,
            lightgbm.LGBMClassifier.fit,
            lightgbm.LGBMRegressor.fit,
            lightgbm.LGBMRanker.fit,
        ]

    before = patched()
    trivet.lightgbm.autolog()
    assert all(now is not then for now, then in zip(patched(), before, strict=True))
    trivet.lightgbm.autolog(disable=True)
    assert all(now is then for now, then in zip(patched(), before, strict=True))
    lightgbm.train(PARAMS, data_set(), 2)
    assert client.search_runs(["0"]) == []
