"""Predictions as they are answered: in MLflow's form, which its clients read.

An array is a list, a data frame is a list of records, and what is neither is given as it is. Numbers that JSON has
none for are written as `NaN`, `Infinity` and `-Infinity`, as MLflow does and as Python's parser reads them.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd

# What orjson writes from its memory. A float32 is not among them: its digits would be fewer than MLflow's.
_WRITTEN_AT_ONCE: Final = frozenset({np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.int32), np.dtype(np.bool_)})


def to_json(predictions: Any) -> bytes:
    """The body of an answer.

    Raises:
        TypeError: a model gave something that JSON has no form for.
    """
    if isinstance(predictions, np.ndarray):
        return _array(predictions)
    if isinstance(predictions, pd.Series):
        predictions = predictions.to_frame()
    if isinstance(predictions, pd.DataFrame):
        return _frame(predictions)
    return _plain(predictions)


def rows_of(predictions: Any) -> int:
    """How many rows were predicted; 1 where it cannot be told."""
    return len(predictions) if isinstance(predictions, np.ndarray | pd.DataFrame | pd.Series | list) else 1


def _array(array: np.ndarray[Any, Any]) -> bytes:
    if array.ndim == 0 or not _is_finite(array):
        return _plain(array.tolist())
    if array.dtype in _WRITTEN_AT_ONCE and array.flags.c_contiguous:
        return orjson.dumps({"predictions": array}, option=orjson.OPT_SERIALIZE_NUMPY)
    return orjson.dumps({"predictions": array.tolist()})


def _frame(frame: pd.DataFrame) -> bytes:
    names = [name if isinstance(name, str) else str(name) for name in frame.columns]
    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
    records = [dict(zip(names, row, strict=True)) for row in zip(*(each.tolist() for each in columns), strict=True)]
    is_finite = all(isinstance(each.dtype, np.dtype) and _is_finite(each.to_numpy()) for each in columns)
    return orjson.dumps({"predictions": records}) if is_finite else _plain(records)


def _is_finite(array: np.ndarray[Any, Any]) -> bool:
    """Whether all of it are numbers that JSON has."""
    if array.dtype.kind == "f":
        return bool(np.isfinite(array).all())
    return array.dtype.kind in "iub"


def _plain(predictions: Any) -> bytes:
    return json.dumps({"predictions": predictions}, default=_as_json, separators=(",", ":")).encode()


def _as_json(value: Any) -> Any:
    """What JSON has for a value that it has no form for."""
    if isinstance(value, np.datetime64):
        return str(np.datetime_as_string(value))
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bytes | bytearray):
        return base64.encodebytes(value).decode("ascii")
    if isinstance(value, dt.date | dt.time):  # a pandas Timestamp is one too
        return value.isoformat()
    if isinstance(value, pd.DataFrame):
        return value.to_dict(orient="records")
    if isinstance(value, pd.Series):
        return value.to_dict()
    if value is pd.NA:
        return None
    raise TypeError(f"a {type(value).__name__} has no form in JSON")
