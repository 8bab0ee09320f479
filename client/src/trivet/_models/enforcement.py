"""Data and params as the signature of a model has them, before the model is asked."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from trivet._errors import InvalidArgument
from trivet._models.column_types import AnyType, DataType
from trivet._models.column_values import enforce_column, fits
from trivet._models.input_frames import to_frame
from trivet._models.nested_values import enforce_value
from trivet._models.param_schema import ParamSchema
from trivet._models.schema import ColumnSpec, Schema
from trivet._models.tensors import enforce_tensors

_log = logging.getLogger("trivet")


def enforce_input(data: Any, schema: Schema) -> Any:
    """The data as a schema has it.

    Columns get into its order, and those that it does not name are left out. Types are converted where no value becomes
    another one. A data frame with nothing to be done is returned itself; what is given is never changed.

    Args:
        data: For columns whatever `to_frame` takes; for tensors arrays, dicts of them, sparse matrices, or frames whose
            columns hold single values, lists or arrays.
        schema: What the model takes.

    Returns:
        For columns a data frame; for tensors with names a dict of arrays, else an array or a sparse matrix.

    Raises:
        InvalidArgument: the model cannot take it; says which column or tensor, why, and what to do.
    """
    if schema.has_tensors:
        return enforce_tensors(data.to_frame() if isinstance(data, pd.Series) else data, schema)
    frame = to_frame(data, schema)
    if not schema.has_names:
        return _enforce_types(_first_columns(frame, schema), schema.columns)
    present = frame.columns.tolist()
    if tuple(present) == schema.names:
        return _enforce_types(frame, schema.columns)
    known = set(present)
    chosen = _named_columns(frame, schema, known)
    return _enforce_types(chosen, [each for each in schema.columns if each.name in known])


def _first_columns(frame: Any, schema: Schema) -> Any:
    found, wanted = len(frame.columns), len(schema.columns)
    if found < wanted:
        raise InvalidArgument(f"The data has {found} columns, and the model takes {wanted}.")
    return frame if found == wanted else frame.iloc[:, :wanted]


def _named_columns(frame: Any, schema: Schema, present: set[Any]) -> Any:
    missing = [name for name in schema.required_names if name not in present]
    if missing:
        raise InvalidArgument(
            f"The data lacks the columns {missing}, which the model needs; it has {frame.columns.tolist()}."
        )
    names = [name for name in schema.names if name in present]
    chosen = frame[names]
    if len(chosen.columns) > len(names):
        twice = chosen.columns[chosen.columns.duplicated()].unique().tolist()
        raise InvalidArgument(f"The data has the columns {twice} more than once.")
    return chosen


def _enforce_types(frame: Any, columns: Sequence[ColumnSpec]) -> Any:
    """The frame with each of its columns as it is wanted."""
    # Most frames need nothing: all their types are looked at first, because taking out one column takes as long.
    changed = {
        number: _enforce_type(_taken_out(frame, number, spec), spec)
        for number, (dtype, spec) in enumerate(zip(frame.dtypes.tolist(), columns, strict=True))
        if not _is_taken(dtype, spec)
    }
    if not changed:
        return frame
    enforced = frame.copy(deep=False)
    for number, column in changed.items():
        enforced.isetitem(number, column.array)
    return enforced


def _taken_out(frame: Any, number: int, spec: ColumnSpec) -> Any:
    # By its name it takes half as long; without names several may have one.
    return frame.iloc[:, number] if spec.name is None else frame[spec.name]


def _is_taken(dtype: Any, spec: ColumnSpec) -> bool:
    return fits(dtype, spec.type) if isinstance(spec.type, DataType) else isinstance(spec.type, AnyType)


def _enforce_type(column: Any, spec: ColumnSpec) -> Any:
    where = f"Column {column.name!r}"
    if isinstance(spec.type, DataType):
        return enforce_column(where, column, spec.type)
    values = [
        enforce_value(f"{where}, row {number}", each, spec.type, required=spec.required)
        for number, each in enumerate(column)
    ]
    return pd.Series(values, dtype=object)


def enforce_params(params: Mapping[str, Any] | None, schema: ParamSchema | None) -> dict[str, Any] | None:
    """The params as a signature has them, with the defaults of those that are not given.

    Those that it does not know are left out, and the log says which.

    Raises:
        InvalidArgument: one of them is of another type or shape; says which and what it must be.
    """
    if schema is None:
        if params:
            _log.warning("The model's signature has no params: %s are ignored.", params)
        return None if params is None else {}
    given = {} if params is None else params
    if not isinstance(given, Mapping):
        raise InvalidArgument(f"params is {params!r}; it must be a dict.")
    by_name = {str(name): value for name, value in given.items()}
    known = {each.name for each in schema.params}
    unknown = [name for name in by_name if name not in known]
    if unknown:
        _log.warning("The model does not know the params %s, which are ignored; it knows %s.", unknown, sorted(known))
    return {
        each.name: each.checked(by_name[each.name]) if each.name in by_name else copy.deepcopy(each.default)
        for each in schema.params
    }
