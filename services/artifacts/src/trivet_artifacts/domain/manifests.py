"""Manifests: one digest for a set of files, which a model version is pinned to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def manifest_sha256(files: Iterable[tuple[str, bytes]]) -> bytes:
    r"""SHA-256 over the sorted lines `{hex sha256}  {path}\n` of files, given as path and digest.

    The same as `sha256sum … | LC_ALL=C sort | sha256sum` gives for files whose names need no escapes there.
    """
    lines = sorted(f"{sha256.hex()}  {path}\n".encode() for path, sha256 in files)
    return hashlib.sha256(b"".join(lines)).digest()
