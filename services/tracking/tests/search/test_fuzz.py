"""Whatever the text, the answer is an expression or a fault; and expressions survive being written and read."""

from __future__ import annotations

import contextlib
import re
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trivet_kit.errors import CallerError
from trivet_kit.search.errors import FilterInvalid, OrderByInvalid
from trivet_kit.search.expressions import (
    Aggregate,
    And,
    Comparison,
    Entity,
    Expression,
    Key,
    Not,
    Operator,
    Or,
    OrderClause,
)
from trivet_kit.search.parser import MAX_CLAUSES, MAX_COMPARISONS, parse_filter, parse_order_by
from trivet_kit.search.vocabulary import DATASET_KEYS, ValueType, Vocabulary
from trivet_tracking.domain.vocabularies import EXPERIMENTS, LOGGED_MODELS, RUNS

VOCABULARIES = st.sampled_from([RUNS, EXPERIMENTS, LOGGED_MODELS])

WORDS = (
    'metrics. metrics.a params.b tags.`c` tags."e""f" attributes. run.status datasets.x foo run_id `run\u00a0name` '
    "start_time status name = != < <= > >= == <> LIKE ilike IN NOT IS NULL AND and OR BETWEEN ASC desc ( ) , ; . - + "
    "'x' 'it''s' \"y\" '' ' \" ` `` 1 -1.5e3 1e999 nan 1. .5 99999999999999999999 'RUNNING' % _ \\ \n \t \0 é ٣ ½ "
    "\ud800 \u2028 🜚"
)
TOKENS = st.sampled_from(WORDS.split(" "))
TOKEN_SOUP = st.builds(str.join, st.sampled_from(["", " "]), st.lists(TOKENS, max_size=30))
ANY_TEXT = st.text(st.characters(), max_size=200) | TOKEN_SOUP

# Everything but NUL and half surrogates, and quotes more often than chance would have them.
CHARACTERS = st.sampled_from("'\"`\\%_. \n") | st.characters(exclude_characters="\0", exclude_categories=["Cs"])
VALUES = st.text(CHARACTERS, max_size=20)
KEYS = st.text(CHARACTERS, min_size=1, max_size=20) | st.sampled_from(["and", "NOT", "1e5", "a.b/c-d_e", "größe"])

ORDERING = [Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE]
TEXTUAL = [Operator.EQ, Operator.NE, Operator.LIKE, Operator.ILIKE]
RANGES = [Operator.BETWEEN, Operator.NOT_BETWEEN]
LISTING = [Operator.IN, Operator.NOT_IN]
ABSENCE = [Operator.IS_NULL, Operator.IS_NOT_NULL]


def keys_of(vocabulary: Vocabulary) -> st.SearchStrategy[Key]:
    attributes = st.sampled_from([Key(Entity.ATTRIBUTE, attribute.name) for attribute in vocabulary.attributes])
    entities = sorted(
        set(vocabulary.prefixes.values()) - {Entity.ATTRIBUTE, Entity.DATASET}, key=lambda entity: entity.value
    )
    others = st.builds(Key, st.sampled_from(entities), KEYS)
    if Entity.DATASET in vocabulary.prefixes.values():
        others |= st.builds(Key, st.just(Entity.DATASET), st.sampled_from(DATASET_KEYS))
    if Entity.METRIC in entities:
        others |= st.builds(Key, st.just(Entity.METRIC), KEYS, st.sampled_from(Aggregate))
    return attributes | others


@st.composite
def comparisons(draw: st.DrawFn, vocabulary: Vocabulary) -> Comparison:
    key = draw(keys_of(vocabulary))
    attribute = vocabulary.attribute(key.name) if key.entity is Entity.ATTRIBUTE else None
    values: st.SearchStrategy[str | int | float]
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    operators = ORDERING + RANGES + LISTING
    match vocabulary.type_of(key):
        case ValueType.NUMBER:
            values = numbers
        case ValueType.TIME_MILLIS | ValueType.INTEGER:
            values = st.integers(-(2**63), 2**63 - 1)
        case ValueType.TEXT if key.entity is Entity.PARAM and draw(st.booleans()):
            values = numbers
        case ValueType.TEXT:
            values = st.sampled_from(attribute.values) if attribute and attribute.values else VALUES
            operators = TEXTUAL + LISTING
    operator = draw(st.sampled_from(operators + (ABSENCE if vocabulary.may_lack(key) else [])))
    if operator in ABSENCE:
        return Comparison(key, operator, None)
    if operator in LISTING:
        return Comparison(key, operator, tuple(draw(st.lists(values, min_size=1, max_size=5))))
    if operator in RANGES:
        return Comparison(key, operator, (draw(values), draw(values)))
    return Comparison(key, operator, draw(values))


def joined(kind: type[And] | type[Or], terms: list[Expression]) -> Expression:
    flat = [inner for term in terms for inner in (term.terms if isinstance(term, kind) else (term,))]
    return kind(tuple(flat))


@st.composite
def filters(draw: st.DrawFn) -> tuple[Vocabulary, And]:
    vocabulary = draw(VOCABULARIES)
    terms = st.recursive(
        comparisons(vocabulary).map(lambda comparison: cast("Expression", comparison)),
        lambda inner: (
            st.builds(joined, st.sampled_from([And, Or]), st.lists(inner, min_size=2, max_size=4))
            | st.builds(Not, inner)
        ),
        max_leaves=8,
    )
    expression = draw(terms | st.just(And(())))
    return vocabulary, expression if isinstance(expression, And) else And((expression,))


