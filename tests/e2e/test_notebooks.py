"""The notebooks of examples/, cell by cell in a kernel of their own, before a server of theirs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import trivet
from trivet_testing.servers import ServerProcess

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.rglob("*.ipynb"))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What `trivet up` runs."""
    command = [sys.executable, "-m", "trivet_standalone", "--grpc-port", "0"]
    options = ["--data", str(tmp_path_factory.mktemp("data"))]
    with ServerProcess.start([*command, *options], {}, r"^Trivet is ready: grpc (\S+)$") as server:
        yield f"grpc://{server.address}"


def read_notebook(path: Path) -> Any:
    """The notebook of a file."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call] # it has types elsewhere


def run_notebook(path: Path, environment: Mapping[str, str]) -> list[str]:
    """Runs a notebook in its folder; the text that each cell of code prints and gives. Raises CellExecutionError."""
    notebook = read_notebook(path)
    resources = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources)
    # With `trivet` where an environment that is active has it, for cells that call it.
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    client.execute(env={**os.environ, "PATH": programs, **environment})
    return [
        "".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def check_hyperopt(client: trivet.Client, answers: list[str]) -> None:
    runs = runs_of(client, "notebook hyperopt")
    assert (len(runs), {run.info.status for run in runs}) == (16, {"FINISHED"})
    assert "metrics.rmse" in answers[2]
    assert "max_depth" in answers[3]
    assert {line.split()[0] for line in answers[4].splitlines()} == {"max_depth", "min_samples_leaf", "criterion"}


def check_optuna(client: trivet.Client, answers: list[str]) -> None:
    runs = runs_of(client, "notebook optuna")
    states = [run.data.tags.get("state") for run in runs]
    assert (states.count(None), len(states)) == (1, 21)
    assert {run.info.status for run in runs if run.data.tags.get("state") == "PRUNED"} == {"KILLED"}
    assert all("intermediate_accuracy" in run.data.metrics for run in runs if run.data.tags.get("state"))
    assert {"COMPLETE", "PRUNED"} <= set(answers[2].split())
    assert {line.split()[0] for line in answers[4].splitlines()} == {"alpha", "loss"}


def check_autolog(client: trivet.Client, answers: list[str]) -> None:
    runs = runs_of(client, "notebook autolog")
    assert {run.info.status for run in runs} == {"FINISHED"}
    children = [run for run in runs if run.info.parent_run_id]
    tops = {run.data.tags.get("estimator_name"): run for run in runs if not run.info.parent_run_id}
    assert len(tops) == len(runs) - len(children)
    trained, search, boosted = tops["Pipeline"], tops["GridSearchCV"], tops[None]
    assert trained.data.params["ridge__alpha"] == "0.5"
    assert {"training_r2_score", "root_mean_squared_error_test_x"} <= set(trained.data.metrics)
    assert {run.info.parent_run_id for run in children} == {search.info.run_id}
    assert sorted(run.data.metrics["rank_test_score"] for run in children) == [1, 2, 3, 4, 5]
    best = min(children, key=lambda run: run.data.metrics["rank_test_score"])
    assert best.data.params["alpha"] == search.data.params["best_alpha"]
    assert best.data.metrics["mean_test_score"] == search.data.metrics["best_cv_score"]
    points = client.get_metric_history(boosted.info.run_id, "validation-rmse")
    found = boosted.data.metrics
    # A point each iteration, and that of the best once more.
    assert len(points) == found["stopped_iteration"] + 2
    assert found["validation-rmse"] == min(point.value for point in points)
    assert boosted.data.tags["kind"] == "boosted trees"
    assert boosted.data.params["early_stopping_rounds"] == "5"
    label, seen = answers[6].strip().split(": ")
    assert (label, int(seen) >= 10) == ("points in iteration 10", True)
    assert "feature_importance_weight.json" in answers[7]
    assert all(run.info.run_name in answers[8] for run in runs)
    assert answers[9].strip() == "0 more runs"


def check_project(client: trivet.Client, answers: list[str]) -> None:
    runs = runs_of(client, "notebook project")
    ended = {run.data.params["alpha"]: run.info.status for run in runs}
    assert ended == {"-1": "FAILED", **dict.fromkeys(["0.5", "0.1", "1", "0.05"], "FINISHED")}
    head = ["git", "-C", str(EXAMPLES), "rev-parse", "HEAD"]
    commit = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
    for run in runs:
        assert run.data.tags["mlflow.source.git.commit"] == run.info.git_commit == commit
        assert run.data.tags["mlflow.project.entryPoint"] == "main"
        assert ("rmse" in run.data.metrics) == (run.info.status == "FINISHED")
    # What the commands print stands somewhere among it.
    assert "True FINISHED" in answers[1]
    assert commit in answers[2]
    assert ("[True, True]" in answers[3], answers[3].count("FINISHED")) == (True, 3)
    assert "alpha" in answers[4]
    assert "False FAILED" in answers[5]
    (shell,) = [run for run in runs if run.info.run_name == "shell"]
    assert f"(ID '{shell.info.run_id}') succeeded" in answers[6]


def runs_of(client: trivet.Client, experiment: str) -> list[trivet.Run]:
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return client.search_runs(found.experiment_id)


CHECKS: Mapping[str, Callable[[trivet.Client, list[str]], None]] = {
    "autolog/autolog.ipynb": check_autolog,
    "projects/project.ipynb": check_project,
    "tuning/hyperopt.ipynb": check_hyperopt,
    "tuning/optuna.ipynb": check_optuna,
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_a_notebook_does_what_it_says(path: Path, address: str, tmp_path: Path) -> None:
    answers = run_notebook(path, {"TRIVET_URL": address, "TRIVET_SPOOL_DIR": str(tmp_path / "spool")})
    with trivet.Client(address) as client:
        CHECKS[str(path.relative_to(EXAMPLES))](client, answers)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_a_notebook_is_kept_without_its_outputs(path: Path) -> None:
    notebook = read_notebook(path)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
