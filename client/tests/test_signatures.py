"""Signatures: what they say in JSON, and what is inferred of data."""

from __future__ import annotations

import json
import logging
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import trivet.models
from trivet import InvalidArgument
from trivet.models import (
    AnyType,
    ArrayType,
    ColumnSpec,
    DataType,
    MapType,
    ObjectType,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    Signature,
    TensorSpec,
    VectorType,
    infer_signature,
)
from trivet_testing.signature_answers import signature_answers
from trivet_testing.signature_samples import data, params

INT64 = np.dtype("int64")
INPUTS = (
    '[{"type": "double", "name": "x", "required": true}, {"type": "array", "items": {"type": "map", "values": '
    '{"type": "any"}}, "name": "y", "required": false}, {"type": "object", "properties": {"a": {"type": "string", '
    '"required": false}, "b": {"type": "sparkml_vector", "required": true}}, "name": 0, "required": true}]'
)
OUTPUTS = '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}]'
PARAMS = (
    '[{"name": "k", "default": 3, "shape": null, "type": "long"}, '
    '{"name": "days", "default": ["2026-11-28"], "shape": [-1], "type": "datetime"}, '
    '{"name": "o", "default": {"a": 1}, "shape": null, "type": "object", "properties": '
    '{"a": {"type": "long", "required": true}}}]'
)


def test_signature_is_written_as_it_was_read() -> None:
    entries = {"inputs": INPUTS, "outputs": OUTPUTS, "params": PARAMS}
    assert Signature.from_dict(entries).to_dict() == entries


def test_signature_of_values_says_them() -> None:
    properties = (Property("b", VectorType()), Property("a", DataType.STRING, required=False))
    columns = (
        ColumnSpec(DataType.DOUBLE, "x"),
        ColumnSpec(ArrayType(MapType(AnyType())), "y", required=False),
        ColumnSpec(ObjectType(properties), 0),
    )
    signature = Signature(Schema(columns), Schema((TensorSpec(np.dtype("float64"), (-1, 3)),)))
    assert signature.to_dict() == {"inputs": INPUTS, "outputs": OUTPUTS, "params": None}
    assert signature.inputs is not None
    assert (signature.inputs.names, signature.inputs.required_names) == (("x", "y", 0), ("x", 0))


def test_signatures_of_older_mlflow_are_read() -> None:
    entries = {
        "inputs": '[{"name": "x", "type": "double"}, {"name": "y", "type": "string", "optional": true}]',
        "params": '[{"name": "k", "dtype": "float", "default": 1.5}]',
    }
    signature = Signature.from_dict(entries)
    assert signature.inputs == Schema(
        (ColumnSpec(DataType.DOUBLE, "x"), ColumnSpec(DataType.STRING, "y", required=False))
    )
    assert signature.params == ParamSchema((ParamSpec("k", DataType.FLOAT, 1.5),))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "needs inputs, outputs or params"),
        ({"inputs": "["}, "no JSON"),
        ({"inputs": '{"type": "double"}'}, "a list of objects"),
        ({"inputs": '[{"name": "x"}]'}, "must have 'type'"),
        ({"inputs": '[{"type": "complex"}]'}, "the type 'complex'; there are boolean, integer,"),
        ({"inputs": '[{"type": "array"}]'}, "must have 'items'"),
        ({"inputs": '[{"type": "object", "properties": []}]'}, "must be a mapping"),
        ({"inputs": '[{"type": "object", "properties": {}}]'}, "at least one property"),
        ({"inputs": '[{"type": "tensor"}]'}, "a tensor needs a dtype and a shape"),
        ({"inputs": '[{"type": "tensor", "tensor-spec": {"dtype": "x", "shape": [-1]}}]'}, "is no tensor"),
        ({"inputs": '[{"type": "double", "name": [1]}]'}, "names of columns must be strings"),
        ({"params": '[{"name": "k", "type": "long"}]'}, "a param needs default"),
        ({"params": '[{"name": "k", "type": "any", "default": 1}]'}, "which none can have"),
        ({"params": '[{"name": "k", "type": "long", "default": "a"}]'}, r"'a' \(str\); the model takes a long"),
    ],
)
def test_signature_that_says_none_is_refused(entries: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Signature.from_dict(entries)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "at least one column or tensor"),
        ([ColumnSpec(DataType.LONG, "x"), TensorSpec(INT64, (-1,), "y")], "not both"),
        ([ColumnSpec(DataType.LONG, "x"), ColumnSpec(DataType.LONG)], "all of them need one, or none"),
        ([ColumnSpec(DataType.LONG, "x"), ColumnSpec(DataType.LONG, "x")], "each may be there once"),
        ([ColumnSpec(DataType.LONG, required=False)], "cannot be optional"),
        ([TensorSpec(INT64, (-1,)), TensorSpec(INT64, (-1,))], "needs a name for each"),
    ],
)
def test_columns_that_are_no_schema_are_refused(inputs: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Schema(inputs)


def test_params_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="each may be there once"):
        ParamSchema((ParamSpec("k", DataType.LONG, 1), ParamSpec("k", DataType.LONG, 2)))


