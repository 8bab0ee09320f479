"""What `trivet runs console` shows: the lines of a run, or an object in a line each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Final

import typer

import trivet
from trivet._commands.kinds import local_time, printable

# Colors and the like, which do no harm; whatever else a line says to a terminal is shown, not done.
_COLORS: Final = re.compile(r"(\x1b\[[0-9;:]*m|\t)")
_NO_COLOR: Final = "\x1b[0m"


def show_console(lines: Iterable[trivet.ConsoleLine], *, with_times: bool, as_json: bool) -> None:
    """Prints lines as they come. Where the output is no terminal, they have no colors."""
    if as_json:
        for line in lines:
            typer.echo(json.dumps(asdict(line)))
        return
    for line, text in _whole(lines):
        time = f"{local_time(line.timestamp)}  " if with_times else ""
        rank = "" if line.rank is None else f"[{line.rank}] "
        typer.echo(f"{time}{rank}{_shown(text)}")


def _whole(lines: Iterable[trivet.ConsoleLine]) -> Iterator[tuple[trivet.ConsoleLine, str]]:
    """Lines put together from their pieces, each with its last piece; what is still open comes at the end."""
    pieces: dict[tuple[str, int | None], list[trivet.ConsoleLine]] = {}
    for line in lines:
        of_line = pieces.setdefault((line.stream, line.rank), [])
        of_line.append(line)
        if not line.unfinished:
            yield line, "".join(piece.text for piece in of_line)
            of_line.clear()
    for of_line in pieces.values():
        if of_line:
            yield of_line[-1], "".join(piece.text for piece in of_line)


def _shown(text: str) -> str:
    # As a terminal shows it: what a progress bar wrote last.
    last = next((part for part in reversed(text.split("\r")) if part), "")
    parts = _COLORS.split(last)
    shown = "".join(part if place % 2 else printable(part) for place, part in enumerate(parts))
    return f"{shown}{_NO_COLOR}" if "\x1b" in shown else shown
