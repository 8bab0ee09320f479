"""Models that are evaluated by their URIs, and as what `trivet.pyfunc.load_model` returns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import trivet
import trivet.pyfunc
import trivet.sklearn
from trivet import Threshold

DATA = pd.DataFrame({"x": np.arange(20.0), "hour": np.arange(20) % 3, "region": ["north", "south"] * 10}).assign(
    y=lambda frame: 2 * frame["x"] + frame["hour"], is_far=lambda frame: frame["x"] > 9
)


@pytest.fixture
def taxi(client: trivet.Client) -> list[str]:
    """Two versions of the model `taxi`, the second of which is better; the ids of their logged models."""
    ids = []
    for columns in (["x"], ["x", "hour"]):
        fitted = LinearRegression().fit(DATA[columns], DATA["y"])
        info = trivet.sklearn.log_model(
            fitted, "taxi", input_example=DATA[columns][:2], registered_model_name="taxi", pip_requirements=[]
        )
        ids.append(info.model_id)
    client.set_registered_model_alias("taxi", "champion", 1)
    client.transition_model_version_stage("taxi", 2, "Staging")
    return ids


@pytest.mark.parametrize(
    ("uri", "named", "which"),
    [
        ("models:/taxi/2", "models:/taxi/2", 1),
        ("models:/taxi@champion", "models:/taxi/1", 0),
        ("models:/taxi/Staging", "models:/taxi/2", 1),
        ("models:/taxi/latest", "models:/taxi/2", 1),
    ],
)
def test_a_registered_model_is_evaluated_as_its_version(
    client: trivet.Client, taxi: list[str], uri: str, named: str, which: int
) -> None:
    found = trivet.evaluate(uri, DATA.drop(columns="is_far"), "y", "regressor", slices=["region"], plots=False)
    assert (found.model, found.model_id) == (named, taxi[which])
    assert (found.metrics["max_error"] < 1e-9) == (which == 1)
    measured = client.get_logged_model(taxi[which]).metrics
    assert {metric.key: metric.value for metric in measured if metric.run_id == found.run_id} == found.all_metrics()


def test_a_logged_model_and_a_folder_are_evaluated(taxi: list[str], tmp_path: Path) -> None:
    logged = trivet.evaluate(f"models:/{taxi[1]}", DATA, "y", "regressor", plots=False)
    assert (logged.model, logged.model_id) == (f"models:/{taxi[1]}", taxi[1])
    trivet.sklearn.save_model(LinearRegression().fit(DATA[["x"]], DATA["y"]), tmp_path / "m", pip_requirements=[])
    of_folder = trivet.evaluate(tmp_path / "m", DATA, "y", "regressor", plots=False)
    assert (of_folder.model, of_folder.model_id) == (str(tmp_path / "m"), "")
    assert of_folder.metrics["example_count"] == 20


def test_a_loaded_classifier_is_asked_for_probabilities(client: trivet.Client) -> None:
    fitted = LogisticRegression().fit(DATA[["x", "hour"]], DATA["is_far"])
    info = trivet.sklearn.log_model(fitted, "far", input_example=DATA[["x", "hour"]][:2], pip_requirements=[])
    loaded = trivet.pyfunc.load_model(f"models:/{info.model_id}")
    found = trivet.evaluate(loaded, DATA.drop(columns="y"), "is_far", "classifier", plots=False)
    of_object = trivet.evaluate(fitted, DATA.drop(columns="y"), "is_far", "classifier", plots=False)
    assert found.metrics == of_object.metrics
    assert found.metrics["roc_auc"] == 1
    assert (found.model, found.model_id) == (f"models:/{info.model_id}", info.model_id)


def test_a_better_version_is_promoted_and_a_worse_one_is_not(client: trivet.Client, taxi: list[str]) -> None:
    def promote(baseline: str, candidate: str) -> None:
        comparison = trivet.compare_models(
            baseline,
            candidate,
            DATA,
            "y",
            "regressor",
            thresholds={"root_mean_squared_error": Threshold(threshold=1, min_relative_change=0.1)},
            plots=False,
        )
        version = int(comparison.candidate.model.rpartition("/")[2])
        client.registry.set_registered_model_alias("taxi", "champion", version, reason=comparison.require().summary)

    with pytest.raises(trivet.ThresholdMissed, match="root_mean_squared_error"):
        promote("models:/taxi/2", "models:/taxi@champion")
    assert client.get_model_version_by_alias("taxi", "champion").version == 1
    promote("models:/taxi@champion", "models:/taxi/Staging")
    assert client.get_model_version_by_alias("taxi", "champion").version == 2


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("models:/none/1", trivet.NotFound),
        ("models:/taxi/9", trivet.ModelVersionNotFound),
        ("models:/taxi@none", trivet.ModelAliasNotFound),
        ("models:/taxi/Production", trivet.ModelVersionNotFound),
        ("models:/taxi", trivet.InvalidArgument),
        ("no/such/folder", trivet.InvalidArgument),
    ],
)
def test_a_model_that_is_not_there_leaves_no_run(
    client: trivet.Client, taxi: list[str], uri: str, error: type[trivet.TrivetError]
) -> None:
    before = len(client.search_runs("0"))
    with pytest.raises(error):
        trivet.evaluate(uri, DATA, "y", "regressor")
    assert len(client.search_runs("0")) == before


def test_data_without_a_column_of_the_signature_is_refused(taxi: list[str]) -> None:
    with pytest.raises(trivet.InvalidArgument, match="hour"):
        trivet.evaluate("models:/taxi/2", DATA.drop(columns="hour"), "y", "regressor")
