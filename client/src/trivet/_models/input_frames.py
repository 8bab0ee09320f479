"""Data in other forms as the data frame that a schema of columns speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from trivet._errors import InvalidArgument
from trivet._models.column_types import ArrayType, ObjectType, VectorType
from trivet._models.schema import Schema


def to_frame(data: Any, schema: Schema) -> Any:
    """The data as a data frame: itself if it is one.

    Args:
        data: A data frame or a series; a single value; a dict of columns, or of what is in one row; a list of rows, of
            dicts or of the values of one column; an array of one or two dimensions.
        schema: Says whether dicts are rows or columns.

    Raises:
        InvalidArgument: there is no such frame; says why.
    """
    try:
        if isinstance(data, pd.DataFrame):
            return data
        if isinstance(data, dict):
            return pd.DataFrame([data]) if _is_row(data, schema) else pd.DataFrame(_flat_columns(data))
        if isinstance(data, pd.Series | list | np.ndarray):
            return pd.DataFrame(data)
        if np.isscalar(data):
            return pd.DataFrame([data])
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"The data is a {type(data).__name__} that is no table: {error}") from error
    raise InvalidArgument(
        f"The data is a {type(data).__name__}; the model takes a data frame, dict, list, array or single value."
    )


def _is_row(data: Mapping[Any, Any], schema: Schema) -> bool:
    """Whether a dict has values of one row: cells that are lists or dicts, single values, texts."""
    if any(isinstance(each.type, ArrayType | ObjectType | VectorType) for each in schema.columns):
        return True
    values = list(data.values())
    return all(_is_cell(value) for value in values) or all(_is_text_of_numpy(value) for value in values)


def _is_cell(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return value is None or np.isscalar(value)


def _is_text_of_numpy(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "U" and value.shape == ()


def _flat_columns(data: Mapping[Any, Any]) -> dict[Any, Any]:
    """The columns, with lists in place of arrays that no column can be."""
    return {
        name: value.tolist() if isinstance(value, np.ndarray) and value.ndim > 1 else value
        for name, value in data.items()
    }
