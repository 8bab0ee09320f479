"""Pages of the documentation as lists of blocks and commands, so that tests can run them as they stand."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """A block of code of a page."""

    line: int
    """Where it begins, counted from 1."""
    language: str
    """Empty where none is said."""
    title: str
    """What is shown above it; a file's name where readers are to save it."""
    text: str

    @property
    def is_marked_as_not_run(self) -> bool:
        """Whether the page says of it that no test runs it."""
        return self.title.startswith("Not run by a test: ")


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page: ```` ```LANGUAGE title="TITLE" ````, both of which may be missing."""
    blocks = []
    for found in re.finditer(r"^( *)(`{3,})([^`\n]*)\n(.*?)^\1\2$", page, re.DOTALL | re.MULTILINE):
        info = re.fullmatch(r"(\w*)(?: title=\"([^\"]+)\")?", found[3].strip())
        line = page.count("\n", 0, found.start()) + 1
        assert info is not None, f"line {line}: what is meant by {found[3]!r}?"
        blocks.append(Block(line, info[1], info[2] or "", textwrap.dedent(found[4])))
    return blocks


@dataclass(frozen=True)
class Step:
    """A command of a page, and the output that the page shows."""

    command: str
    shown: tuple[str, ...]


def steps_of(page: str) -> list[Step]:
    """The steps of a page's `console` blocks; a command goes on while its quotes are open or its line ends in `\\`."""
    steps: list[Step] = []
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        assert block.startswith("$ "), block
        for text in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = text.splitlines()
            taken = 1
            while "\n".join(lines[:taken]).count("'") % 2 or lines[taken - 1].endswith("\\"):
                taken += 1
            steps.append(Step("\n".join(lines[:taken]), tuple(lines[taken:])))
    return steps


def pattern_of(shown: tuple[str, ...]) -> str:
    """What the output must match: a line `…` is any number of lines, `…` in a line is any text.

    Indents and empty lines may differ.
    """
    parts = []
    for line in filter(str.strip, shown):
        words = " ".join(line.split())
        parts.append(r"(?:.*\n)*?" if words == "…" else re.escape(words).replace("…", ".*") + r"\n")
    return "".join(parts)


def matches(shown: tuple[str, ...], output: str) -> bool:
    flat = "".join(" ".join(line.split()) + "\n" for line in output.splitlines() if line.strip())
    return re.fullmatch(pattern_of(shown), flat) is not None
