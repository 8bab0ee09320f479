"""The door of the search language: text in, expressions out, faults as errors that say where and what to do."""

from __future__ import annotations

from lark import Token, Tree

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
from trivet_kit.search.faults import Fault, shown
from trivet_kit.search.names import read_key
from trivet_kit.search.operands import check_operator, read_value
from trivet_kit.search.syntax import read, start_of, tokens, trees
from trivet_kit.search.vocabulary import Vocabulary

# Each comparison may become a subquery of its own.
MAX_COMPARISONS = 100
# Reading and compiling go down the nesting by calls; databases have bounds of their own, far above.
MAX_DEPTH = 32
# Each clause may become a join, and SQLite takes 64 tables in one (https://sqlite.org/limits.html).
MAX_CLAUSES = 32


def parse_filter(text: str, vocabulary: Vocabulary) -> And:
    """The filter that a text says; a blank one passes everything. Safe in threads.

    Raises:
        FilterInvalid: it cannot be understood. Nothing else is raised, whatever the text.
    """
    try:
        parts = trees(read(text, "filter"))
        expression = _Reader(vocabulary).expression(parts[0], 0) if parts else And(())
    except Fault as fault:
        raise FilterInvalid(fault.offset + 1, fault.problem) from None
    return expression if isinstance(expression, And) else And((expression,))


def parse_order_by(text: str, vocabulary: Vocabulary, *, max_clauses: int = MAX_CLAUSES) -> tuple[OrderClause, ...]:
    """The clauses of an order_by, in their order; none for a blank text. Safe in threads.

    Raises:
        OrderByInvalid: it cannot be understood, or has a name twice. Nothing else is raised, whatever the text.
    """
    try:
        return _clauses(trees(read(text, "order_by")), vocabulary, max_clauses)
    except Fault as fault:
        raise OrderByInvalid(fault.offset + 1, fault.problem) from None


class _Reader:
    """Reads the tree of one filter."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._comparisons = 0

    def expression(self, tree: Tree[Token], depth: int) -> Expression:
        """The expression of a tree, which is nested so deep."""
        if depth > MAX_DEPTH:
            raise Fault(
                start_of(tree), f"this is nested in more than {MAX_DEPTH} parentheses and NOTs; write it flatter"
            )
        match tree.data:
            case "comparison":
                return self._comparison(tree)
            case "negation":
                (term,) = trees(tree)
                return Not(self.expression(term, depth + 1))
            case "disjunction":
                return _joined(Or, [self.expression(term, depth) for term in trees(tree)])
            case _:
                # Parentheses are disjunctions among the terms.
                return _joined(
                    And,
                    [self.expression(term, depth + (term.data == "disjunction")) for term in trees(tree)],
                )

    def _comparison(self, tree: Tree[Token]) -> Comparison:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise Fault(
                start_of(tree), f"this is comparison {MAX_COMPARISONS + 1}, and at most {MAX_COMPARISONS} are taken"
            )
        name, written_operator, *lists = trees(tree)
        key = read_key(name, self._vocabulary)
        operator = Operator(" ".join(tokens(written_operator)).upper())
        check_operator(key, operator, start_of(written_operator), self._vocabulary)
        values = tokens(lists[0]) if lists else tokens(tree)
        return Comparison(key, operator, read_value(key, operator, values, self._vocabulary))


def _joined(kind: type[And] | type[Or], terms: list[Expression]) -> Expression:
    """One expression of its kind, without others of that kind right below it."""
    flat: list[Expression] = []
    for term in terms:
        flat += term.terms if isinstance(term, kind) else [term]
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def _clauses(clauses: list[Tree[Token]], vocabulary: Vocabulary, most: int) -> tuple[OrderClause, ...]:
    if len(clauses) > most:
        raise Fault(
            start_of(clauses[most]),
            f"there are {len(clauses)} clauses, and at most {most} are taken; leave some out",
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
    if key.entity is Entity.ATTRIBUTE:
        return key.name
    suffix = "" if key.aggregate is Aggregate.LAST else f".{key.aggregate.value}"
    return f"{key.entity.value}.{shown(key.name)}{suffix}"
