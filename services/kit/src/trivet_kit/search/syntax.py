"""From text to the tree of the grammar in language.lark, and what its tokens say."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal, cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken

from trivet_kit.search.faults import Fault, grammar_fault

# As long as the longest value there is, that of a tag. It bounds the time of reading, and the
# members of IN lists to 21,845, below the 32,766 bound parameters of SQLite.
MAX_TEXT_BYTES = 64 * 1024


def read(text: str, field: Literal["filter", "order_by"]) -> Tree[Token]:
    """The tree of a text by the rule named as its field. Safe in threads, and in time linear in the text.

    Raises:
        Fault: it is too long, is not Unicode text, or breaks the grammar.
    """
    _check_text(text, field)
    try:
        return _parser().parse(text, start=field)
    except UnexpectedInput as fault:
        at_end = isinstance(fault, UnexpectedToken) and fault.token.type == "$END"
        offset: int = len(text) if at_end else cast("int", fault.pos_in_stream)
        # `fault.expected` would not do: LALR(1) states are shared between rules, so it names what other places accept.
        accepted: set[str] = fault.interactive_parser.accepts()  # type: ignore[no-untyped-call]  # lark left it untyped
    raise grammar_fault(text, offset, accepted, field)


def tokens(tree: Tree[Token]) -> list[Token]:
    """The tokens right below a rule, in their order."""
    return [child for child in tree.children if isinstance(child, Token)]


def trees(tree: Tree[Token]) -> list[Tree[Token]]:
    """The rules right below a rule, in their order."""
    return [child for child in tree.children if isinstance(child, Tree)]


def start_of(part: Token | Tree[Token]) -> int:
    """How many characters stand before a token, or a rule that begins with one."""
    while isinstance(part, Tree):
        part = part.children[0]
    assert part.start_pos is not None, "the lexer sets it"
    return part.start_pos


def is_quoted(token: Token) -> bool:
    """Whether a key or a value stands in quotes or backticks."""
    return token.type in {"SINGLE_QUOTED", "DOUBLE_QUOTED", "BACKTICKED"}


def unquoted(token: Token) -> str:
    """What a key or a value says, quoted or not."""
    quote = token[0]
    return token[1:-1].replace(quote * 2, quote) if is_quoted(token) else str(token)


def _check_text(text: str, field: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as fault:
        raise Fault(fault.start, "half of a surrogate pair is not a character; remove it") from None
    if size > MAX_TEXT_BYTES:
        raise Fault(0, f"the {field} has {size} bytes, and at most {MAX_TEXT_BYTES} are read; ask for less at once")
    nul = text.find("\0")
    if nul >= 0:
        raise Fault(nul, "no key and no value holds the character NUL; remove it")


@cache
def _parser() -> Lark:
    """The parser, made at the first use: services that never search need not wait for it.

    Threads share it: parsing keeps its state in objects of each call, and there are neither terminal callbacks nor a
    transformer. What it makes late, its scanners, two threads may make twice, with the same result.
    """
    grammar = resources.files(__package__).joinpath("language.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", start=["filter", "order_by"], maybe_placeholders=False)
