"""What is captured: TRIVET_CAPTURE, or what `start_run` is given."""

from __future__ import annotations

import os
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, TypeAlias

from trivet._errors import InvalidArgument


class Captured(StrEnum):
    """What can be captured, by the names that settings have."""

    SOURCE = "source"
    """The path of the script or notebook, and the file itself."""
    GIT = "git"
    """Commit, branch and address of the repository."""
    DIFF = "diff"
    """What differs from the commit."""
    COMMAND = "command"
    ENVIRONMENT = "environment"
    """Python, packages, and variables that are asked for."""
    HOST = "host"
    USER = "user"
    CONSOLE = "console"
    SYSTEM = "system"
    """Use of processors, memory, disk, network and GPUs."""
    EXIT = "exit"
    """How the process ended."""


Choice: TypeAlias = str | Iterable[str] | bool | None
"""Names of what is captured; all but some by `-NAME`; True is all and False nothing; None: what TRIVET_CAPTURE says."""

_ALL: Final = frozenset(Captured)


def chosen(choice: Choice) -> frozenset[Captured]:
    """What is captured. Raises InvalidArgument for a name of nothing."""
    if isinstance(choice, bool):
        return _ALL if choice else frozenset()
    whose = "capture"
    if choice is None:
        choice, whose = os.environ.get("TRIVET_CAPTURE", ""), "TRIVET_CAPTURE"
    given = choice.split(",") if isinstance(choice, str) else list(choice)
    names = [str(name).strip().lower() for name in given]
    names = [name for name in names if name]
    # Only things to leave out, or nothing: from all.
    found = set(_ALL) if all(name.startswith("-") for name in names) else set()
    for name in names:
        found = _applied(found, name, whose)
    return frozenset(found)


def _applied(found: set[Captured], name: str, whose: str) -> set[Captured]:
    if name in ("all", "none"):
        return set(_ALL) if name == "all" else set()
    plain = name.removeprefix("-")
    if plain not in {item.value for item in Captured}:
        known = ", ".join(item.value for item in Captured)
        raise InvalidArgument(f"{whose} has {name!r}; say all, none, or some of {known}, each with - to leave it out.")
    return found - {Captured(plain)} if name.startswith("-") else found | {Captured(plain)}


def is_of_all_ranks() -> bool:
    """Whether every rank of a job captures what its first one does. Raises InvalidArgument for another setting."""
    text = os.environ.get("TRIVET_CAPTURE_RANKS", "").strip().lower() or "first"
    if text not in ("first", "all"):
        raise InvalidArgument(f"TRIVET_CAPTURE_RANKS is {text!r}; say first or all.")
    return text == "all"
