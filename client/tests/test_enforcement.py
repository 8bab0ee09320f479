"""Data and params that a model is asked with: what its signature takes, makes of them, and refuses."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from trivet import InvalidArgument
from trivet._models.enforcement import enforce_input, enforce_params
from trivet.models import (
    ArrayType,
    ColumnSpec,
    DataType,
    MapType,
    ObjectType,
    ParamSchema,
    ParamSpec,
    Property,
    Schema,
    TensorSpec,
)
from trivet_testing.enforcement_samples import asked, steered
from trivet_testing.signature_answers import signature_answers
from trivet_testing.signature_samples import told

NAN = float("nan")
FLOAT64 = np.dtype("float64")
TABLE = Schema(
    (
        ColumnSpec(DataType.DOUBLE, "x"),
        ColumnSpec(DataType.STRING, "s"),
        ColumnSpec(DataType.LONG, "n", required=False),
    )
)
UNLIKE_MLFLOW = {
    # No rows of objects become integers with MLflow, whatever the type.
    "no objects as double",
    # Trivet leaves columns of any type as they are.
    "numbers as any",
    "numbers as optional any",
    # In lists MLflow converts texts, bytes and booleans into each other.
    "list of texts as an array of binary",
    "list of bytes as an array of boolean",
    "list of bytes as an array of string",
}
REFUSED = "refused"


@pytest.mark.filterwarnings("ignore:Constructing a DataFrame from a list of sequences")
def test_data_is_taken_refused_and_converted_as_mlflow_does() -> None:
    answers = signature_answers()["asked"]
    found = {}
    for name, given, described in asked():
        try:
            found[name] = json.loads(json.dumps(told(enforce_input(given, Schema.from_json(described)))))
        except InvalidArgument:
            found[name] = REFUSED
    assert {name for name in found if found[name] != _without_reason(answers[name])} == UNLIKE_MLFLOW
    assert found.keys() == answers.keys()


def test_params_are_taken_refused_and_converted_as_mlflow_does() -> None:
    answers = signature_answers()["steered"]
    found = {}
    for name, given, described in steered():
        try:
            schema = None if described is None else ParamSchema.from_json(described)
            found[name] = json.loads(json.dumps(told(enforce_params(given, schema))))
        except InvalidArgument:
            found[name] = REFUSED
    assert found == {name: _without_reason(answer) for name, answer in answers.items()}


def _without_reason(answer: Any) -> Any:
    return REFUSED if isinstance(answer, dict) and REFUSED in answer else answer


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": [1.5, 2.5], "s": ["a", "b"], "n": [1, 2]}).assign(**columns)


def test_frame_that_is_as_wanted_is_returned_itself() -> None:
    frame = table()
    assert enforce_input(frame, TABLE) is frame


def test_frame_is_put_in_order_and_its_other_columns_are_left_out() -> None:
    frame = table(z=1)[["z", "n", "s", "x"]]
    pd.testing.assert_frame_equal(enforce_input(frame, TABLE), table())
    pd.testing.assert_frame_equal(enforce_input(frame[["s", "x"]], TABLE), table()[["x", "s"]])


def test_frame_that_is_converted_is_not_changed() -> None:
    frame = table(x=np.array([1.5, 2.5], dtype="float32"))
    before = frame.copy()
    assert enforce_input(frame, TABLE).dtypes["x"] == FLOAT64
    pd.testing.assert_frame_equal(frame, before)


def test_dicts_that_are_converted_are_not_changed() -> None:
    schema = Schema((ColumnSpec(ObjectType((Property("a", DataType.LONG),)), "c"),))
    given = {"a": 1}
    assert isinstance(enforce_input(pd.DataFrame({"c": [given]}), schema)["c"][0]["a"], np.int64)
    assert type(given["a"]) is int


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (table().drop(columns="x"), r"lacks the columns \['x'\], which the model needs; it has \['s', 'n'\]"),
        (table()[["x", "s", "s"]], r"has the columns \['s'\] more than once"),
        (table(n=[1.0, NAN]), r"Column 'n' holds float64, and the model takes long. Its missing values .* as double"),
        (
            table(n=[1.0, 2.5]),
            r"Column 'n' holds float64, and the model takes long. Convert it with .astype\('int64'\)",
        ),
        (
            table(x=["a", "b"]),
            r"Column 'x' holds str, and the model takes double. Convert it with .astype\('float64'\)",
        ),
        (table(s=[1, 2]), "Column 's' holds int64, and the model takes string"),
        ({"x": [1.5], "s": ["a", "b"]}, "a dict that is no table"),
        ((1.5, "a"), "The data is a tuple; the model takes a data frame, dict, list"),
    ],
)
def test_data_that_the_model_cannot_take_is_refused_with_what_is_wrong(data: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        enforce_input(data, TABLE)


@pytest.mark.parametrize(
    ("wanted", "column", "message"),
    [
        (DataType.INTEGER, [1, 2], r"holds int64, and the model takes integer. Convert it with .astype\('int32'\)"),
        (DataType.FLOAT, [1.5], r"holds float64, and the model takes float. Convert it with .astype\('float32'\)"),
        (DataType.DOUBLE, [1, 2], r"holds int64, and the model takes double. Convert it with .astype\('float64'\)"),
        (DataType.BOOLEAN, [1, 0], r"holds int64, and the model takes boolean. Convert it with .astype\('bool'\)"),
        (DataType.BINARY, [1], "Convert its values to bytes"),
        (DataType.DATETIME, ["2026-11-28"], "Convert it with pandas.to_datetime"),
        (DataType.DATETIME, pd.to_datetime(["2026-11-28T00:00:00Z"]), "Take away its time zone"),
        (DataType.LONG, pd.array([1, None], dtype="Int64"), "Its missing values"),
    ],
)
def test_column_that_cannot_be_converted_is_refused_with_what_to_do(
    wanted: DataType, column: Any, message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        enforce_input(pd.DataFrame({"c": column}), Schema((ColumnSpec(wanted, "c"),)))


@pytest.mark.parametrize(
    ("wanted", "value", "message"),
    [
        (ArrayType(DataType.LONG), 3, r"Column 'c', row 0 is 3 \(int\); the model takes a list"),
        (ArrayType(DataType.LONG), [1.5], "Column 'c', row 0 holds float64, and the model takes long"),
        (ArrayType(ArrayType(DataType.LONG)), [[1], ["a"]], "Column 'c', row 0, item 1 holds str"),
        (ArrayType(DataType.LONG), np.ones((1, 1)), "takes a list of long"),
        (MapType(DataType.DOUBLE), {1: 1.5}, "row 0 has the key 1; its keys must be strings"),
        (MapType(DataType.DOUBLE), [1.5], "the model takes a dict"),
        (MapType(DataType.DOUBLE), {"a": "x"}, "Column 'c', row 0, key 'a' holds str"),
        (ObjectType((Property("a", DataType.LONG),)), {}, r"lacks the keys \['a'\]"),
        (
            ObjectType((Property("a", DataType.LONG),)),
            {"a": 1, "b": 2},
            r"has the keys \['b'\]; the model knows \['a'\]",
        ),
        (ObjectType((Property("a", DataType.LONG),)), {"a": [1]}, r"key 'a' is \[1\] \(list\); the model takes long"),
    ],
)
def test_value_in_a_column_that_is_wrong_is_refused_with_where_it_is(wanted: Any, value: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        enforce_input(pd.DataFrame({"c": [value]}), Schema((ColumnSpec(wanted, "c"),)))


def test_missing_values_in_lists_stay_missing() -> None:
    schema = Schema((ColumnSpec(ArrayType(DataType.STRING), "c"), ColumnSpec(ArrayType(DataType.DATETIME), "t")))
    at = datetime(2026, 11, 28, 9)  # noqa: DTZ001 - as models have them
    found = enforce_input(pd.DataFrame({"c": [["a", None]], "t": [[at]]}), schema)
    assert found["c"][0] == ["a", None]
    assert found["t"][0] == [at]


def test_unnamed_columns_are_taken_by_their_order() -> None:
    schema = Schema((ColumnSpec(DataType.DOUBLE), ColumnSpec(DataType.LONG)))
    frame = pd.DataFrame([[1.5, 2, "more"]], columns=["a", "a", "b"])
    found = enforce_input(frame, schema)
    assert (found.columns.tolist(), found.to_numpy().tolist()) == (["a", "a"], [[1.5, 2]])
    with pytest.raises(InvalidArgument, match="The data has 1 columns, and the model takes 2"):
        enforce_input(pd.DataFrame([[1.5]]), schema)


def test_sparse_matrix_for_columns_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="The data is a csr_matrix"):
        enforce_input(sparse.csr_matrix([[1.5]]), TABLE)


ONE_TENSOR = Schema((TensorSpec(FLOAT64, (-1, 2)),))
TENSORS = Schema((TensorSpec(FLOAT64, (-1, 2), "a"), TensorSpec(np.dtype("int64"), (-1,), "b")))


@pytest.mark.parametrize(
    ("schema", "data", "message"),
    [
        (ONE_TENSOR, np.ones((3, 3)), r"has the shape \(3, 3\); the model takes float64 of the shape \(-1, 2\)"),
        (ONE_TENSOR, np.ones((3, 2), "float32"), r"holds float32; .* Convert it with .astype\('float64'\)"),
        (ONE_TENSOR, sparse.csr_array(np.ones((3, 3))), r"has the shape \(3, 3\)"),
        (ONE_TENSOR, [[1.5, 2.5]], "a list; the model takes an array .* see numpy.asarray"),
        (ONE_TENSOR, pd.DataFrame(), "The data frame is empty"),
        (ONE_TENSOR, pd.DataFrame([[1.5, 2.5, 3.5]]), "has 3 columns"),
        (ONE_TENSOR, pd.DataFrame({"a": [1.5]}), "Column 'a' holds single values"),
        (ONE_TENSOR, pd.DataFrame({"a": [[1.5]]}), "Column 'a' cannot become float64"),
        (ONE_TENSOR, pd.DataFrame({"a": [[1.5] * 4]}), "values of another size"),
        (ONE_TENSOR, pd.DataFrame({"a": [{"b": 1}]}), "holds values such as {'b': 1}"),
        (TENSORS, {"a": np.ones((3, 2))}, r"lacks \['b'\], which the model needs; it has \['a'\]"),
        (TENSORS, {"a": [[1.5, 2.5]], "b": np.array([1])}, "Tensor 'a' is a list"),
        (TENSORS, {"a": np.ones((1, 2)), "b": np.array([1.5])}, "Tensor 'b' holds float64; the model takes int64"),
        (TENSORS, pd.DataFrame({"a": [[1.5, 2.5]], "b": [1.5]}), "Tensor 'b' holds float64 with fractions"),
        (TENSORS, pd.DataFrame({"a": [], "b": []}), "Tensor 'a' has no rows"),
        (
            TENSORS,
            np.ones((3, 2)),
            r"an? .*array; the model takes a dict of arrays, or a data frame, with \['a', 'b'\]",
        ),
        (Schema((TensorSpec(FLOAT64, (2,)),)), pd.Series([1.5, 2.5]), "any number of rows and are fixed otherwise"),
    ],
)
def test_tensor_that_the_model_cannot_take_is_refused(schema: Schema, data: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        enforce_input(data, schema)


def test_columns_of_frames_become_tensors() -> None:
    frame = pd.DataFrame({"b": [1.0, 2.0], "a": [[1, 2], [3, 4]]}, index=[7, 8])
    found = enforce_input(frame, TENSORS)
    assert [found["a"].tolist(), found["b"].tolist()] == [[[1.0, 2.0], [3.0, 4.0]], [1, 2]]
    assert (found["a"].dtype, found["b"].dtype) == (FLOAT64, np.dtype("int64"))


def test_array_that_is_as_wanted_is_returned_itself() -> None:
    array = np.ones((3, 2))
    assert enforce_input(array, ONE_TENSOR) is array


PARAMS = ParamSchema((ParamSpec("k", DataType.LONG, 3), ParamSpec("names", DataType.STRING, ["a"], (-1,))))


def test_params_that_are_not_given_have_their_defaults() -> None:
    found = enforce_params({"k": 4}, PARAMS)
    assert found == {"k": 4, "names": ["a"]}
    found["names"].append("b")
    assert enforce_params(None, PARAMS) == {"k": 3, "names": ["a"]}


def test_params_that_are_not_known_are_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "trivet"):
        assert enforce_params({"z": 1}, PARAMS) == {"k": 3, "names": ["a"]}
        assert enforce_params({"y": 1}, None) == {}
    assert "does not know the params ['z']" in caplog.text
    assert "{'y': 1} are ignored" in caplog.text


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"k": "a"}, r"The param 'k' is 'a' \(str\); the model takes a long"),
        ({"k": [1]}, r"The param 'k' is \[1\] \(list\)"),
        ({"names": "a"}, "The param 'names' is 'a'; it must be a list of values"),
        ({"names": ["a", 1]}, r"The param 'names' is 1 \(int\)"),
        ([1], r"params is \[1\]; it must be a dict"),
    ],
)
def test_params_of_other_types_are_refused(params: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        enforce_params(params, PARAMS)


@pytest.mark.parametrize("value", ["soon", 3, object()])
def test_param_that_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(InvalidArgument, match="must be a date or a time"):
        enforce_params({"t": value}, ParamSchema((ParamSpec("t", DataType.DATETIME, None),)))


def test_param_that_is_an_object_is_returned_as_it_was_given() -> None:
    schema = ParamSchema((ParamSpec("o", ObjectType((Property("a", DataType.LONG),)), {"a": 1}),))
    given = {"a": 2}
    found = enforce_params({"o": given}, schema)
    assert found is not None
    assert found["o"] is given
    with pytest.raises(InvalidArgument, match="The param 'o', key 'a' holds str"):
        enforce_params({"o": {"a": "x"}}, schema)
