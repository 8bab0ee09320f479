"""Reads models of Trivet with MLflow, and writes the same ones with it: `with_mlflow.py FOLDER CASE…`.

What they predict goes into `FOLDER/trivet-in-mlflow.json` and `FOLDER/mlflow.json`.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cases
import mlflow
from mlflow.utils.environment import _PythonEnv


def read(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Loads what Trivet saved, natively and as pyfuncs, and returns what they predict and what MLflow reads of them."""
    told = {}
    for name in names:
        case = {**cases.TREES, **cases.NETS}[name]
        path = str(folder / "trivet" / name)
        native = importlib.import_module(f"mlflow.{case.flavor}").load_model(path)
        loaded = mlflow.pyfunc.load_model(path)
        told[name] = {
            "native": cases.listed(case.native(native, cases.DATA)),
            "pyfunc": cases.listed(loaded.predict(case.data)),
            "inputs": loaded.metadata.get_input_schema().to_dict(),
            "example": cases.listed(loaded.input_example),
            "requirements": Path(mlflow.pyfunc.get_model_dependencies(path)).read_text().splitlines(),
            "conda": _PythonEnv.from_conda_yaml(f"{path}/conda.yaml").to_dict(),
            "virtualenv": _PythonEnv.from_yaml(f"{path}/python_env.yaml").to_dict(),
        }
    return told


def write(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Saves models, and returns what they predict."""
    told = {}
    for name in names:
        case = {**cases.TREES, **cases.NETS, **cases.OF_MLFLOW}[name]
        model = case.make()
        told[name] = cases.listed(case.native(model, cases.DATA))
        importlib.import_module(f"mlflow.{case.flavor}").save_model(
            model,
            str(folder / "mlflow" / name),
            input_example=case.data[:4],
            pip_requirements=[case.flavor],
            **case.mlflow,
        )
    return told


if __name__ == "__main__":
    place, *chosen = sys.argv[1:]
    own = [name for name in chosen if name not in cases.OF_MLFLOW]
    Path(place, "trivet-in-mlflow.json").write_text(json.dumps(read(Path(place), own)))
    Path(place, "mlflow.json").write_text(json.dumps(write(Path(place), chosen)))
