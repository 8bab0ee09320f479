"""Programs of real libraries against a real MLflow server and against ours: both tell the same afterwards.

What MLflow's server tells is kept in the cache; in the long form it is asked each time.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from trivet_testing.environments import (
    MLFLOW_LIBRARIES,
    MLFLOW_VERSION,
    OLD_MLFLOW_VERSION,
    TORCH_LIBRARIES,
    old_mlflow_environment,
    torch_environment,
)
from trivet_testing.left_out import leave_out
from trivet_testing.lossy_http import losing_replies
from trivet_testing.mlflow_told import programs_in_cache, told_by_mlflow
from trivet_testing.servers import run_to_exit
from trivet_testing.workspaces import unused_workspace

PAGE = Path(__file__).parents[3] / "docs" / "mlflow.md"
FULL = bool(os.environ.get("TRIVET_TEST_FULL"))
ABSENT = "absent"
Session = Callable[[str], dict[str, Any]]


@functools.cache
def programs() -> Path:
    return programs_in_cache(Path(__file__).with_name("workflows"))


def ran(python: Path, url: str, names: Sequence[str], settings: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What each of some workflows told that ran in one process of an environment."""
    environment = {
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        # To find what a model needs, a process imports all that it may need; that asks no server.
        "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "1",
        "OMP_NUM_THREADS": "1",
        **(settings or {}),
    }
    command = [str(python / "bin" / "python"), str(programs() / "program.py"), *names]
    ended = run_to_exit(command, environment, timeout_seconds=500)
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    for name, each in told.items():
        assert not (isinstance(each, dict) and "failed" in each), f"{name} at {url}\n{each['failed']}"
    return told


def compare(name: str, session: Session, gateway: str) -> dict[str, Any]:
    """Runs a session at both servers, at the same time if MLflow's has to be asked; returns what both tell."""
    with ThreadPoolExecutor(2) as pool:
        expected = pool.submit(told_by_mlflow, name, sorted(programs().glob("*.py")), session)
        found = session(f"{gateway}/w/{unused_workspace()}")
    assert list(differences(found, expected.result())) == []
    return found


