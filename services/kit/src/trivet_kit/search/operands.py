"""Which operators a key has, and which values they take."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lark import Token

from trivet_kit.search.expressions import Entity, Key, Operand, Operator
from trivet_kit.search.faults import Fault, shown
from trivet_kit.search.syntax import is_quoted, start_of, unquoted
from trivet_kit.search.vocabulary import ValueType, Vocabulary

# SQLite refuses patterns above 50,000 bytes (SQLITE_MAX_LIKE_PATTERN_LENGTH), and a store may have to double each
# character to escape it. As long as the longest param.
MAX_PATTERN_BYTES = 16 * 1024

_ORDERING = (Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE)
_RANGES = (Operator.BETWEEN, Operator.NOT_BETWEEN)
_LISTS = (Operator.IN, Operator.NOT_IN)
_PATTERNS = (Operator.LIKE, Operator.ILIKE)
_ABSENCE = (Operator.IS_NULL, Operator.IS_NOT_NULL)

_OF_TEXT = (Operator.EQ, Operator.NE, *_PATTERNS, *_LISTS)
_OF_NUMBERS = (*_ORDERING, *_LISTS, *_RANGES)


def check_operator(key: Key, operator: Operator, offset: int, vocabulary: Vocabulary) -> None:
    """Checks that a key has an operator.

    Raises:
        Fault: it has not; the place is `offset`.
    """
    allowed: tuple[Operator, ...] = _OF_TEXT if vocabulary.type_of(key) is ValueType.TEXT else _OF_NUMBERS
    if key.entity is Entity.PARAM:
        allowed = (*_ORDERING, *_PATTERNS, *_LISTS, *_RANGES)
    if vocabulary.may_lack(key):
        allowed += _ABSENCE
    if operator not in allowed:
        names = ", ".join(each.value for each in allowed)
        raise Fault(offset, f"{operator.value} does not work here; {_compared(key)} by {names}")


def read_value(
    key: Key, operator: Operator, written: Sequence[Token], vocabulary: Vocabulary
) -> Operand | tuple[Operand, ...] | None:
    """The value of a comparison, as `Comparison` has it, from the tokens that stand for it.

    Raises:
        Fault: a value is not of the key's type, or not one that there is.
    """
    if operator in _ABSENCE:
        return None
    if operator in _PATTERNS:
        return _pattern(key, written[0])
    as_numbers = key.entity is Entity.PARAM and _says_numbers(operator, written)
    values = tuple(_number(key, token) if as_numbers else _value(key, token, vocabulary) for token in written)
    return values if operator in {*_LISTS, *_RANGES} else values[0]


def _says_numbers(operator: Operator, written: Sequence[Token]) -> bool:
    """Whether a param is compared as a number: by a bare number, or by an operator that orders."""
    return written[0].type == "NUMBER" or operator not in _OF_TEXT


def _value(key: Key, token: Token, vocabulary: Vocabulary) -> Operand:
    match vocabulary.type_of(key):
        case ValueType.NUMBER:
            return _number(key, token)
        case ValueType.TIME_MILLIS:
            return _integer(key, token, "1767225600000, milliseconds since the Unix epoch")
        case ValueType.INTEGER:
            return _integer(key, token, "3")
        case ValueType.TEXT:
            return _one_of_those(key, token, vocabulary)


def _one_of_those(key: Key, token: Token, vocabulary: Vocabulary) -> str:
    text = _text(key, token)
    attribute = vocabulary.attribute(key.name) if key.entity is Entity.ATTRIBUTE else None
    if attribute is not None and attribute.values and text not in attribute.values:
        raise Fault(start_of(token), f"{key.name} is never {shown(token)}; it is one of {', '.join(attribute.values)}")
    return text


def _pattern(key: Key, token: Token) -> str:
    text = _text(key, token)
    size = len(text.encode())
    if size > MAX_PATTERN_BYTES:
        raise Fault(start_of(token), f"the pattern has {size} bytes, and at most {MAX_PATTERN_BYTES} are compared")
    return text


def _text(key: Key, token: Token) -> str:
    if not is_quoted(token):
        word = shown(token)
        raise Fault(start_of(token), f"{word} is not quoted; {_compared(key)} as text: write '{word}'")
    return unquoted(token)


def _number(key: Key, token: Token) -> float:
    if token.type != "NUMBER":
        raise _not_a_number(key, token, "number", "0.5, -1 or 1e-3")
    number = float(token)
    if math.isinf(number):
        raise Fault(start_of(token), f"{shown(token)} is out of range; numbers go up to about 1.8e308")
    return number


def _integer(key: Key, token: Token, example: str) -> int:
    digits = token.lstrip("+-")
    if token.type != "NUMBER" or not digits.isdecimal():
        raise _not_a_number(key, token, "whole number", example)
    # Python refuses to read integers of thousands of digits. 20 are out of range already.
    significant = digits.lstrip("0")[:20] or "0"
    number = -int(significant) if token.startswith("-") else int(significant)
    if not -(2**63) <= number < 2**63:
        raise Fault(start_of(token), f"{shown(token)} is out of range; {key.name} is a signed integer of 64 bits")
    return number


def _not_a_number(key: Key, token: Token, kind: str, example: str) -> Fault:
    inside = unquoted(token)
    if is_quoted(token) and inside.lstrip("+-").replace(".", "", 1).isdecimal():
        problem = f"{shown(token)} is quoted; {_compared(key)} as {kind}s: write {shown(inside)}"
    else:
        problem = f"{shown(token)} is not a {kind}; {_compared(key)} as {kind}s, such as {example}"
    return Fault(start_of(token), problem)


def _compared(key: Key) -> str:
    return f"{key.name} is compared" if key.entity is Entity.ATTRIBUTE else f"{key.entity.value} are compared"
