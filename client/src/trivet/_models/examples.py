"""Examples of what a model takes, kept beside it as MLflow keeps them: as it is asked, and as a server is asked."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from trivet._errors import InvalidArgument
from trivet._models.column_types import DataType
from trivet._models.schema import Schema
from trivet._models.sparse import is_sparse

_FILE: Final = "input_example.json"
_SERVED_FILE: Final = "serving_input_example.json"
_CHAT_KEYS: Final = frozenset({"messages", "prompt", "input"})
"""Of dicts that MLflow's servers take as they are."""


class Example(NamedTuple):
    """An example of what a model takes."""

    info: Mapping[str, Any]
    """What the `MLmodel` file says of it."""
    data: Any
    params: dict[str, Any] | None
    """None where it is without params."""


class _Written(NamedTuple):
    """What an example is in JSON."""

    kind: str
    data: Any
    served: Mapping[str, Any]
    """What is sent to a server, apart from params."""


def write_example(folder: Path, example: Any) -> Example:
    """Writes an example into the folder of a model.

    Args:
        folder: Is there.
        example: A data frame or a series, an array, a dict of arrays, a sparse matrix, or what JSON has: single values,
            lists and dicts; times and bytes too. In a tuple with a dict of params, if there are any.

    Returns:
        What the `MLmodel` file has to say of it, and what the model is asked with.

    Raises:
        InvalidArgument: it is of another type, or holds something that JSON cannot have; says what.
    """
    data, params = _with_params(example)
    if isinstance(data, pd.Series):
        data = data.to_frame()
    written = _written(data)
    kept, served = written.data, dict(written.served)
    info = {"artifact_path": _FILE, "type": written.kind, "serving_input_path": _SERVED_FILE}
    if written.kind == "dataframe":
        info["pandas_orient"] = "split" if "columns" in kept else "values"
    if params:
        kept = {"inputs": kept, "params": params}
        served |= params if _is_chat(data) else {"params": params}
        info["params"] = "true"
    (folder / _FILE).write_text(_json(kept), encoding="utf-8")
    (folder / _SERVED_FILE).write_text(_json(served, indent=2), encoding="utf-8")
    return Example(info, data, params)


def _with_params(example: Any) -> tuple[Any, dict[str, Any] | None]:
    if isinstance(example, tuple) and len(example) == 2 and isinstance(example[1], dict):
        return example[0], copy.deepcopy(example[1]) or None
    return example, None


def _written(data: Any) -> _Written:
    if isinstance(data, pd.DataFrame):
        split = _split(data)
        return _Written("dataframe", split, {"dataframe_split": split})
    if isinstance(data, np.ndarray):
        return _inputs("ndarray", _lists(data))
    if is_sparse(data):
        parts = {"data": _lists(data.data), "indices": data.indices, "indptr": data.indptr, "shape": data.shape}
        return _Written(f"sparse_matrix_{data.format}", parts, {"inputs": data.toarray()})
    if isinstance(data, dict) and any(isinstance(value, np.ndarray) for value in data.values()):
        if not all(isinstance(value, np.ndarray) for value in data.values()):
            raise InvalidArgument(
                "The input example is a dict of arrays and of other values; it must be one or the other."
            )
        return _inputs("ndarray", {name: _lists(value) for name, value in data.items()})
    if isinstance(data, list) and _has_arrays(data):
        raise InvalidArgument("The input example is a list with arrays in it; it must be an array, or a list of lists.")
    if isinstance(data, dict) and _is_chat(data):
        return _Written("json_object", data, data)
    if isinstance(data, dict | list | date) or np.isscalar(data):
        return _inputs("json_object", data)
    raise InvalidArgument(
        f"The input example is a {type(data).__name__}; it must be a data frame, an array, a sparse matrix, a dict, a "
        "list or a single value."
    )


def _inputs(kind: str, data: Any) -> _Written:
    return _Written(kind, data, {"inputs": data})


def _is_chat(data: Any) -> bool:
    return isinstance(data, dict) and not _CHAT_KEYS.isdisjoint(data)


def _has_arrays(data: Any) -> bool:
    if isinstance(data, list | dict):
        return any(map(_has_arrays, data.values() if isinstance(data, dict) else data))
    return isinstance(data, np.ndarray)


def _split(frame: Any) -> dict[str, Any]:
    """The frame without its index, and without the names of columns where they are but numbers."""
    split = frame.astype(object).where(frame.notna(), None).to_dict(orient="split")
    names = split["columns"]
    return {"data": split["data"]} if names == list(range(len(names))) else {"columns": names, "data": split["data"]}


