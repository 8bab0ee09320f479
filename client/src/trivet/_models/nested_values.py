"""Values in values: which lists and dicts a type takes, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from trivet._errors import InvalidArgument
from trivet._models.column_types import AnyType, ArrayType, ColumnType, DataType, MapType, ObjectType, VectorType
from trivet._models.column_values import enforce_column

_COMMON: Final[Mapping[tuple[DataType, type], type]] = {
    (DataType.BOOLEAN, bool): np.bool_,
    (DataType.DOUBLE, float): np.float64,
    (DataType.STRING, str): str,
}
"""What becomes of single values without looking closer: a series of one would become that."""


def is_missing(value: Any) -> bool:
    """Whether a value stands for none."""
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)  # noqa: PLR0124 - NaN


def enforce_value(where: str, value: Any, wanted: ColumnType, *, required: bool = True) -> Any:
    """The value as a type has it.

    Args:
        where: What is meant, at the start of a sentence: "Column 'x'".
        value: Of Python or numpy. It is not changed.
        wanted: What the model takes.
        required: False where it may be missing, with all in it.

    Raises:
        InvalidArgument: it cannot be converted without changing it; says what of it.
    """
    match wanted:
        case AnyType():
            return value
        case DataType():
            return _scalar(where, value, wanted, required=required)
        case ArrayType():
            return _array(where, value, wanted, required=required)
        case VectorType():
            return _array(where, value, ArrayType(DataType.DOUBLE), required=required)
        case MapType():
            return _map(where, value, wanted, required=required)
        case ObjectType():
            return _object(where, value, wanted, required=required)


def _scalar(where: str, value: Any, wanted: DataType, *, required: bool) -> Any:
    common = _COMMON.get((wanted, type(value)))
    if common is not None:
        return None if not required and is_missing(value) else common(value)
    if not required and is_missing(value):
        return None
    if not np.isscalar(value):
        raise _wrong(where, value, str(wanted))
    return enforce_column(where, pd.Series(value), wanted).iloc[0]


def _array(where: str, value: Any, wanted: ArrayType, *, required: bool) -> Any:
    is_list = isinstance(value, list | np.ndarray)
    if (not required or isinstance(wanted.items, AnyType)) and (value is None or (is_list and not len(value))):
        return value
    if not is_list:
        raise _wrong(where, value, "a list")
    if not len(value):
        return value
    if isinstance(wanted.items, DataType):
        return _array_of_scalars(where, value, wanted.items)
    items = [
        enforce_value(f"{where}, item {number}", each, wanted.items, required=required)
        for number, each in enumerate(value)
    ]
    return np.array(items) if isinstance(value, np.ndarray) else items


def _array_of_scalars(where: str, value: Any, wanted: DataType) -> Any:
    if np.ndim(value) != 1:
        raise _wrong(where, value, f"a list of {wanted}")
    column = enforce_column(where, pd.Series(value), wanted)
    if isinstance(value, np.ndarray):
        return column.to_numpy(dtype=wanted.numpy_dtype)
    # Of objects and strings nothing was converted; pandas would make missing ones NaN.
    return list(value) if column.dtype.kind == "O" else column.tolist()


def _map(where: str, value: Any, wanted: MapType, *, required: bool) -> Any:
    if (not required or isinstance(wanted.values, AnyType)) and _is_no_dict(value):
        return value
    if not isinstance(value, dict):
        raise _wrong(where, value, "a dict")
    for key in value:
        if not isinstance(key, str):
            raise InvalidArgument(f"{where} has the key {key!r}; its keys must be strings.")
    return {
        key: enforce_value(f"{where}, key {key!r}", each, wanted.values, required=required)
        for key, each in value.items()
    }


def _object(where: str, value: Any, wanted: ObjectType, *, required: bool) -> Any:
    if not required and _is_no_dict(value):
        return value
    if not isinstance(value, dict):
        raise _wrong(where, value, "a dict")
    properties = {each.name: each for each in wanted.properties}
    missing = [each.name for each in wanted.properties if each.required and each.name not in value]
    if missing:
        raise InvalidArgument(f"{where} lacks the keys {missing}, which the model needs.")
    unknown = [key for key in value if key not in properties]
    if unknown:
        raise InvalidArgument(f"{where} has the keys {unknown}; the model knows {list(properties)}.")
    return {
        key: enforce_value(f"{where}, key {key!r}", each, properties[key].type, required=properties[key].required)
        for key, each in value.items()
    }


def _is_no_dict(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and not value)


def _wrong(where: str, value: Any, wanted: str) -> InvalidArgument:
    return InvalidArgument(f"{where} is {value!r} ({type(value).__name__}); the model takes {wanted}.")
