"""Between the messages of promotion requests and the domain's values. Checks what needs no database."""

from __future__ import annotations

from trivet_kit import page_tokens
from trivet_kit.errors import FieldInvalid, FieldRequired, PageTokenInvalid
from trivet_kit.resources import parse_model, parse_workspace
from trivet_kit.timestamps import from_millis, to_millis
from trivet_proto.registry.v1 import promotion_request_pb2 as pb
from trivet_registry.domain import limits
from trivet_registry.domain.aliases import check_alias
from trivet_registry.domain.promotion_requests import (
    AliasMove,
    Change,
    NewPromotionRequest,
    PromotionRequest,
    RequestQuery,
    RequestState,
    StageMove,
)

_FIELD = "promotion_request"


def to_new_request(request: pb.CreatePromotionRequestRequest, now: int) -> NewPromotionRequest:
    """Checks what is asked for, at a time in milliseconds since the Unix epoch. Raises FieldRequired, FieldInvalid."""
    message = request.promotion_request
    if not message.model:
        raise FieldRequired(f"{_FIELD}.model")
    return NewPromotionRequest(
        model=parse_model(message.model, f"{_FIELD}.model"),
        change=_to_change(message),
        expire_time=_expire_time(message, now),
    )


def to_query(request: pb.ListPromotionRequestsRequest, bound_to: str) -> RequestQuery:
    """The page that a request asks for. Raises FieldInvalid, PageTokenInvalid."""
    before: int | None = None
    match page_tokens.decode(bound_to, request.page_token):
        case None:
            pass
        case [int(position)] if 0 < position < 2**63:
            before = position
        case _:
            raise PageTokenInvalid
    return RequestQuery(
        workspace=parse_workspace(request.parent, "parent").workspace,
        state=_to_state(request.state),
        model=parse_model(request.model, "model").model_id if request.model else "",
        size=page_tokens.page_size(request.page_size),
        before=before,
    )


def from_request(request: PromotionRequest) -> pb.PromotionRequest:
    """The request as a message."""
    change = request.change
    return pb.PromotionRequest(
        name=str(request.name),
        model=str(request.model),
        model_uid=request.model_uid,
        stage_move=_from_stage_move(change) if isinstance(change, StageMove) else None,
        alias_move=_from_alias_move(change) if isinstance(change, AliasMove) else None,
        reason=request.reason,
        expire_time=from_millis(request.expire_time),
        state=pb.PromotionRequestState.ValueType(request.state.value),
        approvals=[
            pb.PromotionApproval(approver=each.approver, time=from_millis(each.time), reason=each.reason)
            for each in request.approvals
        ],
        required_approvals=request.required_approvals,
        created_by=request.created_by,
        create_time=from_millis(request.create_time),
        ended_by=request.ended_by,
        end_time=from_millis(request.end_time),
        end_reason=request.end_reason,
    )


def _to_change(message: pb.PromotionRequest) -> Change:
    match message.WhichOneof("change"):
        case "stage_move":
            move = message.stage_move
            if move.version < 1:
                raise FieldInvalid(f"{_FIELD}.stage_move.version", "must be 1 or more")
            return StageMove(move.version, move.stage, move.archive_existing_versions)
        case "alias_move":
            alias = check_alias(message.alias_move.alias, f"{_FIELD}.alias_move.alias")
            if message.alias_move.version < 0:
                raise FieldInvalid(f"{_FIELD}.alias_move.version", "must be 0 or more")
            return AliasMove(alias, message.alias_move.version)
    raise FieldRequired(f"{_FIELD}.change")


def _expire_time(message: pb.PromotionRequest, now: int) -> int | None:
    if not message.HasField("expire_time"):
        return None
    field = f"{_FIELD}.expire_time"
    time = to_millis(message.expire_time, field)
    if not now < time <= now + limits.MAX_PROMOTION_REQUEST_MILLIS:
        raise FieldInvalid(field, "must be later than now, and within 90 days")
    return time


def _to_state(value: int) -> RequestState | None:
    if not value:
        return None
    try:
        return RequestState(value)
    except ValueError:
        raise FieldInvalid("state", "must be a known state") from None


def _from_stage_move(move: StageMove) -> pb.StageMove:
    return pb.StageMove(
        version=move.version,
        stage=move.stage,
        archive_existing_versions=move.archive_existing,
        from_stage=move.from_stage,
        archived_versions=move.archived,
    )


def _from_alias_move(move: AliasMove) -> pb.AliasMove:
    return pb.AliasMove(alias=move.alias, version=move.version, from_version=move.from_version)
