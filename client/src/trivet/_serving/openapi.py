"""The OpenAPI document of a served model, made from its signature and its example."""

from __future__ import annotations

from typing import Any, Final

import orjson

from trivet._models.schema import Schema
from trivet._models.signature import Signature
from trivet._serving.inputs.reading import Kind
from trivet._serving.json_schemas import JsonSchema, of_columns, of_params, of_record, of_tensor

_VERSION: Final = "3.1.0"
_REFUSALS: Final = {
    "400": "The body is malformed, or not what the signature says.",
    "401": "The token is missing, or another one.",
    "413": "The body is too large.",
    "415": "The content type is none that is read.",
    "429": "Too many requests wait; Retry-After says when to try again.",
    "503": "No model is loaded yet.",
    "504": "There was no answer in time.",
}
_ANY_LIST: Final[JsonSchema] = {"type": "array"}


def document(uri: str, version: str, signature: Signature | None, example: bytes | None) -> bytes:
    """The document, as JSON.

    Args:
        uri: Of the model.
        version: Of the registered model; empty where it is none.
        signature: What it takes and gives.
        example: A request that came with it.
    """
    return orjson.dumps(
        {
            "openapi": _VERSION,
            "info": {
                "title": uri,
                "version": version or "-",
                "description": "Predictions of a model, by the scoring protocol of MLflow.",
            },
            "paths": {
                "/invocations": {"post": _invocations(signature, example)},
                "/health": {"get": _probe("Whether a model is loaded, and which.")},
                "/ping": {"get": _probe("Whether a model is loaded.")},
            },
            "components": {
                "schemas": {
                    "Error": {
                        "type": "object",
                        "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}},
                        "required": ["error_code", "message"],
                    }
                },
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
            "security": [{}, {"token": []}],
        }
    )


def _invocations(signature: Signature | None, example: bytes | None) -> dict[str, Any]:
    json_body: dict[str, Any] = {"schema": _body(signature)}
    if example is not None:
        json_body["example"] = orjson.loads(example)
    refusal = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        "operationId": "predict",
        "summary": "Predict for rows.",
        "requestBody": {
            "required": True,
            "content": {
                Kind.JSON.value: json_body,
                Kind.CSV.value: {"schema": {"type": "string"}},
                Kind.PARQUET.value: {"schema": {"type": "string", "contentMediaType": Kind.PARQUET.value}},
            },
        },
        "responses": {
            "200": {
                "description": "Predictions, one for each row.",
                "content": {"application/json": {"schema": _predictions(signature)}},
            },
            **{status: {"description": why, "content": refusal} for status, why in _REFUSALS.items()},
        },
    }


def _body(signature: Signature | None) -> JsonSchema:
    """A body of JSON: one of the forms, and params where the model has any."""
    forms = _forms(None if signature is None else signature.inputs)
    params = None if signature is None or signature.params is None else of_params(signature.params)
    more = {} if params is None else {"params": params}
    return {
        "oneOf": [
            {"type": "object", "properties": {name: form, **more}, "required": [name]} for name, form in forms.items()
        ]
    }


def _forms(schema: Schema | None) -> dict[str, JsonSchema]:
    rows: JsonSchema = {"type": "array", "items": _ANY_LIST}
    if schema is None:
        record: JsonSchema = {"type": "object"}
        columns: JsonSchema = {}
        names: JsonSchema = {"type": "array"}
    else:
        record, names = of_record(schema), {"type": "array", "items": {"enum": list(schema.names)}}
        columns = of_columns(schema) if schema.has_names else rows
        if schema.has_tensors and not schema.has_names:
            columns = of_tensor(schema.tensors[0])
    is_named = schema is not None and schema.has_names
    split = {
        "type": "object",
        "properties": {"columns": names if is_named else {"type": "array"}, "index": _ANY_LIST, "data": rows},
        "required": ["data", *(["columns"] if is_named else [])],
    }
    return {
        "dataframe_split": split,
        "dataframe_records": {"type": "array", "items": record},
        "instances": {"type": "array", "items": record} if is_named else _ANY_LIST,
        "inputs": columns,
    }


def _predictions(signature: Signature | None) -> JsonSchema:
    outputs = None if signature is None else signature.outputs
    predictions: JsonSchema = {}
    if outputs is not None and outputs.has_tensors and not outputs.has_names:
        predictions = of_tensor(outputs.tensors[0])
    elif outputs is not None and outputs.has_names:
        predictions = {"type": "array", "items": of_record(outputs)}
    return {"type": "object", "properties": {"predictions": predictions}, "required": ["predictions"]}


def _probe(description: str) -> dict[str, Any]:
    return {"summary": description, "responses": {"200": {"description": "Yes."}, "503": {"description": "No."}}}
