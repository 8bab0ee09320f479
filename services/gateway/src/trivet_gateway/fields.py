"""Fields of requests: of a query, or of a JSON body. Both are data, and whatever has another type is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from trivet_gateway.errors import MlflowError, invalid

_INT64: Final = 1 << 63
_SPECIAL: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Fields:
    """The fields of a message. Unknown ones are not looked at, and `null` is none."""

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self._values = values
        self._path = path

    def text(self, name: str, default: str = "") -> str:
        """A text."""
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self._refused(name, value, "a text")
        return value

    def needed(self, name: str) -> str:
        """A text that is there and is not empty."""
        value = self.text(name)
        if not value:
            raise invalid(f"Missing value for required parameter '{self._path}{name}'.")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts; one alone is a list of one, as it is in a query."""
        value = self._values.get(name)
        if value is None:
            return []
        if isinstance(value, str):
            return [value]
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._refused(name, value, "a list of texts")
        return value

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number of 64 bits, or a text of one."""
        value = self._values.get(name)
        if value is None:
            if default is None:
                raise invalid(f"Missing value for required parameter '{self._path}{name}'.")
            return default
        number = _whole(value)
        if number is None:
            raise self._refused(name, value, "a whole number")
        if not -_INT64 <= number < _INT64:
            raise self._refused(name, value, "a whole number of 64 bits")
        return number

    def number(self, name: str) -> float:
        """A number, or a text of one; `NaN`, `Infinity` and `-Infinity` are texts in JSON."""
        value = self._values.get(name)
        if value is None:
            raise invalid(f"Missing value for required parameter '{self._path}{name}'.")
        number = _number(value)
        if number is None:
            raise self._refused(name, value, "a number")
        return number

    def flag(self, name: str) -> bool:
        """A boolean; false where there is none."""
        value = self._values.get(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise self._refused(name, value, "true or false")

    def choice(self, name: str, names: Mapping[str, int], default: str) -> str:
        """One of some names, or its number."""
        value = self._values.get(name)
        if value is None or value == "":
            return default
        by_number = {str(number): each for each, number in names.items()}
        text = str(value)
        found = text if text in names else by_number.get(text)
        if found is None:
            raise self._refused(name, value, f"one of {', '.join(names)}")
        return found

    def objects(self, name: str) -> list[Fields]:
        """A list of messages."""
        return [Fields(each, f"{self._path}{name}[{index}].") for index, each in enumerate(self.plain_objects(name))]

    def plain_objects(self, name: str) -> list[dict[str, Any]]:
        """A list of messages as they came, for who checks many at once."""
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not {*map(type, value)} <= {dict}:
            raise self._refused(name, value, "a list of objects")
        return value

    def inner(self, name: str) -> Fields:
        """A message; an empty one where there is none."""
        value = self._values.get(name)
        if value is None:
            return Fields({}, f"{self._path}{name}.")
        if not isinstance(value, Mapping):
            raise self._refused(name, value, "an object")
        return Fields(value, f"{self._path}{name}.")

    def pairs(self, name: str) -> dict[str, str]:
        """A list of keys and values."""
        return {each.needed("key"): each.text("value") for each in self.objects(name)}

    def has(self, name: str) -> bool:
        """Whether it is there."""
        return self._values.get(name) is not None

    def _refused(self, name: str, value: object, wanted: str) -> MlflowError:
        shown = str(value)
        shown = shown if len(shown) <= 100 else f"{shown[:100]}…"
        return invalid(f"Invalid value {shown!r} for parameter '{self._path}{name}' supplied: it must be {wanted}.")


def from_query(query: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The fields of a query; those that come several times are lists."""
    values: dict[str, Any] = {}
    for name, value in query:
        if name not in values:
            values[name] = value
        elif isinstance(values[name], list):
            values[name].append(value)
        else:
            values[name] = [values[name], value]
    return values


def _whole(value: object) -> int | None:
    """A whole number, or None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return None if isinstance(value, float) and not value.is_integer() else int(value)
    except ValueError:
        return None


def _number(value: object) -> float | None:
    """A number, or None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return _SPECIAL[value] if isinstance(value, str) and value in _SPECIAL else float(value)
    except (ValueError, OverflowError):
        return None
