"""What a server of a model is told, and what it tells its workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

MIB: Final = 1 << 20
_LARGEST_BODIES_HELD: Final = 4


@dataclass(frozen=True)
class Limits:
    """What one worker takes on."""

    threads: int = 2
    """Predictions at once. More than two mostly wait for each other: Python runs one thread at a time."""
    waiting: int = 64
    """Requests that wait for their prediction; the next one is refused."""
    max_body_bytes: int = 64 * MIB
    """Of a request."""
    timeout_seconds: float = 60
    """From the head of a request to its answer; MLflow's own."""
    drain_seconds: int = 20
    """How long requests have to end when the server does."""

    @property
    def max_held_bytes(self) -> int:
        """Of the bodies of all requests that have no answer yet."""
        return _LARGEST_BODIES_HELD * self.max_body_bytes


@dataclass(frozen=True)
class Access:
    """Who may ask."""

    token: str = ""
    """What requests have to present; empty: nothing."""
    names: tuple[str, ...] | None = None
    """What requests may call the server by; None: anything."""


@dataclass(frozen=True)
class WorkerSettings:
    """All that a worker is told when it begins."""

    limits: Limits
    access: Access

    def to_message(self) -> dict[str, Any]:
        """As it goes to a worker."""
        return asdict(self)

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Self:
        """As it came from the server."""
        access = message["access"]
        names = access["names"]
        return cls(
            Limits(**message["limits"]),
            Access(access["token"], None if names is None else tuple(names)),
        )
