"""What a param's text says as a number."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|infinity)", re.IGNORECASE)


def number_in(text: str) -> float | None:
    """The number that a text is, such as `0.1`, `-5`, `1e-3` or `inf`; None where it is none. NaN is none.

    Blanks and digits of other scripts make it a text, however Python reads them. What is out of range is an infinity.
    """
    return float(text) + 0.0 if _NUMBER.fullmatch(text) else None
