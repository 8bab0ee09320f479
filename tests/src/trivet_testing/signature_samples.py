"""Data of every kind that models are asked with, for Trivet's signatures and MLflow's own.

MLflow's environment imports this too, so it has nothing of the project in it.
"""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import sparse

DAY: Final = dt.date(2026, 11, 28)
TIME: Final = dt.datetime(2026, 11, 28, 9, 30, 15, 250)  # noqa: DTZ001 - signatures know no time zones
NAN: Final = float("nan")
TYPES: Final = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")


def columns() -> dict[str, Any]:
    """Columns of frames."""
    texts = pd.Series(["a", "b", "a"])
    return {
        "bool": pd.Series([True, False, True]),
        "int8": pd.Series([1, 2, 3], dtype="int8"),
        "int32": pd.Series([1, 2, 3], dtype="int32"),
        "int64": pd.Series([1, 2, 3]),
        "int64 of bits": pd.Series([1, 0, 1]),
        "uint8": pd.Series([1, 2, 3], dtype="uint8"),
        "uint32": pd.Series([1, 2, 3], dtype="uint32"),
        "uint64": pd.Series([1, 2, 3], dtype="uint64"),
        "float16": pd.Series([1.5, 2.5, 3.5], dtype="float16"),
        "float32": pd.Series([1.5, 2.5, 3.5], dtype="float32"),
        "float64": pd.Series([1.5, 2.5, 3.5]),
        "whole floats": pd.Series([1.0, 2.0, 3.0]),
        "whole floats with a missing one": pd.Series([1.0, NAN, 3.0]),
        "floats with a missing one": pd.Series([1.5, NAN, 3.0], dtype="float32"),
        "nothing but missing floats": pd.Series([NAN, NAN]),
        "complex": pd.Series([1j, 2j]),
        "texts": texts,
        "texts with a missing one": pd.Series([None, "a", NAN]),
        "texts as objects": texts.astype(object),
        "texts as strings": texts.astype("string"),
        "categories of texts": texts.astype("category"),
        "categories of numbers": pd.Series([1, 2, 1]).astype("category"),
        "nullable integers": pd.Series([1, 2, 3], dtype="Int64"),
        "nullable integers with a missing one": pd.Series([1, None, 3], dtype="Int64"),
        "nullable small integers": pd.Series([1, 2], dtype="Int8"),
        "nullable booleans": pd.Series([True, False], dtype="boolean"),
        "nullable booleans with a missing one": pd.Series([True, None], dtype="boolean"),
        "nullable floats": pd.Series([1.5, None], dtype="Float64"),
        "bytes": pd.Series([b"a", b"bc"]),
        "bytearrays": pd.Series([bytearray(b"a")]),
        "days": pd.Series([DAY, DAY]),
        "days with a missing one": pd.Series([DAY, None]),
        "times": pd.Series([TIME, TIME]),
        "times in seconds": pd.Series([TIME, TIME]).astype("datetime64[s]"),
        "times with a missing one": pd.Series([TIME, pd.NaT]),
        "times as objects": pd.Series([TIME, TIME], dtype=object),
        "times in a time zone": pd.Series([TIME]).dt.tz_localize("UTC"),
        "times as texts": pd.Series(["2026-11-28T09:30:00"]),
        "durations": pd.Series([dt.timedelta(days=1)]),
        "decimals": pd.Series([decimal.Decimal("1.5"), decimal.Decimal(2)]),
        "objects that are booleans": pd.Series([True, False], dtype=object),
        "objects that are booleans with a missing one": pd.Series([True, None], dtype=object),
        "objects that are numbers": pd.Series([1, 2], dtype=object),
        "objects that are floats with a missing one": pd.Series([1.5, None], dtype=object),
        "objects of several types": pd.Series([1, "a", 2.5], dtype=object),
        "nothing but missing objects": pd.Series([None, None], dtype=object),
        "lists": pd.Series([[1, 2], [3]]),
        "lists of texts with missing ones": pd.Series([["a", None], [], None]),
        "lists of several types": pd.Series([[1, "a"]]),
        "lists of lists": pd.Series([[[1.5]], [[2.5], []]]),
        "arrays": pd.Series([np.array([1.5, 2.5]), np.array([3.5, 4.5])]),
        "arrays of two dimensions": pd.Series([np.ones((2, 2)), np.ones((2, 2))]),
        "empty arrays": pd.Series([np.array([])]),
        "dicts": pd.Series([{"a": 1, "b": "x"}, {"a": 2}]),
        "dicts with missing values": pd.Series([{"a": None, "b": {"c": 1.5}}, {"b": None}]),
        "dicts of several types": pd.Series([{"a": 1}, {"a": "x"}]),
        "no objects": pd.Series([], dtype=object),
        "no texts": pd.Series([], dtype="str"),
        "no floats": pd.Series([], dtype="float64"),
    }


