"""What the processes of a run wrote to their consoles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol

from trivet_kit.page_tokens import Cursor


class ConsoleStream(IntEnum):
    """Where a line was written to; numbered as in the contract."""

    STDOUT = 1
    STDERR = 2


class ConsoleLine(NamedTuple):
    """A line, or a piece of one."""

    time: int
    """In milliseconds since the Unix epoch."""
    stream: ConsoleStream
    rank: int | None
    text: str
    unfinished: bool
    """Whether the next one of the same stream and rank goes on with it."""


@dataclass(frozen=True)
class ConsoleQuery:
    """Which lines to list."""

    min_number: int
    newest: int
    """Only so many of the newest; 0: all."""
    size: int
    """From 1 up."""
    max_bytes: int
    """Of texts; one line comes in any case."""
    after: Cursor | None
    """The number of the last line of the page before."""


@dataclass(frozen=True)
class ConsolePage:
    """A page of lines, which have consecutive numbers."""

    lines: tuple[ConsoleLine, ...]
    first: int
    """The number of the first of `lines`."""
    kept_from: int
    """The smallest number of a line that is kept."""
    end: int
    """The number that the next line of the run will have."""

    @property
    def is_last(self) -> bool:
        """Whether no lines follow."""
        return not self.lines or self.first + len(self.lines) >= self.end


class Console(Protocol):
    """Reads what processes wrote to their consoles. Whatever was acknowledged is seen."""

    def list(self, workspace: str, run_id: str, query: ConsoleQuery) -> ConsolePage:
        """Returns a page of lines. Raises RunNotFound, PageTokenInvalid."""
        ...
