"""Params by which a model can be steered when it is asked: their types, shapes and defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from trivet._errors import InvalidArgument
from trivet._models.column_types import DataType, ObjectType, type_from_json, type_to_json
from trivet._models.param_values import checked_param
from trivet._models.schema import entries_of_json


@dataclass(frozen=True)
class ParamSpec:
    """One param."""

    name: str
    type: DataType | ObjectType
    default: Any
    """What it is where none is given; of the type and the shape, None too."""
    shape: tuple[int, ...] | None = None
    """None for a single value, (-1,) for a list of any length."""

    def __post_init__(self) -> None:
        if self.shape is not None:
            object.__setattr__(self, "shape", tuple(self.shape))
        if self.shape not in (None, (-1,)):
            raise InvalidArgument(f"The param {self.name!r} has the shape {self.shape}; it must be None or (-1,).")
        if self.type is DataType.BINARY or not isinstance(self.type, DataType | ObjectType):
            raise InvalidArgument(f"The param {self.name!r} is of the type {self.type!r}, which params cannot have.")
        if isinstance(self.type, ObjectType) and self.shape is not None:
            raise InvalidArgument(f"The param {self.name!r} is a list of objects, which params cannot be.")
        object.__setattr__(self, "default", self.checked(self.default))

    def checked(self, value: Any) -> Any:
        """A value for it, as Python has such values.

        Raises:
            InvalidArgument: it is of another type or shape; says what it must be.
        """
        return checked_param(self.name, value, self.type, self.shape)

    def to_json(self) -> dict[str, Any]:
        """What JSON says of it."""
        return {
            "name": self.name,
            "default": _plain(self.default),
            "shape": self.shape,
            **type_to_json(self.type),
        }


@dataclass(frozen=True)
class ParamSchema:
    """The params of a model."""

    params: tuple[ParamSpec, ...]
    """Any sequence of them becomes a tuple."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", tuple(self.params))
        names = [each.name for each in self.params]
        if len(set(names)) < len(names):
            raise InvalidArgument(f"A signature has the params {names}: each may be there once.")

    def to_json(self) -> str:
        """As MLflow writes it."""
        return json.dumps([each.to_json() for each in self.params])

    @classmethod
    def from_json(cls, text: str) -> ParamSchema:
        """The params that MLflow or Trivet wrote.

        Raises:
            InvalidArgument: they are none; says what is wrong.
        """
        return cls(tuple(map(_param, entries_of_json(text))))


def _param(entries: Mapping[str, Any]) -> ParamSpec:
    missing = {"name", "default"} - entries.keys()
    if missing:
        raise InvalidArgument(f"A signature says {dict(entries)!r}, where a param needs {' and '.join(missing)}.")
    # MLflow before 2.10 calls the type `dtype`.
    param_type = type_from_json({"type": entries.get("dtype"), **entries})
    if not isinstance(param_type, DataType | ObjectType):
        raise InvalidArgument(f"The param {entries['name']!r} is of the type {entries['type']!r}, which none can have.")
    return ParamSpec(str(entries["name"]), param_type, entries["default"], entries.get("shape"))


def _plain(value: Any) -> Any:
    """A default as JSON has it."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value
