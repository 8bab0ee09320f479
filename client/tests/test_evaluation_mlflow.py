"""The same numbers as `mlflow.evaluate` gives for the same answers of the same models."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trivet

pytestmark = pytest.mark.usefixtures("environment")

PROGRAM = """
import json, sys
import mlflow, numpy, pandas
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

mlflow.set_tracking_uri("sqlite:///" + sys.argv[1] + "/mlflow.db")
mlflow.create_experiment("evaluation", artifact_location="file://" + sys.argv[1] + "/files")
mlflow.set_experiment("evaluation")


def evaluated(loaded, model, names, kind, config=None):
    data = loaded.frame.iloc[:, [0, 1, -1]].rename(columns={"target": "y"})
    if names:
        data["y"] = data["y"].map(dict(enumerate(names)))
    features = data.drop(columns="y")
    model.fit(features[::2], data["y"][::2])
    with mlflow.start_run():
        uri = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"]).model_uri
        found = mlflow.models.evaluate(
            uri, data, targets="y", model_type=kind,
            evaluator_config={"log_explainer": False, **(config or {})},
        )
    classes = found.artifacts.get("per_class_metrics")
    return {
        "targets": data["y"].tolist(),
        "predictions": model.predict(features).tolist(),
        "probabilities": model.predict_proba(features).tolist() if kind == "classifier" else None,
        "metrics": {key: float(value) for key, value in found.metrics.items()},
        "per_class": None if classes is None else classes.content.to_dict("records"),
    }


def classifier():
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1))


cancer = load_breast_cancer(as_frame=True)
answers = {
    "regressor": evaluated(load_diabetes(as_frame=True), LinearRegression(), None, "regressor"),
    "two": evaluated(cancer, classifier(), ["malignant", "benign"], "classifier"),
    "two turned": evaluated(cancer, classifier(), ["malignant", "benign"], "classifier", {"pos_label": "benign"}),
    "many": evaluated(load_wine(as_frame=True), classifier(), ["a", "b", "c"], "classifier"),
}
print("ANSWERS " + json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What MLflow's models answered, and what MLflow measured."""
    folder = tmp_path_factory.mktemp("mlflow")
    python = str(mlflow / "bin" / "python")
    ended = subprocess.run(
        [python, "-W", "ignore", "-c", PROGRAM, str(folder)], capture_output=True, text=True, check=False, cwd=folder
    )
    assert ended.returncode == 0, ended.stderr
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("ANSWERS ")]
    found: dict[str, Any] = json.loads(line.removeprefix("ANSWERS "))
    return found


@pytest.mark.parametrize(
    ("case", "pos_label"), [("regressor", None), ("two", None), ("two turned", "benign"), ("many", None)]
)
def test_metrics_are_those_of_mlflow(answers: dict[str, Any], case: str, pos_label: str | None) -> None:
    of_mlflow = answers[case]
    found = trivet.evaluate(
        None,
        np.zeros((len(of_mlflow["targets"]), 1)),
        of_mlflow["targets"],
        "regressor" if case == "regressor" else "classifier",
        predictions=of_mlflow["predictions"],
        probabilities=of_mlflow["probabilities"],
        pos_label=pos_label,
        plots=False,
    )
    # What scikit-learn's own `score` gives is r2_score, or accuracy_score, again.
    expected = {key: value for key, value in of_mlflow["metrics"].items() if key != "score"}
    assert found.metrics == pytest.approx(expected, rel=1e-9)
    assert found.left_out == {}


def test_metrics_of_each_class_are_those_of_mlflow(answers: dict[str, Any]) -> None:
    of_mlflow = answers["many"]
    found = trivet.evaluate(
        None,
        np.zeros((len(of_mlflow["targets"]), 1)),
        of_mlflow["targets"],
        "classifier",
        predictions=of_mlflow["predictions"],
        probabilities=of_mlflow["probabilities"],
        plots=False,
    )
    for ours, theirs in zip(found.tables["per_class_metrics"].to_dict("records"), of_mlflow["per_class"], strict=True):
        assert ours.pop("positive_class") == theirs.pop("positive_class")
        assert ours == pytest.approx(theirs, rel=1e-9)
