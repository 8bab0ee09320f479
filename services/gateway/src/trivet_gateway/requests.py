"""What a request says: the fields of its query, or of its body."""

from __future__ import annotations

from itertools import chain
from typing import Any, Final

import orjson
from starlette.requests import Request

from trivet_gateway.errors import invalid
from trivet_gateway.fields import Fields, from_query

_MAX_BODY_BYTES: Final = 8 << 20
_MAX_DEPTH: Final = 32


async def fields_of(request: Request) -> Fields:
    """The fields of a request: of its query, or of its body, with those of its path. Raises MlflowError."""
    if request.method in ("GET", "HEAD"):
        return query_of(request)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise invalid("A request's body must not be compressed.")
    body = await body_of(request, _MAX_BODY_BYTES)
    return Fields({**_parsed(body, request.headers.get("content-type", "")), **request.path_params})


def query_of(request: Request) -> Fields:
    """The fields of a request's query, with those of its path."""
    return Fields({**from_query(request.query_params.multi_items()), **request.path_params})


async def body_of(request: Request, max_bytes: int) -> bytes:
    """The body. Raises MlflowError for a longer one."""
    body = bytearray()
    announced = int(request.headers.get("content-length", 0))
    async for chunk in request.stream():
        body += chunk
        if max(len(body), announced) > max_bytes:
            raise invalid(f"The request has more than {max_bytes} bytes.")
    return bytes(body)


def _parsed(body: bytes, content_type: str) -> dict[str, Any]:
    if not body:
        return {}
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json":
        raise invalid("Content-Type header is missing." if not kind else f"Content-Type is {kind[:100]!r}, not JSON.")
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid(f"The body is not JSON: {error}.") from None
    if not isinstance(content, dict):
        raise invalid("The body must be a JSON object.")
    _check_depth(content)
    return content


def _check_depth(content: dict[str, Any]) -> None:
    # A level at a time: a batch has thousands of values, and a call for each takes longer than to parse them.
    level: list[Any] = [content]
    for _ in range(_MAX_DEPTH):
        inner = chain.from_iterable(each.values() if type(each) is dict else each for each in level)
        level = [each for each in inner if type(each) is dict or type(each) is list]
        if not level:
            return
    raise invalid(f"The body is nested more than {_MAX_DEPTH} deep.")
