"""Garbage, retention, holds and the use of space."""

from __future__ import annotations

from dataclasses import dataclass

from trivet_artifacts import convert_garbage as convert
from trivet_artifacts.collecting import Collector
from trivet_artifacts.domain.garbage import Garbage, Keeping
from trivet_artifacts.domain.resumables import Resumables
from trivet_kit import fingerprints, page_tokens
from trivet_kit.calls import Call
from trivet_kit.resources import parse_artifact_owner, parse_workspace
from trivet_proto.artifacts.v1 import garbage_pb2 as pb


@dataclass(frozen=True)
class GarbageServicer:
    """The methods about what is kept and what is freed; what each does is said in the contract."""

    garbage: Garbage
    collector: Collector
    keeping: Keeping
    resumables: Resumables

    def CollectGarbage(self, request: pb.CollectGarbageRequest, call: Call) -> pb.CollectGarbageResponse:
        collection = convert.to_collection(request)
        collected = self.garbage.preview(collection) if request.dry_run else self.collector.collect(collection)
        return convert.from_collected(collected)

    def GetSpaceUsage(self, request: pb.GetSpaceUsageRequest, call: Call) -> pb.SpaceUsage:
        workspace = parse_workspace(request.parent, "parent").workspace
        return convert.from_usage(self.garbage.usage(workspace), self.resumables.count(workspace))

    def GetRetentionPolicy(self, request: pb.GetRetentionPolicyRequest, call: Call) -> pb.RetentionPolicy:
        name = parse_workspace(request.parent, "parent")
        return convert.from_policy(name, self.keeping.policy(name.workspace))

    def UpdateRetentionPolicy(self, request: pb.UpdateRetentionPolicyRequest, call: Call) -> pb.RetentionPolicy:
        name, policy = convert.to_policy(request.policy)
        self.keeping.set_policy(name.workspace, policy)
        return convert.from_policy(name, policy)

    def CreateHold(self, request: pb.CreateHoldRequest, call: Call) -> pb.Hold:
        owner = parse_artifact_owner(request.owner, "owner")
        return convert.from_hold(self.keeping.hold(owner, convert.to_reason(request)))

    def DeleteHold(self, request: pb.DeleteHoldRequest, call: Call) -> pb.DeleteHoldResponse:
        self.keeping.release(parse_artifact_owner(request.owner, "owner"))
        return pb.DeleteHoldResponse()

    def ListHolds(self, request: pb.ListHoldsRequest, call: Call) -> pb.ListHoldsResponse:
        bound_to = fingerprints.of_search(request)
        page = self.keeping.holds(
            parse_workspace(request.parent, "parent").workspace,
            page_tokens.page_size(request.page_size),
            page_tokens.decode(bound_to, request.page_token),
        )
        return pb.ListHoldsResponse(
            holds=map(convert.from_hold, page.holds),
            next_page_token="" if page.is_last else page_tokens.encode(bound_to, page.cursors[-1]),
        )
