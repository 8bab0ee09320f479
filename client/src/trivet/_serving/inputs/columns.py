"""The common case, fast: rows of numbers and texts, put into the columns of a signature without a detour.

What is not exactly that is left to `casting`, which takes longer, takes more, and says what is wrong with the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from trivet._models.column_types import DataType
from trivet._models.schema import Schema

_Array = np.ndarray[Any, Any]

_INT32: Final = np.iinfo(np.int32)


class _OtherwiseError(Exception):
    """The values are not what this module is for."""


class Columns:
    """The columns of a signature whose values are all numbers, booleans or texts."""

    def __init__(self, names: Sequence[str], types: Sequence[DataType]) -> None:
        self._names = list(names)
        self._types = list(types)
        self._index = pd.Index(self._names)
        self._getter = _items(self._names)
        # Values of one type become one block, which estimators read without copying it.
        self._only_type = types[0] if len(set(types)) == 1 and types[0] in _NUMBERS else None

    @classmethod
    def of(cls, schema: Schema | None) -> Self | None:
        """The columns of a schema; None where it has others as well, or no names."""
        if schema is None or schema.has_tensors or not schema.has_names:
            return None
        names, types = [], []
        for column in schema.columns:
            if not isinstance(column.name, str) or column.type not in _CONVERSIONS:
                return None
            assert isinstance(column.type, DataType)
            names.append(column.name)
            types.append(column.type)
        return cls(names, types)

    def from_split(self, split: Any) -> pd.DataFrame | None:
        """A frame of `{"columns": […], "data": [[…], …]}`; None for what is not for this module."""
        if not isinstance(split, dict) or split.keys() != {"columns", "data"}:
            return None
        names, rows = split["columns"], split["data"]
        if not isinstance(rows, list) or not rows or not all(type(row) is list for row in rows):
            return None
        if names == self._names:
            return self._frame(rows)
        try:
            places = {name: place for place, name in enumerate(names)}
            if len(places) != len(names):
                return None
            getter = _items([places[name] for name in self._names])
            if not all(len(row) == len(places) for row in rows):
                return None
        except (KeyError, TypeError):
            return None
        return self._frame([getter(row) for row in rows])

    def from_records(self, records: Any) -> pd.DataFrame | None:
        """A frame of `[{…}, …]`; None for what is not for this module."""
        if not isinstance(records, list) or not records:
            return None
        try:
            return self._frame([self._getter(record) for record in records])
        except (KeyError, TypeError):
            return None

    def from_lists(self, lists: Any) -> pd.DataFrame | None:
        """A frame of `{"NAME": […], …}`; None for what is not for this module."""
        if not isinstance(lists, dict):
            return None
        columns = [lists.get(name) for name in self._names]
        if not all(isinstance(column, list) for column in columns) or len({len(each or ()) for each in columns}) != 1:
            return None
        if self._only_type is None:
            return self._of_columns([column for column in columns if column is not None])
        try:
            return self._of_block(_CONVERSIONS[self._only_type](columns).T)
        except _OtherwiseError:
            return None

    def _frame(self, rows: Sequence[Any]) -> pd.DataFrame | None:
        """A frame of rows in the order of the signature."""
        if self._only_type is None:
            try:
                return self._of_columns([list(column) for column in zip(*rows, strict=True)])
            except (TypeError, ValueError):
                return None
        try:
            return self._of_block(_CONVERSIONS[self._only_type](rows))
        except _OtherwiseError:
            return None

    def _of_block(self, block: _Array) -> pd.DataFrame | None:
        if block.ndim != 2 or block.shape[1] != len(self._names):
            return None
        return pd.DataFrame(block, columns=self._index, copy=False)

    def _of_columns(self, columns: Sequence[list[Any]]) -> pd.DataFrame | None:
        if len(columns) != len(self._names) or not columns[0]:
            return None
        converted: dict[str, Any] = {}
        try:
            for name, kind, values in zip(self._names, self._types, columns, strict=True):
                converted[name] = _one_dimension(_CONVERSIONS[kind](values))
        except _OtherwiseError:
            return None
        return pd.DataFrame(converted, copy=False)


def _items(keys: Sequence[Any]) -> Callable[[Any], Sequence[Any]]:
    """Takes the items of several keys; `itemgetter` gives no sequence for one."""
    if len(keys) > 1:
        return itemgetter(*keys)
    (key,) = keys
    return lambda each: (each[key],)


def _one_dimension(values: Any) -> Any:
    if isinstance(values, np.ndarray) and values.ndim != 1:
        raise _OtherwiseError
    return values


def _array(values: Any, dtype: Any = None) -> _Array:
    try:
        return np.array(values, dtype)
    except (TypeError, ValueError, OverflowError):
        raise _OtherwiseError from None


def _doubles(values: Any) -> _Array:
    return _array(values, np.float64)


def _floats(values: Any) -> _Array:
    doubles = _doubles(values)
    with np.errstate(over="ignore"):
        floats = doubles.astype(np.float32)
    if (np.isinf(floats) & ~np.isinf(doubles)).any():
        raise _OtherwiseError
    return floats


def _longs(values: Any) -> _Array:
    # Without a type: numpy would cut off the digits behind the point.
    array = _array(values)
    if array.dtype != np.int64:
        raise _OtherwiseError
    return array


def _integers(values: Any) -> _Array:
    array = _longs(values)
    if array.size and (array.min() < _INT32.min or array.max() > _INT32.max):
        raise _OtherwiseError
    return array.astype(np.int32)


def _booleans(values: Any) -> _Array:
    array = _array(values)
    if array.dtype != np.bool_:
        raise _OtherwiseError
    return array


def _texts(values: Any) -> list[str]:
    # A list, so that pandas makes of it what it makes of texts anywhere else.
    if not all(type(value) is str for value in values):
        raise _OtherwiseError
    return values  # type: ignore[no-any-return] # they were looked at


_NUMBERS: Final = frozenset({DataType.DOUBLE, DataType.FLOAT, DataType.LONG, DataType.INTEGER, DataType.BOOLEAN})
_CONVERSIONS: Final[Mapping[Any, Callable[[Any], Any]]] = {
    DataType.DOUBLE: _doubles,
    DataType.FLOAT: _floats,
    DataType.LONG: _longs,
    DataType.INTEGER: _integers,
    DataType.BOOLEAN: _booleans,
    DataType.STRING: _texts,
}
