"""The form of a token: three parts of base64url, two of them JSON (RFC 7515, RFC 7519), read without leniency.

Only one text stands for one token: libraries skip characters that are no base64url, take the last of two claims of one
name, and know NaN. What is read differently by two readers is refused here before anything is made of it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MAX_TOKEN_CHARACTERS: Final = 16 * 1024
"""Twice of what web servers take as one header; tokens with many groups are large."""
_FORM: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


class TokenRefused(Exception):
    """A token is not believed. The message says why, for the log of the server, and has nothing of the token in it."""


@dataclass(frozen=True, repr=False)
class EncodedToken:
    """What a token says, believed by nobody yet."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    """What the signature is of."""
    signature: bytes


def parse(text: str) -> EncodedToken:
    """The parts of a token.

    Raises:
        TokenRefused: it is too long, or not of this form: one that is encrypted, nested or not signed is not either.
    """
    if len(text) > MAX_TOKEN_CHARACTERS:
        raise TokenRefused(f"it has {len(text)} characters; at most {MAX_TOKEN_CHARACTERS} are read")
    match = _FORM.fullmatch(text)
    if match is None:
        raise TokenRefused("it is not three parts of base64url")
    header, claims, signature = (_decoded(part) for part in match.groups())
    return EncodedToken(
        header=_object(header, "header"),
        claims=_object(claims, "claims"),
        signed=text[: match.end(2)].encode(),
        signature=signature,
    )


def _decoded(part: str) -> bytes:
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise TokenRefused("a part is not base64url") from None
    # The last character may have bits that stand for nothing.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != part.encode():
        raise TokenRefused("a part is not base64url as it is written")
    return data


def _object(data: bytes, what: str) -> Mapping[str, Any]:
    try:
        content = json.loads(data.decode(), object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise TokenRefused(f"its {what} are not JSON, or say something twice") from None
    if not isinstance(content, dict):
        raise TokenRefused(f"its {what} are not an object")
    return content


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError
    return content


def _no_constant(name: str) -> None:
    raise ValueError(name)
