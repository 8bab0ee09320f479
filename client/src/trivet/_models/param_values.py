"""Values of params: which ones a type takes, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import numpy as np

from trivet._errors import InvalidArgument
from trivet._models.column_types import DataType, ObjectType

_PYTHON_TYPES: Final[Mapping[DataType, type]] = {
    DataType.BOOLEAN: bool,
    DataType.INTEGER: int,
    DataType.LONG: int,
    DataType.FLOAT: float,
    DataType.DOUBLE: float,
    DataType.STRING: str,
}

_WHOLE: Final = frozenset({int, np.int32, np.int64})
_TAKEN: Final[Mapping[DataType, frozenset[type]]] = {
    DataType.BOOLEAN: frozenset({bool, np.bool_}),
    DataType.INTEGER: frozenset({int, np.int32}),
    DataType.LONG: _WHOLE,
    DataType.FLOAT: _WHOLE | {float, np.float32},
    DataType.DOUBLE: _WHOLE | {float, np.float32, np.float64},
    DataType.STRING: frozenset({str, np.str_}),
}
"""The classes of values that a type takes, as MLflow does: those of its own size, and those that lose nothing in it."""


def checked_param(name: str, value: Any, param_type: DataType | ObjectType, shape: tuple[int, ...] | None) -> Any:
    """A value for a param, as Python has such values.

    Raises:
        InvalidArgument: it is of another type or shape; says what it must be.
    """
    if isinstance(param_type, ObjectType):
        return _checked_object(name, value, param_type)
    if shape is None:
        return _checked(name, value, param_type)
    if not isinstance(value, list) and not (isinstance(value, np.ndarray) and value.ndim == 1):
        raise InvalidArgument(f"The param {name!r} is {value!r}; it must be a list of values.")
    return [_checked(name, each, param_type) for each in value]


def _checked(name: str, value: Any, param_type: DataType) -> Any:
    if value is None:
        return None
    if param_type is DataType.DATETIME:
        return _datetime(name, value)
    if type(value) not in _TAKEN[param_type]:
        raise InvalidArgument(
            f"The param {name!r} is {value!r} ({type(value).__name__}); the model takes a {param_type}."
        )
    return _PYTHON_TYPES[param_type](value)


def _datetime(name: str, value: Any) -> date:
    """A date, or one with a time; whatever numpy reads as one."""
    try:
        found = np.datetime64(value).item()
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, date):
        raise InvalidArgument(f"The param {name!r} is {value!r}; it must be a date or a time, such as '2026-11-28'.")
    return found


def _checked_object(name: str, value: Any, param_type: ObjectType) -> Any:
    from trivet._models.nested_values import enforce_value  # noqa: PLC0415 - needs pandas, which few params do

    enforce_value(f"The param {name!r}", value, param_type)
    return value  # as it was given: models know their params as values of Python
