"""The client in Go of examples/go, built from the contracts by the commands of its README, on a real server."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import trivet
from trivet_testing import tools, tracking
from trivet_testing.cache import made_once
from trivet_testing.left_out import leave_out
from trivet_testing.pages import Step, matches, steps_of
from trivet_testing.workspaces import unused_workspace

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "examples" / "go"
BUILDING = (
    *(SOURCES / name for name in ("README.md", "buf.gen.yaml", "go.mod", "go.sum", "main.go")),
    *(ROOT / "protos" / name for name in ("check.py", "buf.yaml")),
    *sorted((ROOT / "protos" / "trivet").rglob("*.proto")),
)

# Where nothing is in Go's caches yet, it brings and compiles gRPC.
pytestmark = pytest.mark.timeout(900)


def steps(*, of_client: bool) -> list[Step]:
    found = steps_of((SOURCES / "README.md").read_text(encoding="utf-8"))
    return [step for step in found if step.command.startswith("./client") is of_client]


def build(target: Path, go: Path) -> None:
    """Does in a copy of what it needs of the checkout what the README says."""
    with tempfile.TemporaryDirectory() as temporary:
        checkout = Path(temporary)
        for source in BUILDING:
            copy = checkout / source.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
        (checkout / ".venv").symlink_to(sys.prefix)
        ended = subprocess.run(
            ["bash", "-euc", "\n".join(step.command for step in steps(of_client=False))],
            cwd=checkout,
            env=os.environ | {"PATH": f"{go.parent}{os.pathsep}{os.environ['PATH']}", "CGO_ENABLED": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        shutil.copy(checkout / "examples" / "go" / "client", target / "client")


@pytest.fixture(scope="module")
def go_client() -> Path:
    """The program, built again where anything that it is made of has changed."""
    try:
        go = tools.go()
    except tools.ToolMissingError as missing:
        leave_out("Go", str(missing))
    version = subprocess.run([go, "version"], capture_output=True, check=True).stdout
    digest = hashlib.sha256(version + b"".join(source.read_bytes() for source in BUILDING)).hexdigest()
    return made_once(f"go-client-{digest[:16]}", lambda target: build(target, go)) / "client"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    url = f"sqlite:///{tmp_path_factory.mktemp('tracking') / 'tracking.db'}"
    tracking.migrate(url)
    with tracking.start_server(url) as server:
        yield server.address


def run_client(program: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *options], capture_output=True, text=True, timeout=60, check=False)


def test_what_go_logs_is_read_by_go_and_by_python(go_client: Path, address: str) -> None:
    workspace = unused_workspace()
    ended = run_client(go_client, "-address", address, "-workspace", workspace, "-experiment", "trams")
    assert ended.returncode == 0, ended.stderr
    (shown,) = (step.shown for step in steps(of_client=True) if step.command == "./client")
    assert matches(tuple(line.replace("default", workspace) for line in shown), ended.stdout), ended.stdout
    with trivet.Client(f"grpc://{address}/{workspace}") as client:
        experiment = client.get_experiment_by_name("trams")
        assert experiment is not None
        (run,) = client.search_runs(experiment.experiment_id)
        assert json.loads(ended.stdout)["name"] == f"workspaces/{workspace}/runs/{run.info.run_id}"
        assert (run.info.run_name, run.info.status) == ("from Go", "FINISHED")
        assert run.data.params == {"learning_rate": "0.1"}
        assert run.data.tags["language"] == "Go"
        assert run.data.metrics == {"loss": 0.25, "accuracy": 0.75}
        points = client.get_metric_history(run.info.run_id, "loss")
        assert [point.step for point in points] == [0, 1, 2]
        assert [point.value for point in points] == pytest.approx([0.5, math.nan, 0.25], nan_ok=True)


def test_what_python_logs_is_read_by_go(go_client: Path, address: str) -> None:
    workspace = unused_workspace()
    with trivet.Client(f"grpc://{address}/{workspace}") as client:
        run_id = client.create_run("0").info.run_id
        client.log_param(run_id, "größe", "ß" * 100)
        client.set_tag(run_id, "team", "")
        # More than comes in one message of the stream.
        count = 20_000
        for step in range(count):
            client.log_metric(run_id, "loss", step / 4, step=step)
        client.log_metric(run_id, "limit", -math.inf, step=-(2**63))
        client.set_terminated(run_id, "KILLED")
    ended = run_client(go_client, "-address", address, "-workspace", workspace, "-show", run_id)
    assert ended.returncode == 0, ended.stderr
    read: dict[str, Any] = json.loads(ended.stdout)
    assert (read["status"], read["params"]) == ("RUN_STATUS_KILLED", {"größe": "ß" * 100})
    assert read["tags"]["team"] == ""
    assert read["metrics"]["limit"] == [{"step": -(2**63), "value": "-Inf"}]
    assert [(point["step"], float(point["value"])) for point in read["metrics"]["loss"]] == [
        (step, step / 4) for step in range(count)
    ]


def test_go_learns_why_it_is_refused(go_client: Path, address: str) -> None:
    workspace = unused_workspace()
    ended = run_client(go_client, "-address", address, "-workspace", workspace, "-show", "nobody")
    (shown,) = (step.shown for step in steps(of_client=True) if "-show" in step.command)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert matches(tuple(line.replace("default", workspace) for line in shown), ended.stderr)
    ended = run_client(go_client, "-address", address, "-workspace", "nowhere")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("WORKSPACE_NOT_FOUND: ")