def differences(found: Any, expected: Any, path: str = "") -> Iterator[str]:
    """Where ours tells something else than MLflow's."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted({*found, *expected}):
            yield from differences(found.get(key, ABSENT), expected.get(key, ABSENT), f"{path}/{key}")
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for index, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
            yield from differences(mine, theirs, f"{path}/{index}")
    elif found != expected:
        yield f"{path}: {found!r}, and MLflow {expected!r}"


@pytest.mark.parametrize(
    "names",
    [
        ("courses.iris", "courses.wine", "courses.nested", "courses.datasets"),
        ("registering.registry", "registering.commands", "plain.session"),
        (
            "libraries.sklearn_autolog",
            "libraries.xgboost_autolog",
            "libraries.lightgbm_autolog",
            "libraries.evaluation",
        ),
        ("libraries.hyperopt_trials", "libraries.optuna_callback"),
    ],
    ids=lambda names: "-".join(name.partition(".")[2] for name in names),
)
@pytest.mark.timeout(600)
def test_workflows_tell_what_they_do_with_mlflow(
    names: Sequence[str], gateway: str, mlflow: Path, request: pytest.FixtureRequest
) -> None:
    found = compare(request.node.callspec.id, lambda url: ran(mlflow, url, names), gateway)
    assert set(found) == set(names)


@pytest.mark.timeout(600)
def test_an_old_client_and_a_new_one_read_what_the_other_wrote(gateway: str, mlflow: Path) -> None:
    old = _environment(old_mlflow_environment)

    def sessions(url: str) -> dict[str, Any]:
        return {
            **ran(mlflow, url, ["both_clients.of_3x"]),
            **ran(old, url, ["both_clients.of_2x"]),
            **ran(mlflow, url, ["both_clients.of_3x_again"]),
        }

    found = compare("both-clients", sessions, gateway)["both_clients.of_2x"]
    assert set(found["predicted"].values()) == {7.0, 5.0}
    noted = next(run for run in found["told"]["runs"] if run["name"] == "of 2.x")["tags"]["mlflow.log-model.history"]
    assert [each["artifact_path"] for each in json.loads(noted)] == ["model", "folder/second"]


@pytest.mark.timeout(600)
def test_processes_that_log_at_once_lose_nothing(gateway: str, mlflow: Path) -> None:
    # Not compared: MLflow's server on SQLite refuses some of these calls when the machine is busy.
    found = ran(mlflow, f"{gateway}/w/{unused_workspace()}", ["crowd.processes"])["crowd.processes"]
    assert found["exit codes"] == [0] * 32
    shared = next(run for run in found["runs"] if run["name"] == "shared")
    assert len(found["runs"]) == 33
    assert (len(shared["points"]["all"]), len(shared["params"]), len(shared["files"])) == (320, 32, 32)
    assert shared["points"]["all"] == [[number * 10 + step, number] for number in range(32) for step in range(10)]
    for number, run in enumerate(
        sorted((run for run in found["runs"] if run is not shared), key=lambda run: run["name"])
    ):
        assert (run["name"], run["status"]) == (f"process {number:02}", "FINISHED")
        assert run["points"]["m"] == [[step, number * step] for step in range(10)]
        assert (run["params"], list(run["files"])) == ({"number": str(number)}, ["number.txt"])


@pytest.mark.timeout(300)
def test_calls_whose_replies_are_lost_are_repeated_and_count_once(gateway: str, mlflow: Path) -> None:
    with losing_replies(gateway, one_of=20) as proxy:
        url = f"{proxy.address}/w/{unused_workspace()}"
        told = ran(mlflow, url, ["repeating.session"], {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "5"})["repeating.session"]
    lost = {kind.rpartition("/mlflow/")[2]: count for kind, count in proxy.lost.items()}
    assert lost["runs/create"] >= 2
    assert lost["runs/log-metric"] >= 6
    assert told["missing"] == []
    # A create that is repeated may leave one run more, as with MLflow's server: no client says that it is the same.
    assert len(told["extra"]) <= lost["runs/create"]
    assert all(run == [0, 0, "RUNNING"] for run in told["extra"])
    for number, run in enumerate(told["kept"]):
        assert run == {
            "status": "FINISHED",
            "params": {"number": str(number), "p": "v"},
            "tags": {"kind": "x", "t": "v"},
            "m": [[step, step] for step in range(3)],
            "b": [[step, step] for step in range(50)],
            "files": [["number.txt", len(str(number))]],
            "datasets": 1,
        }
    assert len(told["versions"]) <= 1 + lost["model-versions/create"]
    assert told["aliases"] == {"a": "1"}
    assert told["logged models"] <= 2


@pytest.mark.skipif(not FULL, reason="needs 6 GB of packages; a long form")
@pytest.mark.timeout(1800)
def test_loggers_of_lightning_and_transformers_tell_what_they_do_with_mlflow(gateway: str, mlflow: Path) -> None:
    torch = _environment(torch_environment)
    compare("torch", lambda url: ran(torch, url, ["torch_loggers.lightning", "torch_loggers.transformers"]), gateway)


def test_the_page_names_what_was_tried() -> None:
    versions = {"mlflow": MLFLOW_VERSION, "mlflow-skinny": OLD_MLFLOW_VERSION, **MLFLOW_LIBRARIES, **TORCH_LIBRARIES}
    page = PAGE.read_text(encoding="utf-8").partition("## Tried with")[2].partition("\n## ")[0]
    named = dict(line.strip("| ").split(" | ")[:2] for line in page.splitlines() if line.startswith("| `"))
    assert named == {f"`{name}`": version for name, version in versions.items()}


def _environment(make: Callable[[], Path]) -> Path:
    try:
        return make()
    except subprocess.CalledProcessError as failure:
        leave_out("MLflow", f"it cannot be installed: {failure.stderr}")
