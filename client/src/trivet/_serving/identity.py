"""Which model it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """Which model it is, as callers may know it."""

    uri: str
    """By which somebody asked for it; of a folder only its name."""
    version: str = ""
    """Of the registered model; empty where it is none."""
