"""The manifest of files: the line of each, and the one digest of all of them, as the artifact service reckons it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def manifest_line(path: str, sha256: bytes, reference_uri: str = "") -> str:
    """The line of a file, as the contract of the artifact service has it."""
    end = f"  {reference_uri}" if reference_uri else ""
    return f"{sha256.hex()}  {path}{end}\n"


def manifest_digest(lines: Iterable[str]) -> str:
    """The digest of the files that have these lines: SHA-256, in hex."""
    return hashlib.sha256("".join(sorted(lines, key=str.encode)).encode()).hexdigest()
