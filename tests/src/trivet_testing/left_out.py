"""How a test says that a real part it needs is not to be had here."""

from __future__ import annotations

import os
from typing import Final, NoReturn

import pytest

REQUIRE_REAL: Final = "TRIVET_REQUIRE_REAL"
"""Environment variable: `1` makes every missing part a failure. CI sets it, so that a green run left nothing out."""

_left_out: dict[tuple[str, str], None] = {}  # a dict keeps the order in which parts were missed, and each only once


def leave_out(part: str, why: str) -> NoReturn:
    """Ends the test or fixture that called: skipped, or failed where real parts are required.

    Args:
        part: What is missing, in the words of a reader of the summary: "a Docker engine".
        why: What was tried and what each attempt said.

    Raises:
        pytest.skip.Exception: Unless `TRIVET_REQUIRE_REAL` is `1`. The summary of the run lists part and reason.
        pytest.fail.Exception: If it is.
    """
    note_left_out(part, why)
    if os.environ.get(REQUIRE_REAL) == "1":
        pytest.fail(f"{REQUIRE_REAL}=1 and {part} is not to be had: {why}", pytrace=False)
    pytest.skip(f"{part} is not to be had: {why}")


def note_left_out(part: str, why: str) -> None:
    """Puts a missing part on the list of this run, once."""
    _left_out[part, why] = None


def all_left_out() -> list[tuple[str, str]]:
    """The (part, why) of this run so far, in the order in which they were missed, each once."""
    return list(_left_out)
