"""Promotion requests: changes of what is protected, asked for by some and approved by others."""

from __future__ import annotations

from datetime import datetime

from trivet._connection import Connection
from trivet._entities import PagedList
from trivet._errors import InvalidArgument
from trivet._ids import new_request_id
from trivet._model_entities import PromotionRequest
from trivet._names import Names
from trivet._paging import collect
from trivet._registry_messages import from_promotion_request
from trivet._timestamps import moment
from trivet_proto.registry.v1 import promotion_request_pb2 as pb
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub

_STATE_PREFIX = "PROMOTION_REQUEST_STATE_"


class PromotionRequests:
    """The promotion requests of one workspace. A request is known by its id.

    Every method calls the server and waits. Each may raise a `TrivetError`: ServerUnavailable where no server answers,
    PromotionRequestNotFound, else the class of what went wrong.

    Safe for use by several threads, and in the child after a fork.
    """

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names

    @property
    def _stub(self) -> RegistryServiceStub:
        return self._connection.stub(RegistryServiceStub)

    def ask_for_stage(
        self,
        name: str,
        version: str | int,
        stage: str,
        *,
        archive_existing_versions: bool = False,
        reason: str = "",
        expires: datetime | int | None = None,
    ) -> PromotionRequest:
        """Asks for a move of a version into or out of a protected stage.

        Args:
            name: Of the model.
            version: Its number.
            stage: Where to; case does not count.
            archive_existing_versions: Whether other versions in that stage go to `Archived` in the same step.
            reason: Why, for those who approve; kept in the history.
            expires: Until when it can be approved, at most in 90 days: a datetime, or milliseconds since 1970.
                Default: in 7 days.

        Raises:
            InvalidArgument: there is no such stage, or the version is in it.
            PromotionNotProtected: nothing of it is protected; it can be done at once.
            StageProtected: the stage is frozen, so that no approval helps.
            ModelVersionNotReady, ModelVersionUnverified: the version cannot go there.
        """
        self._names.model_version(name, version)
        move = pb.StageMove(version=int(version), stage=stage, archive_existing_versions=archive_existing_versions)
        return self._ask(pb.PromotionRequest(stage_move=move), name, reason, expires)

    def ask_for_alias(
        self,
        name: str,
        alias: str,
        version: str | int | None,
        *,
        reason: str = "",
        expires: datetime | int | None = None,
    ) -> PromotionRequest:
        """Asks that a protected alias points at a version, or, for None, that it is removed.

        Args and errors as those of `ask_for_stage`; AliasProtected where the alias is frozen.
        """
        if version is not None:
            self._names.model_version(name, version)
        move = pb.AliasMove(alias=alias, version=int(version or 0))
        return self._ask(pb.PromotionRequest(alias_move=move), name, reason, expires)

    def get(self, promotion_request_id: str) -> PromotionRequest:
        """Returns a request."""
        request = pb.GetPromotionRequestRequest(name=self._names.promotion_request(promotion_request_id))
        return from_promotion_request(self._connection.call(self._stub.GetPromotionRequest, request, repeatable=True))

    def list(
        self, *, state: str = "", name: str = "", max_results: int = 100, page_token: str | None = None
    ) -> PagedList[PromotionRequest]:
        """Returns requests, the newest first.

        Args:
            state: Only those that are `PENDING`, `APPROVED`, `REJECTED`, `WITHDRAWN` or `EXPIRED`, in any case.
            name: Only those about this model; its uid where it is deleted.
            max_results: How many at most; as many calls are made as that takes.
            page_token: The `token` of an earlier answer, to go on after it.
        """

        def ask(size: int, token: str) -> pb.ListPromotionRequestsResponse:
            request = pb.ListPromotionRequestsRequest(
                parent=self._names.parent,
                state=_to_state(state),
                model=self._names.model(name) if name else "",
                page_size=size,
                page_token=token,
            )
            return self._connection.call(self._stub.ListPromotionRequests, request, repeatable=True)

        return collect(ask, lambda page: page.promotion_requests, from_promotion_request, max_results, page_token)

    def approve(self, promotion_request_id: str, *, reason: str = "") -> PromotionRequest:
        """Approves a request, and returns it: `APPROVED`, with the change made, where that was the last approval.

        Raises:
            PermissionDenied: you asked for it yourself, are no approver, or the server knows nobody's name.
            Conflict: the stage or the alias is no longer as it was when it was asked for.
            PromotionRequestEnded: it is no longer `PENDING`.
        """
        request = pb.ApprovePromotionRequestRequest(
            name=self._names.promotion_request(promotion_request_id), reason=reason
        )
        # Twice is once: the server knows who has approved.
        answer = self._connection.call(self._stub.ApprovePromotionRequest, request, repeatable=True)
        return from_promotion_request(answer)

    def reject(self, promotion_request_id: str, *, reason: str) -> PromotionRequest:
        """Rejects a request for good, and returns it. Raises PermissionDenied, PromotionRequestEnded."""
        request = pb.RejectPromotionRequestRequest(
            name=self._names.promotion_request(promotion_request_id), reason=reason
        )
        answer = self._connection.call(self._stub.RejectPromotionRequest, request, repeatable=True)
        return from_promotion_request(answer)

    def withdraw(self, promotion_request_id: str, *, reason: str = "") -> PromotionRequest:
        """Takes back what you asked for, and returns it. Raises PermissionDenied, PromotionRequestEnded."""
        request = pb.WithdrawPromotionRequestRequest(
            name=self._names.promotion_request(promotion_request_id), reason=reason
        )
        answer = self._connection.call(self._stub.WithdrawPromotionRequest, request, repeatable=True)
        return from_promotion_request(answer)

    def _ask(
        self, asked: pb.PromotionRequest, name: str, reason: str, expires: datetime | int | None
    ) -> PromotionRequest:
        asked.model = self._names.model(name)
        asked.reason = reason
        if expires is not None:
            asked.expire_time.CopyFrom(moment(expires))
        request = pb.CreatePromotionRequestRequest(
            parent=self._names.parent, promotion_request=asked, request_id=new_request_id()
        )
        answer = self._connection.call(self._stub.CreatePromotionRequest, request, repeatable=True)
        return from_promotion_request(answer)


def _to_state(name: str) -> pb.PromotionRequestState.ValueType:
    """The state of a name, in any case; empty: none. Raises InvalidArgument, which lists them."""
    if not name:
        return pb.PROMOTION_REQUEST_STATE_UNSPECIFIED
    known = [key.removeprefix(_STATE_PREFIX) for key in pb.PromotionRequestState.keys()[1:]]
    if name.upper() not in known:
        raise InvalidArgument(f"{name!r} is no state of a promotion request; these are {', '.join(known)}.")
    return pb.PromotionRequestState.Value(f"{_STATE_PREFIX}{name.upper()}")
