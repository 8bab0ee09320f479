"""What is logged of scikit-learn unasked: beside what MLflow logs of the same program, and where things go wrong."""

from __future__ import annotations

import gc
import logging
import pickle
import threading
import weakref
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import sparse
from sklearn import metrics, model_selection
from sklearn.base import BaseEstimator, ClusterMixin, RegressorMixin, TransformerMixin, clone
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.linear_model._base import LinearModel
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import trivet.pyfunc
import trivet.sklearn
from trivet import InvalidArgument, Run
from trivet._autologging.sklearn.packages import known_requirements
from trivet_testing.autologs import LoggedUnasked, logged_by_mlflow, logged_by_trivet
from trivet_testing.call_recorder import recorded_calls
from trivet_testing.servers import free_port

PROGRAM = Path(__file__).parent / "autolog_programs" / "sklearn_estimators.py"

X = np.arange(24, dtype=float).reshape(12, 2)
NUMBERS = X[:, 0] * 2 + np.array([0.5, -0.5] * 6)
CLASSES = np.array([0, 0, 1, 1] * 3)


@pytest.fixture(autouse=True)
def off() -> Iterator[None]:
    """Nothing is logged unasked after a test."""
    yield
    trivet.autolog(disable=True)


def runs() -> list[Run]:
    """All runs there are, the first started first."""
    trivet.flush()
    found = trivet.search_runs(order_by=["attributes.start_time ASC"], output_format="list")
    return [trivet.get_run(run.info.run_id) for run in found]


def only_run() -> Run:
    (run,) = runs()
    return run


# --- beside MLflow

OF_THE_PRODUCT = {
    "mlflow.user",  # Trivet has who, what and which commit as fields of the run
    "mlflow.source.name",
    "mlflow.source.type",
    "mlflow.source.git.commit",
    "mlflow.source.git.branch",
    "mlflow.source.git.repoURL",  # where the checkout has a remote repository
    "mlflow.runName",
    "mlflow.parentRunId",
}
"""Tags by which MLflow keeps what is a field of a run in Trivet."""
TIMES = {"mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time"}
"""Metrics that are others each time."""
DIFFERENCES = {
    "runs": "MLflow makes runs of what `cross_val_score` fits where that was imported before autologging; nobody gets "
    "those models, and Trivet makes none",
    "eval inputs": "MLflow notes what each `predict` is given, Trivet what a metric or score was measured on, as far "
    "as the program still has it: whoever predicts row by row does not pay for each row",
    "params of models": "MLflow adds those that the run has besides; in Trivet they are of the run alone",
}


@pytest.mark.timeout(900)  # MLflow's answers are made once, one training after the other
def test_runs_are_those_of_mlflow(environment: object, mlflow: Path) -> None:
    ours = logged_by_trivet(PROGRAM)
    theirs = [run for run in logged_by_mlflow(PROGRAM) if run.params.get("max_depth") != "1"]  # DIFFERENCES["runs"]
    assert [run.tags["estimator_name"] for run in ours] == [
        "DecisionTreeClassifier",
        "LogisticRegression",
        "LinearSVC",
        "Ridge",
        "Pipeline",
        "PCA",
        "KMeans",
        "Ridge",
        "GridSearchCV",
        "RandomizedSearchCV",
    ]
    for our, their in zip(ours, theirs, strict=True):
        are_the_same(our, their)
    assert [len(run.children) for run in ours] == [0] * 8 + [5, 3]
    assert ours[0].inputs == ("eval", "train") == theirs[0].inputs
    # As DIFFERENCES says of them.
    assert (ours[3].inputs, theirs[3].inputs) == (("train",), ("eval", "train"))
    assert (ours[8].inputs, theirs[8].inputs) == (("eval", "train"), ("train",))


