"""Which part of a file a request asks for, and on what condition (RFC 9110, 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_RANGE: Final = re.compile(r"bytes=\s*(\d{0,20})-(\d{0,20})\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Span:
    """Bytes from one place to before another one."""

    begin: int
    end: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.end - self.begin


UNSATISFIABLE: Final = Span(-1, -1)
"""A range that the file does not have."""


def wanted_span(headers: Mapping[str, str], size: int, etag: str) -> Span | None:
    """The bytes that are asked for; None for all: without a range, with several, or with one that is not understood.

    Args:
        headers: Of the request.
        size: Bytes of the file.
        etag: Of the file. A condition on another one, or on a time, is not met, and the whole is given.
    """
    found = _RANGE.fullmatch(headers.get("range", ""))
    if found is None or not (found[1] or found[2]):
        return None
    if headers.get("if-range", etag).strip() != etag:
        return None
    if not found[1]:
        length = min(int(found[2]), size)
        return Span(size - length, size) if length else UNSATISFIABLE
    begin, last = int(found[1]), int(found[2]) if found[2] else size - 1
    if found[2] and last < begin:
        return None  # no range at all
    return Span(begin, min(last + 1, size)) if begin < size else UNSATISFIABLE


def is_unchanged(headers: Mapping[str, str], etag: str) -> bool:
    """Whether a client that has the file with these ETags has this one."""
    given = [each.strip().removeprefix("W/") for each in headers.get("if-none-match", "").split(",")]
    return etag in given or given == ["*"]
