"""Trials of hyperopt, logged by the functions that a training calls, as they stand in programs written for MLflow."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import hyperopt
import numpy as np
import pytest

import trivet
from trivet_testing.command_line import invoke

pytestmark = pytest.mark.usefixtures("tracked")

TRIALS = 50
SPACE = {
    "x": hyperopt.hp.uniform("x", -5, 5),
    "y": hyperopt.hp.lognormal("y", 0, 1),
    "kind": hyperopt.hp.choice("kind", ["l1", "l2"]),
}


def loss_of(point: dict[str, Any]) -> float:
    return float((point["x"] - 1) ** 2 + abs(point["y"]) + (point["kind"] == "l1"))


def minimized(objective: Callable[[dict[str, Any]], dict[str, Any]], trials: hyperopt.Trials) -> dict[str, Any]:
    best: dict[str, Any] = hyperopt.fmin(
        objective,
        SPACE,
        algo=hyperopt.tpe.suggest,
        max_evals=TRIALS,
        trials=trials,
        rstate=np.random.default_rng(1),
        show_progressbar=False,
        verbose=False,
    )
    return best


@pytest.mark.parametrize("nested", [True, False])
def test_fifty_trials_are_found_in_order_and_compared(*, nested: bool, tracked: str) -> None:
    trivet.set_experiment("hyperopt")

    def objective(point: dict[str, Any]) -> dict[str, Any]:
        with trivet.start_run(nested=nested):
            trivet.set_tag("model", "quadratic")
            trivet.log_params(point)
            loss = loss_of(point)
            trivet.log_metric("loss", loss)
        return {"loss": loss, "status": hyperopt.STATUS_OK}

    trials = hyperopt.Trials()
    parent = trivet.start_run(run_name="search") if nested else None
    best = minimized(objective, trials)
    if parent is not None:
        trivet.log_params(hyperopt.space_eval(SPACE, best))
        trivet.end_run()

    losses = sorted(trials.losses())
    of_trials = "tags.model = 'quadratic'"
    found = trivet.search_runs(filter_string=of_trials, order_by=["metrics.loss ASC"], output_format="list")
    assert [run.data.metrics["loss"] for run in found] == losses
    assert all(run.info.status == "FINISHED" for run in found)
    assert {run.info.parent_run_id for run in found} == {parent.info.run_id if parent is not None else ""}
    # The best one is where hyperopt says that it is.
    assert found[0].data.params == {key: str(value) for key, value in hyperopt.space_eval(SPACE, best).items()}
    by_param = trivet.search_runs(
        filter_string=f"{of_trials} and params.kind = 'l2' and params.x > 0 and metrics.loss < 3", output_format="list"
    )
    expected = [trial for trial in trials.trials if _passes(trial)]
    assert 0 < len(by_param) == len(expected) < TRIALS
    one, other = (found[place].info.run_id for place in (0, -1))
    compared = json.loads(invoke("runs", "compare", one, other, "--json", env={"TRIVET_URL": tracked}).stdout)
    assert compared["metrics"]["loss"]["differs"]
    assert compared["metrics"]["loss"]["values"][one]["value"] == losses[0]
    assert compared["params"]["x"]["values"] == {run.info.run_id: run.data.params["x"] for run in (found[0], found[-1])}


def _passes(trial: dict[str, Any]) -> bool:
    values = trial["misc"]["vals"]
    return bool(values["kind"] == [1] and values["x"][0] > 0 and trial["result"]["loss"] < 3)


def test_a_trial_that_raises_is_failed_and_the_search_ends_as_it_does_without_trivet() -> None:
    trivet.set_experiment("hyperopt")

    def objective(point: dict[str, Any]) -> dict[str, Any]:
        with trivet.start_run(nested=True):
            trivet.log_params(point)
            if len(trials.trials) == 3:
                raise ValueError("diverged")
        return {"loss": loss_of(point), "status": hyperopt.STATUS_OK}

    trials = hyperopt.Trials()
    with pytest.raises(ValueError, match="diverged"), trivet.start_run() as parent:
        minimized(objective, trials)
    children = trivet.search_runs(
        filter_string=f"parent_run_id = '{parent.info.run_id}'", order_by=["start_time ASC"], output_format="list"
    )
    assert [run.info.status for run in children] == ["FINISHED", "FINISHED", "FAILED"]
    assert trivet.get_run(parent.info.run_id).info.status == "FAILED"
    assert all("x" in run.data.params for run in children)
