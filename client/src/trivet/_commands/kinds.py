"""How values of each kind look: as text for people, and in JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What would move the cursor, ring, start a line of its own, or turn the direction of a text that somebody else chose;
# and halves of characters, which cannot be printed.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Kind:
    """How the values of a column look. None and the empty text look empty; in JSON they are null and the empty text."""

    show: Callable[[Any], str]
    """For people, in one line."""
    to_json: Callable[[Any], object]
    is_number: bool = False
    """Aligned at the right."""
    is_whole: bool = False
    """Never broken over lines, however narrow the terminal is."""


def printable(text: str) -> str:
    r"""A text in one line that does nothing to a terminal: what cannot be seen is written as `\n` or `\x1b`."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def local_time(millis: int) -> str:
    """A time by the clock of whoever reads it, to the second."""
    try:
        return f"{(_EPOCH + timedelta(milliseconds=millis)).astimezone():%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError):  # at the end of year 9999, east of Greenwich
        return utc_time(millis)


def utc_time(millis: int) -> str:
    """A time in ISO 8601, in UTC, to the millisecond."""
    text = (_EPOCH + timedelta(milliseconds=millis)).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def duration(seconds: float) -> str:
    """A duration in its two largest units, such as `2h 5m`; below a minute with a tenth of a second."""
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour}h"
    return f"{hours}h {minute}m" if hours else f"{minutes}m {second}s"


def size(size_bytes: int) -> str:
    """A size in bytes, in the largest unit that leaves a whole number: `999 B`, `1.5 KiB`."""
    amount = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def number(value: float) -> str:
    """A number to six digits; all digits are in `show` and in JSON."""
    return f"{value:.6g}"


def pairs(values: Mapping[str, object]) -> str:
    """A mapping in one line: `a=1, b=2`."""
    return ", ".join(f"{printable(key)}={printable(str(value))}" for key, value in values.items())


def plain_json(value: object) -> object:
    """A value as JSON can hold it: NaN and the infinities as texts, which JSON has no numbers for."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    return value


def _yes_or_no(value: object) -> str:
    return "yes" if value else "no"


TEXT: Final = Kind(lambda value: printable(str(value)), plain_json)
ID: Final = Kind(lambda value: printable(str(value)), plain_json, is_whole=True)
COUNT: Final = Kind(str, plain_json, is_number=True, is_whole=True)
NUMBER: Final = Kind(number, plain_json, is_number=True, is_whole=True)
MARK: Final = Kind(lambda value: "yes" if value else "", plain_json, is_whole=True)
"""A flag that is seen only where it is set."""
FLAG: Final = Kind(_yes_or_no, plain_json, is_whole=True)
TIME: Final = Kind(local_time, utc_time, is_whole=True)
DURATION: Final = Kind(duration, plain_json, is_number=True, is_whole=True)
SIZE: Final = Kind(size, plain_json, is_number=True, is_whole=True)
PAIRS: Final = Kind(pairs, plain_json)
NAMES: Final = Kind(lambda value: ", ".join(printable(name) for name in value), plain_json)
