"""Signatures of data: what a model takes and gives, seen from examples of it.

They are to the letter those that MLflow infers of the same data.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from trivet._errors import InvalidArgument
from trivet._models.column_types import AnyType, ArrayType, ColumnType, DataType, ObjectType, Property
from trivet._models.merging import merged
from trivet._models.nested_values import is_missing
from trivet._models.param_schema import ParamSchema, ParamSpec
from trivet._models.schema import ColumnSpec, Schema, TensorSpec
from trivet._models.signature import Signature
from trivet._models.sparse import is_sparse

_log = logging.getLogger("trivet")

_SCALARS: Final[Mapping[type, DataType]] = {
    bool: DataType.BOOLEAN,
    np.bool_: DataType.BOOLEAN,
    int: DataType.LONG,
    np.int64: DataType.LONG,
    np.int32: DataType.INTEGER,
    float: DataType.DOUBLE,
    np.float64: DataType.DOUBLE,
    np.float32: DataType.FLOAT,
    str: DataType.STRING,
    np.str_: DataType.STRING,
    bytes: DataType.BINARY,
    np.bytes_: DataType.BINARY,
    bytearray: DataType.BINARY,
}
_KINDS: Final = {"b": DataType.BOOLEAN, "U": DataType.STRING, "S": DataType.BINARY, "M": DataType.DATETIME}
"""Kinds of dtypes that have one type, whatever their size."""


def infer_signature(model_input: Any, model_output: Any = None, params: Mapping[str, Any] | None = None) -> Signature:
    """The signature that says what the data is.

    Whole numbers are inferred as such only where no value is missing: frames make floats of them otherwise, so infer it
    of data that is as incomplete as what the model will be asked about.

    Args:
        model_input: What the model takes: a data frame or a series, an array, a dict of arrays, a sparse matrix, a
            single value, a list of them, a dict or a list of dicts, with lists and dicts in them. None where that is
            not said.
        model_output: What it gives for that, the same.
        params: Params that it takes beside it, with their defaults.

    Raises:
        InvalidArgument: nothing was given, or a param is of no type that params have. Data of which nothing can be said
            is no fault: it is inferred as any, and the log says why.
    """
    return Signature(
        None if model_input is None else _schema_or_any("input", model_input),
        None if model_output is None else _schema_or_any("output", model_output),
        _infer_params(params) if params else None,
    )


def _schema_or_any(what: str, data: Any) -> Schema:
    try:
        return infer_schema(data)
    except InvalidArgument as error:
        _log.warning("The signature says nothing of the model's %s, so nothing of it will be checked: %s", what, error)
        return Schema((ColumnSpec(AnyType()),))


def infer_schema(data: Any) -> Schema:
    """What data is; `infer_signature` says of which kinds.

    Raises:
        InvalidArgument: it is of several types, or of one that no signature has; says what of it.
    """
    if isinstance(data, pd.DataFrame):
        if not data.columns.is_unique:
            raise InvalidArgument("The data frame has columns of the same name.")
        return Schema(tuple(_infer_series(data[name], name) for name in data.columns))
    if isinstance(data, pd.Series):
        return Schema((_infer_series(data, data.name),))
    if isinstance(data, np.ndarray) or is_sparse(data):
        return Schema((_infer_tensor(data, None),))
    if isinstance(data, dict):
        return _infer_dict(data)
    if isinstance(data, list):
        return _infer_list(data)
    return Schema((ColumnSpec(infer_type(data)),))


def _infer_series(column: Any, name: Any) -> ColumnSpec:
    found = column.infer_objects() if column.dtype.kind == "O" else column
    # Columns of strings, categories and objects say less than their values.
    column_type = _infer_values(found) if found.dtype.kind == "O" else _infer_dtype(found.dtype)
    return ColumnSpec(column_type, name, required=not found.hasnans)


def _infer_values(column: Any) -> ColumnType:
    present = column[column.notna()]
    if isinstance(column.dtype, pd.StringDtype):
        return DataType.STRING if len(present) or not len(column) else AnyType()
    return _infer_items(column.tolist()) if len(column) else DataType.STRING


def _infer_dtype(dtype: Any) -> DataType:
    """The type of arrays and of columns of a dtype of numpy or of pandas."""
    kind, size = dtype.kind, dtype.itemsize
    if kind in _KINDS:
        return _KINDS[kind]
    bits = 8 * size + (kind == "u")  # one without a sign needs one bit more
    if kind in "iu" and bits <= 64:
        return DataType.INTEGER if bits <= 32 else DataType.LONG
    if kind == "f" and size <= 8:
        return DataType.FLOAT if size <= 4 else DataType.DOUBLE
    raise InvalidArgument(f"There is data of the dtype {dtype}, which no type of a signature has.")


def _infer_tensor(array: Any, name: Any) -> TensorSpec:
    if not array.shape:
        raise InvalidArgument("There is an array without dimensions, so nothing says how many rows it has.")
    return TensorSpec(array.dtype, (-1, *array.shape[1:]), name)


def _infer_dict(data: Mapping[Any, Any]) -> Schema:
    if all(isinstance(value, np.ndarray) for value in data.values()):
        return Schema(tuple(_infer_tensor(value, name) for name, value in data.items()))
    return Schema(tuple(ColumnSpec(infer_type(value), _key(name), _is_complete(value)) for name, value in data.items()))


def _infer_list(data: Sequence[Any]) -> Schema:
    if not data:
        return Schema((ColumnSpec(DataType.STRING),))  # as MLflow has it since ever
    if not all(isinstance(each, dict) for each in data):
        return Schema((ColumnSpec(_infer_items(data)),))
    columns: dict[Any, list[Any]] = {}
    for each in data:
        for name, value in each.items():
            columns.setdefault(name, []).append(value)
    return Schema(
        tuple(
            ColumnSpec(_infer_items(values), name, all(each.get(name) is not None for each in data))
            for name, values in columns.items()
        )
    )


def _is_complete(value: Any) -> bool:
    return not any(map(is_missing, value)) if isinstance(value, list) else not is_missing(value)


def _key(name: Any) -> str:
    if not isinstance(name, str):
        raise InvalidArgument(f"There is a dict with the key {name!r}; keys must be strings.")
    return name


def infer_type(value: Any) -> ColumnType:
    """What one value is: a single one, a list or a dict.

    Raises:
        InvalidArgument: it is of several types, or of one that no signature has; says what of it.
    """
    if is_missing(value) or (isinstance(value, list | dict) and not value):
        return AnyType()
    if isinstance(value, dict):
        types = {_key(name): infer_type(each) for name, each in value.items()}
        return ObjectType(
            tuple(Property(name, each, required=not isinstance(each, AnyType)) for name, each in types.items())
        )
    if isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim):
        return ArrayType(_infer_items(value))
    if isinstance(value, date | np.datetime64):
        return DataType.DATETIME
    if type(value) not in _SCALARS:
        raise InvalidArgument(f"There is {value!r} ({type(value).__name__}), which no type of a signature has.")
    return _SCALARS[type(value)]


def _infer_items(values: Any) -> ColumnType:
    """The type of all of the items of a list or an array; empty arrays among them say nothing."""
    found: ColumnType | None = None
    for value in values:
        if isinstance(value, np.ndarray) and not value.size:
            continue
        item = infer_type(value)
        found = item if found is None else merged(found, item)
    if found is None:
        raise InvalidArgument("There is an array without items, which says nothing of their type.")
    return found


def _infer_params(params: Mapping[str, Any]) -> ParamSchema:
    return ParamSchema(tuple(_infer_param(name, value) for name, value in params.items()))


def _infer_param(name: Any, value: Any) -> ParamSpec:
    default, said = copy.deepcopy(value), str(name)
    if isinstance(value, list | np.ndarray):
        return ParamSpec(said, _infer_param_items(said, value), default, (-1,))
    param_type = _infer_param_dict(said, value) if isinstance(value, dict) else _infer_param_items(said, [value])
    return ParamSpec(said, param_type, default)


def _infer_param_items(name: str, values: Any) -> DataType:
    if all(isinstance(each, date | np.datetime64) for each in values):
        return DataType.DATETIME
    if all(np.isscalar(each) for each in values):
        return _infer_dtype(np.array(values).dtype)
    raise InvalidArgument(f"The param {name!r} is {values!r}; params are single values, lists of them, or dicts.")


def _infer_param_dict(name: str, value: Mapping[Any, Any]) -> ObjectType:
    found = infer_type(value)
    if not isinstance(found, ObjectType):
        raise InvalidArgument(f"The param {name!r} is {value!r}, which says nothing of its keys.")
    return found
