"""The door of the search language: text in, expressions out, faults as errors that say where and what to do."""

from __future__ import annotations

from lark import Token, Tree

from trivet_kit.search.errors import FilterInvalid, OrderByInvalid
from trivet_kit.search.expressions import And, Comparison, Entity, Key, Operator, OrderClause
from trivet_kit.search.faults import Fault, shown
from trivet_kit.search.names import read_key
from trivet_kit.search.operands import check_operator, read_value
from trivet_kit.search.syntax import read, start_of, tokens, trees
from trivet_kit.search.vocabulary import Vocabulary

# Each comparison may become a subquery of its own.
MAX_COMPARISONS = 100
# Each clause may become a join, and SQLite takes 64 tables in one (https://sqlite.org/limits.html).
MAX_CLAUSES = 32


def parse_filter(text: str, vocabulary: Vocabulary) -> And:
    """The filter that a text says; a blank one passes everything. Safe in threads.

    Raises:
        FilterInvalid: it cannot be understood. Nothing else is raised, whatever the text.
    """
    try:
        (conjunction,) = trees(read(text, "filter")) or [Tree("conjunction", [])]
        return _conjunction(conjunction, vocabulary)
    except Fault as fault:
        raise FilterInvalid(fault.offset + 1, fault.problem) from None


def parse_order_by(text: str, vocabulary: Vocabulary) -> tuple[OrderClause, ...]:
    """The clauses of an order_by, in their order; none for a blank text. Safe in threads.

    Raises:
        OrderByInvalid: it cannot be understood, or has a name twice. Nothing else is raised, whatever the text.
    """
    try:
        return _clauses(trees(read(text, "order_by")), vocabulary)
    except Fault as fault:
        raise OrderByInvalid(fault.offset + 1, fault.problem) from None


def _conjunction(tree: Tree[Token], vocabulary: Vocabulary) -> And:
    comparisons = trees(tree)
    if len(comparisons) > MAX_COMPARISONS:
        raise Fault(
            start_of(comparisons[MAX_COMPARISONS]),
            f"there are {len(comparisons)} comparisons, and at most {MAX_COMPARISONS} are taken; leave some out",
        )
    return And(tuple(_comparison(comparison, vocabulary) for comparison in comparisons))


def _comparison(tree: Tree[Token], vocabulary: Vocabulary) -> Comparison:
    name, written_operator, *lists = trees(tree)
    key = read_key(name, vocabulary)
    operator = Operator(" ".join(tokens(written_operator)).upper())
    check_operator(key, operator, start_of(written_operator), vocabulary)
    values = tokens(lists[0]) if lists else tokens(tree)
    return Comparison(key, operator, read_value(key, operator, values, vocabulary))


def _clauses(clauses: list[Tree[Token]], vocabulary: Vocabulary) -> tuple[OrderClause, ...]:
    if len(clauses) > MAX_CLAUSES:
        raise Fault(
            start_of(clauses[MAX_CLAUSES]),
            f"there are {len(clauses)} clauses, and at most {MAX_CLAUSES} are taken; leave some out",
        )
    # By key, because one attribute has several names.
    directions: dict[Key, bool] = {}
    for clause in clauses:
        (name,) = trees(clause)
        key = _sortable_key(name, vocabulary)
        if key in directions:
            raise Fault(start_of(name), f"{_full_name(key)} is there twice; leave one out")
        directions[key] = [token.type for token in tokens(clause)] == ["DESC"]
    return tuple(OrderClause(key, descending) for key, descending in directions.items())


def _sortable_key(name: Tree[Token], vocabulary: Vocabulary) -> Key:
    key = read_key(name, vocabulary)
    if key.entity not in vocabulary.sortable:
        attributes = ", ".join(attribute.name for attribute in vocabulary.attributes)
        raise Fault(
            start_of(name),
            f"{vocabulary.resources} cannot be sorted by {key.entity.value}; they can by {attributes}",
        )
    return key


def _full_name(key: Key) -> str:
    return key.name if key.entity is Entity.ATTRIBUTE else f"{key.entity.value}.{shown(key.name)}"
