"""Parts of the data that are measured on their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from trivet._errors import InvalidArgument
from trivet._evaluation.columns import to_column
from trivet._evaluation.scores import Mask

_MAX_SLICES: Final = 100
"""Of one column: more are a sign of numbers, or of ids, and make more metrics than anybody reads."""
_MAX_NAME_CHARACTERS: Final = 60
"""Of a value, and of what a column or mask is called: keys of metrics have 250 at most."""
_NOT_IN_KEYS: Final = re.compile(r"[^\w.-]+")
"""What filters would have to quote, or MLflow's clients do not take."""

Slices = Sequence[str] | Mapping[str, object]


@dataclass(frozen=True)
class SlicedRows:
    """A part of the data."""

    name: str
    """As keys of metrics have it, such as `region/north`."""
    mask: Mask
    column: str
    """Of the data; empty where a mask was given."""
    value: object
    """That all its rows have in the column; None where a mask was given, or where it is missing."""


def slice_rows(wanted: Slices | str, columns: pd.DataFrame, rows: int) -> list[SlicedRows]:
    """The parts that are wanted, those of a column in the order of its values.

    Args:
        wanted: Columns of the data, with a part for each value; or masks by their names, of a boolean a row.
        columns: Of the data.
        rows: How many there are.

    Raises:
        InvalidArgument: there is no such column, it has too many values, or a mask is none or has no rows.
    """
    if isinstance(wanted, str):
        wanted = [wanted]
    parts = _of_masks(wanted, rows) if isinstance(wanted, Mapping) else _of_columns(wanted, columns)
    return _with_names_apart(parts)


def _of_masks(masks: Mapping[str, object], rows: int) -> Iterable[SlicedRows]:
    for name, given in masks.items():
        mask = to_column(given, f"values of the mask {name!r}", rows)
        if mask.dtype.kind != "b":
            raise InvalidArgument(f"The mask {name!r} has to be of booleans, not of {mask.dtype}.")
        if not mask.any():
            raise InvalidArgument(f"The mask {name!r} has no rows, so nothing can be measured on it.")
        yield SlicedRows(_in_key(name), mask, "", None)


def _of_columns(wanted: Sequence[str], columns: pd.DataFrame) -> Iterable[SlicedRows]:
    for column in wanted:
        if column not in columns:
            raise InvalidArgument(f"There is no column {column!r} to slice the data by.")
        codes, values = pd.factorize(columns[column], use_na_sentinel=True)
        if len(values) > _MAX_SLICES:
            raise InvalidArgument(
                f"The column {column!r} has {len(values)} values, and {_MAX_SLICES} slices are the most. Put them into "
                "groups first, numbers such as by pandas.cut."
            )
        for code in _ordered(values):
            name = f"{_in_key(column)}/{_in_key(values[code])}"
            yield SlicedRows(name, codes == code, column, values[code])
        if (codes == -1).any():
            yield SlicedRows(f"{_in_key(column)}/missing", codes == -1, column, None)


def _ordered(values: Any) -> Sequence[int]:
    """The places of values in their order: that of categories, of numbers, or of texts."""
    if isinstance(values, pd.CategoricalIndex):
        return sorted(range(len(values)), key=lambda place: int(values.codes[place]))
    are_numbers = all(isinstance(value, int | float | np.number) for value in values)
    return sorted(range(len(values)), key=lambda place: values[place] if are_numbers else str(values[place]))


def _in_key(text: object) -> str:
    """The text with `_` for what keys had better not have."""
    plain = _NOT_IN_KEYS.sub("_", str(text))[:_MAX_NAME_CHARACTERS]
    return plain if plain.strip(".") else "_"  # a path of dots means another place


def _with_names_apart(parts: Iterable[SlicedRows]) -> list[SlicedRows]:
    """Those whose names became the same get numbers."""
    named: dict[str, SlicedRows] = {}
    for part in parts:
        name, number = part.name, 2
        while name in named:
            name, number = f"{part.name}_{number}", number + 1
        named[name] = SlicedRows(name, part.mask, part.column, part.value)
    return list(named.values())
