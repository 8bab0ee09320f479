"""Importance of params as people ask for it: by function, by command, and beside Optuna's own."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import optuna
import pytest

import trivet
from trivet.optuna import TrivetCallback
from trivet_testing.command_line import invoke


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(optuna.logging.INFO)


def searched(name: str, trials: int) -> optuna.Study:
    """A study of which it is known what matters: x, then lr by its logarithm, then kind; seed does not."""

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", -1, 1)
        lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
        kind = trial.suggest_categorical("kind", ["l1", "l2"])
        trial.suggest_int("seed", 0, 1000)
        return 4 * x - math.log10(lr) + 1.5 * (kind == "l2")

    study = optuna.create_study(study_name=name, sampler=optuna.samplers.RandomSampler(seed=3))
    with TrivetCallback(metric_name="val/loss", tags={"team": "a"}) as callback:
        study.optimize(objective, n_trials=trials, callbacks=[callback])
    return study


def test_importance_has_the_order_of_optunas(tracked: str) -> None:
    study = searched("fifty", 50)
    found = trivet.param_importance("val/loss")
    of_optuna = optuna.importance.get_param_importances(
        study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=1)
    )
    assert [finding.key for finding in found.findings] == ["x", "lr", "kind", "seed"]
    # Of so few trials, fANOVA takes the seed for more than it is.
    assert list(of_optuna)[:2] == ["x", "lr"]
    assert (found.runs, found.not_finite_runs, found.has_more_runs) == (50, 0, False)
    assert sum(finding.importance or 0 for finding in found.findings) == pytest.approx(1)
    x, lr, kind, seed = found.findings
    assert (x.is_above_chance, seed.is_above_chance) == (True, False)
    assert x.correlation is not None
    assert lr.correlation is not None
    assert x.correlation.low > 0.5
    assert lr.correlation.high < 0
    assert kind.towards == "l2"
    assert trivet.param_importance("val/loss") == found
    only = trivet.param_importance(
        "val/loss", filter_string="params.kind = 'l1'", figure="min", param_keys=["lr"], experiment_names=["fifty"]
    )
    assert [finding.key for finding in only.findings] == ["lr"]
    assert only.runs == sum(trial.params["kind"] == "l1" for trial in study.trials)


def test_the_command_shows_a_table_or_json(tracked: str) -> None:
    searched("table", 40)  # of 20, neither forests of ours nor of scikit-learn tell lr from chance
    env = {"TRIVET_URL": tracked}
    shown = invoke(
        "runs", "importance", "table", "--metric", "val/loss", "--params", "x,lr", "--params", "seed", env=env
    )
    assert shown.exit_code == 0, shown.output
    head, *rows = shown.stdout.splitlines()
    assert head.split() == ["Param", "Importance", "Correlation", "95", "%", "Runs"]
    assert [row.split()[0] for row in rows] == ["x", "lr", "seed"]
    assert rows[2].endswith("no more than chance")
    assert "Based on 40 runs with val/loss. Together the params tell" in shown.stderr
    answered = invoke("runs", "importance", "table", "--metric", "val/loss", "--top", "2", "--json", env=env)
    found = json.loads(answered.stdout)
    assert (found["runs"], len(found["findings"])) == (40, 2)
    assert found["findings"][0]["key"] == "x"
    assert set(found["findings"][0]["correlation"]) == {"coefficient", "low", "high", "runs"}


def test_too_few_runs_are_told_of(tracked: str) -> None:
    trivet.set_experiment("few")
    for number in range(7):
        with trivet.start_run():
            trivet.log_params({"lr": number, "kind": ["a", "b"][number % 2], "epochs": 3})
            trivet.log_metric("loss", number if number < 6 else math.nan)
            if number < 3:
                trivet.log_metric("rare", number)
            trivet.log_metric("same", 1)
    env = {"TRIVET_URL": tracked}
    six = invoke("runs", "importance", "few", "--metric", "loss", env=env)
    assert (six.exit_code, [row.split()[:2] for row in six.stdout.splitlines()[1:]]) == (
        0,
        [["lr", "+1.00"], ["kind", "+0.29"]],
    )
    assert "+ is towards b" in six.stdout
    assert six.stderr == (
        "Based on 6 runs with loss. 1 more do not have it as a finite number. 1 param is the same in all of them. "
        "Importance needs 10 runs that differ in it.\n"
    )
    rare = invoke("runs", "importance", "few", "--metric", "rare", env=env)
    assert (rare.exit_code, rare.stdout) == (1, "")
    assert rare.stderr == (
        "trivet: Runs that have the metric 'rare' as a finite number: 3. Nothing can be said of fewer than 5, and "
        "importance needs 10.\n"
    )
    never = invoke("runs", "importance", "few", "--metric", "never", "--json", env=env)
    assert json.loads(never.stderr)["error"]["reason"] == "FAILED_PRECONDITION"


def test_what_cannot_be_asked_for_is_refused(tracked: str) -> None:
    trivet.set_experiment("refused")
    with pytest.raises(trivet.InvalidArgument, match="say last, min or max"):
        trivet.param_importance("loss", figure="mean")
    with pytest.raises(trivet.InvalidArgument):
        trivet.param_importance("")
    with pytest.raises(trivet.FilterInvalid):
        trivet.param_importance("loss", filter_string="nobody = 1")
    with pytest.raises(trivet.ExperimentNotFound, match="nowhere"):
        trivet.param_importance("loss", experiment_names=["nowhere"])
    with pytest.raises(trivet.InvalidArgument, match="either"):
        trivet.param_importance("loss", "0", experiment_names=["refused"])
    missing = invoke("runs", "importance", "nowhere", "--metric", "loss", env={"TRIVET_URL": tracked})
    assert (missing.exit_code, "There is no experiment 'nowhere'" in missing.stderr) == (1, True)
