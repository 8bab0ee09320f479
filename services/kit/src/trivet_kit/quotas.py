"""What a workspace may use at most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True)
class Quotas:
    """The limits of a workspace, each 1 or more; None: as much as it likes."""

    bytes: int | None = None
    """Bytes of the workspace's files that the artifact service keeps, each content once."""
    points_per_second: int | None = None
    """Points of metrics that the tracking service takes in."""
    runs: int | None = None
    """Runs that the tracking service keeps, deleted ones too until they are purged."""
    requests_per_second: int | None = None
    """Calls that a service answers."""


UNLIMITED = Quotas()

QuotasOf: TypeAlias = Callable[[str], Quotas]
"""Gives the quotas of a workspace as they are now. Never blocks."""
LimitOf: TypeAlias = Callable[[str], int | None]
"""As `QuotasOf`, of one of them."""


def unlimited(workspace: str) -> Quotas:  # noqa: ARG001 - all have none
    """The quotas where there are none."""
    return UNLIMITED


@dataclass(frozen=True)
class Use:
    """How much of something a workspace uses."""

    quota: str
    """As `Quotas` calls it."""
    used: int
    limit: int | None


class Quota(Protocol):
    """One thing that the use of is limited."""

    def use(self, workspace: str) -> Use:
        """How much of it a workspace uses now. May read from a database."""
        ...
