"""Texts as filters have them."""

from __future__ import annotations


def quoted(text: str) -> str:
    """A text in quotes, with those in it doubled."""
    return "'" + text.replace("'", "''") + "'"
