"""What an evaluation logs, and to which run, dataset and model: against real services."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image
from sklearn.linear_model import LinearRegression, LogisticRegression
from typer.testing import CliRunner

import trivet
from trivet._commands.root import app
from trivet.data import from_file, from_pandas

pytestmark = pytest.mark.usefixtures("environment")


def trips(rows: int = 60) -> pd.DataFrame:
    """Trips whose minutes are nearly three times their distance."""
    random = np.random.default_rng(7)
    distance = random.uniform(1, 20, rows)
    return pd.DataFrame(
        {
            "distance": distance,
            "hour": random.integers(0, 24, rows),
            "region": random.choice(["north", "south"], rows),
            "minutes": 3 * distance + random.normal(0, 1, rows),
        }
    )


def double(features: pd.DataFrame) -> Any:
    return features["distance"] * 3


def read(evaluation: trivet.Evaluation, name: str) -> bytes:
    return trivet.get_run(evaluation.run_id).artifacts.read(evaluation.artifacts[name])


def test_without_a_run_one_is_started_and_ended() -> None:
    found = trivet.evaluate(double, trips(), "minutes", "regressor")
    assert trivet.active_run() is None
    run = trivet.get_run(found.run_id)
    assert run.info.status == "FINISHED"
    assert run.metrics == found.metrics
    assert (found.model, found.model_id, found.model_type) == ("double", "", "regressor")


def test_an_active_run_is_logged_to_and_stays() -> None:
    with trivet.start_run() as run:
        found = trivet.evaluate(double, trips(), "minutes", "regressor", prefix="test/", plots=False)
        assert trivet.active_run() is run
        assert found.run_id == run.info.run_id
        logged = trivet.get_run(found.run_id).metrics
    assert logged == {f"test/{key}": value for key, value in found.metrics.items()}
    assert found.artifacts == {"evaluation": "evaluation/test/evaluation.json"}


def test_plots_tables_and_all_of_it_are_files_of_the_run() -> None:
    data = trips()
    data["is_long"] = data["minutes"] > 30
    model = LogisticRegression().fit(data[["distance", "hour"]], data["is_long"])
    found = trivet.evaluate(
        model, data.drop(columns="minutes"), "is_long", "classifier", slices=["region"], dataset="trips"
    )
    plots = {"confusion_matrix", "roc_curve", "precision_recall_curve", "calibration_curve"}
    assert set(found.artifacts) == plots | {"per_class_metrics", "slices", "evaluation"} | set(found.tables)
    files = [file.path for file in trivet.get_run(found.run_id).artifacts]
    assert sorted(found.artifacts.values()) == files
    table = json.loads(read(found, "per_class_metrics"))
    assert table["columns"] == list(found.tables["per_class_metrics"].columns)
    assert [row[0] for row in table["data"]] == [False, True]
    content = json.loads(read(found, "evaluation"))
    assert content["metrics"] == found.metrics
    assert [part["name"] for part in content["slices"]] == ["region/north", "region/south"]
    assert content["dataset"] == {"name": "trips", "digest": found.dataset.digest}


@pytest.mark.parametrize("rows", [1, 60, 5000])
def test_plots_of_regressors_are_pictures_of_some_size(rows: int) -> None:
    found = trivet.evaluate(double, trips(rows), "minutes", "regressor")
    for name in ("predicted_vs_actual", "residuals"):
        with Image.open(io.BytesIO(read(found, name))) as image:
            assert min(image.size) >= 500
            assert len(image.convert("L").getcolors() or []) > 10  # something is drawn


def test_a_figure_takes_labels_that_mean_something_to_matplotlib() -> None:
    labels = ["$x$ _{", "_hidden", "a" * 80, "two\nlines"] * 5
    random = np.random.default_rng(1)
    probabilities = random.dirichlet(np.ones(4), 20)
    ordered = sorted(set(labels))
    predictions = [ordered[place] for place in probabilities.argmax(axis=1)]
    found = trivet.evaluate(
        None, np.zeros((20, 1)), labels, "classifier", predictions=predictions, probabilities=probabilities
    )
    assert {"confusion_matrix", "roc_curve", "precision_recall_curve", "calibration_curve"} <= set(found.artifacts)


def test_plots_touch_no_figures_of_the_process() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    before = pyplot.get_fignums()
    trivet.evaluate(double, trips(), "minutes", "regressor")
    assert pyplot.get_fignums() == before


def test_the_dataset_is_an_input_of_the_run_and_the_same_for_two_models() -> None:
    data = trips()
    first = trivet.evaluate(double, data, "minutes", "regressor", dataset="trips", plots=False)
    other = trivet.evaluate(
        None, data.assign(guess=1.0), "minutes", "regressor", predictions="guess", dataset="trips", plots=False
    )
    changed = trivet.evaluate(
        double, data.assign(minutes=data["minutes"] + 1), "minutes", "regressor", dataset="trips", plots=False
    )
    assert first.dataset == other.dataset
    assert first.dataset.digest != changed.dataset.digest
    assert first.dataset.digest == from_pandas(data).digest
    (used,) = (trivet.get_run(first.run_id).inputs or trivet.RunInputs()).dataset_inputs
    assert used == trivet.DatasetInput(first.dataset, {"mlflow.data.context": "evaluation"})


def test_a_dataset_that_is_given_is_noted_as_it_is() -> None:
    noted = trivet.Dataset("trips-june", "c0ffee")
    found = trivet.evaluate(double, trips(), "minutes", "regressor", dataset=noted, plots=False)
    assert found.dataset == noted


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_data_is_read_from_files_and_datasets_of_them(tmp_path: Path, suffix: str) -> None:
    data = trips()
    file = tmp_path / f"trips.{suffix}"
    if suffix == "csv":
        data.to_csv(file, index=False)
    elif suffix == "parquet":
        data.to_parquet(file)
    else:
        data.to_json(file, orient="records", lines=True, double_precision=15)
    noted = from_file(file)
    found = trivet.evaluate(double, file, "minutes", "regressor", plots=False)
    again = trivet.evaluate(double, noted, "minutes", "regressor", dataset="trips", plots=False)
    assert found.dataset == noted
    assert (again.dataset.name, again.dataset.digest) == ("trips", noted.digest)
    expected = trivet.evaluate(double, data, "minutes", "regressor", plots=False)
    assert found.metrics == pytest.approx(expected.metrics, rel=1e-9)
    assert again.metrics == found.metrics


def test_a_file_that_has_changed_since_it_was_noted_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "trips.csv"
    trips().to_csv(file, index=False)
    noted = from_file(file)
    trips(5).to_csv(file, index=False)
    with pytest.raises(trivet.InvalidArgument, match=r"has changed since it was noted: trips\.csv"):
        trivet.evaluate(double, noted, "minutes", "regressor")


@pytest.mark.parametrize("form", ["pandas", "polars", "array"])
def test_data_may_be_a_frame_or_an_array(form: str) -> None:
    data = trips()
    if form == "array":
        found = trivet.evaluate(
            lambda features: features[:, 0] * 3, data[["distance"]].to_numpy(), data["minutes"], "regressor"
        )
        assert json.loads(found.dataset.profile) == {"num_rows": 60, "num_elements": 120}
    else:
        given = data if form == "pandas" else pl.DataFrame(data.to_dict(orient="list"))
        found = trivet.evaluate(double, given, "minutes", "regressor")
    assert found.metrics["mean_on_target"] == pytest.approx(data["minutes"].mean())


def test_the_metrics_are_of_the_logged_model_on_the_dataset(client: trivet.Client) -> None:
    model_id = client.create_logged_model("0").model_id
    found = trivet.evaluate(double, trips(), "minutes", "regressor", model_id=model_id, dataset="trips", plots=False)
    measured = client.get_logged_model(model_id).metrics
    assert {metric.key: metric.value for metric in measured} == found.metrics
    assert {(metric.run_id, metric.dataset_name, metric.dataset_digest) for metric in measured} == {
        (found.run_id, "trips", found.dataset.digest)
    }
    inputs = client.get_run(found.run_id).inputs
    assert inputs is not None
    assert inputs.model_inputs == (trivet.LoggedModelInput(model_id),)
    on_trips = [{"dataset_name": "trips", "dataset_digest": found.dataset.digest}]
    (searched,) = trivet.search_logged_models(["0"], "metrics.root_mean_squared_error < 2", on_trips)
    assert searched.model_id == model_id


def test_evaluating_again_replaces_what_was_there() -> None:
    with trivet.start_run() as run:
        for rows in (60, 30):
            found = trivet.evaluate(double, trips(rows), "minutes", "regressor", slices=["region"], plots=False)
        read_back = trivet.get_run(run.info.run_id)
    assert read_back.metrics["example_count"] == 30
    table = json.loads(read(found, "slices"))
    assert len(table["data"]) == 2
    assert json.loads(read_back.tags["mlflow.loggedArtifacts"]) == [{"path": "evaluation/slices.json", "type": "table"}]


def test_evaluating_again_keeps_what_has_other_keys_and_names() -> None:
    with trivet.start_run() as run:
        trivet.evaluate(double, trips(), "minutes", "regressor", slices=["region"])
        trivet.evaluate(double, trips(30), "minutes", "regressor", plots=False)
        read_back = trivet.get_run(run.info.run_id)
    assert read_back.metrics["example_count"] == 30
    assert "slice/region/north/max_error" in read_back.metrics
    files = {file.path for file in read_back.artifacts}
    assert {"evaluation/residuals.png", "evaluation/slices.json"} <= files


def test_a_model_gets_the_columns_that_it_was_fitted_with_as_a_copy() -> None:
    data = trips()
    kept = data.copy()
    fitted = LinearRegression().fit(data[["hour", "distance"]], data["minutes"])

    class Meddler:
        feature_names_in_ = fitted.feature_names_in_

        def predict(self, features: pd.DataFrame) -> Any:
            predicted = fitted.predict(features)
            features["distance"] = 0
            return predicted

    found = trivet.evaluate(Meddler(), data, "minutes", "regressor", slices=["region"], plots=False)
    assert found.metrics["r2_score"] > 0.9
    pd.testing.assert_frame_equal(data, kept)
    array = data[["distance"]].to_numpy()
    trivet.evaluate(lambda features: features.__imul__(3)[:, 0], array, data["minutes"], "regressor", plots=False)
    assert array[0, 0] == data["distance"][0]


def test_predictions_take_the_place_of_a_model() -> None:
    data = trips().assign(guess=lambda frame: frame["distance"] * 3)
    by_column = trivet.evaluate(None, data, "minutes", "regressor", predictions="guess", plots=False)
    by_values = trivet.evaluate(
        None, data[["distance"]], data["minutes"], "regressor", predictions=data["guess"].tolist(), plots=False
    )
    assert by_column.metrics == by_values.metrics == trivet.evaluate(double, trips(), "minutes", "regressor").metrics
    assert by_column.model == ""


def test_metrics_of_ones_own_are_measured_and_left_out_where_they_fail() -> None:
    def refuses(targets: Any, predictions: Any) -> float:
        raise ValueError("too few rows")

    found = trivet.evaluate(
        double,
        trips(),
        "minutes",
        "regressor",
        extra_metrics={
            "bias": lambda targets, predictions: (predictions - targets).mean(),
            "nothing": lambda *_: np.float64("nan"),
            "refused": refuses,
        },
        slices=["region"],
        plots=False,
    )
    assert abs(found.metrics["bias"]) < 0.5
    assert found.left_out == {"nothing": "the function gave NaN", "refused": "too few rows"}
    assert set(found.slices[0].left_out) == {"nothing", "refused"}
    assert not {"nothing", "refused"} & set(trivet.get_run(found.run_id).metrics)


def test_without_a_server_it_is_kept_and_sent_later(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as away:
        away.setenv("TRIVET_MODE", "offline")
        found = trivet.evaluate(double, trips(), "minutes", "regressor", slices=["region"], dataset="trips")
    trivet.set_tracking_uri("")
    assert CliRunner().invoke(app, ["sync", str(spool)]).exit_code == 0
    run = trivet.get_run(found.run_id)
    assert run.metrics == found.all_metrics()
    assert sorted(file.path for file in run.artifacts) == sorted(found.artifacts.values())


def test_a_run_of_a_client_is_logged_to_and_stays(client: trivet.Client) -> None:
    run_id = client.create_run("0").info.run_id
    found = trivet.evaluate(double, trips(), "minutes", "regressor", run_id=run_id, client=client, plots=False)
    assert found.run_id == run_id
    run = client.get_run(run_id)
    assert (run.info.status, run.metrics) == ("RUNNING", found.metrics)
    assert trivet.evaluate(double, trips(), "minutes", "regressor", run_id=run_id).run_id == run_id
    with pytest.raises(trivet.InvalidArgument, match="goes the run_id"):
        trivet.evaluate(double, trips(), "minutes", "regressor", client=client)
