"""Writes examples of what models take as MLflow does, or reads those that are in folders; run by MLflow's environment.

python -m trivet_testing.mlflow_examples write FOLDER
python -m trivet_testing.mlflow_examples read FOLDER

Each example is in a folder of its own, with what the `MLmodel` file says of it in `model.json`. `read` writes what it
has found into `answers.json`.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

from mlflow.models import Model, ModelSignature, infer_signature
from mlflow.models.utils import _read_example, _read_example_params, _save_example

from trivet_testing.signature_samples import examples, told


def _write(folder: Path, example: Any) -> None:
    folder.mkdir()
    model = Model()
    has_params = isinstance(example, tuple)
    try:
        _save_example(model, example, str(folder))
        signature = infer_signature(example[0] if has_params else example).to_dict()
    except Exception as error:  # noqa: BLE001 - MLflow refuses by whatever its libraries raise
        (folder / "refused.txt").write_text(str(error), encoding="utf-8")
        return
    said = {"info": model.saved_input_example_info, "signature": signature}
    (folder / "model.json").write_text(json.dumps(said), encoding="utf-8")


def _read(folder: Path) -> Any:
    said = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    model = Model(signature=ModelSignature.from_dict(said["signature"]), saved_input_example_info=said["info"])
    try:
        return [told(_read_example(model, str(folder))), told(_read_example_params(model, str(folder)))]
    except Exception as error:  # noqa: BLE001 - as above
        return f"{type(error).__name__}: {error}"


def main(wanted: str, folder: Path) -> None:
    """Does one of both."""
    warnings.simplefilter("ignore")
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    if wanted == "write":
        for name, example in examples().items():
            _write(folder / name, example)
    answers = {path.parent.name: _read(path.parent) for path in sorted(folder.glob("*/model.json"))}
    (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
