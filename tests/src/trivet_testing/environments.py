"""Python environments of other products, in the cache: nothing of them gets into the project's own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from trivet_testing.cache import made_once

MLFLOW_VERSION: Final = "3.17.2"

MLFLOW_LIBRARIES: Final = {
    "scikit-learn": "1.9.1",
    "xgboost-cpu": "3.2.0",
    "lightgbm": "4.7.0",
    "hyperopt": "0.3.0",
    "optuna": "5.0.0",
    "optuna-integration": "5.0.0",
}
"""What logs to MLflow in tests, by itself or by MLflow's autologging, beside `MLFLOW_VERSION`."""
OLD_MLFLOW_VERSION: Final = "2.22.0"
"""Of the last client that keeps models in the folders of runs."""
MODEL_LIBRARIES: Final = {"onnx": "1.23.2", "onnxruntime": "1.32.0", "statsmodels": "0.15.0"}
"""What models are made with, beside `MLFLOW_LIBRARIES`."""
TORCH_LIBRARIES: Final = {"pytorch-lightning": "2.6.6", "transformers": "5.24.0", "torch": "2.15.0"}
"""The same, of libraries that bring gigabytes."""

_UV: Final = Path(__file__).parents[3] / ".ci" / "uv"
_MLFLOW: Final = (f"mlflow=={MLFLOW_VERSION}", "psycopg2-binary", "boto3")
_CLIENT: Final = ("grpcio", "protobuf", "PyYAML", "cloudpickle")
"""What the client of Trivet needs for models, beside MLflow's packages."""
_OLD_MLFLOW: Final = (f"mlflow-skinny=={OLD_MLFLOW_VERSION}", "pandas<3")


def environment_with(name: str, requirements: Sequence[str]) -> Path:
    """An environment in the cache, made once under a name, that has packages and nothing of the project.

    Raises:
        subprocess.CalledProcessError: they cannot be installed; `stderr` says why.
    """

    def make(target: Path) -> None:
        for command in (
            [str(_UV), "venv", "--quiet", str(target)],
            [str(_UV), "pip", "install", "--quiet", "--python", str(target / "bin" / "python"), *requirements],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True)

    return made_once(name, make)


def _pinned(libraries: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}=={version}" for name, version in libraries.items())


def mlflow_environment() -> Path:
    """That of MLflow's servers and client, and of libraries that log to it."""
    return environment_with(f"mlflow-{MLFLOW_VERSION}-libraries", (*_MLFLOW, *_pinned(MLFLOW_LIBRARIES)))


def models_environment() -> Path:
    """That of MLflow with all libraries of models that are small, for MLflow's programs and for those of our client."""
    libraries = {name: MLFLOW_LIBRARIES[name] for name in ("scikit-learn", "xgboost-cpu", "lightgbm")} | MODEL_LIBRARIES
    return environment_with(f"mlflow-{MLFLOW_VERSION}-models", (*_MLFLOW, *_pinned(libraries), *_CLIENT))


def old_mlflow_environment() -> Path:
    """That of an old client of MLflow."""
    requirements = (*_OLD_MLFLOW, f"scikit-learn=={MLFLOW_LIBRARIES['scikit-learn']}")
    return environment_with(f"mlflow-skinny-{OLD_MLFLOW_VERSION}", requirements)


def torch_environment() -> Path:
    """That of MLflow's client with libraries that need torch: 6 GB."""
    requirements = (*_MLFLOW, *_pinned(TORCH_LIBRARIES), "accelerate", *_CLIENT)
    return environment_with(f"mlflow-{MLFLOW_VERSION}-torch-{TORCH_LIBRARIES['torch']}-models", requirements)
