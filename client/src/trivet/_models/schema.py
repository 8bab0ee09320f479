"""What a model takes or gives: columns of a table, or tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np

from trivet._errors import InvalidArgument
from trivet._models.column_types import ColumnType, required_in_json, type_from_json, type_to_json

Name: TypeAlias = str | int
"""Of a column: frames number the columns that got no name."""

_SIZED: Final[Mapping[str, np.dtype[Any]]] = {"U": np.dtype(np.str_), "S": np.dtype(np.bytes_)}
"""Kinds of arrays whose type has the length of their longest item, which says nothing of others."""


def dtype_without_size(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type of an array as a signature says it."""
    return _SIZED.get(dtype.kind, dtype)


@dataclass(frozen=True)
class ColumnSpec:
    """One column."""

    type: ColumnType
    name: Name | None = None
    """None where columns have no names; then the order says which is which."""
    required: bool = True
    """False where it may be missing, or have missing values."""

    def __post_init__(self) -> None:
        if not isinstance(self.type, ColumnType):
            raise InvalidArgument(f"The type of a column is {self.type!r}; it must be DataType.DOUBLE or another type.")
        object.__setattr__(self, "name", _checked_name(self.name))

    def to_json(self) -> dict[str, Any]:
        """What JSON says of it."""
        named = {} if self.name is None else {"name": self.name}
        return {**type_to_json(self.type), **named, "required": self.required}


@dataclass(frozen=True)
class TensorSpec:
    """One tensor."""

    dtype: np.dtype[Any]
    """Without the size of strings; whatever numpy takes for a type becomes one."""
    shape: tuple[int, ...]
    """-1 for a dimension of any size, such as the number of rows."""
    name: Name | None = None
    """None where it is the only one."""

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "dtype", dtype_without_size(np.dtype(self.dtype)))
            object.__setattr__(self, "shape", tuple(map(int, self.shape)))
        except (TypeError, ValueError) as error:
            raise InvalidArgument(f"{self.dtype!r} of the shape {self.shape!r} is no tensor: {error}") from error
        object.__setattr__(self, "name", _checked_name(self.name))

    @property
    def required(self) -> bool:
        """Tensors have to be there."""
        return True

    def to_json(self) -> dict[str, Any]:
        """What JSON says of it."""
        named = {} if self.name is None else {"name": self.name}
        return {**named, "type": "tensor", "tensor-spec": {"dtype": self.dtype.name, "shape": self.shape}}


def _checked_name(name: Any) -> Name | None:
    if isinstance(name, np.integer):
        return int(name)
    if name is None or isinstance(name, Name):
        return name
    raise InvalidArgument(f"A column is called {name!r}; names of columns must be strings or whole numbers.")


@dataclass(frozen=True)
class Schema:
    """What a model takes, or gives."""

    inputs: tuple[ColumnSpec | TensorSpec, ...]
    """Columns, or tensors, never both; any sequence of them becomes a tuple."""

    def __post_init__(self) -> None:
        inputs = tuple(self.inputs)
        object.__setattr__(self, "inputs", inputs)
        if not inputs:
            raise InvalidArgument("A schema needs at least one column or tensor.")
        if len({isinstance(each, TensorSpec) for each in inputs}) > 1:
            raise InvalidArgument("A schema has columns or tensors, not both.")
        names = [each.name for each in inputs]
        if None not in names:
            if len(set(names)) < len(names):
                raise InvalidArgument(f"A schema has the names {names}: each may be there once.")
        elif any(name is not None for name in names):
            raise InvalidArgument(f"A schema has the names {names}: all of them need one, or none.")
        elif len(names) > 1 and self.has_tensors:
            raise InvalidArgument("A schema of several tensors needs a name for each of them.")
        elif not all(each.required for each in inputs):
            raise InvalidArgument("A column without a name cannot be optional: give it a name.")

    @cached_property
    def columns(self) -> tuple[ColumnSpec, ...]:
        """Its columns; none where it has tensors."""
        return tuple(each for each in self.inputs if isinstance(each, ColumnSpec))

    @cached_property
    def tensors(self) -> tuple[TensorSpec, ...]:
        """Its tensors; none where it has columns."""
        return tuple(each for each in self.inputs if isinstance(each, TensorSpec))

    @property
    def has_tensors(self) -> bool:
        """Whether it is one of tensors."""
        return isinstance(self.inputs[0], TensorSpec)

    @property
    def has_names(self) -> bool:
        """Whether its columns or tensors have names."""
        return self.inputs[0].name is not None

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """In order; numbers from 0 where there are no names."""
        return tuple(number if each.name is None else each.name for number, each in enumerate(self.inputs))

    @cached_property
    def required_names(self) -> tuple[Name, ...]:
        """Of what has to be there."""
        return tuple(name for name, each in zip(self.names, self.inputs, strict=True) if each.required)

    def to_json(self) -> str:
        """As MLflow writes it."""
        return json.dumps([each.to_json() for each in self.inputs])

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """The schema that MLflow or Trivet wrote.

        Raises:
            InvalidArgument: it is none; says what is wrong.
        """
        entries = entries_of_json(text)
        if all(each.get("type") == "tensor" for each in entries):
            return cls(tuple(_tensor(each) for each in entries))
        return cls(
            tuple(ColumnSpec(type_from_json(each), each.get("name"), required_in_json(each)) for each in entries)
        )


def _tensor(entries: Mapping[str, Any]) -> TensorSpec:
    described = entries.get("tensor-spec")
    if not isinstance(described, Mapping) or not {"dtype", "shape"} <= described.keys():
        raise InvalidArgument(f"A signature says {dict(entries)!r}, where a tensor needs a dtype and a shape.")
    return TensorSpec(described["dtype"], described["shape"], entries.get("name"))


def entries_of_json(text: str) -> Sequence[Mapping[str, Any]]:
    """What a list of objects in JSON says.

    Raises:
        InvalidArgument: it is none.
    """
    try:
        parsed = json.loads(text)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"A signature says {text!r}, which is no JSON: {error}") from error
    if not isinstance(parsed, list) or not all(isinstance(each, Mapping) for each in parsed):
        raise InvalidArgument(f"A signature says {text!r}, where it must have a list of objects.")
    return parsed
