"""Promotion requests as rows, and what an open model records of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.resources import ModelName, PromotionRequestName
from trivet_registry.domain.errors import AliasProtected, StageProtected
from trivet_registry.domain.history import THE_REGISTRY, Action, By, changes_between
from trivet_registry.domain.promotion_requests import (
    AliasMove,
    Approval,
    Change,
    PromotionRequest,
    RequestState,
    StageMove,
    asks_for_the_same,
    command_for,
)
from trivet_registry.store import tables
from trivet_registry.store.open_models import OpenModel

_p = tables.promotion_request
_m = tables.model

REQUEST_ROWS = sa.select(_p, sa.func.coalesce(_m.c.model_id, _p.c.model_id).label("model_id_now")).join_from(
    _p, _m, sa.and_(_m.c.uid == _p.c.model_uid, _m.c.workspace == _p.c.workspace), isouter=True
)
"""What `to_request` needs."""


def to_request(row: Any) -> PromotionRequest:
    """A row of REQUEST_ROWS as a value."""
    return PromotionRequest(
        name=PromotionRequestName(row.workspace, row.promotion_request_id),
        model=ModelName(row.workspace, row.model_id_now),
        model_uid=row.model_uid,
        change=_change(row),
        reason=row.reason,
        expire_time=row.expire_time,
        created_by=row.created_by,
        create_time=row.create_time,
        state=RequestState(row.state),
        approvals=tuple(Approval(*approval) for approval in json.loads(row.approvals)),
        required_approvals=row.required_approvals,
        ended_by=row.ended_by,
        end_time=row.end_time,
        end_reason=row.end_reason,
    )


def requests_of_model(connection: Connection, uid: str) -> tuple[PromotionRequest, ...]:
    """All requests about a model, the oldest first, as they are kept."""
    rows = connection.execute(REQUEST_ROWS.where(_p.c.model_uid == uid).order_by(_p.c.promotion_request_pk))
    return tuple(to_request(row) for row in rows)


def pending_requests(connection: Connection, uid: str) -> list[PromotionRequest]:
    """Those about a model that are PENDING, the oldest first; also those whose time is over unrecorded."""
    rows = connection.execute(
        REQUEST_ROWS.where(_p.c.model_uid == uid, _p.c.state == RequestState.PENDING.value).order_by(
            _p.c.promotion_request_pk
        )
    )
    return [to_request(row) for row in rows]


@contextmanager
def saying_how_to_ask(model: OpenModel, change: Change) -> Iterator[None]:
    """Lets what refuses a change, because of what is protected, say which request asks for it, or how to make one.

    Raises:
        StageProtected, AliasProtected: as the block, with that.
    """
    try:
        yield
    except (StageProtected, AliasProtected) as refused:
        waiting = (
            str(request.name)
            for request in pending_requests(model.connection, model.uid)
            if request.expire_time > model.now and asks_for_the_same(request.change, change)
        )
        raise refused.asking_by(command_for(model.name, change), next(waiting, "")) from None


def insert_request(model: OpenModel, request: PromotionRequest, by: By) -> None:
    """Keeps a new request, and records it."""
    change = request.change
    of_stage = change if isinstance(change, StageMove) else StageMove(0, "", archive_existing=False)
    of_alias = change if isinstance(change, AliasMove) else AliasMove("", 0)
    model.connection.execute(
        sa.insert(_p).values(
            workspace=request.name.workspace,
            promotion_request_id=request.name.promotion_request_id,
            model_uid=request.model_uid,
            model_id=request.model.model_id,
            version=change.version,
            stage=of_stage.stage,
            archive_existing=of_stage.archive_existing,
            from_stage=of_stage.from_stage,
            archived=json.dumps(of_stage.archived),
            alias=of_alias.alias,
            from_version=of_alias.from_version,
            reason=request.reason,
            created_by=request.created_by,
            create_time=request.create_time,
            expire_time=request.expire_time,
            **_changing_values(request),
        )
    )
    model.record(Action.PROMOTION_REQUESTED, by, request.version, changes_between({}, request.fields()))


def update_request(model: OpenModel, before: PromotionRequest, after: PromotionRequest, action: Action, by: By) -> None:
    """Keeps what became of a request, and records it; the same request is no change."""
    changes = changes_between(before.fields(), after.fields())
    if not changes:
        return
    model.connection.execute(
        sa.update(_p)
        .where(
            _p.c.workspace == before.name.workspace,
            _p.c.promotion_request_id == before.name.promotion_request_id,
        )
        .values(**_changing_values(after))
    )
    model.record(action, by, before.version, changes)


def drop_requests(model: OpenModel, by: By, version: int | None = None) -> None:
    """Ends the requests that wait about a version that is deleted, or about the model for None.

    One whose time was over before has EXPIRED, also where nobody has recorded that yet.
    """
    for request in pending_requests(model.connection, model.uid):
        if version not in {None, request.version}:
            continue
        if model.now >= request.expire_time:
            update_request(model, request, request.expired(), Action.PROMOTION_EXPIRED, THE_REGISTRY)
        else:
            update_request(model, request, request.dropped(by, model.now), Action.PROMOTION_WITHDRAWN, by)


def keep_name(model: OpenModel) -> None:
    """Keeps the name of a model that is deleted with the requests about it."""
    connection = model.connection
    connection.execute(sa.update(_p).where(_p.c.model_uid == model.uid).values(model_id=model.name.model_id))


def _change(row: Any) -> Change:
    if row.alias:
        return AliasMove(row.alias, row.version, row.from_version)
    archived = tuple(json.loads(row.archived))
    return StageMove(row.version, row.stage, row.archive_existing, row.from_stage, archived)


def _changing_values(request: PromotionRequest) -> dict[str, Any]:
    return {
        "state": request.state.value,
        "approvals": json.dumps([[each.approver, each.time, each.reason] for each in request.approvals]),
        "required_approvals": request.required_approvals,
        "ended_by": request.ended_by,
        "end_time": request.end_time,
        "end_reason": request.end_reason,
    }
