"""Text for people: tables with lines on a terminal, and plain columns where a program or a file reads it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_GAP: Final = "  "
_NARROW: Final = 12  # texts are not broken into narrower columns than this
_BETWEEN: Final = 3  # what rich puts between columns: a line, and a space on either side


@dataclass(frozen=True)
class Head:
    """The head of a column of text."""

    label: str
    is_number: bool = False
    is_whole: bool = False
    """Never broken over lines."""


def show_table(heads: Sequence[Head], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table. Nothing is cut: on a narrow terminal texts go on below, and what is whole stays whole."""
    lines = [[head.label for head in heads], *rows]
    if sys.stdout.isatty():
        _print(_rich_table(heads, rows), _least_width(heads, _widths(lines)))
    else:
        _print_plain(lines, heads)


def show_facts(facts: Sequence[tuple[str, str]], title: str = "") -> None:
    """Prints labels and values below one another, indented under a title; a value may have several lines."""
    if title:
        facts = [(f"{_GAP}{label}", value) for label, value in facts]
    if sys.stdout.isatty():
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold" if not title else "", no_wrap=True)
        table.add_column(overflow="fold")
        for label, value in facts:
            table.add_row(Text(label), Text(value))
        if title:
            _print(Text(f"\n{title}", style="bold"))
        _print(table)
        return
    if title:
        typer.echo(f"\n{title}")
    width = max((cell_len(label) for label, _ in facts), default=0)
    for label, value in facts:
        first, *others = value.split("\n")
        typer.echo(f"{_padded(label, width)}{_GAP}{first}".rstrip())
        for line in others:
            typer.echo(f"{' ' * width}{_GAP}{line}".rstrip())


def _rich_table(heads: Sequence[Head], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for head in heads:
        table.add_column(
            Text(head.label),
            justify="right" if head.is_number else "left",
            no_wrap=head.is_whole,
            overflow="fold",
        )
    for row in rows:
        # As Text: what somebody named a run is no markup.
        table.add_row(*map(Text, row))
    return table


def _least_width(heads: Sequence[Head], widths: Sequence[int]) -> int:
    """What a table takes at least: rich would leave columns out rather than be wider than the terminal."""
    cells = sum(width if head.is_whole else min(width, _NARROW) for head, width in zip(heads, widths, strict=True))
    return cells + _BETWEEN * (len(heads) - 1)


def _print(what: Table | Text, least_width: int = 0) -> None:
    console = Console(file=sys.stdout, highlight=False)
    console.width = max(console.width, least_width)
    console.print(what)


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, column)) for column in zip(*rows, strict=True)]


def _print_plain(rows: Sequence[Sequence[str]], heads: Sequence[Head]) -> None:
    widths = _widths(rows)
    for row in rows:
        cells = [
            _padded(cell, width, at_right=head.is_number) for cell, width, head in zip(row, widths, heads, strict=True)
        ]
        typer.echo(_GAP.join(cells).rstrip())


def _padded(text: str, width: int, *, at_right: bool = False) -> str:
    # Not str.ljust: some characters are two columns wide, and some none.
    space = " " * (width - cell_len(text))
    return space + text if at_right else text + space
