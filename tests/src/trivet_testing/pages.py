"""Pages of the documentation as lists of commands, so that tests can run them as they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass


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
