"""How versions are promoted: the stages of a workspace, and what is protected.

All that moves a version or an alias, or takes one away, asks here. Nothing enters or leaves what is protected until the
protection is lifted; whoever may be let through, and by whose approval, is decided here once callers have identities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from trivet_registry.domain.errors import AliasProtected, ModelVersionUnverified, StageProtected
from trivet_registry.domain.stages import DEFAULT_STAGES
from trivet_registry.domain.versions import ExternalSource, ModelVersion


@dataclass(frozen=True)
class PromotionRules:
    """The rules of a workspace."""

    workspace: str
    stages: tuple[str, ...] = DEFAULT_STAGES
    """In order, as they are spelled."""
    protected_stages: frozenset[str] = frozenset()
    protected_aliases: frozenset[str] = frozenset()
    update_time: int | None = None
    """Milliseconds since the Unix epoch; None where they never were changed."""
    updated_by: str = ""
    revision: int = 1

    def check_move(self, version: ModelVersion, stage: str) -> None:
        """Checks that a version may go from its stage to another. Raises StageProtected, ModelVersionUnverified."""
        if stage == version.stage:
            return
        if stage in self.protected_stages and isinstance(version.source, ExternalSource):
            raise ModelVersionUnverified(str(version.name), stage)
        for touched in (version.stage, stage):
            if touched in self.protected_stages:
                raise StageProtected(str(version.name), touched)

    def check_alias(self, model: str, alias: str) -> None:
        """Checks that an alias may be set or removed; `model` is the name. Raises AliasProtected."""
        if alias in self.protected_aliases:
            raise AliasProtected(model, alias)

    def check_deletion(self, version: ModelVersion) -> None:
        """Checks that a version may be deleted. Raises StageProtected, AliasProtected."""
        if version.stage in self.protected_stages:
            raise StageProtected(str(version.name), version.stage)
        self.check_aliases(str(version.name.model), version.aliases)

    def check_aliases(self, model: str, aliases: Iterable[str]) -> None:
        """Checks that aliases may go. Raises AliasProtected."""
        for alias in sorted(aliases):
            self.check_alias(model, alias)


class Promotions(Protocol):
    """Keeps the rules of workspaces."""

    def get(self, workspace: str) -> PromotionRules:
        """Returns the rules; those of a workspace that never changed them are the default ones."""
        ...

    def update(
        self,
        workspace: str,
        change: Callable[[PromotionRules], PromotionRules],
        actor: str,
        revision: int | None,
    ) -> PromotionRules:
        """Changes the rules in one step.

        Raises:
            EtagStale: a revision is given, and is not the current one.
            StageInUse: a version is in a stage that is left out.
            CallerError: what `change` raises.
        """
        ...
