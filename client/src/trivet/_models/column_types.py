"""The types that a column of a model's data may have, in the JSON that MLflow gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np

from trivet._errors import InvalidArgument


class DataType(StrEnum):
    """What single values are. Each is the word that MLflow has for it."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    """Of 32 bits, with a sign."""
    LONG = "long"
    """Of 64 bits, with a sign."""
    FLOAT = "float"
    """Of 32 bits."""
    DOUBLE = "double"
    """Of 64 bits."""
    STRING = "string"
    BINARY = "binary"
    DATETIME = "datetime"
    """Without a time zone, in nanoseconds."""

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """Of arrays of such values."""
        return _NUMPY_DTYPES[self]


_NUMPY_DTYPES: Final[Mapping[DataType, np.dtype[Any]]] = {
    DataType.BOOLEAN: np.dtype(np.bool_),
    DataType.INTEGER: np.dtype(np.int32),
    DataType.LONG: np.dtype(np.int64),
    DataType.FLOAT: np.dtype(np.float32),
    DataType.DOUBLE: np.dtype(np.float64),
    DataType.STRING: np.dtype(np.str_),
    DataType.BINARY: np.dtype(np.bytes_),
    DataType.DATETIME: np.dtype("datetime64[ns]"),
}


@dataclass(frozen=True)
class AnyType:
    """Whatever: nothing of it is checked."""


@dataclass(frozen=True)
class ArrayType:
    """Lists, or arrays of one dimension, of any length."""

    items: ColumnType


@dataclass(frozen=True)
class VectorType:
    """Vectors of Spark ML, which are arrays of doubles to everybody else."""


@dataclass(frozen=True)
class MapType:
    """Dicts with any keys, which are strings."""

    values: ColumnType


@dataclass(frozen=True)
class Property:
    """One key of an object."""

    name: str
    type: ColumnType
    required: bool = True


@dataclass(frozen=True)
class ObjectType:
    """Dicts with known keys."""

    properties: tuple[Property, ...]
    """In the order of their names, whatever the order in which they were given."""

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.properties, key=lambda each: each.name))
        if not ordered:
            raise InvalidArgument("An object type needs at least one property.")
        for one, next_one in pairwise(ordered):
            if one.name == next_one.name:
                raise InvalidArgument(f"An object type has the property {one.name!r} twice.")
        object.__setattr__(self, "properties", ordered)


ColumnType: TypeAlias = DataType | AnyType | ArrayType | VectorType | MapType | ObjectType


def type_to_json(column_type: ColumnType) -> dict[str, Any]:
    """The entries by which JSON says what a type is."""
    match column_type:
        case DataType():
            return {"type": column_type.value}
        case AnyType():
            return {"type": "any"}
        case VectorType():
            return {"type": "sparkml_vector"}
        case ArrayType():
            return {"type": "array", "items": type_to_json(column_type.items)}
        case MapType():
            return {"type": "map", "values": type_to_json(column_type.values)}
        case ObjectType():
            properties = {
                each.name: {**type_to_json(each.type), "required": each.required} for each in column_type.properties
            }
            return {"type": "object", "properties": properties}


def type_from_json(entries: Any) -> ColumnType:
    """The type that entries of JSON say, whatever else they say.

    Raises:
        InvalidArgument: they say none; says what is wrong.
    """
    name = _entry(entries, "type")
    match name:
        case "any":
            return AnyType()
        case "sparkml_vector":
            return VectorType()
        case "array":
            return ArrayType(type_from_json(_entry(entries, "items")))
        case "map":
            return MapType(type_from_json(_entry(entries, "values")))
        case "object":
            properties = _entry(entries, "properties")
            if not isinstance(properties, Mapping):
                raise InvalidArgument(f"The properties of an object type are {properties!r}; they must be a mapping.")
            return ObjectType(
                tuple(
                    Property(str(key), type_from_json(value), required_in_json(value))
                    for key, value in properties.items()
                )
            )
    try:
        return DataType(name)
    except ValueError:
        known = ", ".join((*DataType, "any", "array", "map", "object"))
        raise InvalidArgument(f"A signature has the type {name!r}; there are {known}.") from None


def required_in_json(entries: Mapping[str, Any]) -> bool:
    """Whether what JSON describes has to be there; MLflow before 2.10 said that it is optional instead."""
    required = entries.get("required")
    return not entries.get("optional", False) if required is None else bool(required)


def _entry(entries: Any, key: str) -> Any:
    if not isinstance(entries, Mapping) or key not in entries:
        raise InvalidArgument(f"A signature says {entries!r}, where it must have {key!r}.")
    return entries[key]
