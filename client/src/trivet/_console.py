"""Reading the console of a run, also while the run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from trivet._entities import ConsoleLine

_LOOK_SECONDS: Final = 1.0


class ConsolePage(NamedTuple):
    """Some lines."""

    lines: list[ConsoleLine]
    page_token: str
    """Empty where no more follow."""
    end_number: int
    """The number that the next line of the run will have."""


AskForLines = Callable[[int, int, str], ConsolePage]
"""By the smallest number, how many of the newest (0: all), and the token of the page before."""


def read_console(ask: AskForLines, newest: int, has_ended: Callable[[], bool] | None) -> Iterator[ConsoleLine]:
    """The lines of a run, in order.

    Args:
        ask: Gets a page.
        newest: Begin with so many of the newest; 0: with the first that is kept.
        has_ended: To follow the run until it has ended, tells whether it has. None: only what there is.
    """
    at = 0
    while True:
        # Asked before the lines are read: what was written before the end is there by then.
        is_last = has_ended is None or has_ended()
        token = ""
        while True:
            page = ask(at, newest, token)
            yield from page.lines
            token = page.page_token
            if not token:
                break
        at, newest = max(at, page.end_number), 0
        if is_last:
            return
        time.sleep(_LOOK_SECONDS)
