"""A model of scikit-learn, served by `trivet models serve` and by `mlflow models serve`: requests a second, and p99.

Both serve the same files with one worker, and are asked by the same callers.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
from harness import Cell, Report
from peer import Answer
from serving_load import Callers, calling
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import trivet.sklearn
from trivet.models import infer_signature
from trivet_testing.environments import MLFLOW_LIBRARIES, MLFLOW_VERSION
from trivet_testing.mlflow_scoring import served_by_mlflow
from trivet_testing.model_servers import serving

COLUMNS = 20
_SECONDS = 5.0
_TIMES = 2
"""How many times MLflow's figures ours are to be."""
_SIZES = ((1, 1), (1, 8), (1000, 1), (1000, 8))
"""Rows of a request, and callers."""
_FORMS = ("dataframe_split", "dataframe_records", "inputs")


def report_on(report: Report) -> None:
    """Measures and prints the table."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TRIVET_BENCH_DIR")) as name:
        model = Path(name) / "model"
        _save(model)
        with serving(model) as ours, served_by_mlflow(model) as theirs, calling() as callers:
            report.notes.append(
                f"A StandardScaler and a LogisticRegression over {COLUMNS} columns of numbers; one worker on either "
                f"side. MLflow {MLFLOW_VERSION} with scikit-learn {MLFLOW_LIBRARIES['scikit-learn']}."
            )
            report.table("A served model", cells(callers, ours.address, theirs.address))


def cells(callers: Callers, ours: str, theirs: str) -> Iterator[Cell]:
    """What callers of a served model wait for."""
    for form in _FORMS:
        for rows, count in _SIZES:
            body = _body(form, rows)
            name = f"{rows:,} row{'s' if rows > 1 else ''} of {form}, {count} caller{'s' if count > 1 else ''}"
            yield _cell(f"{name}: requests", "1/s", partial(_rate, callers, body, count), ours, theirs)
            yield _cell(f"{name}: p99", "ms", partial(_p99, callers, body, count), ours, theirs, less_is_better=True)


def _cell(
    name: str, unit: str, measure: Callable[[str], float], ours: str, theirs: str, *, less_is_better: bool = False
) -> Cell:
    return Cell(
        name,
        unit,
        partial(measure, ours),
        peer=lambda: Answer(measure(theirs), 1, "mlflow models serve"),
        peer_reach=_TIMES,
        less_is_better=less_is_better,
    )


def _rate(callers: Callers, body: bytes, count: int, address: str) -> float:
    return callers.ask(address, body, count, _SECONDS).requests_per_second


def _p99(callers: Callers, body: bytes, count: int, address: str) -> float:
    return callers.ask(address, body, count, _SECONDS).p99_millis


def _rows(count: int) -> pd.DataFrame:
    values = np.random.default_rng(14).normal(size=(count, COLUMNS))
    return pd.DataFrame(values, columns=[f"feature_{number}" for number in range(COLUMNS)])


def _save(folder: Path) -> None:
    rows = _rows(2000)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, rows.sum(axis=1) > 0)
    trivet.sklearn.save_model(model, folder, signature=infer_signature(rows, model.predict(rows)))


def _body(form: str, count: int) -> bytes:
    rows = _rows(count)
    content = {
        "dataframe_split": {"columns": list(rows.columns), "data": rows.to_numpy().tolist()},
        "dataframe_records": rows.to_dict("records"),
        "inputs": rows.to_dict("list"),
    }[form]
    return orjson.dumps({form: content})
