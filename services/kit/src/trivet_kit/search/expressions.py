"""What a filter and an order_by say, free of how they were written: aliases are resolved, values have their types."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Entity(Enum):
    """What a key belongs to. The values are the prefixes as the documentation writes them, without the dot."""

    ATTRIBUTE = "attributes"
    METRIC = "metrics"
    PARAM = "params"
    TAG = "tags"


class Operator(Enum):
    """How a comparison compares. The values are the operators as the language writes them."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


@dataclass(frozen=True)
class Key:
    """What is compared or sorted by."""

    entity: Entity
    name: str
    """Of an attribute the canonical name; of the others the key, which is not empty."""


@dataclass(frozen=True)
class Comparison:
    """Passes what has the key with a value that the operator finds true. What lacks the key passes only IS_NULL."""

    key: Key
    operator: Operator
    value: str | int | float | tuple[str, ...] | None
    """By the operator and the key:

    - IS_NULL, IS_NOT_NULL: None.
    - IN, NOT_IN: texts, at least one, as written: in their order, duplicates kept.
    - LIKE, ILIKE: the pattern as written, its backslashes too.
    - otherwise a float for a metric (finite), an int of 64 bits for a whole number or a time, and a text for the rest.
    """


# The union grows by Or and Not when the language does.
Term: TypeAlias = Comparison


@dataclass(frozen=True)
class And:
    """Passes what passes all terms; without terms, everything."""

    terms: tuple[Term, ...]


@dataclass(frozen=True)
class OrderClause:
    """Sorts by a key; the clauses before it go first."""

    key: Key
    descending: bool