@pytest.mark.parametrize(
    ("param_type", "shape", "message"),
    [
        (DataType.BINARY, None, "params cannot have"),
        (AnyType(), None, "params cannot have"),
        (DataType.LONG, (2,), r"must be None or \(-1,\)"),
        (ObjectType((Property("a", DataType.LONG),)), (-1,), "a list of objects"),
    ],
)
def test_param_that_there_cannot_be_is_refused(param_type: Any, shape: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        ParamSpec("k", param_type, None, shape)


def test_defaults_of_params_are_values_of_python() -> None:
    spec = ParamSpec("day", DataType.DATETIME, "2026-11-28")
    assert spec.default == date(2026, 11, 28)
    assert json.loads(ParamSchema((spec,)).to_json())[0]["default"] == "2026-11-28"
    assert ParamSpec("at", DataType.DATETIME, datetime(2026, 11, 28, 9)).to_json()["default"] == "2026-11-28T09:00:00"  # noqa: DTZ001 - as models have them


UNLIKE_MLFLOW = {
    # MLflow writes such names as lists, and cannot read them.
    "frame with names in two levels",
    # To MLflow an `object()` is a string.
    "object",
}


def test_signatures_of_data_are_those_that_mlflow_infers() -> None:
    answers = signature_answers()["data"]
    found = {name: infer_signature(given).to_dict() for name, given in data().items()}
    assert found.keys() == answers.keys()
    assert {name for name in found if found[name] != answers[name]} == UNLIKE_MLFLOW


def test_signatures_of_params_are_those_that_mlflow_infers() -> None:
    found: dict[str, Any] = {}
    for name, given in params().items():
        try:
            found[name] = infer_signature("a", params=given).to_dict()["params"]
        except InvalidArgument:
            found[name] = "refused"
    answers = {
        name: answer if isinstance(answer, str) else "refused" for name, answer in signature_answers()["params"].items()
    }
    assert found == answers


def test_signatures_that_mlflow_infers_are_written_as_they_are_read() -> None:
    answers = signature_answers()["data"]
    del answers["frame with names in two levels"]
    for answer in answers.values():
        assert Signature.from_dict(answer).to_dict() == answer


def test_signature_is_inferred_of_what_a_model_takes_and_gives() -> None:
    frame = pd.DataFrame({"x": [1.5, float("nan")], "n": [1, 2]})
    signature = infer_signature(frame, np.array([1.0, 2.0]), {"k": 3})
    columns = (ColumnSpec(DataType.DOUBLE, "x", required=False), ColumnSpec(DataType.LONG, "n"))
    outputs = Schema((TensorSpec(np.dtype("float64"), (-1,)),))
    assert signature == Signature(Schema(columns), outputs, ParamSchema((ParamSpec("k", DataType.LONG, 3),)))


def test_signature_is_inferred_of_sparse_arrays() -> None:
    signature = infer_signature(sparse.csr_array(np.ones((2, 3))))
    assert signature.inputs == Schema((TensorSpec(np.dtype("float64"), (-1, 3)),))


def test_data_of_which_nothing_can_be_said_is_any(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "trivet"):
        signature = infer_signature(pd.DataFrame({"x": [1j]}))
    assert signature.inputs == Schema((ColumnSpec(AnyType()),))
    assert "the model's input, so nothing of it will be checked" in caplog.text
    assert "complex128" in caplog.text


def test_signature_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="needs inputs, outputs or params"):
        infer_signature(None)


def test_public_module_names_what_it_has() -> None:
    assert [name for name in trivet.models.__all__ if not hasattr(trivet.models, name)] == []
    assert sorted(trivet.models.__all__) == trivet.models.__all__
