"""Checks of texts from callers: nothing is ever cut, what is too long is refused by name and limit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from trivet_kit.errors import FieldInvalid, FieldRequired, FieldTooLong

# Of metrics, params and tags; design §4, and MLflow's limit too (mlflow-protocol.md §4).
MAX_KEY_CHARACTERS = 250

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def check_text(text: str, field: str, max_characters: int) -> str:
    """Returns a text that may be empty.

    Raises:
        FieldTooLong: more characters than allowed.
        FieldInvalid: it holds NUL, which PostgreSQL cannot store.
    """
    if len(text) > max_characters:
        raise FieldTooLong(field, len(text), max_characters)
    return _without_nul(text, field)


def check_value(value: str, field: str, max_bytes: int) -> str:
    """Returns a value that may be empty and hold line breaks.

    Raises:
        FieldTooLong: more bytes of UTF-8 than allowed.
        FieldInvalid: it holds NUL.
    """
    # A character has at most 4 bytes, so that most values need not be encoded to be measured.
    if 4 * len(value) > max_bytes:
        length = len(value.encode())
        if length > max_bytes:
            raise FieldTooLong(field, length, max_bytes, "bytes")
    return _without_nul(value, field)


def check_label(text: str, field: str, max_characters: int) -> str:
    """Returns a one-line text that is not empty: a key or a name.

    Raises:
        FieldRequired: it is empty.
        FieldTooLong: more characters than allowed.
        FieldInvalid: it is only white space, or holds control characters.
    """
    if not text:
        raise FieldRequired(field)
    if len(text) > max_characters:
        raise FieldTooLong(field, len(text), max_characters)
    if text.isspace():
        raise FieldInvalid(field, "must have more than white space")
    if _CONTROL_CHARACTERS.search(text):
        raise FieldInvalid(field, "must not have control characters")
    return text


def check_key(key: str, field: str) -> str:
    """Returns the key of a metric, param or tag. Raises as `check_label` does."""
    return check_label(key, field, MAX_KEY_CHARACTERS)


def check_keys(keys: Iterable[str], field: str) -> frozenset[str]:
    """Returns keys that came as a list. Raises as `check_label` does."""
    return frozenset(check_key(key, f"{field}[{index}]") for index, key in enumerate(keys))


def check_map(entries: Mapping[str, str], field: str, max_value_bytes: int) -> dict[str, str]:
    """Returns tags or params that came as a map. Raises as `check_key` and `check_value` do."""
    return {
        check_key(key, f"{field} key"): check_value(value, f"{field}[{key!r}]", max_value_bytes)
        for key, value in sorted(entries.items())
    }


def check_disjoint(tags: Iterable[str], deleted_tags: Iterable[str], field: str) -> None:
    """Checks that no tag is set and removed at once.

    Raises:
        FieldInvalid: one is; `field` is where the removed ones stand.
    """
    both = set(tags) & set(deleted_tags)
    if both:
        raise FieldInvalid(field, f"names {min(both)!r}, which is also to be set")


def _without_nul(text: str, field: str) -> str:
    if "\0" in text:
        raise FieldInvalid(field, "must not hold the character NUL")
    return text
