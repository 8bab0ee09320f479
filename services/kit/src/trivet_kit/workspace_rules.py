"""What a policy file may set for a workspace, besides who may do what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trivet_kit.quotas import UNLIMITED, Quotas


@dataclass(frozen=True)
class WorkspaceRules:
    """What is set for a workspace."""

    stages: tuple[str, ...] | None = None
    """The stages of its models, in their order; None: as the registry has them."""
    protected_stages: Mapping[str, int] | None = None
    """Stages, and how many approvals a move into or out of them needs (1 to 10); None: as the registry has them."""
    protected_aliases: Mapping[str, int] | None = None
    """Aliases, likewise."""
    quotas: Quotas = UNLIMITED
    deleted_days: int | None = None
    """After how many days `trivet purge --by-policy` removes what is in the bin (1 or more); None: it does not."""


NO_RULES = WorkspaceRules()
