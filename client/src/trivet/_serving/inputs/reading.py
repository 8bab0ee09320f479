"""The bodies that are read: their content types, and the forms of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson

from trivet._models.schema import Schema
from trivet._serving.inputs import casting
from trivet._serving.inputs.columns import Columns
from trivet._serving.inputs.tables import frame_of_csv, frame_of_parquet
from trivet._serving.refusals import bad_request, unsupported

FORMS: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")
"""Of JSON; a body has exactly one."""


class Kind(StrEnum):
    """The content types that are read."""

    JSON = "application/json"
    CSV = "text/csv"
    PARQUET = "application/vnd.apache.parquet"


@dataclass(frozen=True)
class Input:
    """What a request brings."""

    data: Any
    params: Mapping[str, Any] | None = None


def kind_of(content_type: str) -> Kind:
    """What a Content-Type header says.

    Raises:
        Refusal: it is none that is read.
    """
    kind, *parameters = (part.strip() for part in content_type.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() != "charset":
            raise unsupported(f"The content type has the parameter {name[:100]!r}; only charset is known.")
        if value.strip(' "').lower() != "utf-8":
            raise unsupported("Bodies must be in UTF-8.")
    try:
        return Kind(kind.lower())
    except ValueError:
        raise unsupported(f"The content type is {kind[:100]!r}; it must be one of {', '.join(Kind)}.") from None


class Reader:
    """Reads bodies for one model. Safe for use by several threads."""

    def __init__(self, schema: Schema | None, max_body_bytes: int, *, takes_any: bool = False) -> None:
        """Reads nothing yet.

        Args:
            schema: What the model takes; None where it does not say.
            max_body_bytes: That a body may have.
            takes_any: Whether the model checks by the hints of its own code, and is given `inputs` as they are.
        """
        self._schema = schema
        self._max_body_bytes = max_body_bytes
        self._takes_any = takes_any
        self._columns = Columns.of(schema)

    def read(self, kind: Kind, body: bytes) -> Input:
        """What a body says.

        Raises:
            Refusal: it says nothing that the model takes.
        """
        if kind is Kind.CSV:
            return Input(frame_of_csv(body, self._schema))
        if kind is Kind.PARQUET:
            return Input(frame_of_parquet(body, self._schema, self._max_body_bytes))
        content = _parsed(body)
        given = [form for form in FORMS if form in content]
        if len(given) != 1:
            raise bad_request(
                f"The body must have exactly one of {', '.join(FORMS)}; it has {', '.join(given) or 'none of them'}."
            )
        params = content.get("params")
        if params is not None and not isinstance(params, dict):
            raise bad_request("params must be an object.")
        return Input(self._data(given[0], content[given[0]]), params)

    def _data(self, form: str, content: Any) -> Any:
        if self._takes_any:
            if form != "inputs":
                raise bad_request("The model takes what its code says, in `inputs`.")
            return content
        fast = None if self._columns is None else _FAST[form](self._columns, content)
        return _GENERAL[form](content, self._schema) if fast is None else fast


def _lists_or_records(columns: Columns, content: Any) -> Any:
    return columns.from_lists(content) if isinstance(content, dict) else columns.from_records(content)


_FAST: Final = {
    "dataframe_split": Columns.from_split,
    "dataframe_records": Columns.from_records,
    "instances": _lists_or_records,
    "inputs": _lists_or_records,
}
_GENERAL: Final = {
    "dataframe_split": casting.frame_of_split,
    "dataframe_records": casting.frame_of_records,
    "instances": casting.tensors_of_instances,
    "inputs": casting.tensors_of_inputs,
}


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        content = _parsed_as_python_writes(body, str(error))
    if not isinstance(content, dict):
        raise bad_request("The body must be a JSON object.")
    return content


def _parsed_as_python_writes(body: bytes, why: str) -> Any:
    """What Python's own json writes though JSON has no such numbers: NaN and the infinities, as in frames of pandas."""
    try:
        return json.loads(body, parse_float=_finite)
    except (ValueError, RecursionError):
        raise bad_request(f"The body is not JSON: {why}.") from None


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large")
    return number
