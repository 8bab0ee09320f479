"""Any input of JSON, as what a model takes: frames, arrays, and arrays by their names.

JSON has no types for most of what signatures name, so values are cast to those first; the model then checks them as it
checks any input. Numbers that would lose something by that are refused, where MLflow would cut them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from trivet._models.column_types import DataType
from trivet._models.schema import ColumnSpec, Name, Schema, TensorSpec
from trivet._serving.refusals import bad_request

_Spec = ColumnSpec | TensorSpec | None

_WHOLE: Final = frozenset({DataType.LONG, DataType.INTEGER})
_REAL: Final = frozenset({DataType.DOUBLE, DataType.FLOAT})
_LAST_WHOLE_DOUBLE: Final = 2**53
_SPLIT_KEYS: Final = frozenset({"columns", "data", "index"})


def frame_of_split(split: Any, schema: Schema | None) -> pd.DataFrame:
    """A frame of `{"columns": […], "index": […], "data": [[…], …]}`, of which only the data has to be there."""
    if not isinstance(split, dict):
        raise bad_request(f"dataframe_split must be an object, not {_kind(split)}.")
    if "data" not in split or split.keys() - _SPLIT_KEYS:
        raise bad_request("dataframe_split must have `data`, may have `columns` and `index`, and nothing else.")
    rows = split["data"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request("The data of dataframe_split must be a list of rows, each of which is a list.")
    if len({len(row) for row in rows}) > 1:
        # Versions of pandas differ in whether they fill them up.
        raise bad_request("The rows of dataframe_split must have the same length.")
    try:
        frame = pd.DataFrame(rows, index=split.get("index"), columns=split.get("columns"))
    except Exception as error:  # noqa: BLE001 - whatever pandas finds wrong with what somebody sent
        raise bad_request(f"dataframe_split is no data frame: {error}.") from None
    return cast(frame, schema)


def frame_of_records(records: Any, schema: Schema | None) -> pd.DataFrame:
    """A frame of `[{…}, …]`; what a record does not have is missing there."""
    if not isinstance(records, list):
        raise bad_request(f"dataframe_records must be a list of objects, not {_kind(records)}.")
    try:
        frame = pd.DataFrame(records)
    except Exception as error:  # noqa: BLE001 - as above
        raise bad_request(f"dataframe_records is no data frame: {error}.") from None
    return cast(frame, schema)


def cast(frame: pd.DataFrame, schema: Schema | None) -> pd.DataFrame:
    """The frame with the types of a schema, as far as JSON, CSV or Parquet could not say them.

    Raises:
        Refusal: a column cannot be cast.
    """
    if schema is None:
        return frame
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise bad_request(f"There are several columns {twice!r}.")
    columns: dict[Any, pd.Series[Any]] = {}
    for place, (name, spec) in enumerate(zip(schema.names, schema.inputs, strict=True)):
        key = name if schema.has_names else frame.columns[place] if place < frame.shape[1] else None
        if key is not None and key in frame.columns:
            columns[key] = _cast_column(key, frame[key], spec)
    if schema.has_tensors and not schema.has_names:
        columns = {key: _cast_column(key, frame[key], schema.inputs[0]) for key in frame.columns}
    whole = frame.copy(deep=False)
    for key, column in columns.items():
        whole[key] = column
    return whole


def _cast_column(name: Any, column: pd.Series[Any], spec: ColumnSpec | TensorSpec) -> pd.Series[Any]:
    try:
        if isinstance(spec, TensorSpec):
            is_nested = len(column) > 0 and isinstance(column.iloc[0], list)
            return column if is_nested else pd.Series(_of_dtype(column.to_numpy(), spec.dtype), column.index)
        return _cast_values(column, spec.type)
    except (TypeError, ValueError, OverflowError, binascii.Error) as error:
        raise bad_request(f"The column {name!r} is no {_type_name(spec)}: {error}.") from None


def _cast_values(column: pd.Series[Any], wanted: Any) -> pd.Series[Any]:
    if wanted in _WHOLE:
        return _whole(column, wanted.numpy_dtype)
    if wanted in _REAL:
        return _real(column, wanted.numpy_dtype)
    if wanted is DataType.BOOLEAN:
        return column.astype(np.bool_) if _are_flags(column) else column
    if wanted is DataType.BINARY:
        return column.map(_decoded)
    if wanted is DataType.DATETIME:
        return _times(column)
    if wanted is DataType.STRING and column.dtype == object and not column.map(_is_text).all():
        raise ValueError("a value is no text")
    return column  # what is nested: the model looks at it itself


def _is_text(value: Any) -> bool:
    """Whether a value is a text, or missing."""
    return isinstance(value, str) or (not isinstance(value, list | dict) and bool(pd.isna(value)))


def _decoded(value: Any) -> Any:
    return base64.b64decode(value) if isinstance(value, str) else value


def _whole(column: pd.Series[Any], dtype: np.dtype[Any]) -> pd.Series[Any]:
    numbers = pd.to_numeric(column)
    if numbers.isna().any():
        raise ValueError("a value is missing")
    limits = np.iinfo(dtype)
    if (numbers % 1 != 0).any():
        raise ValueError("a value is not whole")
    # Beyond that, doubles are no longer the numbers that were written.
    if numbers.dtype.kind == "f" and (numbers.abs() > _LAST_WHOLE_DOUBLE).any():
        raise ValueError("a value is too large to be written with a point or an exponent, or beside such values")
    if (numbers < limits.min).any() or (numbers > limits.max).any():
        raise ValueError("a value is too large")
    return numbers.astype(dtype)


def _real(column: pd.Series[Any], dtype: np.dtype[Any]) -> pd.Series[Any]:
    numbers = column.astype(np.float64)
    with np.errstate(over="ignore"):
        cut = numbers.astype(dtype)
    if (np.isinf(cut) & ~np.isinf(numbers)).any():
        raise ValueError("a value is too large")
    return cut


def _are_flags(column: pd.Series[Any]) -> bool:
    return column.dtype.kind == "b" or (column.dtype.kind in "iuf" and bool(column.isin((0, 1)).all()))


def _times(column: pd.Series[Any]) -> pd.Series[Any]:
    with np.errstate(invalid="ignore"):
        times = pd.to_datetime(column).astype("datetime64[ns]")
    if (times.isna() & column.notna()).any():
        raise ValueError("a value is too large")
    return times


def _of_dtype(value: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """An array of a type, where numpy alone would cut, or take any text for true."""
    if dtype.kind not in "biufMUS":
        return np.array(value, dtype)
    array = np.array(value, object if dtype.kind in "US" else None)
    flat = pd.Series(array.ravel())
    if dtype.kind in "iu":
        cast = _whole(flat, dtype)
    elif dtype.kind == "f":
        cast = _real(flat, dtype)
    elif dtype.kind == "M":
        cast = _times(flat)
    elif dtype.kind == "b":
        if not _are_flags(flat):
            raise ValueError("a value is neither true nor false")
        cast = flat
    else:
        if not all(isinstance(each, str | bytes) for each in array.ravel()):
            raise ValueError("a value is no text")
        return array.astype(dtype)
    exact: np.ndarray[Any, Any] = cast.to_numpy()
    return exact.astype(dtype).reshape(array.shape)


def tensors_of_instances(instances: Any, schema: Schema | None) -> Any:
    """What a model takes for `instances`: an item each row."""
    if not _are_objects(instances):
        return _tensors(instances, schema)
    if schema is not None and not schema.has_tensors:
        return frame_of_records(instances, schema)
    names = list(dict.fromkeys(name for each in instances for name in each))
    try:
        lists = {name: [each[name] for each in instances] for name in names}
    except KeyError as error:
        raise bad_request(f"Not every one of the instances has {error.args[0]!r}.") from None
    return _by_name(lists, schema)


def tensors_of_inputs(inputs: Any, schema: Schema | None) -> Any:
    """What a model takes for `inputs`: tensors by their names, one alone, or a list of objects."""
    if _are_objects(inputs):
        if schema is not None and not schema.has_tensors:
            return frame_of_records(inputs, schema)
        return [_by_name(each, schema) for each in inputs]
    return _tensors(inputs, schema)


def _tensors(data: Any, schema: Schema | None) -> Any:
    if isinstance(data, dict):
        if schema is not None and not schema.has_names:
            raise bad_request("The model takes a single array without a name, not an object.")
        return _by_name(data, schema)
    if schema is not None and schema.has_names and len(schema.inputs) == 1 and isinstance(data, list):
        return {schema.names[0]: _tensor(schema.names[0], data, schema.inputs[0])}
    return _tensor("the input", data, None if schema is None else schema.inputs[0])


def _by_name(data: Mapping[str, Any], schema: Schema | None) -> dict[str, Any]:
    specs: Mapping[Name, ColumnSpec | TensorSpec] = (
        {} if schema is None else dict(zip(schema.names, schema.inputs, strict=True))
    )
    return {name: _tensor(name, value, specs.get(name)) for name, value in data.items()}


def _tensor(name: Any, value: Any, spec: _Spec) -> Any:
    try:
        if spec is None:
            return np.array(value)
        if isinstance(spec, TensorSpec):
            return _of_dtype(value, spec.dtype)
        if not isinstance(spec.type, DataType):
            return value  # what is nested: the model looks at it itself
        # numpy would write numbers beside texts as texts.
        array = np.array(value, object if spec.type is DataType.STRING else None)
        values = _cast_values(pd.Series(array.ravel()), spec.type).to_numpy().reshape(array.shape)
        return values if array.ndim else values[()]
    except (TypeError, ValueError, OverflowError, binascii.Error) as error:
        raise bad_request(f"{name!r} is no {_type_name(spec)}: {error}.") from None


def _are_objects(data: Any) -> bool:
    return isinstance(data, list) and bool(data) and all(isinstance(each, dict) for each in data)


def _type_name(spec: _Spec) -> str:
    if spec is None:
        return "array"
    if isinstance(spec, TensorSpec):
        return f"tensor of {spec.dtype}"
    return spec.type.value if isinstance(spec.type, DataType) else "such value"


def _kind(value: Any) -> str:
    """What JSON calls a value."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "a list"
    return {dict: "an object", str: "a text", bool: "a boolean", type(None): "null"}.get(type(value), "a number")
