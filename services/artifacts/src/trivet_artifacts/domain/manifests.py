"""Manifests: one digest for a set of files, which a model version is pinned to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from trivet_artifacts.domain.artifacts import Manifest


def manifest_of(files: Iterable[tuple[str, bytes, int, str]]) -> Manifest:
    r"""The manifest of files, given as path, digest, size and the URI of a reference, which is empty for others.

    Its digest is SHA-256 over the sorted lines `{hex sha256}  {path}\n`: the same as
    `sha256sum … | LC_ALL=C sort | sha256sum` gives for files whose names need no escapes there. The line of a reference
    ends in its URI, so that it never equals that of bytes which were verified.
    """
    lines = []
    total = references = 0
    for path, sha256, size_bytes, uri in files:
        lines.append((f"{sha256.hex()}  {path}  {uri}\n" if uri else f"{sha256.hex()}  {path}\n").encode())
        total += size_bytes
        references += bool(uri)
    lines.sort()
    return Manifest(len(lines), total, hashlib.sha256(b"".join(lines)).digest(), references)