def data() -> dict[str, Any]:
    """Data of which something is to be inferred."""
    frame = pd.DataFrame({"x": [1.5, 2.5], "n": [1, 2], "s": ["a", "b"]})
    dense = np.arange(6.0).reshape(2, 3)
    return {
        "frame": frame,
        "frame without rows": frame.iloc[:0],
        "frame without columns": pd.DataFrame(),
        "frame without names": pd.DataFrame([[1, 2.5]]),
        "frame with names that are numpy's": pd.DataFrame([[1, 2.5]], columns=np.array([3, 4])),
        "frame with a name twice": pd.DataFrame([[1, 2]], columns=["a", "a"]),
        "frame with names in two levels": pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])),
        "frame of one column that cannot be said": pd.DataFrame({"a": [1], "b": [1j]}),
        "named series": pd.Series([1, 2], name="y"),
        "series with a missing value": pd.Series([1.5, NAN]),
        "array": dense,
        "array of one dimension": np.array([1, 2], dtype="int32"),
        "array of three dimensions": np.zeros((2, 3, 4), dtype="uint8"),
        "array without dimensions": np.array(1.5),
        "array of texts": np.array(["a", "bcd"]),
        "array of bytes": np.array([b"a", b"bcd"]),
        "array of objects": np.array(["a", None], dtype=object),
        "array of times": np.array([TIME], dtype="datetime64[s]"),
        "array of complex": np.array([1j]),
        "array without rows": np.zeros((0, 3), dtype="float32"),
        "dict of arrays": {"a": dense, "b": np.array([True, False])},
        "dict of an array and more": {"a": dense, "b": [1, 2]},
        "dict of an array without dimensions": {"a": np.array(1)},
        "empty dict": {},
        "matrix of rows": sparse.csr_matrix(dense),
        "matrix of columns": sparse.csc_matrix(dense.astype("float32")),
        "matrix of coordinates": sparse.coo_matrix(dense),
        "text": "hello",
        "number": 3,
        "float": 2.5,
        "boolean": True,
        "bytes value": b"abc",
        "day": DAY,
        "time": TIME,
        "time of numpy": np.datetime64("2026-11-28"),
        "number of numpy": np.float32(1.5),
        "small number of numpy": np.int16(3),
        "missing number": NAN,
        "tuple": (1, 2),
        "set": {1},
        "object": object(),
        "empty list": [],
        "list of texts": ["a", "b"],
        "list of texts with a missing one": ["a", None],
        "list of numbers": [1, 2],
        "list of floats and missing ones": [NAN, 1.5, None],
        "list of numbers and floats": [1, 2.5],
        "list of missing ones": [None, None],
        "list of lists": [[1, 2], [3]],
        "list of lists, some empty": [[], ["a"]],
        "list of lists of several types": [["a"], [1]],
        "list of days": [DAY, DAY],
        "list of bytes": [b"a", bytearray(b"b")],
        "list of arrays": [np.array([1.5]), np.array([2.5])],
        "list of empty arrays": [np.array([]), np.array([])],
        "list of small arrays": [np.array([1], dtype="int16")],
        "list of dicts": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
        "list of dicts with other keys": [{"a": 1}, {"a": 2, "b": "y"}, {"b": None}],
        "list of dicts with missing values": [{"a": None, "b": [None]}, {"a": 1.5, "b": ["x"]}],
        "list of dicts in dicts": [{"a": {"b": 1, "c": {"d": "x"}}}, {"a": {"c": {"e": [1.5]}}}],
        "list of dicts of several types": [{"a": 1}, {"a": "x"}],
        "list of dicts and more": [{"a": 1}, 2],
        "list of dicts with numbers as keys": [{1: "x"}],
        "list of empty dicts": [{}, {}],
        "dict of values": {"a": 1, "b": "x", "c": None, "d": 1.5},
        "dict of lists": {"a": ["x", "y"], "b": [1, 2], "c": [], "d": [None, 1.5]},
        "dict of dicts": {"a": {"b": 1, "c": [{"d": TIME}, {"d": None, "e": b"x"}]}, "f": {}},
        "dict of lists of dicts": {"messages": [{"role": "user", "content": "hi"}, {"role": "system", "n": 1}]},
        "dict with numbers as keys": {1: "x"},
        "dict of a list with an empty array": {"a": [np.array([])]},
        **{f"column of {name}": pd.DataFrame({"c": column}) for name, column in columns().items()},
    }


