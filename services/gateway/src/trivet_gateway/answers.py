"""Answers as MLflow spells them: numbers as numbers, NaN as a text, and nothing that is empty."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any, Final

import orjson
from google.protobuf.timestamp_pb2 import Timestamp
from starlette.responses import Response

_LARGEST: Final = sys.float_info.max


def number(value: float) -> float | str:
    """A metric's value. The infinities are the largest numbers, as upstream keeps them; JSON has no NaN."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else math.copysign(_LARGEST, value)


def millis(timestamp: Timestamp) -> int:
    """Milliseconds since the Unix epoch."""
    return timestamp.seconds * 1000 + timestamp.nanos // 1_000_000


def to_timestamp(milliseconds: int) -> Timestamp:
    """A time of so many milliseconds since the Unix epoch."""
    return Timestamp(seconds=milliseconds // 1000, nanos=milliseconds % 1000 * 1_000_000)


def pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Keys and values, sorted."""
    return [{"key": key, "value": value} for key, value in sorted(values.items())]


def without_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without lists, messages and texts that are empty, and without None."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def to_json(values: Mapping[str, Any]) -> Response:
    """An answer."""
    return Response(orjson.dumps(values), media_type="application/json")
