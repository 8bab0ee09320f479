"""Columns of data frames: which ones a type takes, and what becomes of them.

Conversions are those that lose nothing, and the same that MLflow makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from trivet._errors import InvalidArgument
from trivet._models.column_types import DataType

_OF_OBJECTS: Final = frozenset({DataType.STRING, DataType.BINARY})
"""What frames hold as objects; those are not looked into."""
_ADVICE: Final[Mapping[DataType, str]] = {
    DataType.BOOLEAN: "Convert it with .astype('bool') where its values mean that.",
    DataType.INTEGER: "Convert it with .astype('int32') where its values are whole and fit.",
    DataType.LONG: "Convert it with .astype('int64') where its values are whole and fit.",
    DataType.FLOAT: "Convert it with .astype('float32') where its values may lose digits.",
    DataType.DOUBLE: "Convert it with .astype('float64').",
    DataType.STRING: "Convert it with .astype('str').",
    DataType.BINARY: "Convert its values to bytes.",
    DataType.DATETIME: "Convert it with pandas.to_datetime.",
}


def fits(dtype: Any, wanted: DataType) -> bool:
    """Whether columns of a dtype of pandas are taken as they are."""
    if wanted in _OF_OBJECTS:
        is_bytes = wanted is DataType.BINARY and dtype.kind == "S"
        return isinstance(dtype, pd.StringDtype) or dtype == np.object_ or is_bytes
    return bool(dtype == wanted.numpy_dtype)


def enforce_column(where: str, column: Any, wanted: DataType) -> Any:
    """The column as a type has it: itself, where it fits.

    Args:
        where: What is meant, at the start of a sentence: "Column 'x'".
        column: A series of pandas.
        wanted: What the model takes.

    Raises:
        InvalidArgument: it cannot be converted without changing its values; says what to do.
    """
    if column.dtype == np.object_ and wanted not in _OF_OBJECTS:
        column = column.infer_objects()
    if fits(column.dtype, wanted):
        return column
    try:
        if column.dtype == np.object_:
            converted = _of_objects(column, wanted)
        else:
            converted = column.astype(wanted.numpy_dtype) if _is_safe(column, wanted) else None
    except (TypeError, ValueError):
        converted = None
    if converted is None:
        found = column.dtype
        raise InvalidArgument(f"{where} holds {found}, and the model takes {wanted}. {_advice(column, wanted)}")
    return converted


def _of_objects(column: Any, wanted: DataType) -> Any:
    """What becomes of objects that are of no one type of numbers."""
    match wanted:
        case DataType.BOOLEAN:
            return column  # missing values would become False
        case DataType.DATETIME:
            return column.astype(wanted.numpy_dtype)
        case DataType.DOUBLE:
            return pd.to_numeric(column).astype(wanted.numpy_dtype)  # decimals, of databases
    return None


def _is_safe(column: Any, wanted: DataType) -> bool:
    """Whether no value of the column would become another one."""
    found, to = column.dtype, wanted.numpy_dtype
    if found.kind == to.kind:
        return to.kind == "M" or bool(found.itemsize <= to.itemsize)
    if found.kind == "u" and to.kind == "i":
        return bool(found.itemsize < to.itemsize)
    if found.kind in "iu" and to.kind == "f":
        fits_always = wanted is DataType.DOUBLE and found.itemsize < to.itemsize
        return fits_always or (found == np.int64 and bool(column.isin((0, 1)).all()))
    return False


def _advice(column: Any, wanted: DataType) -> str:
    kind = column.dtype.kind
    if wanted.numpy_dtype.kind == "i" and kind in "if" and column.hasnans:
        return (
            "Its missing values make whole numbers floats: fill them, or declare the column as double in the "
            "signature, as it is inferred of data with missing values."
        )
    if wanted is DataType.DATETIME and kind == "M":
        return "Take away its time zone: .dt.tz_convert('UTC').dt.tz_localize(None)."
    return _ADVICE[wanted]
