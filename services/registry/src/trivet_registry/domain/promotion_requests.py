"""Promotion requests: changes of what is protected that somebody asks for and others approve (ADR 62).

What was asked for never changes. All that decides about a request is here; the store runs it under the model's lock, so
that one decision is made after the other. Times are milliseconds since the Unix epoch.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import ModelName, PromotionRequestName
from trivet_registry.domain.errors import (
    AliasProtected,
    ApproverNotAllowed,
    PromotionNotProtected,
    PromotionRequestEnded,
    PromotionRequestNotYours,
    PromotionRequestStale,
    StageProtected,
)
from trivet_registry.domain.history import THE_REGISTRY, By
from trivet_registry.domain.promotion import PromotionRules
from trivet_registry.domain.stages import ARCHIVED

FIELD_PREFIX = "promotionRequests/"
"""What the fields of requests begin with in histories."""


class RequestState(Enum):
    """Where a request stands; numbered as in the contract."""

    PENDING = 1
    APPROVED = 2
    REJECTED = 3
    WITHDRAWN = 4
    EXPIRED = 5


@dataclass(frozen=True)
class StageMove:
    """That a version is moved into a stage."""

    version: int
    stage: str
    archive_existing: bool
    from_stage: str = ""
    """Where it was when it was asked for."""
    archived: tuple[int, ...] = ()
    """The versions that were in the stage then, and go to Archived."""


@dataclass(frozen=True)
class AliasMove:
    """That an alias points at another version."""

    alias: str
    version: int
    """0: it is removed."""
    from_version: int = 0
    """Where it pointed when it was asked for; 0: nowhere."""


Change = StageMove | AliasMove


@dataclass(frozen=True)
class Approval:
    """That somebody approved."""

    approver: str
    time: int
    reason: str


@dataclass(frozen=True)
class NewPromotionRequest:
    """A request to keep, checked as far as that needs no database."""

    model: ModelName
    change: Change
    expire_time: int | None
    """None: after the usual time."""


@dataclass(frozen=True)
class PromotionRequest:
    """A request as it is kept."""

    name: PromotionRequestName
    model: ModelName
    """By its name now, or the last one that it had."""
    model_uid: str
    change: Change
    reason: str
    expire_time: int
    created_by: str
    create_time: int
    state: RequestState = RequestState.PENDING
    approvals: tuple[Approval, ...] = ()
    required_approvals: int = 0
    """How many it took; of one that is PENDING, how many it takes by the rules that it was read with."""
    ended_by: str = ""
    end_time: int | None = None
    end_reason: str = ""

    @property
    def version(self) -> int:
        """The number of the version that it is about."""
        if isinstance(self.change, AliasMove):
            return self.change.version or self.change.from_version
        return self.change.version

    def seen(self, now: int, rules: PromotionRules) -> PromotionRequest:
        """The request as it is at some time, by the rules then: one whose time is over has EXPIRED."""
        if self.state is not RequestState.PENDING:
            return self
        return self.expired() if now >= self.expire_time else replace(self, required_approvals=self.required(rules))

    def expired(self) -> PromotionRequest:
        """The request when its time is over."""
        return _ended(self, RequestState.EXPIRED, THE_REGISTRY, self.expire_time)

    def required(self, rules: PromotionRules) -> int:
        """How many approvals it takes; 0: none is enough. What is no longer protected takes one."""
        numbers = protecting(self.change, rules).values()
        if not numbers:
            return 1
        return 0 if 0 in numbers else max(numbers)

    def check_open(self) -> None:
        """Raises PromotionRequestEnded."""
        if self.state is not RequestState.PENDING:
            raise PromotionRequestEnded(str(self.name), self.state.name)

    def approved(self, by: By, now: int, rules: PromotionRules, *, is_verified: bool) -> PromotionRequest:
        """The request with the approval of somebody, whose name was verified or not: APPROVED where it has enough now.

        One who has approved counts once, but lets through what has enough of approvals by now.

        Raises:
            PromotionRequestEnded: it is no longer PENDING.
            ApproverNotAllowed: of who asked, or of somebody whose name nobody has verified.
            StageProtected, AliasProtected: what it would change is frozen.
        """
        self.check_open()
        if not is_verified:
            raise ApproverNotAllowed(str(self.name), "NOT_VERIFIED")
        if by.actor == self.created_by:
            raise ApproverNotAllowed(str(self.name), "IS_ASKER")
        check_not_frozen(self.model, self.change, rules)
        approvals = self.approvals
        if by.actor not in {approval.approver for approval in approvals}:
            approvals = (*approvals, Approval(by.actor, now, by.reason))
        required = self.required(rules)
        after = replace(self, approvals=approvals, required_approvals=required)
        if len(approvals) < required:
            return after
        return _ended(after, RequestState.APPROVED, By(by.actor), now)

    def rejected(self, by: By, now: int) -> PromotionRequest:
        """The request after somebody said no. Raises PromotionRequestEnded."""
        self.check_open()
        return _ended(self, RequestState.REJECTED, by, now)

    def withdrawn(self, by: By, now: int) -> PromotionRequest:
        """The request after it was taken back. Raises PromotionRequestEnded, PromotionRequestNotYours."""
        if by.actor != self.created_by:
            raise PromotionRequestNotYours(str(self.name), self.created_by)
        self.check_open()
        return _ended(self, RequestState.WITHDRAWN, by, now)

    def dropped(self, by: By, now: int) -> PromotionRequest:
        """The request after what it is about was deleted, by somebody."""
        return _ended(self, RequestState.WITHDRAWN, By(by.actor, "What it was about was deleted."), now)

    def was_made_so_by(self, state: RequestState, actor: str) -> bool:
        """Whether somebody's decision was this one, so that making it again is no fault."""
        if state is RequestState.APPROVED:
            return self.state is state and actor in {approval.approver for approval in self.approvals}
        return self.state is state and actor == self.ended_by

    def fields(self) -> dict[str, str]:
        """What histories record of it, as flat texts; what is empty is left out, but for reasons of approvals."""
        change = self.change
        fields = {
            "state": self.state.name,
            "version": str(change.version) if change.version else "",
            "reason": self.reason,
            "expire_time": str(self.expire_time),
            "created_by": self.created_by,
            "ended_by": self.ended_by,
            "end_reason": self.end_reason,
        }
        if isinstance(change, StageMove):
            archived = ",".join(map(str, change.archived))
            fields |= {"stage": change.stage, "from_stage": change.from_stage, "archived_versions": archived}
        else:
            from_version = str(change.from_version) if change.from_version else ""
            fields |= {"alias": change.alias, "from_version": from_version}
        filled = {name: value for name, value in fields.items() if value}
        filled |= {f"approvals.{approval.approver}": approval.reason for approval in self.approvals}
        return {f"{FIELD_PREFIX}{self.name.promotion_request_id}/{name}": value for name, value in filled.items()}