def quoted(text: str, quote: str) -> str:
    return f"{quote}{text.replace(quote, quote * 2)}{quote}"


def written_key(key: Key, quote: str) -> str:
    """The key in its shortest form, or in the quotes of choice if it needs some."""
    if key.entity is Entity.ATTRIBUTE:
        return key.name
    plain = re.fullmatch(r"[\w\-./]+", key.name) is not None and not key.name.endswith((".min", ".max", ".last"))
    suffix = "" if key.aggregate is Aggregate.LAST else f".{key.aggregate.value}"
    return f"{key.entity.value}.{key.name if plain else quoted(key.name, quote)}{suffix}"


def written_value(comparison: Comparison, quote: str) -> str:
    value = comparison.value
    if value is None:
        return ""
    if not isinstance(value, tuple):
        return written_operand(value, quote)
    operands = [written_operand(each, quote) for each in value]
    return " AND ".join(operands) if comparison.operator in RANGES else f"({','.join(operands)})"


def written_operand(value: str | float, quote: str) -> str:
    return quoted(value, quote) if isinstance(value, str) else repr(value)


def written_filter(expression: Expression, key_quote: str, value_quote: str) -> str:
    match expression:
        case Comparison():
            name = written_key(expression.key, key_quote)
            return f"{name} {expression.operator.value} {written_value(expression, value_quote)}"
        case Not(term):
            return f"NOT ({written_filter(term, key_quote, value_quote)})"
        case And(terms) | Or(terms):
            inner = [written_filter(term, key_quote, value_quote) for term in terms]
            if isinstance(expression, Or):
                return " OR ".join(inner)
            # Parentheses where they are needed, and nowhere else.
            return " AND ".join(
                f"({text})" if isinstance(term, Or) else text for term, text in zip(terms, inner, strict=True)
            )


@given(filters(), st.sampled_from('`"'), st.sampled_from("'\""))
def test_written_filter_is_read_as_it_was(case: tuple[Vocabulary, And], key_quote: str, value_quote: str) -> None:
    vocabulary, expression = case
    assert parse_filter(written_filter(expression, key_quote, value_quote), vocabulary) == expression


SORTABLE_KEYS = keys_of(RUNS).filter(lambda key: key.entity in RUNS.sortable)


@given(st.lists(st.builds(OrderClause, SORTABLE_KEYS, st.booleans()), max_size=8), st.sampled_from('`"'))
def test_written_order_by_is_read_as_it_was(clauses: list[OrderClause], quote: str) -> None:
    once = tuple({clause.key: clause for clause in clauses}.values())
    text = ", ".join(f"{written_key(clause.key, quote)} {'DESC' if clause.descending else 'ASC'}" for clause in once)
    assert parse_order_by(text, RUNS) == once


def check_fault(error: CallerError, text: str) -> None:
    assert 1 <= int(error.metadata["position"]) <= len(text) + 1
    assert error.message.isprintable()
    assert len(error.message) < 500
    # The grammar's own names never leave it; what looks like one is quoted from the text.
    names = re.findall(r"Token|Unexpected|_AND|SINGLE_QUOTED|COMPARATOR|BARE|LPAR|\$END", error.message)
    assert all(name in text for name in names)


@given(ANY_TEXT, VOCABULARIES)
@example("run_id = 'it''", RUNS)
@example("\ud800", RUNS)
def test_any_text_is_a_filter_or_a_fault_of_one(text: str, vocabulary: Vocabulary) -> None:
    try:
        assert len(parse_filter(text, vocabulary).terms) <= MAX_COMPARISONS
    except FilterInvalid as error:
        check_fault(error, text)


@given(ANY_TEXT, VOCABULARIES)
@example("metrics.a,", RUNS)
def test_any_text_is_an_order_by_or_a_fault_of_one(text: str, vocabulary: Vocabulary) -> None:
    try:
        assert len(parse_order_by(text, vocabulary)) <= MAX_CLAUSES
    except OrderByInvalid as error:
        check_fault(error, text)


@given(filters(), st.data())
def test_broken_filter_is_a_filter_or_a_fault_of_one(case: tuple[Vocabulary, And], data: st.DataObject) -> None:
    vocabulary, expression = case
    text = written_filter(expression, "`", "'")
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    broken = text[:start] + data.draw(TOKEN_SOUP) + text[end:]
    try:
        parse_filter(broken, vocabulary)
    except FilterInvalid as error:
        check_fault(error, broken)


# Each fills 64 KiB with one thing, to find what takes more than linear time or a stack.
REPEATED = ["(", ")", "'", '"', "`", "''", "'x' ", "a", "a.", ".", "-", "1", "1.", "1e", "9", " ", "\n", ",", "NOT "]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "start", ["", "params.a = ", "metrics.a > ", "metrics.a > 1 AND ", "run_id IN (", "run_id LIKE '"]
)
@pytest.mark.parametrize("repeated", [*REPEATED, "metrics.a > 1 AND ", "run_id, ", "'',", "1,"])
def test_long_text_is_read_in_time(start: str, repeated: str) -> None:
    text = start + repeated * ((65_536 - len(start) - 1) // len(repeated)) + "x"
    with contextlib.suppress(FilterInvalid):
        parse_filter(text, RUNS)
    with contextlib.suppress(OrderByInvalid):
        parse_order_by(text, RUNS)
