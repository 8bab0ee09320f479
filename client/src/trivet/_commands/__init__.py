"""The commands of `trivet`: a thin layer over `trivet.Client`. Needs the extra `cli`."""

from __future__ import annotations

from trivet._commands.root import app

__all__ = ["app"]
