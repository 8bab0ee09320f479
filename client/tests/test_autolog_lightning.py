"""What is logged of trainings by PyTorch Lightning, unasked: beside what MLflow logs of the same.

It needs torch, so the trainings run in an environment of their own, with the client installed as users have it.
"""

from __future__ import annotations

import os
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import trivet.pytorch
from trivet_testing.autologging import told_by_both
from trivet_testing.environments import torch_environment
from trivet_testing.left_out import leave_out

PROGRAMS = Path(__file__).with_name("autolog_programs")
ROOT = Path(__file__).parents[2]
FULL = bool(os.environ.get("TRIVET_TEST_FULL"))


def install_client(python: Path, folder: Path) -> None:
    """Puts the client, and what of its requirements the environment lacks, into a folder for `PYTHONPATH`."""
    packages = [str(ROOT / "client"), str(ROOT / "protos"), f"googleapis-common-protos=={_installed()}"]
    command = [str(ROOT / ".ci" / "uv"), "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
    subprocess.run([*command, "--python", str(python), *packages], check=True, capture_output=True, text=True)


def _installed() -> str:
    return version("googleapis-common-protos")


@pytest.mark.skipif(not FULL, reason="needs 6 GB of packages; a long form")
@pytest.mark.timeout(1800)
def test_what_is_logged_is_what_mlflow_logs(servers: Any, workspace: str, environment: object, tmp_path: Path) -> None:
    try:
        python = torch_environment() / "bin" / "python"
    except subprocess.CalledProcessError as failure:
        leave_out("MLflow", f"it cannot be installed: {failure.stderr}")
    install_client(python, tmp_path / "client")
    settings = {
        "PYTHONPATH": str(tmp_path / "client"),
        "OMP_NUM_THREADS": "1",
        "TRIVET_TRACKING_URL": servers.tracking,
        "TRIVET_ARTIFACTS_URL": servers.artifacts,
        "TRIVET_REGISTRY_URL": servers.registry,
        "TRIVET_WORKSPACE": workspace,
    }
    ours, theirs = told_by_both("pytorch", PROGRAMS, (python, python), settings)
    assert ours.keys() == theirs.keys() >= {"epochs", "steps", "early_stopping"}
    for case, expected in theirs.items():
        for model in expected["models"]:
            # MLflow's model has no params; ours has those of its run, as models of other frameworks have.
            model["params"] = expected["params"]
        assert ours[case] == expected, case
    assert ours["epochs"]["points"]["test_loss"]
    assert "checkpoints/latest_checkpoint.pth" in ours["epochs"]["files"]
    assert [step for step, _ in ours["steps"]["points"]["train_loss_step"]] == [1, 3, 5, 7]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"log_every_n_step": 0}, "log_every_n_step is 0"),
        ({"checkpoint_save_freq": "day"}, "checkpoint_save_freq is 'day'"),
        ({"checkpoint_mode": "best"}, "checkpoint_mode is 'best'"),
    ],
)
def test_what_cannot_be_chosen_is_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(trivet.InvalidArgument, match=said):
        trivet.pytorch.autolog(**options)
