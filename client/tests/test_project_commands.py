"""`trivet run`: what it says, and what its signals do. docs/projects.md and docs/cli.md have the ways that work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import trivet
from trivet_testing.command_line import invoke
from trivet_testing.waiting import wait_until

ROOT = Path(__file__).parents[2]
TRIVET = str(Path(sys.executable).with_name("trivet"))


def project(folder: Path, command: str) -> Path:
    folder.mkdir()
    content = {"name": "taxi", "entry_points": {"main": {"command": command}}}
    (folder / "MLproject").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder


def test_answer_for_programs_names_the_run_and_is_alone(
    client: trivet.Client, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ended = invoke("run", str(project(tmp_path / "p", "echo from the project")), "--json")
    assert ended.exit_code == 0, ended.output
    assert capfd.readouterr() == ("", "from the project\n")
    said = json.loads(ended.stdout)
    assert said == {"run_id": client.search_runs(["0"])[0].info.run_id, "status": "FINISHED"}


def test_failure_for_programs_says_the_exit_code(client: trivet.Client, tmp_path: Path) -> None:
    ended = invoke("run", str(project(tmp_path / "p", "exit 5")), "--json")
    assert ended.exit_code == 1
    error = json.loads(ended.stderr)["error"]
    assert error["reason"] == "PROJECT_FAILED"
    assert error["message"].endswith("failed. Its command ended with exit code 5.")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-P", "alpha"], "is not KEY=VALUE"),
        (["-P", "a=1", "-P", "a=2"], "a is given more than once"),
        (["-A", "t", "-A", "t"], "t is given more than once"),
        (["-b", "databricks"], "Invalid value for"),
    ],
)
def test_bad_command_line_is_said(client: trivet.Client, tmp_path: Path, options: list[str], said: str) -> None:
    ended = invoke("run", str(project(tmp_path / "p", "true")), *options, env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert ended.exit_code == 2
    assert said in ended.stderr
    assert client.search_runs(["0"]) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_ends_the_command_and_kills_the_run(
    client: trivet.Client, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    folder = project(tmp_path / "p", "trap 'touch told; exit 0' TERM; touch begun; while true; do sleep 0.05; done")
    with subprocess.Popen([TRIVET, "run", str(folder)], start_new_session=True, stderr=subprocess.PIPE) as process:
        wait_until((folder / "begun").exists)
        # As a terminal does it: to all processes of its foreground.
        os.killpg(process.pid, number)
        assert process.wait() == code
    assert (folder / "told").exists()
    (run,) = client.search_runs(["0"])
    assert run.info.status == "KILLED"


def test_example_trains_and_a_sweep_of_it_has_children(client: trivet.Client) -> None:
    """The example project, by its own entry points, with the packages of this environment."""
    folder = ROOT / "examples" / "projects" / "diabetes"
    ended = invoke("run", str(folder), "-e", "sweep", "-P", "alphas=0.1,10", "--env-manager", "local")
    assert ended.exit_code == 0, ended.output
    runs = {run.data.params.get("alpha", ""): run for run in client.search_runs(["0"])}
    assert set(runs) == {"", "0.1", "10"}
    sweep, *children = (runs[key] for key in ("", "0.1", "10"))
    assert {child.info.parent_run_id for child in children} == {sweep.info.run_id}
    assert sweep.data.params["best_alpha"] == "0.1"
    assert sweep.data.metrics["rmse"] == min(child.data.metrics["rmse"] for child in children)
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert all(run.info.git_commit for run in runs.values())
