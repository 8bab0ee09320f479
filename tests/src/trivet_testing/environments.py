"""Python environments of other products, in the cache: nothing of them gets into the project's own."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from trivet_testing.cache import made_once

MLFLOW_VERSION: Final = "3.17.2"

_UV: Final = Path(__file__).parents[3] / ".ci" / "uv"
_MLFLOW: Final = (f"mlflow=={MLFLOW_VERSION}", "psycopg2-binary", "boto3")


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


def mlflow_environment() -> Path:
    """That of MLflow's servers and client."""
    return environment_with(f"mlflow-{MLFLOW_VERSION}-s3", _MLFLOW)
