"""Data and params that models are asked with, each with the schema of its model, for Trivet's signatures and MLflow's.

MLflow's environment imports this too, so it has nothing of the project in it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import sparse

from trivet_testing.signature_samples import TIME, TYPES, columns, params


def _column(type_: Any, name: str | None = None, *, required: bool = True) -> dict[str, Any]:
    described = {"type": type_} if isinstance(type_, str) else type_
    return described | ({} if name is None else {"name": name}) | {"required": required}


def _tensor(dtype: str, *shape: int, name: str | None = None) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}} | (
        {} if name is None else {"name": name}
    )


ARRAY: Final = {"type": "array", "items": {"type": "long"}}
MAP: Final = {"type": "map", "values": {"type": "double"}}
OBJECT: Final = {
    "type": "object",
    "properties": {
        "a": {"type": "long", "required": True},
        "b": {"type": "string", "required": False},
        "c": {"type": "array", "items": {"type": "double"}, "required": False},
        "d": {"type": "object", "properties": {"e": {"type": "boolean", "required": True}}, "required": False},
    },
}


def asked() -> Iterator[tuple[str, Any, str]]:
    """Data that a model of a schema, in JSON, is asked with; each with a name."""
    found = [*_asked_of_types(), *_asked_of_columns(), *_asked_of_nested(), *_asked_of_tensors()]
    for name, given, described in found:
        yield name, given, json.dumps(described)


def _asked_of_types() -> Iterator[tuple[str, Any, Any]]:
    for name, column in columns().items():
        for each in TYPES:
            yield f"{name} as {each}", pd.DataFrame({"c": column}), [_column(each, "c")]
    for name in ("texts", "int64", "floats with a missing one", "texts with a missing one", "days with a missing one"):
        for each in TYPES:
            yield (
                f"{name} as optional {each}",
                pd.DataFrame({"c": columns()[name]}),
                [_column(each, "c", required=False)],
            )


def _asked_of_columns() -> Iterator[tuple[str, Any, Any]]:
    schema = [_column("double", "x"), _column("string", "s"), _column("long", "n", required=False)]
    unnamed = [_column("double"), _column("long")]
    text, number = [_column("string")], [_column("double", "x")]
    frame = pd.DataFrame({"x": [1.5, 2.5], "s": ["a", "b"], "n": [1, 2]})
    small = pd.DataFrame([[1.5, 2]])
    yield "frame", frame, schema
    yield "frame with an index", frame.set_index(pd.Index([7, 3])), schema
    yield "frame with an index twice", frame.set_index(pd.Index([7, 7])), schema
    yield (
        "frame to be converted with an index twice",
        frame.astype({"x": "float32"}).set_index(pd.Index([7, 7])),
        schema,
    )
    yield "frame in another order", frame[["n", "s", "x"]], schema
    yield "frame with more columns", frame.assign(z=1), schema
    yield "frame without the optional one", frame[["x", "s"]], schema
    yield "frame without one", frame[["x", "n"]], schema
    yield "frame without any", frame[[]], schema
    yield "frame without rows", frame.iloc[:0], schema
    yield "frame with a column twice", frame[["x", "s", "s"]], schema
    yield "frame with another column twice", frame.assign(z=1)[["x", "s", "z", "z"]], schema
    yield "frame with numbers as names", small, schema
    yield "frame of unnamed columns", small, unnamed
    yield "frame of too many unnamed columns", pd.DataFrame([[1.5, 2, 3]]), unnamed
    yield "frame of too few unnamed columns", pd.DataFrame([[1.5]]), unnamed
    yield "frame of unnamed columns with names", pd.DataFrame({"a": [1.5], "b": [2]}), unnamed
    yield (
        "frame of unnamed columns to be converted",
        pd.DataFrame({"a": np.array([1.5], "float32"), "b": np.array([2], "int8")}),
        unnamed,
    )
    yield "frame of unnamed columns of the wrong types", pd.DataFrame({"a": ["x"], "b": [2]}), unnamed
    yield "series", pd.Series([1.5, 2.5], name="x"), number
    yield "series with another name", pd.Series([1.5, 2.5], name="y"), number
    yield "series without a name", pd.Series([1.5, 2.5]), [_column("double")]
    yield "text", "hello", text
    yield "text for a named column", "hello", [_column("string", "s")]
    yield "number for a text", 3, text
    yield "float", 2.5, [_column("double")]
    yield "bytes", b"abc", [_column("binary")]
    yield "time", TIME, [_column("datetime")]
    yield "none", None, text
    yield "list of texts", ["a", "b"], text
    yield "list of floats", [1.5, 2.5], [_column("double")]
    yield "list of numbers", [1, 2], [_column("double")]
    yield "list of rows", [[1.5, 2], [2.5, 3]], unnamed
    yield "list of rows for names", [[1.5, "a"]], schema
    yield "list of rows of several lengths", [[1.5, 2], [2.5]], unnamed
    yield "list of dicts", [{"x": 1.5, "s": "a"}, {"x": 2.5, "s": "b"}], schema
    yield "list of dicts with missing values", [{"x": 1.5, "s": "a", "n": 1}, {"s": "b"}], schema
    yield "empty list", [], text
    yield "array", np.array([[1.5, 2.5]]), [_column("double"), _column("double")]
    yield "array for names", np.array([[1.5, 2.5]]), schema
    yield "array of one dimension", np.array([1.5, 2.5]), [_column("double")]
    yield "array of one dimension for one name", np.array([1.5, 2.5]), number
    yield "array of three dimensions", np.ones((1, 2, 3)), unnamed
    yield "array without dimensions", np.array(1.5), [_column("double")]
    yield "dict of lists", {"x": [1.5, 2.5], "s": ["a", "b"]}, schema
    yield "dict of lists of several lengths", {"x": [1.5, 2.5], "s": ["a"]}, schema
    yield "dict of arrays", {"x": np.array([1.5, 2.5]), "s": np.array(["a", "b"])}, schema
    yield "dict of arrays of two dimensions", {"x": np.ones((2, 2)), "s": np.array(["a", "b"])}, schema
    yield "dict of values", {"x": 1.5, "s": "a"}, schema
    yield "dict of values and a missing one", {"x": 1.5, "s": None}, schema
    yield "dict of values and lists", {"x": 1.5, "s": ["a", "b"]}, schema
    yield "dict of texts of numpy", {"s": np.array("a")}, [_column("string", "s")]
    yield "dict of values and tuples", {"x": (1.5, 2.5), "s": ("a", "b")}, schema
    yield "empty dict", {}, schema
    yield "tuple", (1.5, "a"), schema
    yield "matrix", sparse.csr_matrix([[1.5]]), number


def _asked_of_nested() -> Iterator[tuple[str, Any, Any]]:
    cells: Mapping[str, list[Any]] = {
        "lists": [[1, 2], []],
        "lists of floats": [[1.5]],
        "lists of whole floats": [[1.0]],
        "lists with missing values": [[1, None]],
        "lists of texts": [["a"]],
        "arrays": [np.array([1, 2]), np.array([3, 4])],
        "arrays of integers": [np.array([1, 2], dtype="int32")],
        "arrays of floats": [np.array([1.5, 2.5])],
        "arrays of two dimensions": [np.ones((2, 2), dtype="int64")],
        "numbers": [1, 2],
        "missing values": [None],
        "dicts": [{"a": 1, "b": "x"}],
        "dicts of floats": [{"a": 1.5, "b": 2.5}],
        "dicts with all keys": [{"d": {"e": True}, "c": [1.5, 2.5], "b": "x", "a": 1}],
        "dicts with missing values": [{"a": 1, "b": None, "c": None, "d": None}],
        "dicts with a missing number": [{"a": None}],
        "dicts without one": [{"b": "x"}],
        "dicts with more": [{"a": 1, "z": 1}],
        "dicts of the wrong types": [{"a": "x"}],
        "dicts of dicts of the wrong types": [{"a": 1, "d": {"e": 3}}],
        "dicts of integers": [{"a": np.int32(3)}],
        "empty dicts": [{}],
        "dicts with numbers as keys": [{1: 1.5}],
    }
    for name, values in cells.items():
        for type_name, described in (("array", ARRAY), ("map", MAP), ("object", OBJECT), ("any", {"type": "any"})):
            for required in (True, False):
                said = "" if required else "optional "
                # MLflow changes the dicts that it is given.
                frame = pd.DataFrame({"c": pd.Series(copy.deepcopy(values), dtype=object)})
                yield f"{name} as {said}{type_name}", frame, [_column(described, "c", required=required)]
    yield from _asked_of_lists()
    yield "dict as a row of lists", {"c": [1, 2]}, [_column(ARRAY, "c")]
    yield "dict as a row of dicts", {"c": {"a": 1}}, [_column(OBJECT, "c")]
    yield "dict of lists of dicts for objects", {"c": [{"a": 1}]}, [_column(OBJECT, "c")]
    yield "dict of lists of maps", {"c": [{"a": 1.5}]}, [_column(MAP, "c")]
    yield "list of dicts for objects", [{"c": {"a": 1}}, {"c": {"a": 2, "b": "x"}}], [_column(OBJECT, "c")]
    yield "list of dicts for unnamed objects", pd.DataFrame({"c": [{"a": 1}]}), [_column(OBJECT)]
    yield "whatever as any", [1, "a"], [_column("any")]
    yield "a vector", pd.DataFrame({"c": [[1.5, 2.5]]}), [_column("sparkml_vector", "c")]
    yield "a vector of numbers", pd.DataFrame({"c": [[2, 3]]}), [_column("sparkml_vector", "c")]


def _asked_of_lists() -> Iterator[tuple[str, Any, Any]]:
    lists: Mapping[str, Any] = {
        "texts": ["a", "b"],
        "floats": [1.5, 2.5],
        "bits": [0, 1],
        "numbers": [2, 3],
        "booleans": [True, False],
        "bytes": [b"a", b"b"],
    }
    for name, values in lists.items():
        for each in TYPES:
            schema = [_column({"type": "array", "items": {"type": each}}, "c")]
            yield f"list of {name} as an array of {each}", pd.DataFrame({"c": [values]}), schema
            yield f"array of {name} as an array of {each}", pd.DataFrame({"c": [np.array(values)]}), schema
    nested = {"type": "array", "items": ARRAY}
    yield "lists of lists", pd.DataFrame({"c": [[[1], [2, 3]]]}), [_column(nested, "c")]
    yield "lists of lists of floats", pd.DataFrame({"c": [[[1], [2.5]]]}), [_column(nested, "c")]
    yield "array of two dimensions", pd.DataFrame({"c": [np.array([[1, 2]])]}), [_column(nested, "c")]
    yield (
        "lists of any",
        pd.DataFrame({"c": [[1, "a"], [], None]}),
        [_column({"type": "array", "items": {"type": "any"}}, "c")],
    )


def _asked_of_tensors() -> Iterator[tuple[str, Any, Any]]:
    dense = np.arange(6.0).reshape(2, 3)
    one, named = [_tensor("float64", -1, 3)], [_tensor("float64", -1, 3, name="a"), _tensor("str", -1, name="b")]
    texts = np.array(["x", "yz"])
    ragged = np.array([np.ones((1, 2)), np.ones((2, 2))], dtype=object)
    numbers = pd.DataFrame(dense)
    yield "tensor", dense, one
    yield "tensor of another type", dense.astype("float32"), one
    yield "tensor of another width", dense[:, :2], one
    yield "tensor of other dimensions", dense[0], one
    yield "tensor with a fixed size", dense, [_tensor("float64", 2, 3)]
    yield "tensor with another fixed size", dense, [_tensor("float64", 3, 3)]
    yield "tensor of objects", ragged, [_tensor("object", -1)]
    yield "ragged tensor", ragged, [_tensor("float64", -1, -1, 2)]
    yield "ragged tensor of a fixed shape", ragged, [_tensor("float64", -1, 2, 2)]
    yield "tensor of texts", texts, [_tensor("str", -1)]
    yield "tensor of bytes", np.array([b"x"]), [_tensor("bytes", -1)]
    yield "tensor as a list", dense.tolist(), one
    yield "tensor as a number", 1.5, one
    yield "tensor as a dict", {"a": dense}, one
    yield "matrix of rows", sparse.csr_matrix(dense), one
    yield "matrix of columns", sparse.csc_matrix(dense), one
    yield "matrix of another type", sparse.csr_matrix(dense.astype("float32")), one
    yield "matrix of another width", sparse.csr_matrix(dense[:, :2]), one
    yield "matrix of coordinates", sparse.coo_matrix(dense), one
    yield "named tensors", {"a": dense, "b": texts}, named
    yield "named tensors and more", {"a": dense, "b": texts, "c": texts}, named
    yield "named tensors without one", {"a": dense}, named
    yield "named tensors as lists", {"a": dense.tolist(), "b": ["x", "y"]}, named
    yield "named tensors of another type", {"a": dense.astype("float32"), "b": texts}, named
    yield "named tensors as an array", dense, named
    yield "one named tensor as an array", dense, named[:1]
    yield "one named tensor as a list", dense.tolist(), named[:1]
    yield "frame as a tensor", numbers, one
    yield "frame of another width as a tensor", numbers[[0, 1]], one
    yield "frame of another type as a tensor", numbers.astype("float32"), one
    yield "frame of several types as a tensor", pd.DataFrame({"a": [1.5], "b": [1], "c": ["x"]}), one
    yield "frame without rows as a tensor", numbers.iloc[:0], one
    yield "frame of lists as a tensor", pd.DataFrame({"a": dense.tolist()}), one
    yield "frame of arrays as a tensor", pd.DataFrame({"a": list(dense)}), one
    yield "frame of lists of another width as a tensor", pd.DataFrame({"a": [[1.5], [2.5]]}), one
    yield "frame of lists of several widths as a tensor", pd.DataFrame({"a": [[1.5, 2.5, 3.5], [2.5]]}), one
    yield "frame of lists of texts as a tensor", pd.DataFrame({"a": [["x", "y", "z"]]}), one
    yield "frame of dicts as a tensor", pd.DataFrame({"a": [{"b": 1}]}), one
    yield "frame of flattened arrays", pd.DataFrame({"a": [np.arange(4.0)] * 2}), [_tensor("float64", -1, 2, 2)]
    yield "frame of lists as named tensors", pd.DataFrame({"b": texts, "a": dense.tolist()}), named
    yield "frame of lists as named tensors without one", pd.DataFrame({"a": dense.tolist()}), named
    yield "series as a tensor", pd.Series([1.5, 2.5]), [_tensor("float64", -1)]
    yield "series as a tensor of a column", pd.Series([1, 2]), [_tensor("float64", -1, 1)]
    yield "series as a wide tensor", pd.Series([1.5, 2.5]), one
    yield "series of texts as a tensor", pd.Series(["x", "y"]), [_tensor("str", -1)]
    yield "series of texts as a tensor of numbers", pd.Series(["x", "y"]), [_tensor("float64", -1)]
    yield "series as a tensor of a fixed size", pd.Series([1.5, 2.5]), [_tensor("float64", 2)]


def steered() -> Iterator[tuple[str, Any, str | None]]:
    """Params with which a model of params, in JSON, is asked; each with a name."""
    types = [each for each in TYPES if each != "binary"]
    values = {name: given["p"] for name, given in params().items() if "p" in given}
    values |= {"day as a text": "2026-11-28", "no day": "soon", "large number": 2**40, "number that is a float": 2.0}
    for each in types:
        for shape in (None, [-1]):
            spec = {"name": "p", "type": each, "default": None if shape is None else [], "shape": shape}
            for name, value in values.items():
                yield f"{name} as {each}{'' if shape is None else ' list'}", {"p": value}, json.dumps([spec])
    described = json.dumps([{"name": "p", "default": {"a": 1}, "shape": None, **OBJECT}])
    for name, value in values.items():
        yield f"{name} as object", {"p": value}, described
    yield "dict of the wrong types as object", {"p": {"a": "x"}}, described
    yield "dict with more as object", {"p": {"a": 1, "z": 1}}, described
    several = json.dumps(
        [
            {"name": "k", "type": "long", "default": 3, "shape": None},
            {"name": "names", "type": "string", "default": ["a"], "shape": [-1]},
        ]
    )
    yield "nothing", None, several
    yield "no params", {}, several
    yield "one of two", {"k": 4}, several
    yield "unknown ones", {"k": 4, "z": 1, "y": 2}, several
    yield "numbers as names", {1: 2}, several
    yield "a list", [1], several
    yield "no schema and nothing", None, None
    yield "no schema and no params", {}, None
    yield "no schema and params", {"k": 1}, None
