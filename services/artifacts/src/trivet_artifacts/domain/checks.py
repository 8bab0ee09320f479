"""Objects whose digest a client has said and nobody has reckoned yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Unverified:
    """An object to be read."""

    object_pk: int
    object_key: str
    size_bytes: int
    sha256: bytes
    """As the client said it."""


class Checks(Protocol):
    """The objects that are not verified. Safe for threads."""

    def claim(self) -> Unverified | None:
        """Returns one that no process has begun to read for a while; None where there is none."""
        ...

    def renew(self, unverified: Unverified) -> None:
        """Says that this process still reads it."""
        ...

    def conclude(self, unverified: Unverified, sha256: bytes) -> bool:
        """Notes what its bytes are, and returns whether those are verified.

        Files of the same content come to share one object.
        """
        ...
