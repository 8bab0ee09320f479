"""To see and change how versions are promoted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from trivet_kit.calls import Call
from trivet_kit.resources import parse_workspace
from trivet_kit.updates import to_revision
from trivet_proto.registry.v1 import promotion_rules_pb2 as pb
from trivet_registry import convert_promotion
from trivet_registry.domain.promotion import Promotions


@dataclass(frozen=True)
class PromotionServicer:
    """Implements its part of `trivet.registry.v1.RegistryService`; what each method does is said in the contract."""

    promotions: Promotions

    def GetPromotionRules(self, request: pb.GetPromotionRulesRequest, call: Call) -> pb.PromotionRules:
        workspace = parse_workspace(request.workspace, "workspace").workspace
        return convert_promotion.from_rules(self.promotions.get(workspace))

    def UpdatePromotionRules(self, request: pb.UpdatePromotionRulesRequest, call: Call) -> pb.PromotionRules:
        workspace = parse_workspace(request.rules.workspace, "rules.workspace").workspace
        change = partial(convert_promotion.changed_rules, request)
        revision = to_revision(request.rules.etag)
        return convert_promotion.from_rules(self.promotions.update(workspace, change, call.principal.subject, revision))
