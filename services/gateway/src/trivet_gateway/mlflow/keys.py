"""What a key of a metric, a param or a tag may be: what could be a path of a file, as upstream has it."""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from typing import Final

from trivet_gateway.errors import invalid
from trivet_gateway.fields import Fields

_CHARACTERS: Final = re.compile(r"[\w.\- :/]+")


def key_of(fields: Fields) -> str:
    """The field `key`. Raises MlflowError."""
    key = fields.needed("key")
    if not is_key(key):
        raise invalid(
            f"Invalid value {key[:250]!r} for parameter 'key' supplied: keys have letters, digits, '_', '-', '.', ' ', "
            "':' and '/' alone, and must be plain relative paths: without '..', and without a '/' at an end or twice."
        )
    return key


# Training logs the same few keys again and again.
@lru_cache(maxsize=8192)
def is_key(key: str) -> bool:
    """Whether a text that is not empty can be one."""
    is_plain = posixpath.normpath(key) == key and key != "." and not key.startswith(("/", ".."))
    return is_plain and _CHARACTERS.fullmatch(key) is not None
