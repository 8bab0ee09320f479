"""The keys under which runs have metrics, params and tags."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from trivet_kit.page_tokens import Cursor


class RunKeyKind(IntEnum):
    """What keys belong to; numbered as in the contract."""

    METRIC = 1
    PARAM = 2
    TAG = 3


@dataclass(frozen=True)
class RunKeyQuery:
    """Which keys to list."""

    kind: RunKeyKind
    experiment_ids: tuple[int, ...]
    """Of the runs in use in these experiments; empty: in all of the workspace."""
    run_ids: tuple[str, ...]
    """Of these runs instead, where there are some; deleted ones count."""
    contains: str
    """Only keys that hold this, whatever the case of ASCII letters."""
    size: int
    """From 1 up."""
    after: Cursor | None
    """The last key of the page before."""


@dataclass(frozen=True)
class RunKeyPage:
    """A page of keys, sorted, each once."""

    keys: tuple[str, ...]
    is_last: bool
