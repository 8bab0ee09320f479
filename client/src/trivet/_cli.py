"""The script `trivet`: starts the command line, which comes with an extra."""

from __future__ import annotations

import importlib.util
import io
import os
import signal
import sys
from typing import Final, NoReturn

from trivet._commands.becoming import become, becomes_program

# How long a command may take to tidy up after Ctrl-C.
_GRACE_SECONDS: Final = 5.0
_INTERRUPTED: Final = 130


def main() -> None:
    """Runs the command line; without the extra that it needs, one line says what to install."""
    if any(importlib.util.find_spec(package) is None for package in ("typer", "rich")):
        sys.exit("trivet: the command line needs an extra: pip install 'trivet[cli]'")
    if becomes_program(sys.argv[1] if len(sys.argv) > 1 else ""):
        become(sys.argv[1], sys.argv[2:])
    # A name that the encoding of this locale has no letters for is no reason to fail.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    _end_by_interrupt()
    try:
        from trivet._commands.root import app  # noqa: PLC0415 - importing it needs the extra

        app()
    except KeyboardInterrupt:  # while all that is imported; later, typer does the same
        sys.exit(_INTERRUPTED)


def _end_by_interrupt() -> None:
    """Lets Ctrl-C end the process also where its exception is lost, as in a callback from C or in a destructor."""
    if not hasattr(signal, "setitimer"):
        return

    def interrupt(_number: int, _frame: object) -> NoReturn:
        # A timer of the system, because a thread cannot be started in the midst of anything.
        signal.setitimer(signal.ITIMER_REAL, _GRACE_SECONDS)
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, lambda _number, _frame: os._exit(_INTERRUPTED))
    signal.signal(signal.SIGINT, interrupt)
