"""To ask for changes of what is protected, and to approve them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trivet_kit import fingerprints, page_tokens
from trivet_kit.calls import Call
from trivet_kit.errors import FieldRequired
from trivet_kit.resources import parse_promotion_request
from trivet_proto.registry.v1 import promotion_request_pb2 as pb
from trivet_registry import convert, convert_promotion_requests
from trivet_registry.convert_promotion_requests import from_request
from trivet_registry.domain.promotion_requests import PromotionRequests


@dataclass(frozen=True)
class PromotionRequestServicer:
    """Implements its part of `trivet.registry.v1.RegistryService`; what each method does is said in the contract."""

    requests: PromotionRequests
    now: Callable[[], int]
    """Gives milliseconds since the Unix epoch."""

    def CreatePromotionRequest(self, request: pb.CreatePromotionRequestRequest, call: Call) -> pb.PromotionRequest:
        repeatable = fingerprints.repeatable_request(request, request.request_id)
        new = convert_promotion_requests.to_new_request(request, self.now())
        by = convert.to_by(call, request.promotion_request.reason)
        return from_request(self.requests.create(new, by, repeatable))

    def GetPromotionRequest(self, request: pb.GetPromotionRequestRequest, call: Call) -> pb.PromotionRequest:
        return from_request(self.requests.get(parse_promotion_request(request.name, "name")))

    def ListPromotionRequests(
        self, request: pb.ListPromotionRequestsRequest, call: Call
    ) -> pb.ListPromotionRequestsResponse:
        bound_to = fingerprints.of_search(request)
        page = self.requests.page(convert_promotion_requests.to_query(request, bound_to))
        found = [from_request(each) for each in page.requests]
        kept = page_tokens.entries_that_fit([each.ByteSize() for each in found])
        ends = page.is_last and kept == len(found)
        return pb.ListPromotionRequestsResponse(
            promotion_requests=found[:kept],
            next_page_token=page_tokens.encode(bound_to, None if ends else [page.positions[kept - 1]]),
        )

    def ApprovePromotionRequest(self, request: pb.ApprovePromotionRequestRequest, call: Call) -> pb.PromotionRequest:
        name = parse_promotion_request(request.name, "name")
        by = convert.to_by(call, request.reason)
        return from_request(self.requests.approve(name, by, is_verified=call.principal.authenticated))

    def RejectPromotionRequest(self, request: pb.RejectPromotionRequestRequest, call: Call) -> pb.PromotionRequest:
        name = parse_promotion_request(request.name, "name")
        by = convert.to_by(call, request.reason)
        if not by.reason.strip():
            raise FieldRequired("reason")
        return from_request(self.requests.reject(name, by))

    def WithdrawPromotionRequest(self, request: pb.WithdrawPromotionRequestRequest, call: Call) -> pb.PromotionRequest:
        name = parse_promotion_request(request.name, "name")
        return from_request(self.requests.withdraw(name, convert.to_by(call, request.reason)))
