"""Parses filters and orders into expressions: the form by the grammar, names and types by `checks`."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from trivet_tracking.domain.search.checks import Checks
from trivet_tracking.domain.search.errors import FilterInvalid, LanguageError, OrderByInvalid
from trivet_tracking.domain.search.expressions import And, Comparison, Key, Operator, OrderClause
from trivet_tracking.domain.search.vocabulary import Vocabulary

# Bounds on the work that one request can ask for. SQLite's longest LIKE pattern is 50,000 bytes; a character has up to
# 4 bytes, and a backslash may be doubled.
MAX_CHARACTERS = 6000
MAX_COMPARISONS = 100

_NOT_OF_THE_LANGUAGE = re.compile(r"(?:OR|NOT|BETWEEN)(?![\w./-])|\(", re.IGNORECASE)
_FOREIGN_BEFORE = re.compile(r"(?<![\w./-])(?:OR|NOT)\s+$", re.IGNORECASE)
_EXPECTATIONS = (
    ({"COMPARISON"}, "an operator such as = or LIKE"),
    ({"TEXT", "NUMBER"}, "a value (a number, or text in quotes)"),
    ({"NULL"}, "NULL"),
    ({"IN"}, "IN"),
    ({"_OPEN"}, "a list in parentheses, such as ('a', 'b'),"),
    ({"_CLOSE"}, "a comma or a closing parenthesis"),
    ({"IDENTIFIER"}, "a name such as metrics.rmse or start_time"),
    ({"ASC"}, "ASC, DESC, a comma or the end"),
    ({"_COMMA"}, "a comma or the end"),
    ({"_AND"}, "AND or the end"),
)

_Node: TypeAlias = "Tree[Token]"


def parse_filter(text: str, vocabulary: Vocabulary) -> And:
    """The filter in a text; a blank one is no condition. Thread-safe.

    Raises:
        FilterInvalid: the text is not of the language, or names what the vocabulary does not know.
    """
    nodes = _parse(text, "filter", FilterInvalid)
    if len(nodes) > MAX_COMPARISONS:
        position = _position(_token(nodes[MAX_COMPARISONS]))
        raise FilterInvalid(position, f"there are more than {MAX_COMPARISONS} comparisons; search in several steps.")
    checks = Checks(vocabulary, vocabulary.entities, FilterInvalid)
    return And(tuple(_comparison(node, checks) for node in nodes))


def parse_order_by(text: str, vocabulary: Vocabulary) -> tuple[OrderClause, ...]:
    """The clauses in a text; a blank one has none. Thread-safe.

    Raises:
        OrderByInvalid: the text is not of the language, or names what the vocabulary does not know, or a name twice.
    """
    checks = Checks(vocabulary, vocabulary.sortable, OrderByInvalid)
    clauses: dict[Key, OrderClause] = {}
    for node in _parse(text, "order", OrderByInvalid):
        token = _token(node)
        key = checks.key(str(token), _position(token))
        if key in clauses:
            raise OrderByInvalid(_position(token), f"{token} is named twice.")
        clauses[key] = OrderClause(key, descending=any(child.type == "DESC" for child in _tokens(node)))
    return tuple(clauses.values())


@cache
def _parser() -> Lark:
    grammar = resources.files(__package__).joinpath("language.lark").read_text(encoding="utf-8")
    return Lark(grammar, start=["filter", "order"], parser="lalr", lexer="contextual", maybe_placeholders=False)


def _parse(text: str, start: str, fault: type[LanguageError]) -> list[_Node]:
    """The comparisons of a filter, or the clauses of an order."""
    if len(text) > MAX_CHARACTERS:
        raise fault(MAX_CHARACTERS + 1, f"it has {len(text)} characters; at most {MAX_CHARACTERS} are allowed.")
    nul = text.find("\0")
    if nul >= 0:
        raise fault(nul + 1, "the character NUL cannot be searched for.")
    try:
        tree = _parser().parse(text, start=start)
    except UnexpectedInput as error:
        raise _syntax_fault(text, error, fault) from None
    return [child for child in tree.children if isinstance(child, Tree)]


def _syntax_fault(text: str, error: UnexpectedInput, fault: type[LanguageError]) -> LanguageError:
    begin, expected = _where(text, error)
    wanted = next((words for terminals, words in _EXPECTATIONS if terminals <= expected), "something else")
    rest = text[begin:]
    found = re.match(r"\w+|\S", rest)
    if found is None:
        return fault(len(text) + 1, f"it ends where {wanted} is expected.")
    if rest[0] in "'\"`" and rest.count(rest[0]) % 2:
        return fault(begin + 1, f"the quote {rest[0]} is not closed.")
    # A word such as NOT may have been taken for a name, so that what follows it is what does not fit.
    foreign = _NOT_OF_THE_LANGUAGE.match(rest) or _FOREIGN_BEFORE.search(text[:begin])
    if fault is FilterInvalid and foreign:
        position = begin + 1 if foreign.string == rest else foreign.start() + 1
        return fault(position, f"{foreign[0].strip().upper()} is not part of the language; join comparisons by AND.")
    return fault(begin + 1, f"{found[0][:40]} stands where {wanted} is expected.")


def _where(text: str, error: UnexpectedInput) -> tuple[int, set[str]]:
    """Where the text went wrong, and the grammar's names of what could have stood there."""
    if isinstance(error, UnexpectedCharacters):
        position: Any = error.pos_in_stream  # declared as None, for the classes that have none
        return int(position), set(error.allowed or ())
    if isinstance(error, UnexpectedToken):
        begin = len(text) if error.token.type == "$END" else error.token.start_pos or 0
        return begin, set(error.accepts or error.expected)
    return len(text), set()


def _comparison(node: _Node, checks: Checks) -> Comparison:
    token, *rest = _tokens(node)
    position = _position(token)
    key = checks.key(str(token), position)
    kinds = {child.type for child in rest}
    match node.data:
        case "compare" | "like":
            operator = Operator(rest[0].upper())
            checks.operator(key, operator, _position(rest[0]))
            value = rest[1]
            return Comparison(key, operator, checks.value(key, operator, value.type, str(value), _position(value)))
        case "in_list":
            operator = Operator.NOT_IN if "NOT" in kinds else Operator.IN
            checks.operator(key, operator, _position(rest[0]))
            values = [child for child in rest if child.type not in ("NOT", "IN")]
            return Comparison(
                key, operator, tuple(checks.text(key, value.type, str(value), _position(value)) for value in values)
            )
    operator = Operator.IS_NOT_NULL if "NOT" in kinds else Operator.IS_NULL
    checks.operator(key, operator, _position(rest[0]))
    return Comparison(key, operator, None)


def _tokens(node: _Node) -> list[Token]:
    """The tokens below a node, in order."""
    return list(node.scan_values(lambda value: isinstance(value, Token)))


def _token(node: _Node) -> Token:
    return _tokens(node)[0]


def _position(token: Token) -> int:
    return (token.start_pos or 0) + 1