def _ended(request: PromotionRequest, state: RequestState, by: By, now: int) -> PromotionRequest:
    return replace(request, state=state, ended_by=by.actor, end_time=now, end_reason=by.reason)


def protecting(change: Change, rules: PromotionRules) -> dict[str, int]:
    """What is protected and touched by a change, each with the approvals that it takes."""
    if isinstance(change, AliasMove):
        return {alias: number for alias, number in rules.protected_aliases.items() if alias == change.alias}
    touched = {change.from_stage, change.stage, *((ARCHIVED,) if change.archived else ())}
    numbers = {stage: rules.approvals_of_stage(stage) for stage in sorted(touched)}
    return {stage: number for stage, number in numbers.items() if number is not None}


def asks_for_the_same(one: Change, other: Change) -> bool:
    """Whether two changes are alike in what was asked for, wherever each began. Case does not count in stages."""
    if isinstance(one, StageMove) and isinstance(other, StageMove):
        of_one, of_other = ((each.version, each.stage.casefold(), each.archive_existing) for each in (one, other))
        return of_one == of_other
    if isinstance(one, AliasMove) and isinstance(other, AliasMove):
        return (one.alias, one.version) == (other.alias, other.version)
    return False


def command_for(model: ModelName, change: Change) -> str:
    """What asks for a change on the command line, after `trivet models promotion`."""
    if isinstance(change, AliasMove):
        target = [str(change.version)] if change.version else []
        return shlex.join(["request-alias", model.model_id, change.alias, *target])
    archiving = ["--archive-existing"] if change.archive_existing else []
    return shlex.join(["request", model.model_id, str(change.version), change.stage, *archiving])


