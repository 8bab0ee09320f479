"""Between the messages of promotion rules and the domain's values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from trivet_kit.errors import FieldInvalid
from trivet_kit.timestamps import from_millis
from trivet_kit.updates import named_paths
from trivet_proto.registry.v1 import promotion_rules_pb2 as pb
from trivet_registry.domain import limits
from trivet_registry.domain.aliases import check_alias
from trivet_registry.domain.promotion import PromotionRules
from trivet_registry.domain.stages import NO_STAGE, check_stages, to_stage

_UPDATABLE = ("stages", "protected_stages", "protected_aliases")


def changed_rules(request: pb.UpdatePromotionRulesRequest, before: PromotionRules) -> PromotionRules:
    """The rules that a request makes of those before. Raises UpdateMaskInvalid, FieldInvalid, FieldTooLong."""
    named = named_paths(request.update_mask.paths, _UPDATABLE)
    rules = request.rules
    stages = check_stages(rules.stages, "rules.stages") if "stages" in named else before.stages
    return replace(
        before,
        stages=stages,
        protected_stages=(
            _protected_stages(rules.protected_stages, stages)
            if "protected_stages" in named
            else before.protected_stages & frozenset(stages)
        ),
        protected_aliases=(
            _protected_aliases(rules.protected_aliases) if "protected_aliases" in named else before.protected_aliases
        ),
    )


def from_rules(rules: PromotionRules) -> pb.PromotionRules:
    """The rules as a message."""
    return pb.PromotionRules(
        workspace=f"workspaces/{rules.workspace}",
        stages=rules.stages,
        protected_stages=[stage for stage in rules.stages if stage in rules.protected_stages],
        protected_aliases=sorted(rules.protected_aliases),
        update_time=from_millis(rules.update_time),
        updated_by=rules.updated_by,
        etag=str(rules.revision),
    )


def _protected_stages(named: Iterable[str], stages: tuple[str, ...]) -> frozenset[str]:
    field = "rules.protected_stages"
    found = frozenset(to_stage(stage, stages, f"{field}[{index}]") for index, stage in enumerate(named))
    if NO_STAGE in found:
        raise FieldInvalid(field, f"cannot have {NO_STAGE}, where versions begin")
    return found


def _protected_aliases(named: Iterable[str]) -> frozenset[str]:
    field = "rules.protected_aliases"
    found = frozenset(check_alias(alias, f"{field}[{index}]") for index, alias in enumerate(named))
    if len(found) > limits.MAX_PROTECTED_ALIASES:
        raise FieldInvalid(field, f"may have at most {limits.MAX_PROTECTED_ALIASES} aliases")
    return found
