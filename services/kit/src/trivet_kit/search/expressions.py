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
    DATASET = "datasets"


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
    BETWEEN = "BETWEEN"
    NOT_BETWEEN = "NOT BETWEEN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


class Aggregate(Enum):
    """Which of the values of a metric. The values are the suffixes as the language writes them, without the dot."""

    LAST = "last"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True)
class Key:
    """What is compared or sorted by."""

    entity: Entity
    name: str
    """Of an attribute the canonical name, of a dataset one of DATASET_KEYS, of the others a key that is not empty."""
    aggregate: Aggregate = Aggregate.LAST
    """Of a metric; LAST for the others."""


Operand: TypeAlias = str | int | float


@dataclass(frozen=True)
class Comparison:
    """Passes what has the key with a value that the operator finds true. What lacks the key passes only IS_NULL."""

    key: Key
    operator: Operator
    value: Operand | tuple[Operand, ...] | None
    """By the operator and the key:

    - IS_NULL, IS_NOT_NULL: None.
    - IN, NOT_IN: values, at least one, as written: in their order, duplicates kept.
    - BETWEEN, NOT_BETWEEN: the lower and the upper bound; both are within.
    - LIKE, ILIKE: the pattern as written, its backslashes too.
    - otherwise one value.

    A value is a float for a metric (finite), an int of 64 bits for a whole number or a time, and a text for the rest. A
    float for a param compares what its text says as a number; one that says none passes nothing.
    """


@dataclass(frozen=True)
class And:
    """Passes what passes all terms; without terms, everything. No term is an And."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True)
class Or:
    """Passes what passes one of the terms, of which there are at least two. No term is an Or."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True)
class Not:
    """Passes what does not pass the term: what lacks the key of a comparison, too."""

    term: Expression


Expression: TypeAlias = Comparison | And | Or | Not


@dataclass(frozen=True)
class OrderClause:
    """Sorts by a key; the clauses before it go first."""

    key: Key
    descending: bool
