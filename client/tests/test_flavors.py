"""Models of each flavor, between Trivet and MLflow: written with one, they predict the same in the other.

Programs in `flavor_programs` do that, in an environment that has MLflow and the libraries, and the client from its
sources: there all have the same versions, which pickles ask for.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from trivet_testing.environments import (
    MLFLOW_LIBRARIES,
    MODEL_LIBRARIES,
    TORCH_LIBRARIES,
    models_environment,
    torch_environment,
)
from trivet_testing.left_out import leave_out
from trivet_testing.servers import run_to_exit

PROGRAMS = Path(__file__).with_name("flavor_programs")
ROOT = Path(__file__).parents[2]
SOURCES = os.pathsep.join(str(ROOT / each / "src") for each in ("client", "protos"))
FULL = bool(os.environ.get("TRIVET_TEST_FULL"))
TREES = (
    *("sklearn-skops", "sklearn-cloudpickle", "sklearn-pickle", "xgboost-booster", "xgboost-estimator"),
    *("lightgbm-booster", "lightgbm-estimator", "lightgbm-skops", "onnx", "onnx-external"),
)
NETS = ("pytorch", "pytorch-scripted", "pytorch-exported")
LIBRARIES = {**MLFLOW_LIBRARIES, **MODEL_LIBRARIES}


@dataclass(frozen=True)
class Told:
    """What the programs told of each model."""

    trivet: dict[str, list[float]]
    """What those that Trivet wrote predicted before."""
    trivet_in_mlflow: dict[str, dict[str, Any]]
    mlflow: dict[str, list[float]]
    """What those that MLflow wrote predicted before."""
    mlflow_in_trivet: dict[str, dict[str, Any]]


def ran(make: Callable[[], Path], folder: Path, names: Sequence[str], of_mlflow: Sequence[str] = ()) -> Told:
    """Writes and reads models with both products, in an environment."""
    try:
        python = str(make() / "bin" / "python")
    except subprocess.CalledProcessError as failure:
        leave_out("MLflow", f"it cannot be installed: {failure.stderr}")
    for program, *arguments in (
        ("with_trivet.py", "write", str(folder), *names),
        ("with_mlflow.py", str(folder), *names, *of_mlflow),
        ("with_trivet.py", "read", str(folder), *names, *of_mlflow),
    ):
        environment = {
            "OMP_NUM_THREADS": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "TRIVET_CACHE_DIR": str(folder / "cache"),
        }
        if program == "with_trivet.py":
            environment["PYTHONPATH"] = SOURCES
        ended = run_to_exit([python, str(PROGRAMS / program), *arguments], environment, timeout_seconds=500)
        assert ended.returncode == 0, ended.stderr

    def read(name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
        return content

    return Told(read("trivet"), read("trivet-in-mlflow"), read("mlflow"), read("mlflow-in-trivet"))


# One test: what several ask of the same models, several workers would have to make.
@pytest.mark.timeout(900)
def test_models_predict_the_same_in_both_products(tmp_path: Path) -> None:
    told = ran(models_environment, tmp_path, TREES, ["statsmodels"])
    for name in TREES:
        predict_the_same(told, name)
    for name, library in {
        "sklearn-skops": "scikit-learn",
        "xgboost-booster": "xgboost-cpu",
        "lightgbm-booster": "lightgbm",
        "onnx": "onnx",
    }.items():
        mlflow_reads_what_it_takes_and_needs(told.trivet_in_mlflow[name], library)
    for name, expected in {
        "xgboost-booster": {"model.ubj"},
        "xgboost-estimator": {"model.json"},
        "lightgbm-booster": {"model.lgb"},
        "lightgbm-skops": {"model.skops"},
        "onnx": {"model.onnx"},
    }.items():
        has_the_files_of_mlflow(tmp_path, name, expected)
    # A flavor that Trivet does not have is a pyfunc where MLflow is, and elsewhere it is said what is missing.
    other = told.mlflow_in_trivet["statsmodels"]
    assert other["pyfunc"] == pytest.approx(told.mlflow["statsmodels"])
    assert "'mlflow.statsmodels', which is not installed here" in other["without MLflow"]
    assert "requirements.txt" in other["without MLflow"]


@pytest.mark.skipif(not FULL, reason="needs 6 GB of packages; a long form")
@pytest.mark.timeout(1800)
def test_models_of_torch_predict_the_same_in_both_products(tmp_path: Path) -> None:
    told = ran(torch_environment, tmp_path, NETS)
    for name in NETS:
        predict_the_same(told, name)
    assert f"torch=={TORCH_LIBRARIES['torch']}" in told.trivet_in_mlflow["pytorch"]["requirements"]


def predict_the_same(told: Told, name: str) -> None:
    """A model that Trivet wrote, in MLflow; and one that MLflow wrote, in Trivet, without MLflow."""
    for before, after in ((told.trivet, told.trivet_in_mlflow), (told.mlflow, told.mlflow_in_trivet)):
        assert len(set(before[name])) > 1, name
        assert after[name]["native"] == pytest.approx(before[name], rel=1e-5), name
        assert after[name]["pyfunc"] == pytest.approx(before[name], rel=1e-5), name


def mlflow_reads_what_it_takes_and_needs(read: dict[str, Any], library: str) -> None:
    assert [(each["name"], each["type"]) for each in read["inputs"]] == [
        (each, "double") for each in ("width", "height", "age")
    ]
    assert len(read["example"]) == 4 * 3
    packages = dict(line.split("==") for line in read["requirements"])
    assert packages[library] == LIBRARIES[library]
    assert {"numpy", "pandas"} <= packages.keys()
    assert not {"mlflow", "trivet", "setuptools", "pip"} & packages.keys()
    assert read["conda"]["python"] == read["virtualenv"]["python"]
    assert read["conda"]["dependencies"] == read["requirements"]
    assert read["virtualenv"]["dependencies"] == ["-r requirements.txt"]


def has_the_files_of_mlflow(folder: Path, name: str, expected: set[str]) -> None:
    ours, theirs = ({path.name for path in (folder / product / name).iterdir()} for product in ("trivet", "mlflow"))
    assert ours == theirs
    assert {each for each in ours if each.startswith("model.")} == expected
