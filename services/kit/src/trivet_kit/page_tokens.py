"""Page tokens: opaque to callers, bound to the parameters of the search that made them (AIP-158).

A token holds a fingerprint of those parameters and a cursor: the sort key of the page's last entry. The cursor only
ever becomes bound parameters of a query in the caller's own workspace, so a forged token shows nothing that a search
would not; the reader of a cursor checks its shape.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence

from trivet_kit.errors import FieldInvalid, PageTokenInvalid

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000

# Below the 4 MiB that gRPC clients take unless told otherwise, with room for one more entry of usual size.
MAX_PAGE_BYTES = 3 * 1024 * 1024

Cursor = list[str | int | float | None]


def encode(bound_to: str, cursor: Cursor | None) -> str:
    """A token for the page after `cursor`, good for the parameters with this fingerprint (`fingerprints.of_search`).

    Empty for None: there is no page after the last.
    """
    if cursor is None:
        return ""
    return base64.urlsafe_b64encode(json.dumps([bound_to, *cursor], separators=(",", ":")).encode()).decode()


def decode(bound_to: str, token: str, field: str = "page_token") -> Cursor | None:
    """The cursor in a token; None for the empty token, which asks for the first page.

    Args:
        bound_to: The fingerprint of the parameters.
        token: As it came.
        field: Of the request, for the error.

    Raises:
        PageTokenInvalid: not a token of `encode`, or one for other parameters.
    """
    if not token:
        return None
    try:
        content = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise PageTokenInvalid(field) from None
    match content:
        case [str(made_for), *cursor] if made_for == bound_to and all(_is_scalar(value) for value in cursor):
            return cursor
    raise PageTokenInvalid(field)


def _is_scalar(value: object) -> bool:
    return value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))


def page_size(requested: int) -> int:
    """The page size to use: 100 for 0, at most 1,000.

    Raises:
        FieldInvalid: below 0.
    """
    if requested < 0:
        raise FieldInvalid("page_size", "must be 0 or more")
    return min(requested or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def entries_that_fit(sizes: Sequence[int]) -> int:
    """How many entries of these sizes in bytes go into one page: at least one, where there is one."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if total > MAX_PAGE_BYTES:
            return max(count, 1)
    return len(sizes)
