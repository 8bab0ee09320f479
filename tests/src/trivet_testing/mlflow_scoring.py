"""The scoring server of the real MLflow in the cache: by its command, or many models of a test by one process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trivet_testing.environments import mlflow_environment
from trivet_testing.model_servers import ModelServer
from trivet_testing.servers import ServerProcess, free_port

_READY: Final = r"Uvicorn running on http://(\S+)"
_SETTINGS: Final = {"MLFLOW_DISABLE_TELEMETRY": "true"}
_MANY: Final = """
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from mlflow.pyfunc import load_model
from mlflow.pyfunc.scoring_server import init

app = FastAPI()
for folder in map(Path, sys.argv[2:]):
    app.mount(f"/{folder.name}", init(load_model(str(folder))))
uvicorn.run(app, port=int(sys.argv[1]))
"""
"""What `mlflow models serve` runs, for several models: to start it takes longer than all that tests ask."""


@contextmanager
def all_served_by_mlflow(models: Sequence[Path]) -> Iterator[ModelServer]:
    """Serves models in folders, each below the name of its folder."""
    python = str(mlflow_environment() / "bin" / "python")
    command = [python, "-c", _MANY, str(free_port()), *map(str, models)]
    with ServerProcess.start(command, _SETTINGS, _READY, ready_on="stderr") as process:
        yield ModelServer(process, process.address)


@contextmanager
def served_by_mlflow(model: Path, *options: str) -> Iterator[ModelServer]:
    """`mlflow models serve` of a model in a folder."""
    python = mlflow_environment() / "bin" / "python"
    with tempfile.TemporaryDirectory() as programs:
        # It runs `uvicorn`, and the environment's own script names the place where that was made.
        uvicorn = Path(programs) / "uvicorn"
        uvicorn.write_text(f'#!/bin/sh\nexec {python} -m uvicorn "$@"\n', encoding="utf-8")
        uvicorn.chmod(0o755)
        command = [str(python), "-m", "mlflow", "models", "serve", "-m", str(model), "--env-manager", "local"]
        env = {**_SETTINGS, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        command += ["-p", str(free_port()), *options]
        with ServerProcess.start(command, env, _READY, ready_on="stderr") as process:
            yield ModelServer(process, process.address)
