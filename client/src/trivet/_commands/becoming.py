"""Commands that become a program of the server's packages, with all that follows them.

Their options are described, checked and defaulted there, in one place. The script becomes it before it imports the
other commands, so nothing but the standard library is imported here.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

AS_THE_PROGRAM: Final[dict[str, Any]] = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Context settings of such a command."""


class _Program(NamedTuple):  # a dataclass would take its module longer to import than all else here
    package: str
    """What has to be installed."""
    module: str
    """What is run, as by `python -m`."""
    arguments: tuple[str, ...]
    """Those before the ones that follow the command."""
    what: str
    """What the command is for, where the package is missing."""


_SERVER: Final = _Program("trivet_standalone", "trivet_standalone", (), "a server on this machine")
_IDENTITIES: Final = "what servers know of identities"
_PROGRAMS: Final[Mapping[str, _Program]] = {
    "up": _SERVER,
    "ui": _SERVER,
    "token": _Program("trivet_kit", "trivet_kit.identity", ("token",), _IDENTITIES),
    "policy": _Program("trivet_kit", "trivet_kit.identity", ("policy",), _IDENTITIES),
}


def becomes_program(name: str) -> bool:
    """Whether a command is one of these."""
    return name in _PROGRAMS


def become(name: str, arguments: Sequence[str]) -> None:
    """Becomes the program of a command, or ends where its package is not here, saying what needs it."""
    program = _PROGRAMS[name]
    if importlib.util.find_spec(program.package) is None:
        sys.exit(f"trivet {name}: {program.what} needs an extra: pip install 'trivet[local]'")
    # Instead of a child: signals and exit code need no passing on.
    os.execv(sys.executable, [sys.executable, "-m", program.module, *program.arguments, *arguments])  # noqa: S606 - itself
