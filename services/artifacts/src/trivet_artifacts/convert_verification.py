"""Between messages about what the store has and the domain."""

from __future__ import annotations

from collections.abc import Iterable

from trivet_artifacts.domain.verification import Damaged, Problem, Verified
from trivet_kit.errors import PageTokenInvalid
from trivet_kit.page_tokens import Cursor
from trivet_proto.artifacts.v1 import verification_pb2 as pb

_PROBLEMS = {
    Problem.MISSING: pb.DamagedContent.PROBLEM_MISSING,
    Problem.ALTERED: pb.DamagedContent.PROBLEM_ALTERED,
}


def to_after_key(cursor: Cursor | None) -> str:
    """The key after which a page begins. Raises PageTokenInvalid."""
    match cursor:
        case None:
            return ""
        case [str(key)]:
            return key
    raise PageTokenInvalid("page_token")


def from_verified(verified: Verified, next_page_token: str) -> pb.VerifyContentsResponse:
    """A page of what was compared."""
    return pb.VerifyContentsResponse(
        checked_contents=verified.contents,
        checked_bytes=verified.size_bytes,
        damaged=_from_damaged(verified.damaged),
        next_page_token=next_page_token,
    )


def _from_damaged(damaged: Iterable[Damaged]) -> list[pb.DamagedContent]:
    return [
        pb.DamagedContent(
            sha256=each.piece.sha256,
            size_bytes=each.piece.size_bytes,
            problem=_PROBLEMS[each.problem],
            files=[pb.DamagedFile(owner=str(owner), path=path) for owner, path in each.files],
        )
        for each in damaged
    ]
