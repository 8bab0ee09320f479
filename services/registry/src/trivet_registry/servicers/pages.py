"""Pages of searches: from the request's fields, and cut to what fits into a message."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import Message

from trivet_kit import page_tokens
from trivet_kit.page_tokens import Cursor
from trivet_kit.search.parser import parse_filter, parse_order_by
from trivet_kit.search.vocabulary import Vocabulary
from trivet_proto.registry.v1 import registry_service_pb2 as pb
from trivet_registry.domain.models import Query


def to_query(
    request: pb.SearchModelsRequest | pb.SearchModelVersionsRequest, bound_to: str, vocabulary: Vocabulary
) -> Query:
    """The search that a request asks for. Raises FilterInvalid, OrderByInvalid, FieldInvalid, PageTokenInvalid."""
    return Query(
        where=parse_filter(request.filter, vocabulary),
        order_by=parse_order_by(request.order_by, vocabulary),
        size=page_tokens.page_size(request.page_size),
        after=page_tokens.decode(bound_to, request.page_token),
    )


def cut(bound_to: str, entries: Sequence[Message], cursors: Sequence[Cursor], *, is_last: bool) -> tuple[int, str]:
    """How many entries of a page are sent, and the token for those that follow; the empty one at the end."""
    kept = page_tokens.entries_that_fit([entry.ByteSize() for entry in entries])
    ends = is_last and kept == len(entries)
    return kept, "" if ends else page_tokens.encode(bound_to, cursors[kept - 1])
