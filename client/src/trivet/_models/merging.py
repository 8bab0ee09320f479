"""One type for values of several."""

from __future__ import annotations

from trivet._errors import InvalidArgument
from trivet._models.column_types import AnyType, ArrayType, ColumnType, MapType, ObjectType, Property


def merged(one: ColumnType, other: ColumnType) -> ColumnType:
    """The type that takes the values of both: keys that are not in both are optional.

    Raises:
        InvalidArgument: there is none.
    """
    if one == other:
        return one
    if isinstance(one, AnyType) or isinstance(other, AnyType):
        return _optional(other if isinstance(one, AnyType) else one)
    match one, other:
        case ArrayType(), ArrayType():
            return ArrayType(merged(one.items, other.items))
        case MapType(), MapType():
            return MapType(merged(one.values, other.values))
        case ObjectType(), ObjectType():
            return _merged_objects(one, other)
    raise InvalidArgument(f"There are values of the types {one} and {other}; a signature needs one type for all.")


def _optional(column_type: ColumnType) -> ColumnType:
    """What some values are and others, which are missing, are not."""
    if not isinstance(column_type, ObjectType):
        return column_type
    return ObjectType(tuple(Property(each.name, each.type, required=False) for each in column_type.properties))


def _merged_objects(one: ObjectType, other: ObjectType) -> ObjectType:
    first, second = ({each.name: each for each in side.properties} for side in (one, other))
    properties = []
    for name in first.keys() | second.keys():
        mine, theirs = first.get(name), second.get(name)
        if mine is not None and theirs is not None:
            properties.append(Property(name, merged(mine.type, theirs.type), mine.required and theirs.required))
        else:
            found = mine or theirs
            assert found is not None
            properties.append(Property(name, found.type, required=False))
    return ObjectType(tuple(properties))
