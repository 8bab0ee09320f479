"""Faults in a text of the language, and the words for what breaks its grammar."""

from __future__ import annotations

import re
from collections.abc import Set

# Faults quote what was written, and travel in HTTP/2 headers, which gRPC limits to 8 KiB by default.
_MAX_SHOWN_CHARACTERS = 40

# A quoted text ends as in language.lark; an opening quote without such an end is found alone.
_QUOTED = "|".join(rf"{quote}[^{quote}]*(?:{quote * 2}[^{quote}]*)*{quote}(?!{quote})" for quote in "'\"`")
_FOUND = re.compile(rf"{_QUOTED}|[\w\-./]+|&&|\|\||.", re.DOTALL)

_WRITTEN_ELSEWHERE = {"==": "=", "<>": "!=", "&&": "AND", "||": "OR"}

# What the grammar waits for. The first terminal of this list that it accepts tells the place.
_WANTED = (
    ("WORD", "a name"),
    ("KEY", "a key in letters, digits, _ - . and /, or in backticks,"),
    ("COMPARATOR", "an operator, such as = or LIKE,"),
    ("NUMBER", "a value, a quoted text or a number,"),
    ("LPAR", "a list of values in parentheses"),
    ("IN", "IN or BETWEEN"),
    ("NOT", "NULL or NOT NULL"),
    ("NULL", "NULL"),
    ("_OR", "AND, OR or the end"),
    ("_AND", "AND and the upper bound"),
    ("RPAR", "a comma or a closing parenthesis"),
    ("ASC", "ASC, DESC or a comma"),
    ("COMMA", "a comma or the end"),
    ("$END", "AND, OR or the end"),
)


class Fault(Exception):
    """Something is wrong at a place of the text; parser.py adds which field the text stood in."""

    def __init__(self, offset: int, problem: str) -> None:
        super().__init__(problem)
        self.offset = offset
        """How many characters stand before the place."""
        self.problem = problem
        """A clause without a full stop: what is wrong and what to do."""


def shown(written: str) -> str:
    """What was written, as a message can show it: on one line, and not all of it when it is long."""
    start = written[:_MAX_SHOWN_CHARACTERS]
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in start)
    return plain if len(written) == len(start) else f"{plain}…"


def grammar_fault(text: str, offset: int, accepted: Set[str], field: str) -> Fault:
    """The fault where the grammar cannot go on.

    Args:
        text: what is read.
        offset: where it stops, 0-based; the length of `text` for its end.
        accepted: the terminals of the grammar with which it would go on there.
        field: what `text` is: `filter` or `order_by`.
    """
    # A list of values goes on with a comma, too.
    if "RPAR" in accepted and "COMMA" not in accepted:
        wanted = "AND, OR or a closing parenthesis"
    else:
        wanted = next(words for terminal, words in _WANTED if terminal in accepted)
    found = _FOUND.match(text, offset)
    if found is None:
        # Blanks at the end are not where anybody looks.
        return Fault(len(text.rstrip()), f"the {field} ends where {wanted} must stand")
    word = found[0]
    if word in {"'", '"', "`"}:
        return Fault(offset, f"the quote is not closed; add a {word} at the end, and double each {word} inside")
    return _foreign(text, offset, word, field) or Fault(offset, f"{wanted} must stand here, not {shown(word)}")


def _foreign(text: str, offset: int, word: str, field: str) -> Fault | None:
    """The fault of a word that is at home in other languages of this kind."""
    if field == "order_by":
        return None
    two = text[max(offset - 1, 0) : offset + 1]
    if two in _WRITTEN_ELSEWHERE:
        return Fault(offset - 1, f"{two} is not an operator; write {_WRITTEN_ELSEWHERE[two]}")
    if word in _WRITTEN_ELSEWHERE:
        return Fault(offset, f"{word} is not part of the language; write {_WRITTEN_ELSEWHERE[word]}")
    return None
