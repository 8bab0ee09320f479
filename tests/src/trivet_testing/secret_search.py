"""Searches what the servers of a test session log, and what programs spool, for the secrets that tests use.

Secrets are known by their shape, so that nobody has to say which are in use: those that tests make up have a marker
(`make_secret`), and those that Trivet makes look like nothing else. What is found fails the session, at its end.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MARKER: Final = "trivetsecret"
_SHAPES: Final = (
    # JSON Web Tokens: of OpenID providers, and Trivet's own.
    ("token", "eyJ", re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.")),
    ("presigned URL", "ignature=", re.compile(r"[?&](?:X-Amz-)?Signature=[A-Za-z0-9%+/]{8,}", re.IGNORECASE)),
    # `PASSWORD` itself is how a URL of a database is written, as an error says it.
    ("password in a URL", "://", re.compile(r"://[^\s/:@\"'<>]+:(?!(?:\*\*\*|\[redacted\]|PASSWORD)@)[^\s/@\"'<>]+@")),
)
# 32 random bytes, as the secrets of webhooks and of sessions are; without all kinds of characters it is some name.
_RANDOM: Final = re.compile(
    r"(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*[0-9])[A-Za-z0-9_-]{43}(?![\w-])", re.ASCII
)
_MADE: Final = re.compile(rf"{_MARKER}([a-z0-9]+?)x[0-9a-f]{{16}}")
# What is beside it is the spool of a target.
_SPOOL_FILE: Final = "target.json"


@dataclass(frozen=True)
class Finding:
    """A secret where none may be; without the secret."""

    log: str
    """Which log or file it is."""
    kind: str


_findings: Final[dict[Finding, None]] = {}
"""Of this process, each once."""


def make_secret(kind: str) -> str:
    """A fresh secret of letters and digits that is known where it is seen; 29 characters and the kind.

    Args:
        kind: What it is for, in small letters, such as `postgres`.
    """
    secret = f"{_MARKER}{kind}x{secrets.token_hex(8)}"
    assert kinds_in(secret) == {kind}
    return secret


def kinds_in(text: str) -> set[str]:
    """The kinds of secrets in a text."""
    kinds = {kind for kind, hint, shape in _SHAPES if hint in text and shape.search(text)}
    if _MARKER in text:
        kinds |= set(_MADE.findall(text))
    return kinds


def search_log(command: Sequence[str], line: str) -> None:
    """Searches a line that a program wrote; only programs of ours are looked at. Safe for threads."""
    if not any(Path(part).name.startswith("trivet") for part in command[:3]):
        return
    kinds = kinds_in(line)
    if _RANDOM.search(line):
        kinds.add("random secret")
    for kind in kinds:
        _findings[Finding(" ".join(command[:4]), kind)] = None


def search_spools(folder: Path) -> None:
    """Searches the spools somewhere below a folder."""
    for target in folder.rglob(_SPOOL_FILE):
        for file in target.parent.rglob("*"):
            if file.is_file() and not file.is_symlink():
                for kind in kinds_in(file.read_bytes().decode("latin-1")):
                    _findings[Finding(str(file.relative_to(folder)), kind)] = None


def findings() -> list[Finding]:
    """What was found so far."""
    return list(_findings)


def add_findings(found: Sequence[Finding]) -> None:
    """Takes over what another process found."""
    _findings.update(dict.fromkeys(found))
