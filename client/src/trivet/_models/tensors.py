"""Tensors: whether they are of the types and shapes that a model takes, and how columns of frames become some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from trivet._errors import InvalidArgument
from trivet._models.schema import Schema, TensorSpec, dtype_without_size
from trivet._models.sparse import is_sparse


def enforce_tensors(data: Any, schema: Schema) -> Any:
    """The data as a schema of tensors has it: a dict of arrays where they have names, else one array.

    Raises:
        InvalidArgument: it is not, and nothing makes it so; says which tensor and why.
    """
    if schema.has_names:
        return _named(data, schema)
    spec = schema.tensors[0]
    if isinstance(data, pd.DataFrame):
        return _of_frame(data, spec)
    if isinstance(data, np.ndarray) or is_sparse(data):
        return _checked("The data", data, spec)
    raise InvalidArgument(
        f"The data is a {type(data).__name__}; the model takes an array ({_said(spec)}): see numpy.asarray."
    )


def _named(data: Any, schema: Schema) -> dict[Any, Any]:
    if isinstance(data, np.ndarray) and len(schema.tensors) == 1:
        data = {schema.names[0]: data}
    if not isinstance(data, Mapping | pd.DataFrame):
        raise InvalidArgument(
            f"The data is a {type(data).__name__}; the model takes a dict of arrays, or a data frame, "
            f"with {list(schema.names)}."
        )
    missing = [name for name in schema.names if name not in data]
    if missing:
        raise InvalidArgument(f"The data lacks {missing}, which the model needs; it has {list(data)}.")
    return {spec.name: _one_of(data, spec) for spec in schema.tensors}


def _one_of(data: Any, spec: TensorSpec) -> Any:
    found, where = data[spec.name], f"Tensor {spec.name!r}"
    if isinstance(data, pd.DataFrame):
        return _of_column(where, found, spec)
    if not isinstance(found, np.ndarray):
        raise InvalidArgument(
            f"{where} is a {type(found).__name__}; the model takes an array ({_said(spec)}): see numpy.asarray."
        )
    return _checked(where, found, spec)


def _of_frame(frame: Any, spec: TensorSpec) -> Any:
    if frame.empty:
        raise InvalidArgument("The data frame is empty.")
    width = len(frame.columns)
    if width == 1:
        return _of_column(f"Column {frame.columns[0]!r}", frame.iloc[:, 0], spec)
    if spec.shape != (-1, width):
        raise InvalidArgument(f"The data frame has {width} columns; the model takes an array ({_said(spec)}).")
    return _checked("The data frame", frame.to_numpy(), spec)


def _checked(where: str, array: Any, spec: TensorSpec) -> Any:
    """The array, dense or sparse, if it is of the type and the shape."""
    anything = spec.shape == (-1,) and spec.dtype == np.object_
    ragged = -1 in spec.shape[1:] and array.ndim == 1 and array.dtype == np.object_
    if anything or ragged:
        return array
    as_wanted = len(array.shape) == len(spec.shape) and all(
        wanted in (-1, found) for wanted, found in zip(spec.shape, array.shape, strict=True)
    )
    if not as_wanted:
        raise InvalidArgument(f"{where} has the shape {array.shape}; the model takes {_said(spec)}.")
    if dtype_without_size(array.dtype) != spec.dtype:
        raise InvalidArgument(
            f"{where} holds {array.dtype}; the model takes {_said(spec)}. "
            f"Convert it with .astype('{spec.dtype.name}') where that is meant."
        )
    return array


def _of_column(where: str, column: Any, spec: TensorSpec) -> Any:
    """A column of single values, of lists or of flattened arrays as one array with a row for each."""
    if spec.shape[:1] != (-1,) or -1 in spec.shape[1:]:
        raise InvalidArgument(
            f"{where} is of a data frame, of which only tensors can be made that have any number of rows and are fixed "
            f"otherwise; the model takes {_said(spec)}."
        )
    if not len(column):
        raise InvalidArgument(f"{where} has no rows.")
    first = column.iloc[0]
    is_nested = isinstance(first, np.ndarray) or (isinstance(first, list) and len(first) > 0 and np.isscalar(first[0]))
    if not is_nested and not np.isscalar(first):
        raise InvalidArgument(
            f"{where} holds values such as {first!r}; the model takes {_said(spec)}, of single values, flat lists or "
            "arrays."
        )
    if not is_nested and spec.shape not in ((-1,), (-1, 1)):
        raise InvalidArgument(f"{where} holds single values; the model takes {_said(spec)}.")
    try:
        rows = np.vstack(column.tolist()) if is_nested else np.array(column)
        converted = rows.reshape(spec.shape).astype(spec.dtype)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"{where} cannot become {_said(spec)}: {error}") from error
    if len(converted) != len(column):
        raise InvalidArgument(f"{where} has values of another size than {_said(spec)} has rows.")
    if rows.dtype.kind == "f" and spec.dtype.kind in "iu" and (rows.reshape(spec.shape) != converted).any():
        raise InvalidArgument(
            f"{where} holds {rows.dtype} with fractions or missing values; the model takes {_said(spec)}."
        )
    return converted


def _said(spec: TensorSpec) -> str:
    return f"{spec.dtype.name} of the shape {spec.shape}"
