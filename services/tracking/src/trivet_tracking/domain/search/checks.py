"""Checks the names and types in a text of the right form."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trivet_tracking.domain.search.errors import LanguageError
from trivet_tracking.domain.search.expressions import Entity, Key, Operator
from trivet_tracking.domain.search.vocabulary import ENTITY_NAMES, STATUSES, AttributeType, Vocabulary

_ORDERINGS = (Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE)
_TEXT_OPERATORS = (Operator.EQ, Operator.NE, Operator.LIKE, Operator.ILIKE, Operator.IN, Operator.NOT_IN)
_NULL_OPERATORS = (Operator.IS_NULL, Operator.IS_NOT_NULL)
_PATTERNS = (Operator.LIKE, Operator.ILIKE)


@dataclass(frozen=True)
class Checks:
    """Checks against a vocabulary. Every method takes the position of what it checks, and raises `fault` there."""

    vocabulary: Vocabulary
    entities: frozenset[Entity]
    fault: type[LanguageError]

    def key(self, identifier: str, position: int) -> Key:
        """The key that an identifier names: its quotes are taken off, an alias becomes the attribute's first name."""
        prefix, dot, rest = identifier.partition(".")
        if identifier.startswith("`") or not dot:
            return self._attribute(_unquoted(identifier), position)
        entity = ENTITY_NAMES.get(prefix)
        if entity is None or entity not in self.entities:
            known = ", ".join(f"{known.value}." for known in Entity if known in self.entities)
            raise self.fault(position, f"{prefix}. is none of {known}")
        name = _unquoted(rest)
        if not name:
            raise self.fault(position, f"{prefix}. is not followed by a key.")
        return self._attribute(name, position) if entity is Entity.ATTRIBUTE else Key(entity, name)

    def operator(self, key: Key, operator: Operator, position: int) -> None:
        """Checks that a key can be compared in this way."""
        allowed: tuple[Operator, ...]
        if self._is_number(key):
            allowed = _ORDERINGS
        elif key.entity is Entity.ATTRIBUTE:
            allowed = _TEXT_OPERATORS
        else:
            allowed = (*_TEXT_OPERATORS, *_NULL_OPERATORS)
        if operator not in allowed:
            words = " ".join(known.value for known in allowed)
            raise self.fault(position, f"{operator.value} does not go with {_shown(key)}, which takes {words}.")

    def value(self, key: Key, operator: Operator, kind: str, text: str, position: int) -> str | int | float:
        """The value of a comparison that is not a list; `kind` is the grammar's name of what stands there."""
        if key.entity is Entity.METRIC:
            return self._number(key, kind, text, position)
        if self._is_number(key):
            return self._millis(key, kind, text, position)
        if operator in _PATTERNS:
            return self._quoted(key, kind, text, position)
        return self.text(key, kind, text, position)

    def text(self, key: Key, kind: str, text: str, position: int) -> str:
        """A text to compare with."""
        value = self._quoted(key, kind, text, position)
        if self._type(key) is AttributeType.STATUS and value not in STATUSES:
            raise self.fault(position, f"{value!r} is no status; those are {', '.join(STATUSES)}.")
        return value

    def _attribute(self, name: str, position: int) -> Key:
        name = self.vocabulary.aliases.get(name, name)
        if name not in self.vocabulary.attributes:
            raise self.fault(
                position, f"there is no attribute {name!r}; those are {', '.join(self.vocabulary.attributes)}."
            )
        return Key(Entity.ATTRIBUTE, name)

    def _type(self, key: Key) -> AttributeType | None:
        return self.vocabulary.attributes[key.name] if key.entity is Entity.ATTRIBUTE else None

    def _is_number(self, key: Key) -> bool:
        return key.entity is Entity.METRIC or self._type(key) is AttributeType.TIME

    def _quoted(self, key: Key, kind: str, text: str, position: int) -> str:
        if kind != "TEXT":
            raise self.fault(
                position, f"{text[:40]} is not quoted; {_shown(key)} is compared as text: write '{text[:40]}'."
            )
        return _unquoted(text)

    def _number(self, key: Key, kind: str, text: str, position: int) -> float:
        if kind != "NUMBER":
            raise self.fault(position, f"{text[:40]} is no number, and {_shown(key)} is one.")
        number = float(text)
        if math.isinf(number):
            raise self.fault(position, f"{text[:40]} is beyond the range of a 64-bit float.")
        return number

    def _millis(self, key: Key, kind: str, text: str, position: int) -> int:
        digits = text.lstrip("+-")
        if kind != "NUMBER" or not digits.isdigit():
            raise self.fault(position, f"{text[:40]} is no integer; {_shown(key)} is in milliseconds since 1970.")
        if len(digits.lstrip("0")) > 18:
            raise self.fault(position, f"{text[:40]} is beyond the range of a time.")
        return int(text)


def _unquoted(text: str) -> str:
    quote = text[:1]
    return text[1:-1].replace(quote * 2, quote) if quote in ("'", '"', "`") and quote else text


def _shown(key: Key) -> str:
    return key.name if key.entity is Entity.ATTRIBUTE else f"{key.entity.value}.{key.name[:40]}"
