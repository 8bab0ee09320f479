"""What a signature says, as JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trivet._models.column_types import AnyType, ArrayType, ColumnType, DataType, MapType, ObjectType, VectorType
from trivet._models.param_schema import ParamSchema
from trivet._models.schema import ColumnSpec, Schema, TensorSpec

JsonSchema = dict[str, Any]

_INT32: Final = {"minimum": -(2**31), "maximum": 2**31 - 1}
_VALUES: Final[Mapping[DataType, JsonSchema]] = {
    DataType.BOOLEAN: {"type": "boolean"},
    DataType.INTEGER: {"type": "integer", "format": "int32", **_INT32},
    DataType.LONG: {"type": "integer", "format": "int64"},
    DataType.FLOAT: {"type": "number", "format": "float"},
    DataType.DOUBLE: {"type": "number", "format": "double"},
    DataType.STRING: {"type": "string"},
    DataType.BINARY: {"type": "string", "contentEncoding": "base64"},
    DataType.DATETIME: {"type": "string", "format": "date-time"},
}
_OF_KINDS: Final = {"b": "boolean", "i": "integer", "u": "integer", "f": "number", "U": "string", "S": "string"}


def of_record(schema: Schema) -> JsonSchema:
    """A row, as an object."""
    return {
        "type": "object",
        "properties": {str(name): _of_item(spec) for name, spec in zip(schema.names, schema.inputs, strict=True)},
        "required": [str(name) for name in schema.required_names],
    }


def of_columns(schema: Schema) -> JsonSchema:
    """All rows, as an object with a list, or a tensor, for each name."""
    properties = {}
    for name, spec in zip(schema.names, schema.inputs, strict=True):
        properties[str(name)] = (
            of_tensor(spec) if isinstance(spec, TensorSpec) else {"type": "array", "items": _of_item(spec)}
        )
    return {"type": "object", "properties": properties, "required": [str(name) for name in schema.required_names]}


def of_tensor(spec: TensorSpec) -> JsonSchema:
    """A tensor, as lists in lists."""
    return _nested(spec, spec.shape)


def of_params(params: ParamSchema) -> JsonSchema:
    """The params that may be given."""
    properties = {}
    for each in params.params:
        value = _of_type(each.type)
        properties[each.name] = value if each.shape is None else {"type": "array", "items": value}
    return {"type": "object", "properties": properties}


def _of_item(spec: ColumnSpec | TensorSpec) -> JsonSchema:
    if isinstance(spec, TensorSpec):
        return _nested(spec, spec.shape[1:])
    value = _of_type(spec.type)
    return value if spec.required else {"anyOf": [value, {"type": "null"}]}


def _nested(spec: TensorSpec, shape: tuple[int, ...]) -> JsonSchema:
    kind = _OF_KINDS.get(spec.dtype.kind)
    schema: JsonSchema = {"type": kind} if kind else {}
    for size in reversed(shape):
        bounds = {} if size < 0 else {"minItems": size, "maxItems": size}
        schema = {"type": "array", "items": schema, **bounds}
    return schema


def _of_type(kind: ColumnType) -> JsonSchema:
    match kind:
        case DataType():
            return _VALUES[kind]
        case ArrayType():
            return {"type": "array", "items": _of_type(kind.items)}
        case VectorType():
            return {"type": "array", "items": {"type": "number"}}
        case MapType():
            return {"type": "object", "additionalProperties": _of_type(kind.values)}
        case ObjectType():
            return {
                "type": "object",
                "properties": {each.name: _of_type(each.type) for each in kind.properties},
                "required": [each.name for each in kind.properties if each.required],
            }
        case AnyType():
            return {}
