"""From comparisons of the search language to SQL: everything that a caller wrote becomes a bound parameter."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from trivet_kit.search.expressions import And, Comparison, Expression, Not, Operator, Or

# How much of a value an index holds: PostgreSQL refuses index rows over 2.7 kB, and a character has up to 4 bytes.
INDEXED_CHARACTERS = 200

_ORDERED: dict[Operator, Callable[[Any, Any], sa.ColumnElement[bool]]] = {
    Operator.EQ: lambda left, right: left == right,
    Operator.NE: lambda left, right: left != right,
    Operator.LT: lambda left, right: left < right,
    Operator.LE: lambda left, right: left <= right,
    Operator.GT: lambda left, right: left > right,
    Operator.GE: lambda left, right: left >= right,
    Operator.IN: lambda left, right: left.in_(right),
    Operator.NOT_IN: lambda left, right: left.not_in(right),
    Operator.BETWEEN: lambda left, right: left.between(*right),
    Operator.NOT_BETWEEN: lambda left, right: ~left.between(*right),
}
_ASCII_LOWER = {ord(upper): ord(upper.lower()) for upper in string.ascii_uppercase}
_TEXT: dict[Operator, Callable[[Any, Any], sa.ColumnElement[bool]]] = {
    Operator.EQ: lambda left, right: left == right,
    Operator.NE: lambda left, right: left != right,
    Operator.IN: lambda left, right: left.in_(right),
    Operator.NOT_IN: lambda left, right: left.not_in(right),
    Operator.LIKE: lambda left, right: left.like(_pattern(right), escape="\\"),
    # lower() of our columns folds ASCII letters only: SQLite's does, and PostgreSQL's on collation "C". A bound
    # parameter has the database's own collation instead, so it is folded here.
    Operator.ILIKE: lambda left, right: sa.func.lower(left).like(_pattern(right).translate(_ASCII_LOWER), escape="\\"),
}


def passes(expression: Expression, leaf: Callable[[Comparison], sa.ColumnElement[bool]]) -> sa.ColumnElement[bool]:
    """Whether an expression passes; `leaf` gives that of a comparison, where NULL does not pass."""
    match expression:
        case And(terms):
            return sa.and_(sa.true(), *(passes(term, leaf) for term in terms))
        case Or(terms):
            return sa.or_(sa.false(), *(passes(term, leaf) for term in terms))
        case Not(term):
            return passes(term, leaf).is_not(sa.true())
        case Comparison():
            return leaf(expression)


def ordered(expression: sa.ColumnElement[Any], term: Comparison) -> sa.ColumnElement[bool]:
    """Whether a number or a time passes; NULL where it is NULL."""
    if term.operator is Operator.IS_NULL:
        return expression.is_(None)
    if term.operator is Operator.IS_NOT_NULL:
        return expression.is_not(None)
    return _ORDERED[term.operator](expression, term.value)


def text(expression: sa.ColumnElement[str], term: Comparison) -> sa.ColumnElement[bool]:
    """Whether a text passes; one on byte order, as all of our columns are."""
    return _TEXT[term.operator](expression, term.value)


def entry(table: sa.Table, of_key: sa.ColumnElement[bool], term: Comparison) -> sa.ColumnElement[bool]:
    """Whether a resource's entry of a key, such as a tag, passes.

    Args:
        table: the entries. Its index by value holds the first `INDEXED_CHARACTERS` of `value`.
        of_key: which row of it is the resource's entry of the term's key.
        term: what to compare with.
    """
    if term.operator is Operator.IS_NULL:
        return ~sa.exists().where(of_key)
    if term.operator is Operator.IS_NOT_NULL:
        return sa.exists().where(of_key)
    conditions = [of_key, text(table.c.value, term)]
    prefixes = _prefixes(term)
    if prefixes is not None:
        # The index holds a prefix only; the test of the whole value is done besides.
        conditions.append(sa.func.substr(table.c.value, 1, INDEXED_CHARACTERS).in_(prefixes))
    return sa.exists().where(*conditions)


def _prefixes(term: Comparison) -> list[str] | None:
    match term.operator, term.value:
        case Operator.EQ, str(value):
            return [value[:INDEXED_CHARACTERS]]
        case Operator.IN, tuple(values):
            return sorted({str(value)[:INDEXED_CHARACTERS] for value in values})
    return None


def _pattern(pattern: str) -> str:
    r"""A LIKE pattern in which every `\` escapes something; PostgreSQL refuses one that ends with a single `\`."""
    return re.sub(r"\\(?![%_\\])|\\([%_\\])", lambda found: found[0] if found[1] else r"\\", pattern)
