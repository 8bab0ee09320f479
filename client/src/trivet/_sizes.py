"""Sizes as settings have them: `500MiB`, `10GiB`."""

from __future__ import annotations

import re
from typing import Final

from trivet._errors import InvalidArgument

_UNITS: Final = {"": 1, "b": 1, "kib": 1024, "mib": 1024**2, "gib": 1024**3, "tib": 1024**4}
_SIZE: Final = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?) ?(?P<unit>[a-z]*)")


def parse_size(setting: str, text: str) -> int:
    """The bytes that a text means.

    Raises:
        InvalidArgument: it is no size; says how to write the setting.
    """
    found = _SIZE.fullmatch(text.strip().lower())
    if found is None or found["unit"] not in _UNITS:
        raise InvalidArgument(f"{setting} is {text!r}; say it as 500MiB or 10GiB, or 0 for nothing.")
    return int(float(found["number"]) * _UNITS[found["unit"]])