def are_the_same(ours: LoggedUnasked, theirs: LoggedUnasked) -> None:
    """That runs have the same keys and values, but for DIFFERENCES."""
    assert ours.status == theirs.status == "FINISHED"
    assert ours.params == theirs.params
    measured_the_same(ours.metrics, theirs.metrics)
    assert {key: value for key, value in ours.tags.items() if key not in OF_THE_PRODUCT} == {
        key: value for key, value in theirs.tags.items() if key not in OF_THE_PRODUCT
    }
    assert ours.files == theirs.files
    assert ours.contents.keys() == theirs.contents.keys()
    for name, calls in ours.contents.items():
        # scikit-learn 1.9, which MLflow has, calls an argument of log_loss otherwise.
        assert calls == {key: call.replace("y_proba=", "y_pred=") for key, call in theirs.contents[name].items()}
    assert [tag for tag in ours.inputs if tag != "eval"] == [tag for tag in theirs.inputs if tag != "eval"]
    for our, their in zip(ours.models, theirs.models, strict=True):
        for key in ("name", "status", "flavors", "has_signature", "has_example"):
            assert our[key] == their[key], key
        added = their["params"].keys() - our["params"].keys()  # as DIFFERENCES says of them
        assert added <= theirs.params.keys()
        assert our["params"] == {key: value for key, value in their["params"].items() if key not in added}
        measured_the_same(our["metrics"], their["metrics"])
    for our_child, their_child in zip(ours.children, theirs.children, strict=True):
        are_the_same(our_child, their_child)


def measured_the_same(ours: Mapping[str, float], theirs: Mapping[str, float]) -> None:
    assert ours.keys() == theirs.keys()
    for key in ours.keys() - TIMES:
        assert ours[key] == pytest.approx(theirs[key], rel=1e-9), key


# --- what is logged


def test_models_say_what_they_need_and_take(environment: object) -> None:
    trivet.sklearn.autolog(log_input_examples=True, registered_model_name="doubler")
    frame = pd.DataFrame(X, columns=["a", "b"])
    LinearRegression().fit(frame, NUMBERS)
    version = trivet.get_latest_versions("doubler")[0]
    loaded = trivet.pyfunc.load_model(f"models:/doubler/{version.version}")
    np.testing.assert_allclose(loaded.predict(frame), NUMBERS, atol=1)
    assert loaded.metadata.signature is not None
    folder = Path(trivet.download_artifacts(artifact_uri="models:/doubler/1"))
    assert yaml.safe_load((folder / "MLmodel").read_text())["saved_input_example_info"]["type"] == "dataframe"
    needed = (folder / "requirements.txt").read_text().split()
    assert {line.partition("==")[0] for line in needed} >= {"numpy", "pandas", "scikit-learn", "scipy"}


