"""Whether the store has what the index names."""

from __future__ import annotations

from dataclasses import dataclass

from trivet_artifacts.convert_verification import from_verified, to_after_key
from trivet_artifacts.verifying import Verifier
from trivet_kit import fingerprints, page_tokens
from trivet_kit.calls import Call
from trivet_kit.resources import parse_workspace
from trivet_proto.artifacts.v1 import verification_pb2 as pb


@dataclass(frozen=True)
class VerificationServicer:
    """The method that compares the index with the store; what it does is said in the contract."""

    verifier: Verifier

    def VerifyContents(self, request: pb.VerifyContentsRequest, call: Call) -> pb.VerifyContentsResponse:
        bound_to = fingerprints.of_search(request)
        verified = self.verifier.verify(
            parse_workspace(request.parent, "parent").workspace,
            page_tokens.page_size(request.page_size),
            to_after_key(page_tokens.decode(bound_to, request.page_token)),
            presence_only=request.presence_only,
        )
        return from_verified(verified, page_tokens.encode(bound_to, [verified.last_key] if verified.last_key else None))
