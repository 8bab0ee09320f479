"""Faults in a text of the language, and the words for them."""

from __future__ import annotations

from collections.abc import Iterable, Set
import re

# Faults quote what was written. Statuses travel in HTTP/2 headers, which gRPC limits to 8 KiB by default.
MAX_SHOWN_CHARACTERS = 40

_NOT_YET = {"OR", "NOT", "BETWEEN"}
_INSTEAD = {"==": "=", "<>": "!=", "&&": "AND"}
_FOUND = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|[\w\-./]+|&&|\|\||.", re.DOTALL)

# What the grammar waits for, told by a terminal that is accepted there and at no place further down the list.
_WANTED = (
    ("WORD", "a name such as metrics.loss or params.\"learning rate\""),
)


class Fault(Exception):
    """Something is wrong at a place of the text; the door (parser.py) adds which field the text stood in."""

    def __init__(self, offset: int, problem: str) -> None:
        super().__init__(problem)
        self.offset = offset
        """Characters before the place."""
        self.problem = problem
        """A clause without a full stop: what is wrong and what to do."""