def params() -> dict[str, dict[Any, Any]]:
    """Params of which something is to be inferred."""
    values: dict[str, Any] = {
        "number": 3,
        "float": 0.5,
        "boolean": True,
        "text": "a",
        "bytes": b"a",
        "none": None,
        "day": DAY,
        "time": TIME,
        "number of numpy": np.int64(3),
        "integer of numpy": np.int32(3),
        "small number of numpy": np.int16(3),
        "float of numpy": np.float64(0.5),
        "small float of numpy": np.float32(0.5),
        "boolean of numpy": np.bool_(True),  # noqa: FBT003 - a value like the others
        "text of numpy": np.str_("a"),
        "missing": NAN,
        "list of numbers": [1, 2],
        "list of numbers and floats": [1, 2.5],
        "list of texts": ["a", "b"],
        "list of numbers and texts": [1, "a"],
        "list of days": [DAY],
        "list of days and texts": [DAY, "a"],
        "empty list": [],
        "list of lists": [[1]],
        "list of dicts": [{"a": 1}],
        "array": np.array([1.5, 2.5]),
        "array of two dimensions": np.ones((2, 2)),
        "dict": {"a": 1, "b": {"c": "x"}},
        "dict of lists": {"a": [1, 2]},
        "empty dict": {},
        "tuple": (1, 2),
        "object": object(),
    }
    return {name: {"p": value} for name, value in values.items()} | {
        "several": {"a": 1, "b": "x"},
        "number as a name": {1: 2},
    }


def examples() -> dict[str, Any]:
    """Examples that are kept beside models."""
    frame = pd.DataFrame({"x": [1.5, 2.5], "n": [1, 2], "s": ["a", "b"]})
    dense = np.arange(6.0).reshape(2, 3)
    return {
        "frame": frame,
        "frame with an index": frame.set_index(pd.Index([7, 3])),
        "frame without names": pd.DataFrame(dense),
        "frame with missing values": pd.DataFrame({"x": [1.5, NAN], "s": ["a", None]}),
        "frame of times and bytes": pd.DataFrame(
            {"t": np.array([TIME], "datetime64[ns]"), "b": [b"abc"], "f": np.array([1.5], "float32")}
        ),
        "frame of lists and dicts": pd.DataFrame({"a": [[1, 2]], "o": [{"b": "x"}]}),
        "frame with params": (frame, {"k": 3, "day": DAY}),
        "frame without params": (frame, {}),
        "array": dense,
        "array of another type": np.array([[1, 2]], dtype="int32"),
        "array with missing values": np.array([1.5, NAN]),
        "array of texts": np.array(["a", "bcd"]),
        "array of times": np.array(["2026-11-28"], dtype="datetime64[s]"),
        "array with params": (dense, {"k": [1, 2]}),
        "dict of arrays": {"a": dense, "b": np.array([True, False])},
        "matrix of rows": sparse.csr_matrix(dense),
        "matrix of columns": sparse.csc_matrix(dense),
        "dict": {"a": 1, "b": ["x", "y"], "c": {"d": None}},
        "dict with params": ({"a": 1}, {"k": 3}),
        "dict of a chat": {"messages": [{"role": "user", "content": "hi"}]},
        "dict of a chat with params": ({"messages": [{"role": "user", "content": "hi"}]}, {"k": 3}),
        "list": ["a", "b"],
        "list of dicts": [{"a": 1}, {"a": 2, "b": "x"}],
        "text": "hello",
        "number": 3,
        "number of numpy": np.float32(1.5),
        "time": TIME,
        "bytes": b"abc",
        "list of arrays": [dense],
        "dict of an array and more": {"a": dense, "b": 1},
        "tuple": (1, 2),
        "object": object(),
        "list of objects": [object()],
    }


def told(value: Any) -> Any:
    """What JSON can tell of something that a model is asked with: its types, shapes and values."""
    if isinstance(value, pd.DataFrame):
        index = [str(each) for each in value.index]
        columns_ = [
            [str(name), str(value.dtypes.iloc[i]), told(value.iloc[:, i].tolist())] for i, name in enumerate(value)
        ]
        return {"frame": columns_, "index": index}
    if sparse.issparse(value):
        return {"matrix": value.format, "dtype": str(value.dtype), "dense": told(value.toarray().tolist())}
    if isinstance(value, np.ndarray):
        kind = value.dtype.str if value.dtype.kind not in "US" else value.dtype.kind
        return {"array": kind, "shape": value.shape, "values": told(value.tolist())}
    if isinstance(value, dict):
        return {str(key): told(each) for key, each in value.items()}
    if isinstance(value, list):
        return [told(each) for each in value]
    return f"{type(value).__name__} {value!r}"