def _lists(array: np.ndarray[Any, Any]) -> Any:
    """The array in lists, with None for what is not a number."""
    if array.dtype.kind == "M":
        return array.astype(str).tolist()
    if array.dtype.kind == "f":
        missing, array = np.isnan(array), array.astype(np.object_)
        array[missing] = None
    return array.tolist()


def _json(value: Any, indent: int | None = None) -> str:
    try:
        return json.dumps(value, default=_plain, indent=indent)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"The input example cannot be written as JSON: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bytes | bytearray):
        return base64.encodebytes(value).decode("ascii")
    if isinstance(value, date | time):
        return value.isoformat()
    raise TypeError(f"{value!r} is a {type(value).__name__}")


def read_example(folder: Path, info: Mapping[str, Any], schema: Schema | None = None) -> Example:
    """Reads the example in the folder of a model that Trivet or MLflow wrote.

    Args:
        folder: Of the model.
        info: What its `MLmodel` file says of the example.
        schema: What the model takes, if that is known: JSON has no types for times, bytes and sizes of numbers.

    Raises:
        InvalidArgument: it is not there, or cannot be understood; says why.
    """
    name = Path(str(info.get("artifact_path", _FILE))).name
    try:
        kept = json.loads((folder / name).read_bytes())
        params = kept["params"] if info.get("params") else None
        return Example(info, _read(kept["inputs"] if info.get("params") else kept, info, schema), params)
    except FileNotFoundError:
        raise InvalidArgument(f"There is no {name} beside the model, which says that it has an example.") from None
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidArgument(f"{name} is no example as the model says: {error}") from error


def _read(kept: Any, info: Mapping[str, Any], schema: Schema | None) -> Any:
    match info.get("type"):
        case "json_object":
            return kept
        case "dataframe":
            frame = pd.DataFrame(kept["data"], kept.get("index"), kept.get("columns"))
            return frame if schema is None else _typed_frame(frame, schema)
        case "ndarray":
            # MLflow before 2.9 wrote arrays as they are sent to servers.
            return _read_arrays(kept["inputs"] if info.get("format") == "tf-serving" else kept, schema)
        case "sparse_matrix_csr" | "sparse_matrix_csc" as kind:
            from scipy import sparse  # noqa: PLC0415 - who has no such model needs no scipy

            parts = (_array(kept["data"], _dtype(schema, None)), kept["indices"], kept["indptr"])
            form = sparse.csr_matrix if kind == "sparse_matrix_csr" else sparse.csc_matrix
            return form(parts, shape=kept["shape"])
    raise ValueError(f"there is no type {info.get('type')!r}")


def _typed_frame(frame: Any, schema: Schema) -> Any:
    names = schema.names if schema.has_names else frame.columns
    types = {name: spec.type for name, spec in zip(names, schema.columns, strict=False)}
    for number, name in enumerate(frame.columns):
        wanted = types.get(name)
        if isinstance(wanted, DataType):
            frame.isetitem(number, _typed(frame.iloc[:, number], wanted))
    return frame


def _typed(column: Any, wanted: DataType) -> Any:
    match wanted:
        case DataType.STRING:
            return column
        case DataType.BINARY:
            return column.map(lambda value: base64.b64decode(value) if isinstance(value, str) else value)
        case DataType.DATETIME:
            return pd.to_datetime(column).astype(wanted.numpy_dtype)
    # Only floats can be missing.
    return column if column.hasnans and wanted.numpy_dtype.kind != "f" else column.astype(wanted.numpy_dtype)


def _read_arrays(kept: Any, schema: Schema | None) -> Any:
    if isinstance(kept, dict):
        return {name: _array(value, _dtype(schema, name)) for name, value in kept.items()}
    return _array(kept, _dtype(schema, None))


def _dtype(schema: Schema | None, name: str | None) -> np.dtype[Any] | None:
    return next((each.dtype for each in schema.tensors if each.name == name), None) if schema is not None else None


def _array(values: Any, dtype: np.dtype[Any] | None) -> Any:
    if dtype is not None and dtype.kind == "S":
        texts = np.array(values)
        return np.array([base64.b64decode(text) for text in texts.ravel()]).reshape(texts.shape)
    array = np.array(values, dtype)
    if dtype is None and array.dtype == np.object_:
        # None stands for what is not a number.
        return np.array(values, np.float64)
    return array