def check_not_frozen(model: ModelName, change: Change, rules: PromotionRules) -> None:
    """Checks that approvals can let a change through. Raises StageProtected, AliasProtected."""
    for name, number in protecting(change, rules).items():
        if number == 0 and isinstance(change, AliasMove):
            raise AliasProtected(str(model), name, 0)
        if number == 0:
            raise StageProtected(f"{model}/versions/{change.version}", name, 0)


def check_protected(model: ModelName, change: Change, rules: PromotionRules) -> None:
    """Checks that a change needs approvals, and can get them.

    Raises:
        PromotionNotProtected: it needs none.
        StageProtected, AliasProtected: no number of them is enough.
    """
    if not protecting(change, rules):
        raise PromotionNotProtected(str(model), change.alias if isinstance(change, AliasMove) else change.stage)
    check_not_frozen(model, change, rules)


def check_unchanged(request: PromotionRequest, now: Change) -> None:
    """Checks that a change still begins where it did when it was asked for. Raises PromotionRequestStale."""
    asked = request.change
    if isinstance(asked, AliasMove) and isinstance(now, AliasMove):
        what = (f"the version of the alias {asked.alias}", _version(asked.from_version), _version(now.from_version))
        _check_same(request, *what)
    if isinstance(asked, StageMove) and isinstance(now, StageMove):
        _check_same(request, f"the stage of version {asked.version}", asked.from_stage, now.from_stage)
        if asked.archive_existing:
            in_stage = f"the versions in {asked.stage}"
            _check_same(request, in_stage, _versions(asked.archived), _versions(now.archived))


def _check_same(request: PromotionRequest, what: str, asked: str, now: str) -> None:
    if asked != now:
        raise PromotionRequestStale(str(request.name), what, asked, now)


def _version(number: int) -> str:
    return str(number) if number else "none"


def _versions(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"


@dataclass(frozen=True)
class RequestQuery:
    """A page of requests."""

    workspace: str
    state: RequestState | None
    """None: all."""
    model: str
    """A name, or the uid in its place; empty: all."""
    size: int
    before: int | None
    """The position of the last request of the page before."""


@dataclass(frozen=True)
class RequestPage:
    """Requests, the newest first."""

    requests: Sequence[PromotionRequest]
    positions: Sequence[int]
    is_last: bool


class PromotionRequests(Protocol):
    """Keeps requests.

    Those that name one raise PromotionRequestNotFound where it is not there. What raises changes nothing.
    """

    def create(self, new: NewPromotionRequest, by: By, request: RepeatableRequest | None) -> PromotionRequest:
        """Keeps a request, or returns what the same call created before.

        Raises:
            ModelNotFound, ModelVersionNotFound, ModelVersionNotReady, ModelVersionUnverified: of what it is about.
            FieldInvalid: there is no such stage, or nothing would change.
            PromotionNotProtected, StageProtected, AliasProtected: as `check_protected`.
            PromotionRequestLimitReached: the model has too many that are PENDING.
            RequestIdReused: the request id came before with another fingerprint.
        """
        ...

    def get(self, name: PromotionRequestName) -> PromotionRequest:
        """Returns a request."""
        ...

    def page(self, query: RequestQuery) -> RequestPage:
        """A page of requests. Raises ModelNotFound."""
        ...

    def approve(self, name: PromotionRequestName, by: By, *, is_verified: bool) -> PromotionRequest:
        """Approves a request, by somebody whose name was verified or not, and makes its change with the last approval.

        Raises:
            PromotionRequestStale: what it would change is not as it was.
            CallerError: as `PromotionRequest.approved`, and what an ordinary move raises.
        """
        ...

    def reject(self, name: PromotionRequestName, by: By) -> PromotionRequest:
        """Rejects a request. Raises as `PromotionRequest.rejected`."""
        ...

    def withdraw(self, name: PromotionRequestName, by: By) -> PromotionRequest:
        """Takes a request back. Raises as `PromotionRequest.withdrawn`."""
        ...

    def expire(self) -> None:
        """Ends all requests whose time is over; one that cannot be ended holds up no others.

        Raises:
            DatabaseUnavailable: it does not answer; all that are left come the next time.
        """
        ...
