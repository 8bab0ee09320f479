"""Between the messages of promotion rules and the domain's values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from trivet_kit.errors import FieldInvalid
from trivet_kit.timestamps import from_millis
from trivet_kit.updates import named_paths
from trivet_proto.registry.v1 import promotion_rules_pb2 as pb
from trivet_registry.domain import limits
from trivet_registry.domain.aliases import check_alias
from trivet_registry.domain.errors import RulesSetByPolicy
from trivet_registry.domain.promotion import PromotionRules
from trivet_registry.domain.stages import NO_STAGE, check_stages, to_stage

# Each with what the policy file calls it.
_UPDATABLE = {
    "stages": "stages",
    "protected_stages": "protected_stages",
    "stage_approvals": "protected_stages",
    "protected_aliases": "protected_aliases",
    "alias_approvals": "protected_aliases",
}


def changed_rules(
    request: pb.UpdatePromotionRulesRequest, kept: PromotionRules, holding: PromotionRules
) -> PromotionRules:
    """The rules that a request makes of those that are kept; `holding` is what these are under the policy file.

    Raises UpdateMaskInvalid, FieldInvalid, FieldTooLong, RulesSetByPolicy.
    """
    named = named_paths(request.update_mask.paths, tuple(_UPDATABLE))
    fixed = {_UPDATABLE[name] for name in named} & holding.policy_fields
    if fixed:
        raise RulesSetByPolicy(kept.workspace, fixed)
    rules = request.rules
    stages = check_stages(rules.stages, "rules.stages") if "stages" in named else kept.stages
    known = stages if "stages" in named else holding.stages
    protected_stages: Iterable[str] = kept.protected_stages
    if "protected_stages" in named:
        protected_stages = _protected_stages(rules.protected_stages, known)
    elif "stages" in named:
        protected_stages = [stage for stage in kept.protected_stages if stage in stages]
    protected_aliases: Iterable[str] = kept.protected_aliases
    if "protected_aliases" in named:
        protected_aliases = _protected_aliases(rules.protected_aliases)
    stage_approvals, alias_approvals = kept.protected_stages, kept.protected_aliases
    if "stage_approvals" in named:
        stage_approvals = _stage_approvals(rules.stage_approvals, protected_stages)
    if "alias_approvals" in named:
        alias_approvals = _approvals(rules.alias_approvals, protected_aliases, "rules.alias_approvals")
    return replace(
        kept,
        stages=stages,
        protected_stages={stage: stage_approvals.get(stage, 0) for stage in protected_stages},
        protected_aliases={alias: alias_approvals.get(alias, 0) for alias in protected_aliases},
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
        stage_approvals=_that_let_through(rules.protected_stages),
        alias_approvals=_that_let_through(rules.protected_aliases),
        policy_fields=sorted(rules.policy_fields),
    )


def _that_let_through(protected: Mapping[str, int]) -> dict[str, int]:
    return {name: number for name, number in protected.items() if number}


def _stage_approvals(given: Mapping[str, int], stages: Iterable[str]) -> dict[str, int]:
    field = "rules.stage_approvals"
    protected = tuple(stages)
    spelled = {to_stage(stage, protected, f"{field}[{stage!r}]"): number for stage, number in given.items()}
    return _approvals(spelled, protected, field)


def _approvals(given: Mapping[str, int], protected: Iterable[str], field: str) -> dict[str, int]:
    for name in sorted(given.keys() - set(protected)):
        raise FieldInvalid(f"{field}[{name!r}]", "must be of what is protected")
    for name, number in sorted(given.items()):
        if not 0 <= number <= limits.MAX_APPROVALS:
            raise FieldInvalid(f"{field}[{name!r}]", f"must be from 0 to {limits.MAX_APPROVALS}")
    return dict(given)


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
