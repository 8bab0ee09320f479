"""Requests for predictions, good and bad, that are sent to Trivet and to MLflow.

The model answers with what it was given, so that answers show whether both understood the same.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from trivet_testing.model_servers import JSON

CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"

RECEIVES: Final = '''
import numpy as np
import pandas as pd

def shown(value):
    """A value with its type: what JSON would not tell apart is told apart."""
    if isinstance(value, pd.DataFrame):
        columns = {str(name): [shown_item(each) for each in value[name].tolist()] for name in value.columns}
        kinds = {str(name): kind_of(value[name].dtype) for name in value.columns}
        return {"frame": columns, "kinds": kinds, "index": [str(each) for each in value.index]}
    if isinstance(value, np.ndarray):
        return {"array": [shown_item(each) for each in value.ravel().tolist()], "kind": kind_of(value.dtype),
                "shape": list(value.shape)}
    if isinstance(value, dict):
        return {name: shown(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shown(each) for each in value]
    return shown_item(value)

def kind_of(dtype):
    # Of texts there are several types, by the length of the longest and the version of pandas.
    return "text" if str(dtype) in ("object", "str", "string") or getattr(dtype, "kind", "") == "U" else str(dtype)

def shown_item(value):
    return None if value is None or value is pd.NA or value != value else repr(value)

return [repr(shown(data)), repr(sorted((params or {}).items()))]
'''
"""What the model does: gives the data and the params that it got."""

GIVES: Final = """
import numpy as np
import pandas as pd

