"""What the claims of a token have to be, whoever signed it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, Final

from trivet_kit.identity.encoded import TokenRefused

SKEW_SECONDS: Final = 60
"""How far the clock of an issuer may be from ours (security.md)."""
MAX_NAME_CHARACTERS: Final = 250
_LAST_SECOND: Final = 253_402_300_799  # of the year 9999, as Python's datetime and protobuf's Timestamp have it


def check_times(claims: Mapping[str, Any], now: float) -> float:
    """Returns when a token expires, in seconds since 1970; `now` likewise.

    Raises:
        TokenRefused: it has expired, does not say when it does, is not valid yet, or says something that is no time.
    """
    expires = _time(claims, "exp")
    if expires is None:
        raise TokenRefused("it does not expire")
    if expires <= now - SKEW_SECONDS:
        raise TokenRefused("it has expired")
    for name in ("nbf", "iat"):
        begins = _time(claims, name)
        if begins is not None and begins > now + SKEW_SECONDS:
            raise TokenRefused(f"its {name} is in the future")
    return expires


def check_audience(claims: Mapping[str, Any], audiences: Collection[str]) -> None:
    """Checks whom a token is meant for: `aud` is a text or a list of texts.

    Raises:
        TokenRefused: for none of the audiences.
    """
    said = claims.get("aud")
    meant = said if isinstance(said, list) else [said]
    if not all(isinstance(audience, str) for audience in meant):
        raise TokenRefused("its aud is neither a text nor a list of texts")
    if not set(meant) & set(audiences):
        raise TokenRefused("its aud names none of the audiences that are accepted")


def name_in(claims: Mapping[str, Any], claim: str) -> str:
    """A claim that names something.

    Raises:
        TokenRefused: it is absent, or not a name: a text of 1 to 250 characters that can be seen.
    """
    name = claims.get(claim)
    if not is_name(name):
        raise TokenRefused(f"its {claim} is not a name")
    return str(name)


def names_in(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """A claim that lists names; empty where it is absent.

    Raises:
        TokenRefused: it is anything but a list of names.
    """
    names = claims.get(claim, [])
    if not isinstance(names, list) or not all(is_name(name) for name in names):
        raise TokenRefused(f"its {claim} is not a list of names")
    return frozenset(names)


def is_name(name: object) -> bool:
    """Whether something is a text of 1 to 250 characters that can be seen, and does not begin or end with a space."""
    # What is printable has no control characters, none that turn the direction of a line, and no half of a character.
    return (
        isinstance(name, str) and 0 < len(name) <= MAX_NAME_CHARACTERS and name.isprintable() and name == name.strip()
    )


def _time(claims: Mapping[str, Any], claim: str) -> float | None:
    if claim not in claims:
        return None
    seconds = claims[claim]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TokenRefused(f"its {claim} is not a number")
    if not 0 <= seconds <= _LAST_SECOND or not math.isfinite(seconds):
        raise TokenRefused(f"its {claim} is not a time")
    return float(seconds)
