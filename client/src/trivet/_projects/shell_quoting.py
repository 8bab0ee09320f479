"""Values in a command line for a shell, quoted by where they stand, or refused where no quotes would hold them.

What is certain is decided by the text before: not a whole shell, but one that says when it does not know.
"""

from __future__ import annotations

import re
import shlex
from typing import Final, Literal

Place = Literal["plain", "single", "double", "unsure"]

# Behind these, quotes do not mean what they do elsewhere: here-documents, arithmetic, commands by backticks, $'…'.
_UNSURE: Final = re.compile(r"`|<<|\(\(|\$'")
# And in double quotes those that begin a command or a pattern, with quotes of its own; not ${NAME}.
_UNSURE_IN_DOUBLE: Final = re.compile(r"`|\$\(|\$\{(?!\w+\})")
_BEGINS_WORD: Final = frozenset(" \t\n;&|()")
_STAND_IN: Final = "x"


class CommandLine:
    """A command line that grows by texts, which are as somebody wrote them, and by values, which are quoted."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._seen = ""
        """All of it, with a letter for each value."""

    def add_text(self, text: str) -> None:
        """Adds a part of the command itself."""
        self._parts.append(text)
        self._seen += text

    def add_value(self, value: str, following: str) -> None:
        """Adds a value as a word, or a part of one, that the shell takes as it is.

        Args:
            value: Any text.
            following: What the command has behind it.

        Raises:
            ValueError: it stands inside quotes with other text, or where quotes do not hold it, and has characters that
                mean something there.
        """
        place = _place(self._seen)
        if "\0" in value:
            raise ValueError("no command can have the character NUL")
        if not value:
            self._parts.append("''" if place == "plain" else "")
        elif shlex.quote(value) == value:
            self._parts.append(value)
        elif place == "plain":
            self._parts.append(shlex.quote(value))
        # Quotes around the value alone: with other text in them, they may be a program of another shell.
        elif place == "single" and self._seen.endswith("'") and following.startswith("'"):
            self._parts.append(value.replace("'", "'\"'\"'"))
        elif place == "double" and self._seen.endswith('"') and following.startswith('"'):
            self._parts.append(re.sub(r'([$`"\\])', r"\\\1", value))
        else:
            raise ValueError("quotes cannot hold it where it stands")
        self._seen += _STAND_IN

    def __str__(self) -> str:
        return "".join(self._parts)


def _place(text: str) -> Place:
    """Where a text ends: outside of quotes, in them, or where that is not certain."""
    place: Place = "plain"
    at = 0
    while at < len(text):
        character = text[at]
        if place == "single":
            place = "plain" if character == "'" else "single"
        elif character == "\\":
            at += 1
            if at == len(text):
                return "unsure"
        elif (_UNSURE if place == "plain" else _UNSURE_IN_DOUBLE).match(text, at):
            return "unsure"
        elif character == '"':
            place = "plain" if place == "double" else "double"
        elif place == "plain" and character == "'":
            place = "single"
        elif place == "plain" and character == "#" and (at == 0 or text[at - 1] in _BEGINS_WORD):
            at = text.find("\n", at)
            if at < 0:
                return "unsure"
        at += 1
    # "$" before a quote would make other quotes of it.
    return "unsure" if place == "plain" and text.endswith("$") else place