nan = float("nan")
return {
    "doubles": np.array([0.1, 1e300, -0.0]),
    "nan": np.array([nan, float("inf"), 1.0]),
    "floats": np.array([0.1, 2.5], dtype=np.float32),
    "longs": np.array([2**62, -1]),
    "flags": np.array([True, False]),
    "texts": np.array(["a", "é"]),
    "objects": np.array(["a", None, 1.5], dtype=object),
    "matrix": np.array([[1.0, 2.0], [3.0, 4.0]]),
    "frame": pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"], "c": [1, 2]}),
    "holes": pd.DataFrame({"a": [1.5, nan], "b": ["x", None]}),
    "numbered": pd.DataFrame([[1, 2], [3, 4]]),
    "times": pd.DataFrame({"t": pd.to_datetime(["2026-11-02T09:30:00", "2026-11-02T09:30:01"])}),
    "series": pd.Series([1.5, 2.5], name="y"),
    "nameless": pd.Series([1, 2]),
    "list": [1, "a", None, [2.5]],
    "scalars": [np.float64(0.5), np.int32(3), np.bool_(True), np.datetime64("2026-11-02")],
    "dict": {"a": np.array([1, 2]), "b": "x"},
    "text": "é",
    "number": 5,
    "nothing": None,
    "empty": np.array([]),
}[data["gives"].iloc[0]]
"""
"""What the other model does: gives what it is asked for, by the first row of the column `gives`."""
GIVEN: Final = (
    *("doubles", "nan", "floats", "longs", "flags", "texts", "objects", "matrix", "frame", "holes", "numbered"),
    *("times", "series", "nameless", "list", "scalars", "dict", "text", "number", "nothing", "empty"),
)


def _column(kind: str, name: str, *, required: bool = True) -> dict[str, Any]:
    return {"type": kind, "name": name, "required": required}


def _tensor(dtype: str, shape: list[int], name: str | None = None) -> dict[str, Any]:
    return {
        "type": "tensor",
        "tensor-spec": {"dtype": dtype, "shape": shape},
        **({} if name is None else {"name": name}),
    }


SIGNATURES: Final[dict[str, Any]] = {
    "numbers": [_column("double", "a"), _column("double", "b")],
    "mixed": [
        _column("double", "d"),
        _column("long", "l"),
        _column("integer", "i"),
        _column("float", "f"),
        _column("string", "s"),
        _column("boolean", "b"),
        _column("double", "o", required=False),
    ],
    "special": [_column("datetime", "t"), _column("binary", "y")],
    "nested": [{"type": "array", "items": {"type": "double"}, "name": "v", "required": True}],
    "text": [_column("string", "s")],
    "long": [_column("long", "l")],
    "nameless": [{"type": "double", "required": True}, {"type": "double", "required": True}],
    "tensor": [_tensor("float64", [-1, 2])],
    "tensors": [_tensor("float32", [-1, 2], "p"), _tensor("int64", [-1], "q")],
    "flags": [_tensor("bool", [-1])],
    "none": None,
}
PARAMS: Final[list[dict[str, Any]]] = [
    {"name": "level", "type": "long", "default": 1, "shape": None},
    {"name": "mode", "type": "string", "default": "fast", "shape": None},
]
"""Of every signature."""


@dataclass(frozen=True)
class Case:
    """A request."""

    name: str
    signature: str
    body: Any
    """What is no bytes is sent as JSON."""
    content_type: str = JSON
    differs: str = ""
    """Why Trivet answers otherwise; empty where it has to answer the same."""
    status: int = 0
    """What Trivet answers where it answers otherwise."""


def _split(columns: list[str], *rows: list[Any], **more: Any) -> dict[str, Any]:
    return {"dataframe_split": {"columns": columns, "data": list(rows), **more}}


def _records(*records: Any) -> dict[str, Any]:
    return {"dataframe_records": list(records)}


def _parquet(frame: pd.DataFrame) -> bytes:
    written = io.BytesIO()
    frame.to_parquet(written)
    return written.getvalue()


_AB: Final = ["a", "b"]
_MIXED: Final = {"d": 1.5, "l": 2, "i": 3, "f": 0.5, "s": "x", "b": True, "o": 2.5}
_CUT: Final = "MLflow cuts off the digits"
_CUT_OFF: Final = "MLflow takes the first of each row for its name"
_OBJ: Final = "MLflow takes them, whatever their order"
_NONE: Final = "MLflow takes it for missing"
_INF: Final = "MLflow takes it for infinite"

FORMS: Final = (
    # dataframe_split
    Case("split", "numbers", _split(_AB, [1.5, 2], [3, 4.5])),
    Case("split of one row", "numbers", _split(_AB, [1, 2])),
    Case("split in another order", "numbers", _split(["b", "a"], [1, 2], [3, 4])),
    Case("split with more columns", "numbers", _split(["x", "a", "b"], ["z", 1, 2])),
    Case("split with an index", "numbers", _split(_AB, [1, 2], [3, 4], index=[7, 9])),
    Case("split with missing values", "numbers", _split(_AB, [None, 2], [3, 4])),
    Case("split with numbers as texts", "numbers", _split(_AB, ["1.5", "2"])),
    Case("split with booleans for numbers", "numbers", _split(_AB, [True, False])),
    Case("split without columns", "nameless", {"dataframe_split": {"data": [[1, 2]]}}),
    Case("split of mixed types", "mixed", _split(list(_MIXED), list(_MIXED.values()), list(_MIXED.values()))),
    Case("split without a signature", "none", _split(_AB, [1, "x"], [None, "y"])),
    Case("split with params", "numbers", {**_split(_AB, [1, 2]), "params": {"level": 5, "mode": "slow"}}),
    Case("split with a param that is not known", "numbers", {**_split(_AB, [1, 2]), "params": {"other": 5}}),
    Case("split with params that are null", "numbers", {**_split(_AB, [1, 2]), "params": None}),
    Case("split with another key", "numbers", {**_split(_AB, [1, 2]), "other": 5}),
    Case("charset", "numbers", _split(_AB, [1, 2]), "application/json; charset=utf-8"),
    Case("charset in capitals", "numbers", _split(_AB, [1, 2]), "application/json;charset=UTF-8"),
    Case("NaN of Python", "numbers", b'{"dataframe_split": {"columns": ["a", "b"], "data": [[NaN, Infinity]]}}'),
    # dataframe_records
    Case("records", "numbers", _records({"a": 1.5, "b": 2}, {"b": 4.5, "a": 3})),
    Case("records with more columns", "numbers", _records({"a": 1, "b": 2, "c": "x"})),
    Case("records with holes", "numbers", _records({"a": 1, "b": 2}, {"a": 3})),
    Case("records of mixed types", "mixed", _records(_MIXED, _MIXED)),
    Case("records without what is optional", "mixed", _records({k: v for k, v in _MIXED.items() if k != "o"})),
    Case("records with null for what is optional", "mixed", _records({**_MIXED, "o": None}, _MIXED)),
    Case("records of texts of one letter", "text", _records({"s": "a"}, {"s": "b"})),
    Case("records of texts", "text", _records({"s": "abc"}, {"s": "é"})),
    Case("records of times and bytes", "special", _records({"t": "2026-11-02T09:30:00", "y": "aGVsbG8="})),
    Case("records of lists", "nested", _records({"v": [1.5, 2.5]}, {"v": [3.0]})),
    Case("records without a signature", "none", _records({"a": 1, "b": "x"})),
    # instances and inputs
    Case("instances of records", "numbers", {"instances": [{"a": 1.5, "b": 2}, {"a": 3, "b": 4}]}),
    Case("instances of records of mixed types", "mixed", {"instances": [_MIXED, _MIXED]}),
    Case("instances of rows", "tensor", {"instances": [[1, 2], [3, 4.5]]}),
    Case("instances of named tensors", "tensors", {"instances": [{"p": [1, 2], "q": 3}, {"p": [4, 5], "q": 6}]}),
    Case("instances without names", "nameless", {"instances": [[1.0, 2.0], [3.0, 4.0]]}),
    Case("instances of one column", "text", {"instances": ["a", "bc"]}),
    Case("instances without a signature", "none", {"instances": [[1, 2], [3, 4]]}),
    Case("inputs of lists", "numbers", {"inputs": {"a": [1.5, 3], "b": [2, 4]}}),
    Case("inputs of lists of mixed types", "mixed", {"inputs": {name: [value] * 2 for name, value in _MIXED.items()}}),
    Case("inputs of booleans", "flags", {"inputs": [True, False]}),
    Case("inputs of whole numbers with a point", "tensors", {"inputs": {"p": [[1, 2]], "q": [5.0]}}),
    Case("inputs of single values", "numbers", {"inputs": {"a": 1.5, "b": 2}}),
    Case("inputs of records", "numbers", {"inputs": [{"a": 1.5, "b": 2}, {"a": 3, "b": 4}]}),
    Case("inputs of a tensor", "tensor", {"inputs": [[1, 2], [3, 4]]}),
    Case("inputs of named tensors", "tensors", {"inputs": {"p": [[1, 2], [3, 4]], "q": [5, 6]}}),
    Case("inputs of one column", "text", {"inputs": ["a", "bc"]}),
    Case("inputs without a signature", "none", {"inputs": {"a": [1, 2], "b": ["x", "y"]}}),
    Case("inputs of a list without a signature", "none", {"inputs": ["x", "y"]}),
    Case("inputs with params", "tensor", {"inputs": [[1, 2]], "params": {"level": 2}}),
    # tables
    Case("CSV", "numbers", b"a,b\n1.5,2\n3,4\n", CSV),
    Case("CSV with a hole", "numbers", b"a,b\n1.5,\n3,4\n", CSV),
    Case("CSV of mixed types", "mixed", b"d,l,i,f,s,b,o\n1.5,2,3,0.5,x,True,\n1,2,3,4,007,False,1\n", CSV),
    Case("CSV without a signature", "none", b"a,b\n1,x\n", CSV),
    Case("CSV with charset", "numbers", b"a,b\n1,2\n", "text/csv; charset=utf-8"),
    Case("Parquet", "numbers", _parquet(pd.DataFrame({"b": [1.5, 2.5], "a": [3.0, 4.0]})), PARQUET),
    Case("Parquet without a signature", "none", _parquet(pd.DataFrame({"a": [1, 2], "s": ["x", "y"]})), PARQUET),
)
"""What is taken."""

BAD: Final = (
    Case("no body", "numbers", b""),
    Case("no JSON", "numbers", b'{"dataframe_split": '),
    Case("no UTF-8", "numbers", b'{"dataframe_split": "\xff"}'),
    Case("a list", "numbers", b"[1, 2]"),
    Case("a number", "numbers", b"5"),
    Case("nothing of the forms", "numbers", {"data": [[1, 2]]}),
    Case("two of the forms", "numbers", {**_split(_AB, [1, 2]), **_records({"a": 1, "b": 2})}),
    Case("instances and inputs", "tensor", {"instances": [[1, 2]], "inputs": [[1, 2]]}),
    Case("split as a list", "numbers", {"dataframe_split": [1]}),
    Case("split as a text", "numbers", {"dataframe_split": "x"}),
    Case("split without data", "numbers", {"dataframe_split": {"columns": _AB}}),
    Case("split with another key inside", "numbers", _split(_AB, [1, 2], other=5)),
    Case("split with rows too short", "numbers", _split(_AB, [1], [2])),
    Case("a row that is too short", "numbers", _split(_AB, [1, 2], [3]), differs="MLflow fills it up", status=400),
    Case(
        "split of objects",
        "numbers",
        {"dataframe_split": {"columns": _AB, "data": [{"b": 1, "a": 2}]}},
        differs=_OBJ,
        status=400,
    ),
    Case("split of texts", "text", {"dataframe_split": {"columns": ["s"], "data": ["x"]}}, differs=_OBJ, status=400),
    Case("split of texts for rows", "numbers", {"dataframe_split": {"columns": _AB, "data": ["12"]}}),
    Case("split with a name twice", "numbers", _split(["a", "b", "b"], [1, 2, 3])),
    Case("split with rows too long", "numbers", _split(_AB, [1, 2, 3])),
    Case("split with an index too short", "numbers", _split(_AB, [1, 2], [3, 4], index=[1])),
    Case("records as an object", "numbers", {"dataframe_records": {"a": 1, "b": 2}}),
    Case("a column is missing", "numbers", _records({"a": 1})),
    Case("a column is missing in a split", "numbers", _split(["a"], [1])),
    Case("a text for a number", "numbers", _records({"a": "one", "b": 2})),
    Case("a list for a number", "numbers", _records({"a": [1], "b": 2})),
    Case("an object for a number", "numbers", _records({"a": {"x": 1}, "b": 2})),
    Case("a missing long", "mixed", _records({**_MIXED, "l": None})),
    Case("a text for a long", "mixed", _records({**_MIXED, "l": "two"})),
    Case("a number for a text", "mixed", _records({**_MIXED, "s": 5}), differs="MLflow gives the number", status=400),
    Case("a long that is not whole", "mixed", _records({**_MIXED, "l": 1.5}), differs=_CUT, status=400),
    Case("an integer of 64 bits", "mixed", _records({**_MIXED, "i": 2**40}), differs=_CUT, status=400),
    Case(
        "a text for a boolean", "mixed", _records({**_MIXED, "b": "no"}), differs="MLflow takes it for true", status=400
    ),
    Case(
        "a long beyond 64 bits",
        "mixed",
        b'{"dataframe_records": [{"l": 9223372036854775808.0, "d": 1, "i": 1, "f": 1, "s": "x", "b": true}]}',
        differs=_CUT,
        status=400,
    ),
    Case("longs that are not whole, in lists", "long", {"inputs": {"l": [[1.5], [2.5]]}}),
    Case("a number beside texts", "text", {"inputs": ["x", 5]}, differs="MLflow makes it a text", status=400),
    Case("a float that is too large", "mixed", _records({**_MIXED, "f": 1e300}), differs=_INF, status=400),
    Case(
        "a double that is too large",
        "numbers",
        b'{"dataframe_records": [{"a": 1e400, "b": 2}]}',
        differs=_INF,
        status=400,
    ),
    Case("a time that is too large", "special", _records({"t": 1e300, "y": "aGVsbG8="}), differs=_NONE, status=400),
    Case("no time", "special", _records({"t": "yesterday noon", "y": "aGVsbG8="})),
    Case("a number for bytes", "special", _records({"t": "2026-11-02", "y": 5})),
    Case("texts in a list of numbers", "nested", _records({"v": ["x"]})),
    Case("a number for a list", "nested", _records({"v": 5})),
    Case("rows for columns with names", "numbers", {"instances": [[1, 2]]}),
    Case("a tensor of another shape", "tensor", {"inputs": [[1, 2, 3]]}),
    Case("a tensor of texts", "tensor", {"inputs": [["x", "y"]]}),
    Case(
        "a tensor of longs that are not whole",
        "tensors",
        {"inputs": {"p": [[1, 2]], "q": [1.7]}},
        differs=_CUT,
        status=400,
    ),
    Case(
        "a tensor of floats that are too large",
        "tensors",
        {"inputs": {"p": [[1e300, 2]], "q": [1]}},
        differs=_INF,
        status=400,
    ),
    Case(
        "a tensor of texts for booleans", "flags", {"inputs": ["false"]}, differs="MLflow takes it for true", status=400
    ),
    Case("a tensor whose rows differ", "tensor", {"inputs": [[1, 2], [3]]}),
    Case("an object for a tensor without a name", "tensor", {"inputs": {"p": [[1, 2]]}}),
    Case("a tensor is missing", "tensors", {"inputs": {"p": [[1, 2]]}}),
    Case("lists of different lengths", "numbers", {"instances": {"a": [1, 2], "b": [1]}}),
    Case("params as a list", "numbers", {**_split(_AB, [1, 2]), "params": [1]}),
    Case("a param of another type", "numbers", {**_split(_AB, [1, 2]), "params": {"level": "high"}}),
    Case("no CSV", "numbers", b'a,b\n1,2,3\n"', CSV),
    Case("empty CSV", "numbers", b"", CSV),
    Case("CSV that is no UTF-8", "numbers", b"a,b\n\xff,1\n", CSV),
    Case("CSV that lacks a column", "numbers", b"a\n1\n", CSV),
    Case("CSV with a text for a number", "numbers", b"a,b\nx,1\n", CSV),
    Case("CSV with more values than names", "numbers", b"a,b\n7,1,2\n8,3,4\n", CSV, differs=_CUT_OFF, status=400),
    Case(
        "CSV with a row that is too short", "numbers", b"a,b\n1,2\n3\n", CSV, differs="MLflow fills it up", status=400
    ),
    Case("CSV with a name twice", "numbers", b"a,b,b\n1,2,3\n", CSV, differs="MLflow takes the first", status=400),
    Case("no Parquet", "numbers", b"PAR1 and more", PARQUET),
    Case("another content type", "numbers", _split(_AB, [1, 2]), "application/xml"),
    Case("a text", "numbers", b"x", "text/plain"),
    Case("another charset", "numbers", _split(_AB, [1, 2]), "application/json; charset=latin-1"),
    Case("another parameter", "numbers", _split(_AB, [1, 2]), "application/json; format=pandas-split"),
)
"""What is not."""
