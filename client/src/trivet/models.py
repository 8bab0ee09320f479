"""What models take and give: their signatures, how one is inferred of data, and what is known of a logged one."""

from trivet._models.column_types import (
    AnyType,
    ArrayType,
    ColumnType,
    DataType,
    MapType,
    ObjectType,
    Property,
    VectorType,
)
from trivet._models.inference import infer_signature
from trivet._models.param_schema import ParamSchema, ParamSpec
from trivet._models.saving import ModelInfo
from trivet._models.schema import ColumnSpec, Schema, TensorSpec
from trivet._models.signature import Signature

__all__ = [
    "AnyType",
    "ArrayType",
    "ColumnSpec",
    "ColumnType",
    "DataType",
    "MapType",
    "ModelInfo",
    "ObjectType",
    "ParamSchema",
    "ParamSpec",
    "Property",
    "Schema",
    "Signature",
    "TensorSpec",
    "VectorType",
    "infer_signature",
]
