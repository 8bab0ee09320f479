"""The notebooks of examples/, cell by cell in a kernel of their own, before a server of theirs."""

from __future__ import annotations

import os
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


def run_notebook(path: Path, folder: Path, environment: Mapping[str, str]) -> list[str]:
    """Runs a notebook in a folder; the text that each cell of code prints and gives. Raises CellExecutionError."""
    notebook = read_notebook(path)
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    client.execute(env={**os.environ, **environment})
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


def runs_of(client: trivet.Client, experiment: str) -> list[trivet.Run]:
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return client.search_runs(found.experiment_id)


CHECKS: Mapping[str, Callable[[trivet.Client, list[str]], None]] = {
    "tuning/hyperopt.ipynb": check_hyperopt,
    "tuning/optuna.ipynb": check_optuna,
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_a_notebook_does_what_it_says(path: Path, address: str, tmp_path: Path) -> None:
    answers = run_notebook(path, tmp_path, {"TRIVET_URL": address, "TRIVET_SPOOL_DIR": str(tmp_path / "spool")})
    with trivet.Client(address) as client:
        CHECKS[str(path.relative_to(EXAMPLES))](client, answers)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_a_notebook_is_kept_without_its_outputs(path: Path) -> None:
    notebook = read_notebook(path)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
