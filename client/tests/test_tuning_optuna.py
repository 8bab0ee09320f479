"""Trials of Optuna's studies as runs, by the callback."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest

import trivet
from trivet.optuna import TrivetCallback
from trivet_testing.call_recorder import recorded_calls
from trivet_testing.servers import free_port, run_to_exit
from trivet_testing.tracking import migrate, start_server

pytestmark = pytest.mark.usefixtures("tracked")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(optuna.logging.INFO)


def study_of(name: str, **more: Any) -> optuna.Study:
    return optuna.create_study(study_name=name, sampler=optuna.samplers.TPESampler(seed=1), **more)


def objective(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", -5, 5)
    y = trial.suggest_float("y", 1e-4, 1, log=True)
    kind = trial.suggest_categorical("kind", ["l1", "l2"])
    return (x - 1) ** 2 + y + (kind == "l1")


def trials_of(study: optuna.Study) -> list[trivet.Run]:
    """The runs of the trials, by their numbers."""
    found = trivet.search_runs(
        filter_string=f"parent_run_id = '{study.user_attrs['trivet_run_id']}'", output_format="list"
    )
    return sorted(found, key=lambda run: int(run.data.tags["number"]))


def test_fifty_trials_are_runs_below_one_of_the_study() -> None:
    study = study_of("fifty")
    with TrivetCallback(metric_name="loss") as callback:
        study.optimize(objective, n_trials=50, callbacks=[callback])
    children = trials_of(study)
    assert len(children) == 50
    for run, trial in zip(children, study.trials, strict=True):
        assert (run.info.run_name, run.info.status) == (str(trial.number), "FINISHED")
        assert run.data.params == {key: str(value) for key, value in trial.params.items()}
        assert run.data.metrics == {"loss": trial.value}
        assert trial.datetime_start is not None
        assert trial.datetime_complete is not None
        times = [round(time.timestamp() * 1000) for time in (trial.datetime_start, trial.datetime_complete)]
        assert [run.info.start_time, run.info.end_time] == times
    assert {**children[0].data.tags} | {"datetime_start": "", "datetime_complete": ""} == {
        "number": "0",
        "state": "COMPLETE",
        "direction": "MINIMIZE",
        "datetime_start": "",
        "datetime_complete": "",
        "x_distribution": str(study.trials[0].distributions["x"]),
        "y_distribution": str(study.trials[0].distributions["y"]),
        "kind_distribution": str(study.trials[0].distributions["kind"]),
    }
    parent = trivet.get_run(study.user_attrs["trivet_run_id"])
    assert (parent.info.run_name, parent.info.status) == ("fifty", "FINISHED")
    experiment = trivet.get_experiment_by_name("fifty")
    assert experiment is not None
    assert {run.info.experiment_id for run in (parent, *children)} == {experiment.experiment_id}
    best = children[study.best_trial.number]
    assert parent.data.tags["best_trial"] == str(study.best_trial.number)
    assert parent.data.tags["best_run_id"] == best.info.run_id
    assert json.loads(parent.data.tags["best_params"]) == study.best_params
    assert parent.data.metrics == {"best_loss": study.best_value}
    # Found as people look for them.
    found = trivet.search_runs(
        filter_string="params.kind = 'l2' and metrics.loss < 2", order_by=["metrics.loss ASC"], output_format="list"
    )
    values = [trial.values[0] for trial in study.trials if trial.params["kind"] == "l2"]
    expected = sorted(value for value in values if value < 2)
    assert [run.data.metrics["loss"] for run in found] == expected
    assert found[0].info.run_id == best.info.run_id
    compared = trivet.Client(trivet.get_tracking_uri()).compare_runs([best.info.run_id, children[0].info.run_id])
    assert {key.key for key in compared.params} == {"kind", "x", "y"}


def test_a_trial_takes_three_calls(tracking_address: str, workspace: str, tracked: str) -> None:
    study = study_of("cheap")
    with recorded_calls(tracking_address) as recorder:
        trivet.set_tracking_uri(f"grpc://{recorder.address}/{workspace}")
        with TrivetCallback() as callback:
            study.optimize(objective, n_trials=1, callbacks=[callback])
            recorder.deadlines.clear()
            study.optimize(objective, n_trials=20, callbacks=[callback])
            calls = Counter(method.rpartition("/")[2] for method, _ in recorder.deadlines)
    trivet.set_tracking_uri(tracked)
    of_study = sum(1 for _ in trivet.get_metric_history(study.user_attrs["trivet_run_id"], "best_value"))
    assert calls["CreateRun"] == calls["UpdateRun"] == 20
    # And what is noted of the best one, which waits for nobody.
    assert 20 <= calls["WriteRun"] <= 20 + 2 * of_study
    assert set(calls) == {"CreateRun", "UpdateRun", "WriteRun"}


def test_an_objective_logs_into_the_run_of_its_trial() -> None:
    study = study_of("inner")
    callback = TrivetCallback()
    active: list[str] = []

    @callback.track_in_trivet()
    def tracked(trial: optuna.Trial) -> float:
        run = trivet.active_run()
        assert run is not None
        active.append(run.info.run_id)
        for step in range(3):
            trivet.log_metric("inner", step, step=step)
        trivet.log_param("batch", 32)
        return objective(trial)

    with callback:
        study.optimize(tracked, n_trials=4, callbacks=[callback])
        assert trivet.active_run() is None
    children = trials_of(study)
    assert [run.info.run_id for run in children] == active
    assert [trial.user_attrs["trivet_run_id"] for trial in study.trials] == active
    for run, trial in zip(children, study.trials, strict=True):
        assert (run.info.status, run.data.tags["state"]) == ("FINISHED", "COMPLETE")
        assert "trivet_run_id" not in run.data.tags
        assert run.data.metrics == {"inner": 2.0, "value": trial.value}
        assert run.data.params == {"batch": "32"} | {key: str(value) for key, value in trial.params.items()}


def test_an_active_run_becomes_the_parent_and_goes_on() -> None:
    study = study_of("below")
    trivet.set_experiment("mine")
    with trivet.start_run() as parent:
        with TrivetCallback() as callback:
            study.optimize(objective, n_trials=2, callbacks=[callback])
        assert trivet.get_run(parent.info.run_id).info.status == "RUNNING"
    assert study.user_attrs["trivet_run_id"] == parent.info.run_id
    assert {run.info.experiment_id for run in trials_of(study)} == {parent.info.experiment_id}
    assert trivet.get_experiment_by_name("below") is None


def test_trials_without_a_parent_stand_in_the_active_experiment() -> None:
    study = study_of("flat")
    experiment = trivet.set_experiment("mine")
    callback = TrivetCallback(create_experiment=False, nest_trials=False, tags={"team": "a"})
    study.optimize(objective, n_trials=3, callbacks=[callback])
    found = trivet.search_runs(filter_string="tags.team = 'a'", output_format="list")
    assert {(run.info.experiment_id, run.info.parent_run_id) for run in found} == {(experiment.experiment_id, "")}
    assert len(found) == len(trivet.search_runs(output_format="list")) == 3


def test_pruned_trials_are_killed_and_keep_what_they_reported() -> None:
    study = study_of("pruned", pruner=optuna.pruners.ThresholdPruner(upper=10))
    callback = TrivetCallback(metric_name="loss")

    def reporting(trial: optuna.Trial) -> float:
        slope = trial.suggest_int("slope", trial.number, trial.number)
        for step in range(5):
            trial.report(slope * step, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return slope

    with callback:
        study.optimize(reporting, n_trials=2, callbacks=[callback])
        study.optimize(callback.track_in_trivet()(reporting), n_trials=3, callbacks=[callback])
    children = trials_of(study)
    told = [(run.info.status, run.data.tags["state"]) for run in children]
    assert told == [*[("FINISHED", "COMPLETE")] * 3, *[("KILLED", "PRUNED")] * 2]
    # The last value that was reported is no result.
    assert [run.data.metrics.get("loss") for run in children] == [0, 1, 2, None, None]
    histories = [trivet.get_metric_history(run.info.run_id, "intermediate_loss") for run in children]
    points = [[(point.step, point.value) for point in history] for history in histories]
    assert points[2] == [(step, 2.0 * step) for step in range(5)]
    assert points[4] == [(step, 4.0 * step) for step in range(4)]
    unfinished = trivet.search_runs(filter_string="tags.state = 'PRUNED' and status = 'KILLED'", output_format="list")
    assert len(unfinished) == 2
    assert trivet.get_run(study.user_attrs["trivet_run_id"]).data.tags["best_trial"] == "0"


def test_trials_that_fail_are_failed() -> None:
    study = study_of("failing")
    callback = TrivetCallback()

    def failing(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if trial.number == 1:
            raise ValueError("diverged")
        return float("nan") if trial.number == 2 else x

    with callback:
        study.optimize(failing, n_trials=3, callbacks=[callback], catch=ValueError)
    children = trials_of(study)
    assert [run.info.status for run in children] == ["FINISHED", "FAILED", "FAILED"]
    assert [run.data.tags["state"] for run in children] == ["COMPLETE", "FAIL", "FAIL"]
    assert [sorted(run.data.metrics) for run in children] == [["value"], [], []]
    assert all("x" in run.data.params for run in children)


@pytest.mark.parametrize("is_caught", [True, False])
def test_an_exception_of_a_tracked_objective_is_told_of_its_run(
    monkeypatch: pytest.MonkeyPatch, *, is_caught: bool
) -> None:
    monkeypatch.setenv("TRIVET_CAPTURE", "exit")
    study = study_of("raising")
    callback = TrivetCallback()

    @callback.track_in_trivet()
    def raising(trial: optuna.Trial) -> float:
        trial.suggest_float("x", 0, 1)
        raise ValueError("diverged")

    def search() -> None:
        with callback:
            study.optimize(raising, n_trials=1, callbacks=[callback], catch=ValueError if is_caught else ())

    if is_caught:
        search()
    else:
        with pytest.raises(ValueError, match="diverged"):
            search()
    [run] = trials_of(study)
    assert (run.info.status, run.data.tags["state"]) == ("FAILED", "FAIL")
    assert run.data.tags["trivet.exit.message"] == "ValueError: diverged"
    assert "x" in run.data.params
    parent = trivet.get_run(study.user_attrs["trivet_run_id"])
    assert parent.info.status == ("FINISHED" if is_caught else "FAILED")
    assert "best_trial" not in parent.data.tags


def test_threads_log_each_trial_once() -> None:
    study = study_of("threads")
    together = threading.Barrier(4)
    callback = TrivetCallback()

    @callback.track_in_trivet()
    def tracked(trial: optuna.Trial) -> float:
        together.wait(60)
        trivet.log_metric("inner", trial.number)
        return objective(trial)

    with callback:
        study.optimize(tracked, n_trials=12, n_jobs=4, callbacks=[callback])
    children = trials_of(study)
    assert [run.data.tags["number"] for run in children] == [str(number) for number in range(12)]
    assert [run.data.metrics["inner"] for run in children] == list(range(12))
    parent = trivet.get_run(study.user_attrs["trivet_run_id"])
    assert parent.data.tags["best_run_id"] == children[study.best_trial.number].info.run_id
    assert len([run for run in trivet.search_runs(output_format="list") if not run.info.parent_run_id]) == 1


@pytest.mark.parametrize(
    ("metric_name", "keys"), [("value", ["value_0", "value_1"]), (["loss", "size"], ["loss", "size"])]
)
def test_several_objectives_have_a_metric_each(metric_name: str | Sequence[str], keys: list[str]) -> None:
    study = study_of("several", directions=["minimize", "maximize"])

    def both(trial: optuna.Trial) -> tuple[float, float]:
        x = trial.suggest_float("x", 0, 1)
        return x, x if trial.number < 6 else x - 1

    with TrivetCallback(metric_name=metric_name) as callback:
        study.optimize(both, n_trials=8, callbacks=[callback])
    children = trials_of(study)
    assert [run.data.metrics for run in children] == [
        dict(zip(keys, trial.values, strict=True)) for trial in study.trials
    ]
    assert children[0].data.tags["direction"] == "['MINIMIZE', 'MAXIMIZE']"
    parent = trivet.get_run(study.user_attrs["trivet_run_id"])
    assert set(json.loads(parent.data.tags["best_trials"])) == {trial.number for trial in study.best_trials}


def test_names_that_are_too_few_are_refused_before_anything_is_logged() -> None:
    study = study_of("names", directions=["minimize", "minimize"])
    callback = TrivetCallback(metric_name=["loss"])
    with pytest.raises(trivet.InvalidArgument, match="1 names, and the study 2 objectives"):
        study.optimize(lambda _: (1.0, 2.0), n_trials=1, callbacks=[callback])
    assert trivet.get_experiment_by_name("names") is None


def test_attributes_of_users_become_tags_and_long_texts_are_cut(caplog: pytest.LogCaptureFixture) -> None:
    study = study_of("attributes")
    study.set_user_attr("team", "a")

    def noted(trial: optuna.Trial) -> float:
        trial.set_user_attr("epochs", 3)
        trial.set_user_attr("notes", "é" * 40_000)
        return trial.suggest_float("x", 0, 1)

    with TrivetCallback(tag_study_user_attrs=True) as callback:
        study.optimize(noted, n_trials=1, callbacks=[callback])
    with TrivetCallback(tag_trial_user_attrs=False) as callback:
        study.optimize(noted, n_trials=1, callbacks=[callback])
    first, second = trials_of(study)
    assert (first.data.tags["team"], first.data.tags["epochs"]) == ("a", "3")
    assert first.data.tags["notes"].endswith("é...")
    assert len(first.data.tags["notes"].encode()) <= 64 * 1024
    assert "notes has 80000 bytes" in caplog.text
    assert not {"team", "epochs"} & set(second.data.tags)


# Goes on with a study of the storage of its first argument.
LATER = """
import sys
import optuna
from trivet.optuna import TrivetCallback

