"""A model of seven files, loaded from the registry by Trivet's client and by MLflow's, each from its own server."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from harness import Cell, Report, Side
from peer import Answer

from trivet_testing.environments import MLFLOW_VERSION, mlflow_environment
from trivet_testing.mlflow_stores import mlflow_database, mlflow_server
from trivet_testing.servers import ServerProcess

_TIMES = 5
"""How many times faster than MLflow's it is to be."""
_LOADS = 21

# The same program for both: they take the same arguments.
_LOG = """
import numpy as np, pandas as pd, {module}, {module}.sklearn
from sklearn.ensemble import RandomForestRegressor

rows = pd.DataFrame(np.random.default_rng(1).random((1000, 10)), columns=[f"x{{n}}" for n in range(10)])
model = RandomForestRegressor(20, random_state=1).fit(rows, rows.sum(axis=1))
with {module}.start_run():
    {module}.sklearn.log_model(
        model, name="model", registered_model_name="forest", input_example=rows.head(3),
        serialization_format="cloudpickle", pip_requirements=["scikit-learn"],
    )
"""
# As a process does that follows an alias; the first time imports what the others have. Prints the median in ms.
_LOAD = """
import logging, shutil, statistics, sys, time, {module}.pyfunc
logging.disable(logging.WARNING)
taken = []
for _ in range(int(sys.argv[1])):
    for folder in sys.argv[2:]:
        shutil.rmtree(folder, ignore_errors=True)
    begin = time.perf_counter()
    {module}.pyfunc.load_model("models:/forest/1")
    taken.append(1000 * (time.perf_counter() - begin))
print(statistics.median(taken[1:]))
"""

# What no client can do without. Prints the median in ms.
_UNPICKLE = """
import pickle, statistics, sys, time, {module}.pyfunc
model = {module}.pyfunc.load_model("models:/forest/1")
taken = []
for _ in range(int(sys.argv[1])):
    begin = time.perf_counter()
    with (model.folder / "model.pkl").open("rb") as opened:
        pickle.load(opened)
    taken.append(1000 * (time.perf_counter() - begin))
print(statistics.median(taken[1:]))
"""


def report_on(report: Report) -> None:
    """Measures and prints the table."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TRIVET_BENCH_DIR")) as name:
        report.notes.append(
            "A random forest of 20 trees with its MLmodel, example and requirements. Both servers have SQLite and a "
            "folder. Trivet's client verifies the digest of every file; MLflow's verifies none and keeps no cache. "
            f"MLflow {MLFLOW_VERSION}."
        )
        report.table("Loading a model of seven files", cells(Path(name)))


def cells(folder: Path) -> Iterator[Cell]:
    """From the call to the model that predicts."""
    cache = folder / "cache"
    command = [sys.executable, "-m", "trivet_standalone", "--data", str(folder / "data")]
    with (
        ServerProcess.start(
            [*command, "--grpc-port", "0", "--http-port", "0"], {}, r"ready: grpc (\S+)$", cwd=folder
        ) as server,
        mlflow_server(mlflow_database(4).copied_to(folder / "mlflow")) as address,
    ):
        ours = _program(
            folder, sys.executable, "trivet", {"TRIVET_URL": f"grpc://{server.address}", "TRIVET_CACHE_DIR": str(cache)}
        )
        theirs = _program(
            folder, str(mlflow_environment() / "bin" / "python"), "mlflow", {"MLFLOW_TRACKING_URI": address}
        )
        for program in (ours, theirs):
            program(_LOG)
        for name, removed in (("whose bytes this machine has already", ()), ("with no byte here", (str(cache),))):
            yield Cell(
                f"models:/forest/1, {name}",
                "ms",
                partial(_median, ours, removed),
                less_is_better=True,
                limit=Side("its pickle alone", lambda: float(ours(_UNPICKLE, str(_LOADS)))),
                peer=lambda: Answer(_median(theirs, ()), 1, "pyfunc.load_model"),
                peer_reach=_TIMES,
            )


def _median(program: Callable[..., str], removed: tuple[str, ...]) -> float:
    return float(program(_LOAD, str(_LOADS), *removed))


def _program(folder: Path, python: str, module: str, environment: Mapping[str, str]) -> Callable[..., str]:
    """Runs code for a module in a folder, with arguments, and returns what it prints."""

    def run(code: str, *arguments: str) -> str:
        command = [python, "-W", "ignore", "-c", code.format(module=module), *arguments]
        return subprocess.run(
            command, env=os.environ | environment, cwd=folder, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    return run
