"""The script `trivet`: starts the command line, which comes with an extra."""

from __future__ import annotations

import importlib.util
import sys


def main() -> None:
    """Runs the command line; without the extra that it needs, one line says what to install."""
    if importlib.util.find_spec("typer") is None:
        sys.exit("trivet: the command line needs an extra: pip install 'trivet[cli]'")
    from trivet._commands import app  # noqa: PLC0415 - importing it needs the extra

    app()
