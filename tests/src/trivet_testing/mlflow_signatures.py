"""What MLflow's signatures make of the samples; run by MLflow's own environment, which has nothing of the project.

python -m trivet_testing.mlflow_signatures FILE
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlflow.models import infer_signature
from mlflow.models.utils import _enforce_params_schema, _enforce_schema
from mlflow.types.schema import ParamSchema, Schema

from trivet_testing.enforcement_samples import asked, steered
from trivet_testing.signature_samples import data, params, told

REFUSED = "refused"


def _tried(make: Callable[..., Any], *given: Any) -> Any:
    try:
        return make(*given)
    except Exception as error:  # noqa: BLE001 - MLflow refuses by whatever its libraries raise
        return {REFUSED: f"{type(error).__name__}: {error}"[:500]}


def _inferred(given: Any) -> Any:
    return infer_signature(given).to_dict()


def _inferred_params(given: Any) -> Any:
    return infer_signature("a", params=given).to_dict()["params"]


def _enforced(given: Any, described: str) -> Any:
    return told(_enforce_schema(given, Schema.from_json(described)))


def _enforced_params(given: Any, described: str | None) -> Any:
    schema = None if described is None else ParamSchema.from_json(described)
    return told(_enforce_params_schema(given, schema))


def main(path: Path) -> None:
    """Writes all that MLflow answers into a file."""
    warnings.simplefilter("ignore")
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    answers = {
        "data": {name: _tried(_inferred, given) for name, given in data().items()},
        "params": {name: _tried(_inferred_params, given) for name, given in params().items()},
        "asked": {name: _tried(_enforced, given, described) for name, given, described in asked()},
        "steered": {name: _tried(_enforced_params, given, described) for name, given, described in steered()},
    }
    path.write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