def test_requirements_that_are_known_are_those_that_are_seen(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(X, NUMBERS)
    trivet.sklearn.save_model(model, tmp_path / "model", input_example=X[:2])
    seen = (tmp_path / "model" / "requirements.txt").read_text().split()
    assert known_requirements(model, "cloudpickle") == tuple(seen)


def test_requirements_of_what_is_not_of_scikit_learn_alone_have_to_be_seen() -> None:
    assert known_requirements(make_pipeline(FunctionTransformer(np.log1p), LinearRegression()), "pickle") is not None
    assert known_requirements(make_pipeline(FunctionTransformer(joblib.hash), LinearRegression()), "pickle") is None
    assert known_requirements(make_pipeline(FunctionTransformer(lambda rows: rows)), "pickle") is None


def test_models_datasets_and_signatures_are_left_out_where_that_is_said(environment: object) -> None:
    trivet.sklearn.autolog(log_models=False, log_datasets=False, log_post_training_metrics=False)
    model = LinearRegression().fit(X, NUMBERS)
    model.score(X, NUMBERS)
    run = only_run()
    assert run.outputs is None or run.outputs.model_outputs == ()
    assert run.inputs is None or run.inputs.dataset_inputs == ()
    assert "LinearRegression_score_X" not in run.data.metrics
    assert run.data.metrics["training_score"] == pytest.approx(model.score(X, NUMBERS))


def test_own_run_is_used_and_left_open(tracked: str) -> None:
    trivet.sklearn.autolog(log_models=False, extra_tags={"only": "made runs"})
    with trivet.start_run() as run:
        Ridge(alpha=1.0).fit(X, NUMBERS)
        Ridge(alpha=1.0).fit(X, NUMBERS)
        assert trivet.active_run() is run
        trivet.log_metric("mine", 1)
    read = only_run()
    assert read.info.status == "FINISHED"
    assert read.data.metrics["mine"] == 1
    assert "mlflow.autologging" not in read.data.tags
    assert "only" not in read.data.tags


def test_second_training_in_a_run_keeps_the_params_of_the_first(tracked: str, caplog: pytest.LogCaptureFixture) -> None:
    trivet.sklearn.autolog(log_models=False)
    with trivet.start_run():
        Ridge(alpha=1.0).fit(X, NUMBERS)
        LogisticRegression(max_iter=50).fit(X, CLASSES)
    params = only_run().data.params
    assert (params["alpha"], params["C"]) == ("1.0", "1.0")
    assert params["max_iter"] == "None"
    assert any("the param max_iter" in record.getMessage() for record in caplog.records)


def test_exclusive_leaves_runs_of_the_program_alone(tracked: str) -> None:
    trivet.sklearn.autolog(exclusive=True, log_models=False)
    with trivet.start_run():
        Ridge().fit(X, NUMBERS)
    assert only_run().data.params == {}
    Ridge().fit(X, NUMBERS)
    assert len(runs()) == 2


def test_positive_class_is_that_which_is_chosen(tracked: str) -> None:
    trivet.sklearn.autolog(pos_label=0, log_models=False)
    model = DecisionTreeClassifier(max_depth=1).fit(X, CLASSES)
    expected = metrics.precision_score(CLASSES, model.predict(X), pos_label=0)
    assert only_run().data.metrics["training_precision_score"] == pytest.approx(expected)


def test_data_that_is_no_array_of_numbers_is_fitted_to_as_ever(environment: object) -> None:
    trivet.sklearn.autolog(log_models=False)
    LinearRegression().fit(sparse.csr_matrix(X), NUMBERS)
    LinearRegression().fit(X.tolist(), NUMBERS.tolist())
    LogisticRegression().fit(X, np.where(CLASSES == 1, "yes", "no"))
    of_sparse, of_lists, of_texts = runs()
    for run in (of_sparse, of_lists):
        assert run.data.metrics["training_r2_score"] > 0.9
    assert of_texts.data.metrics["training_accuracy_score"] > 0
    assert of_sparse.inputs is not None
    assert len(of_sparse.inputs.dataset_inputs) == 1


def test_metrics_are_of_the_data_before_a_training_that_changes_it(tracked: str) -> None:
    trivet.sklearn.autolog(log_models=False)
    data = np.asfortranarray(X + 100)
    model = LinearRegression(copy_X=False).fit(data, NUMBERS)
    assert only_run().data.metrics["training_r2_score"] == pytest.approx(model.score(X + 100, NUMBERS))


def test_candidate_costs_a_few_calls_and_not_one_a_value(tracking_address: str, workspace: str) -> None:
    with recorded_calls(tracking_address) as recorder:
        trivet.set_tracking_uri(f"grpc://{recorder.address}/{workspace}")
        trivet.sklearn.autolog(log_models=False, max_tuning_runs=None)
        GridSearchCV(Ridge(), {"alpha": np.linspace(1, 2, 20)}, cv=2).fit(X, NUMBERS)
        trivet.flush()
        children = [run for run in runs() if run.info.parent_run_id]
    assert len(children) == 20
    assert {len(run.data.params) for run in children} == {8}
    assert {len(run.data.metrics) for run in children} == {7}
    assert sum(method.endswith("/CreateRun") for method, _ in recorder.deadlines) == 21
    of_children = [
        method
        for method, request in recorder.requests
        if method.endswith(("/WriteRun", "/UpdateRun")) and any(run.info.run_id.encode() in request for run in children)
    ]
    assert 20 <= len(of_children) <= 4 * 20  # params, an input, metrics, the end


# --- nothing of these


def test_what_is_fitted_within_a_training_makes_no_run(tracked: str) -> None:
    trivet.sklearn.autolog(log_models=False, max_tuning_runs=0)
    VotingRegressor([("a", Ridge()), ("b", LinearRegression())]).fit(X, NUMBERS)
    with joblib.parallel_config("threading", n_jobs=2):
        GridSearchCV(Ridge(), {"alpha": [1.0, 2.0]}, cv=2).fit(X, NUMBERS)
        VotingRegressor([("a", Ridge()), ("b", LinearRegression())], n_jobs=2).fit(X, NUMBERS)
    assert [run.data.tags["estimator_name"] for run in runs()] == ["VotingRegressor", "GridSearchCV", "VotingRegressor"]


def test_clones_validation_and_preparation_make_no_run(tracked: str) -> None:
    trivet.sklearn.autolog(log_models=False)
    cross_val_score(Ridge(), X, NUMBERS, cv=2)  # imported before
    with joblib.parallel_config("threading", n_jobs=2):
        cross_val_score(Ridge(), X, NUMBERS, cv=2)
    model_selection.permutation_test_score(Ridge(), X, NUMBERS, cv=2, n_permutations=2)
    StandardScaler().fit_transform(X)
    assert runs() == []
    fitted = Ridge().fit(X, NUMBERS)
    clone(fitted)
    pickle.loads(pickle.dumps(fitted)).score(X, NUMBERS)
    assert "Ridge_score_X" not in only_run().data.metrics


class OwnWay(RegressorMixin, ClusterMixin, TransformerMixin):  # type: ignore[misc] # scikit-learn has no types
    """What comes before the mixins of scikit-learn, and after its estimators."""

    def score(self, *_: Any) -> float:
        return -42.0

    def fit_transform(self, *_: Any) -> str:
        return "transformed"

    def fit_predict(self, *_: Any) -> str:
        return "predicted"


class OwnLine(LinearModel):  # type: ignore[misc] # as above
    def predict(self, *_: Any) -> str:
        return "a line"


class OwnRidge(Ridge, OwnLine, OwnWay):  # type: ignore[misc] # as above
    pass


class OwnSearch(GridSearchCV, OwnWay):  # type: ignore[misc] # as above
    pass


class OwnRows(TransformerMixin, BaseEstimator):  # type: ignore[misc] # as above
    def fit(self, *_: Any) -> OwnRows:
        return self

    def transform(self, rows: Any) -> Any:
        return rows[:1]


def test_classes_of_several_estimators_do_as_they_do_without_logging(tracked: str) -> None:
    def answers() -> list[Any]:
        ridge = OwnRidge().fit(X, NUMBERS)
        search = OwnSearch(Ridge(), {"alpha": [1.0]}, cv=2).fit(X, NUMBERS)
        of_search = [search.score(X, NUMBERS), search.predict(X).tolist(), search.fit_transform(X)]
        rows = OwnRows().fit_transform(X).tolist()
        return [
            ridge.score(X, NUMBERS),
            ridge.predict(X),
            ridge.fit_predict(X),
            ridge.fit_transform(X),
            *of_search,
            rows,
        ]

    expected = answers()
    assert expected[:4] == [-42.0, "a line", "predicted", "transformed"]
    trivet.sklearn.autolog(log_models=False, max_tuning_runs=0)
    assert answers() == expected
    assert [run.data.tags["estimator_name"] for run in runs()] == ["OwnRidge", "OwnSearch"]


def test_trainings_by_threads_of_joblib_are_ones_own(tracked: str) -> None:
    trivet.sklearn.autolog(log_models=False)
    parallel = joblib.Parallel(n_jobs=2, backend="threading")
    parallel([joblib.delayed(Ridge(alpha=alpha).fit)(X, NUMBERS) for alpha in (1.0, 2.0)])
    assert parallel.n_tasks == 2  # as without, which is how it says how far it is
    assert sorted(run.data.params["alpha"] for run in runs()) == ["1.0", "2.0"]


def test_run_of_the_environment_stays_open(tracked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with trivet.Client(tracked) as client:
        given = client.create_run("0").info.run_id
    monkeypatch.setenv("TRIVET_RUN_ID", given)
    trivet.sklearn.autolog(log_models=False, exclusive=True)
    Ridge().fit(X, NUMBERS)
    assert trivet.active_run() is None
    trivet.sklearn.autolog(log_models=False)
    for alpha in (1.0, 1.0):
        Ridge(alpha=alpha).fit(X, NUMBERS)
        run = only_run()
        assert (run.info.run_id, run.info.status, run.data.params["alpha"]) == (given, "RUNNING", "1.0")
    assert "mlflow.autologging" not in only_run().data.tags
    trivet.end_run()


# --- later


def test_data_that_takes_the_place_of_other_data_is_other_data(environment: object) -> None:
    trivet.sklearn.autolog(log_models=False)
    model = LinearRegression().fit(X, NUMBERS)
    for _ in range(3):
        data = X.copy()
        metrics.r2_score(NUMBERS, model.predict(data))
        del data
    measured = {key for key in only_run().data.metrics if not key.startswith("training_")}
    assert measured == {"r2_score_data", "r2_score-2_data-2", "r2_score-3_data-3"}


def test_what_is_measured_of_another_object_is_not_logged(environment: object) -> None:
    trivet.sklearn.autolog(log_models=False)
    model = LinearRegression().fit(X, NUMBERS)
    predicted = model.predict(X)
    metrics.mean_squared_error(NUMBERS, predicted + 1)
    accuracy_score(CLASSES, CLASSES)
    assert [key for key in only_run().data.metrics if not key.startswith("training_")] == []
    assert metrics.r2_score(NUMBERS, predicted) > 0.9
    assert [key for key in only_run().data.metrics if not key.startswith("training_")] == ["r2_score_X"]


def test_metrics_go_to_other_processes_as_they_are(tracked: str) -> None:
    before = pickle.dumps(metrics.accuracy_score)
    trivet.sklearn.autolog()
    assert pickle.dumps(metrics.accuracy_score) == before
    scorer = metrics.make_scorer(metrics.accuracy_score)
    assert pickle.loads(pickle.dumps(scorer))._score_func is metrics.accuracy_score


# --- failures


def test_error_of_a_training_is_its_own_and_ends_the_run_as_failed(tracked: str) -> None:
    trivet.sklearn.autolog()
    with pytest.raises(ValueError, match="inconsistent numbers of samples") as raised:
        LinearRegression().fit(X, NUMBERS[:-1])
    assert raised.value.__context__ is None
    assert only_run().info.status == "FAILED"
    assert trivet.active_run() is None


def test_data_of_a_training_that_fails_is_gone_with_its_error(tracked: str) -> None:
    trivet.sklearn.autolog(log_models=False)
    data = X.copy()
    there = weakref.ref(data)
    gc.collect()
    gc.disable()
    try:
        try:
            LinearRegression().fit(data, NUMBERS[:-1])
        except ValueError:
            del data
        assert there() is None
    finally:
        gc.enable()


def test_run_ended_while_another_error_is_handled_is_finished(tracked: str) -> None:
    trivet.sklearn.autolog(log_models=False)
    try:
        [].pop()
    except IndexError:
        LinearRegression().fit(X, NUMBERS)
    assert only_run().info.status == "FINISHED"


def test_server_that_is_gone_leaves_the_training_alone(
    monkeypatch: pytest.MonkeyPatch, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TRIVET_URL", f"grpc://127.0.0.1:{free_port()}")
    monkeypatch.setenv("TRIVET_FINISH_TIMEOUT", "0")
    trivet.set_tracking_uri("")
    trivet.sklearn.autolog()
    model = LinearRegression().fit(X, NUMBERS)
    np.testing.assert_allclose(model.predict(X), NUMBERS, atol=1)
    (said,) = [record.getMessage() for record in caplog.records if "Autologging" in record.getMessage()]
    assert "left out of run" in said
    assert "the model 'model' (ServerUnavailable" in said
    assert said.endswith("; estimator.html")  # and no metric: those are kept on this machine, and sent later


def test_what_cannot_be_logged_is_said_once_and_the_rest_is_logged(
    environment: object, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unpicklable(LinearRegression):  # type: ignore[misc] # scikit-learn has no types
        def __reduce__(self) -> str:
            raise TypeError("stays here")

    trivet.sklearn.autolog()
    with caplog.at_level(logging.WARNING, logger="trivet"):
        Unpicklable().fit(X, NUMBERS)
    (said,) = caplog.records
    assert "left out of run" in said.getMessage()
    assert "stays here" in said.getMessage()
    assert only_run().data.metrics["training_score"] > 0.9
    trivet.sklearn.autolog(silent=True)
    caplog.clear()
    Unpicklable().fit(X, NUMBERS)
    assert caplog.records == []


def test_tuning_runs_below_none_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="max_tuning_runs is -1"):
        trivet.sklearn.autolog(max_tuning_runs=-1)


def test_threads_have_runs_of_their_own(tracked: str) -> None:
    trivet.sklearn.autolog(log_models=False)
    barrier = threading.Barrier(4)

    def train(alpha: float) -> None:
        barrier.wait()
        Ridge(alpha=alpha).fit(X, NUMBERS)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(train, [1.0, 2.0, 3.0, 4.0]))
    assert sorted(run.data.params["alpha"] for run in runs()) == ["1.0", "2.0", "3.0", "4.0"]


def test_all_that_was_patched_is_as_it_was(tracked: str) -> None:
    looked_at: list[Any] = [
        LinearRegression,
        GridSearchCV,
        DecisionTreeClassifier,
        make_pipeline(Ridge()).__class__,
        metrics,
        model_selection,
        joblib.Parallel,
    ]
    before = [dict(vars(each)) for each in looked_at]
    trivet.sklearn.autolog()
    trivet.sklearn.autolog(max_tuning_runs=None)
    assert [dict(vars(each)) for each in looked_at] != before
    trivet.sklearn.autolog(disable=True)
    for each, attributes in zip(looked_at, before, strict=True):
        assert vars(each).keys() == attributes.keys()
        assert [key for key in attributes if vars(each)[key] is not attributes[key]] == []
    LinearRegression().fit(X, NUMBERS)
    assert runs() == []
