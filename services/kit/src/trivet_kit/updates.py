"""What update requests share: their masks (AIP-134) and etags."""

from __future__ import annotations

import re
from collections.abc import Iterable

from trivet_kit.errors import UpdateMaskInvalid

# Without leading zeros, so that a revision has one spelling.
_REVISION = re.compile(r"[1-9][0-9]{0,17}")


def named_paths(paths: Iterable[str], updatable: tuple[str, ...]) -> frozenset[str]:
    """The fields that a mask names.

    Raises:
        UpdateMaskInvalid: it names none, or one that cannot be updated.
    """
    named = frozenset(paths)
    if not named:
        raise UpdateMaskInvalid(None, updatable)
    for path in sorted(named):
        if path not in updatable:
            raise UpdateMaskInvalid(path, updatable)
    return named


def to_revision(etag: str) -> int | None:
    """The revision that an etag stands for; None for none, and -1, which no resource has, for one that is not ours."""
    if not etag:
        return None
    return int(etag) if _REVISION.fullmatch(etag) else -1
