"""The script `trivet`: starts the command line, which comes with an extra."""

from __future__ import annotations

import importlib.util
import io
import sys


def main() -> None:
    """Runs the command line; without the extra that it needs, one line says what to install."""
    if any(importlib.util.find_spec(package) is None for package in ("typer", "rich")):
        sys.exit("trivet: the command line needs an extra: pip install 'trivet[cli]'")
    # A name that the encoding of this locale has no letters for is no reason to fail.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        from trivet._commands import app  # noqa: PLC0415 - importing it needs the extra

        app()
    except KeyboardInterrupt:  # while all that is imported; later, typer does the same
        sys.exit(130)
