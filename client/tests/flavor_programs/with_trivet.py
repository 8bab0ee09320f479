"""Writes models with Trivet, or reads those of MLflow: `with_trivet.py write|read FOLDER CASE…`.

What they predict goes into `FOLDER/trivet.json` or `FOLDER/mlflow-in-trivet.json`.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import cases

import trivet.pyfunc
from trivet import TrivetError


class WithoutMlflow:
    """Lets nothing of MLflow be imported."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Finds MLflow first, to say that it is not there."""
        if name.partition(".")[0] == "mlflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


def write(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Saves models, and returns what they predict."""
    told = {}
    seen_flavors: set[str] = set()
    for name in names:
        case = {**cases.TREES, **cases.NETS}[name]
        model = case.make()
        told[name] = cases.listed(case.native(model, cases.DATA))
        # To see what a model imports takes seconds, so it is done for one of each flavor.
        seen = case.flavor in seen_flavors
        seen_flavors.add(case.flavor)
        importlib.import_module(f"trivet.{case.flavor}").save_model(
            model,
            folder / "trivet" / name,
            input_example=case.data[:4],
            pip_requirements=["said"] if seen else None,
            **case.trivet,
        )
    return told


def read(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Loads what MLflow saved, natively and as pyfuncs, and returns what they predict, or why not."""
    without = WithoutMlflow()
    sys.meta_path.insert(0, without)
    told: dict[str, Any] = {}
    for name in names:
        path = str(folder / "mlflow" / name)
        if case := {**cases.TREES, **cases.NETS}.get(name):
            native = importlib.import_module(f"trivet.{case.flavor}").load_model(path)
            predicted = trivet.pyfunc.load_model(path).predict(case.data)
            told[name] = {"native": cases.listed(case.native(native, cases.DATA)), "pyfunc": cases.listed(predicted)}
            continue
        try:
            trivet.pyfunc.load_model(path)
        except TrivetError as error:
            told[name] = {"without MLflow": str(error)}
        sys.meta_path.remove(without)
        told[name]["pyfunc"] = cases.listed(trivet.pyfunc.load_model(path).predict(cases.DATA))
        sys.meta_path.insert(0, without)
    return told


if __name__ == "__main__":
    action, place, *chosen = sys.argv[1:]
    if action == "write":
        Path(place, "trivet.json").write_text(json.dumps(write(Path(place), chosen)))
    else:
        Path(place, "mlflow-in-trivet.json").write_text(json.dumps(read(Path(place), chosen)))