study = optuna.load_study(study_name="resumed", storage=sys.argv[1], sampler=optuna.samplers.TPESampler(seed=2))
study.optimize(lambda trial: trial.suggest_float("x", 0, 1) - 2, n_trials=2, callbacks=[TrivetCallback()])
"""


def test_a_study_goes_on_below_its_run_in_another_process(tracked: str, tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    study = study_of("resumed", storage=storage)
    with TrivetCallback() as callback:
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2, callbacks=[callback])
    ended = run_to_exit([sys.executable, "-c", LATER, storage], {"TRIVET_URL": tracked})
    assert ended.returncode == 0, ended.stderr
    trivet.set_experiment("resumed")
    children = trials_of(study)
    assert [run.data.tags["number"] for run in children] == ["0", "1", "2", "3"]
    parent = trivet.get_run(study.user_attrs["trivet_run_id"])
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["best_trial"] in ("2", "3")
    assert len(trivet.search_runs(output_format="list")) == 5


def test_a_study_whose_run_is_gone_gets_another_one() -> None:
    study = study_of("gone")
    with TrivetCallback() as callback:
        study.optimize(objective, n_trials=1, callbacks=[callback])
    first = study.user_attrs["trivet_run_id"]
    trivet.delete_run(first)
    with TrivetCallback() as callback:
        study.optimize(objective, n_trials=1, callbacks=[callback])
    assert study.user_attrs["trivet_run_id"] != first
    assert [run.data.tags["number"] for run in trials_of(study)] == ["1"]


def test_a_server_that_goes_away_costs_no_trial(tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_FINISH_TIMEOUT", "0.2")
    url = f"sqlite:///{tmp_path / 'tracking.db'}"
    migrate(url)
    listen = f"127.0.0.1:{free_port()}"
    server = start_server(url, listen)
    study = study_of("outage")
    with TrivetCallback(f"grpc://{listen}") as callback:
        study.optimize(objective, n_trials=2, callbacks=[callback])
        server.kill()
        study.optimize(objective, n_trials=2, callbacks=[callback])
    with start_server(url, listen):
        assert trivet.flush(60).refused == 0
        children = trials_of(study)
        assert [run.data.metrics["value"] for run in children] == [trial.value for trial in study.trials]
        assert {run.info.status for run in children} == {"FINISHED"}
        assert trivet.get_run(study.user_attrs["trivet_run_id"]).info.status == "FINISHED"


def test_without_a_server_a_study_comes_to_its_end(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_MODE", "offline")
    study = study_of("offline")
    with TrivetCallback() as callback:
        study.optimize(objective, n_trials=3, callbacks=[callback])
    assert len(study.trials) == 3
    assert list(spool.rglob("*"))
