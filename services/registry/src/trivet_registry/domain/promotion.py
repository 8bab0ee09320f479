"""How versions are promoted: the stages of a workspace, and what is protected.

All that moves a version or an alias, or takes one away, asks here. Nothing enters or leaves what is protected but by a
promotion request that others approve (`promotion_requests.py`), or until the protection is lifted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from trivet_kit.workspace_rules import WorkspaceRules
from trivet_registry.domain.errors import AliasProtected, ModelVersionUnverified, StageProtected
from trivet_registry.domain.stages import DEFAULT_STAGES, NO_STAGE
from trivet_registry.domain.versions import ExternalSource, ModelVersion

RulesOfPolicy = Callable[[str], WorkspaceRules]
"""Gives what the server's policy file says by now of a workspace."""


@dataclass(frozen=True)
class PromotionRules:
    """The rules of a workspace. What is protected comes with the number of approvals that it takes; 0: it is frozen."""

    workspace: str
    stages: tuple[str, ...] = DEFAULT_STAGES
    """In order, as they are spelled."""
    protected_stages: Mapping[str, int] = field(default_factory=dict)
    protected_aliases: Mapping[str, int] = field(default_factory=dict)
    update_time: int | None = None
    """Milliseconds since the Unix epoch; None where they never were changed."""
    updated_by: str = ""
    revision: int = 1
    policy_fields: frozenset[str] = frozenset()
    """Of `stages`, `protected_stages` and `protected_aliases`, those that the policy file sets."""

    def under(self, policy: WorkspaceRules) -> PromotionRules:
        """The rules as they hold: by the policy file where it sets them."""
        given = {name: getattr(policy, name) for name in ("stages", "protected_stages", "protected_aliases")}
        fixed = {name: value for name, value in given.items() if value is not None}
        rules = replace(self, **fixed, policy_fields=frozenset(fixed))
        return replace(rules, protected_stages=_known(rules.protected_stages, rules.stages))

    def approvals_of_stage(self, stage: str) -> int | None:
        """How many approvals a stage takes, None where it is not protected.

        Case does not count: a version keeps its stage as it was spelled when it got there, whatever the rules say now.
        """
        folded = stage.casefold()
        return next((number for name, number in self.protected_stages.items() if name.casefold() == folded), None)

    def check_source(self, version: ModelVersion, stage: str) -> None:
        """Checks that a version's files may be in a stage. Raises ModelVersionUnverified."""
        if self.approvals_of_stage(stage) is not None and isinstance(version.source, ExternalSource):
            raise ModelVersionUnverified(str(version.name), stage)

    def check_move(self, version: ModelVersion, stage: str) -> None:
        """Checks that a version may go from its stage to another. Raises StageProtected, ModelVersionUnverified."""
        if stage.casefold() == version.stage.casefold():
            return
        self.check_source(version, stage)
        for touched in (version.stage, stage):
            self._check_stage(version, touched)

    def check_alias(self, model: str, alias: str) -> None:
        """Checks that an alias may be set or removed; `model` is the name. Raises AliasProtected."""
        if alias in self.protected_aliases:
            raise AliasProtected(model, alias, self.protected_aliases[alias])

    def check_deletion(self, version: ModelVersion) -> None:
        """Checks that a version may be deleted. Raises StageProtected, AliasProtected."""
        self._check_stage(version, version.stage)
        self.check_aliases(str(version.name.model), version.aliases)

    def _check_stage(self, version: ModelVersion, stage: str) -> None:
        approvals = self.approvals_of_stage(stage)
        if approvals is not None:
            raise StageProtected(str(version.name), stage, approvals)

    def check_aliases(self, model: str, aliases: Iterable[str]) -> None:
        """Checks that aliases may go. Raises AliasProtected."""
        for alias in sorted(aliases):
            self.check_alias(model, alias)


def _known(protected: Mapping[str, int], stages: Iterable[str]) -> dict[str, int]:
    """What is protected of some stages, as these are spelled; `None`, where versions begin, never is."""
    folded = {stage.casefold(): approvals for stage, approvals in protected.items()}
    return {stage: folded[stage.casefold()] for stage in stages if stage != NO_STAGE and stage.casefold() in folded}


class Promotions(Protocol):
    """Keeps the rules of workspaces."""

    def get(self, workspace: str) -> PromotionRules:
        """Returns the rules as they hold; those of a workspace that never changed them are the default ones."""
        ...

    def update(
        self,
        workspace: str,
        change: Callable[[PromotionRules, PromotionRules], PromotionRules],
        actor: str,
        revision: int | None,
    ) -> PromotionRules:
        """Changes the rules in one step, and returns them as they hold.

        `change` makes the new rules of those that are kept; it also gets them as they hold, under the policy file.

        Raises:
            EtagStale: a revision is given, and is not the current one.
            StageInUse: a version is in a stage that is left out.
            CallerError: what `change` raises.
        """
        ...
