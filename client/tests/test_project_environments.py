"""Environments of projects, made by the programs that make them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import trivet
from trivet import projects
from trivet._projects.environments import PythonEnvironment, environment_folder
from trivet_testing.gateways import services_in
from trivet_testing.servers import run_to_exit

ROOT = Path(__file__).parents[2]
# Small, and needs nothing.
REQUIREMENT = "iniconfig==2.3.0"


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The uv of this repository on PATH, as users have theirs. Uv tells programs where it is."""
    program = "import os; print(os.environ['UV'])"
    command = [str(ROOT / ".ci" / "uv"), "run", "--quiet", "--no-project", "python", "-c", program]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    monkeypatch.setenv("PATH", f"{Path(found).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")


def test_environment_is_made_once_by_uv_and_used_by_the_command(
    uv: None, client: trivet.Client, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "python_env.yaml").write_text("dependencies: [-r requirements.txt]", encoding="utf-8")
    (project / "requirements.txt").write_text(f"{REQUIREMENT}\n", encoding="utf-8")
    (project / "where.py").write_text(
        "import sys, iniconfig, pathlib; pathlib.Path('prefix').write_text(sys.prefix)", encoding="utf-8"
    )
    submitted = projects.run(str(project), "where.py", client=client)
    prefix = Path((project / "prefix").read_text(encoding="utf-8"))
    assert prefix.is_relative_to(os.environ["TRIVET_CACHE_DIR"])
    assert client.get_run(submitted.run_id).data.tags["mlflow.project.env"] == "uv"
    made = (prefix / "trivet-ready").stat().st_mtime_ns
    # Another project that asks for the same.
    shutil.copytree(project, tmp_path / "other")
    projects.run(str(tmp_path / "other"), "where.py", client=client)
    assert Path((tmp_path / "other" / "prefix").read_text(encoding="utf-8")) == prefix
    assert (prefix / "trivet-ready").stat().st_mtime_ns == made


def test_half_made_environment_is_made_anew(uv: None, tmp_path: Path) -> None:
    wanted = PythonEnvironment()
    place = environment_folder("uv", wanted, tmp_path)
    (place / "trivet-ready").unlink()
    (place / "bin" / "python").unlink()
    assert environment_folder("uv", wanted, tmp_path) == place
    assert (place / "bin" / "python").exists()


def test_environment_that_cannot_be_made_is_said(uv: None, client: trivet.Client, tmp_path: Path) -> None:
    (tmp_path / "python_env.yaml").write_text("dependencies: [./nothing-here]", encoding="utf-8")
    (tmp_path / "x.py").touch()
    with pytest.raises(trivet.FailedPrecondition, match=r"environment of the project cannot be made: .*nothing-here"):
        projects.run(str(tmp_path), "x.py", client=client)
    (run,) = client.search_runs(["0"])
    assert run.info.status == "FAILED"


def test_virtualenv_is_made_by_python_itself_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    wanted = PythonEnvironment(f"{sys.version_info[0]}.{sys.version_info[1]}")
    place = environment_folder("virtualenv", wanted, tmp_path)
    program = "import sys; print(sys.prefix)"
    said = subprocess.run([place / "bin" / "python", "-c", program], capture_output=True, text=True, check=True)
    assert Path(said.stdout.strip()) == place
    with pytest.raises(trivet.FailedPrecondition, match=r"needs Python 2\.3\.1, and there is no python2\.3 on PATH"):
        environment_folder("virtualenv", PythonEnvironment("2.3.1"), tmp_path)


@pytest.mark.skipif(not os.environ.get("TRIVET_TEST_FULL"), reason="installs MLflow; a long form")
def test_project_of_mlflow_with_its_environment_runs_unmodified(uv: None, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "MLproject").write_text(
        textwrap.dedent(
            """
            name: tutorial
            python_env: python_env.yaml
            entry_points:
              main:
                parameters:
                  alpha: {type: float, default: 0.5}
                command: "python train.py {alpha}"
            """
        ),
        encoding="utf-8",
    )
    (project / "python_env.yaml").write_text(
        "python: '3.11'\nbuild_dependencies: [setuptools]\ndependencies: [mlflow-skinny==3.17.2]", encoding="utf-8"
    )
    (project / "train.py").write_text(
        "import sys, mlflow\nwith mlflow.start_run():\n    mlflow.log_metric('rmse', float(sys.argv[1]))\n",
        encoding="utf-8",
    )
    with services_in(tmp_path) as services:
        command = [str(Path(sys.executable).with_name("trivet")), "run", str(project), "-P", "alpha=0.25"]
        settings = {name: os.environ[name] for name in ("PATH", "TRIVET_CACHE_DIR")}
        ended = run_to_exit(command, {"TRIVET_URL": services, **settings}, timeout_seconds=280)
        assert ended.returncode == 0, ended.stderr
        with trivet.Client(services) as client:
            (run,) = client.search_runs(["0"])
            assert (run.info.status, run.data.metrics) == ("FINISHED", {"rmse": 0.25})
