"""Promotion requests in SQL: every decision is made under the lock of the model, so that one comes after the other."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db import Database
from trivet_kit.db.first_answers import FirstAnswers
from trivet_kit.errors import DatabaseUnavailable, FieldInvalid
from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import PromotionRequestName
from trivet_registry.domain import limits
from trivet_registry.domain.errors import (
    ModelVersionNotFound,
    PromotionRequestEnded,
    PromotionRequestLimitReached,
    PromotionRequestNotFound,
)
from trivet_registry.domain.history import THE_REGISTRY, Action, By
from trivet_registry.domain.promotion import PromotionRules, RulesOfPolicy
from trivet_registry.domain.promotion_requests import (
    AliasMove,
    Change,
    NewPromotionRequest,
    PromotionRequest,
    RequestPage,
    RequestQuery,
    RequestState,
    StageMove,
    check_protected,
    check_unchanged,
)
from trivet_registry.domain.stages import ARCHIVED, check_archiving, to_stage
from trivet_registry.store import tables
from trivet_registry.store.history import uid_of
from trivet_registry.store.moves import check_ready, move_version, others_in, point_alias, remove_alias
from trivet_registry.store.open_models import OpenModel, open_model, open_model_by_uid
from trivet_registry.store.promotion_rows import (
    REQUEST_ROWS,
    insert_request,
    pending_requests,
    to_request,
    update_request,
)
from trivet_registry.store.promotions import read_rules

_log = logging.getLogger("trivet.registry.promotion_requests")
_p = tables.promotion_request

_EXPIRED_AT_ONCE = 20
_STAGE_FIELD = "promotion_request.stage_move"
_ALIAS_FIELD = "promotion_request.alias_move"


class SqlPromotionRequests:
    """Implements `PromotionRequests`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int], policy: RulesOfPolicy) -> None:
        self._database = database
        self._now = now
        self._policy = policy
        self._first_answers = FirstAnswers(tables.request, tables.request.c.answer, now)

    def create(self, new: NewPromotionRequest, by: By, request: RepeatableRequest | None) -> PromotionRequest:
        """Keeps a request."""
        with (
            self._first_answers.remembering(request),
            open_model(self._database, new.model, self._now, new.change.version, request) as model,
        ):
            rules = self._rules(model)
            answer = model.first_answer(request)
            if answer is not None:
                return _load(model.connection, PromotionRequestName(new.model.workspace, answer)).seen(model.now, rules)
            change = _settled(model, new.change, rules)
            _check_new(change)
            check_protected(model.name, change, rules)
            _check_possible(model, change, rules)
            waiting = [each for each in pending_requests(model.connection, model.uid) if each.expire_time > model.now]
            if len(waiting) >= limits.MAX_PENDING_PROMOTION_REQUESTS:
                raise PromotionRequestLimitReached(str(model.name), limits.MAX_PENDING_PROMOTION_REQUESTS)
            made = PromotionRequest(
                name=PromotionRequestName(new.model.workspace, secrets.token_hex(16)),
                model=model.name,
                model_uid=model.uid,
                change=change,
                reason=by.reason,
                expire_time=new.expire_time or model.now + limits.PROMOTION_REQUEST_MILLIS,
                created_by=by.actor,
                create_time=model.now,
            )
            insert_request(model, made, by)
            if request is not None:
                answer = made.name.promotion_request_id
                model.remember(self._first_answers.values(new.model.workspace, request, answer))
            return made.seen(model.now, rules)

    def get(self, name: PromotionRequestName) -> PromotionRequest:
        """Returns a request."""
        with self._database.transaction("read") as connection:
            rules = read_rules(connection, name.workspace).under(self._policy(name.workspace))
            return _load(connection, name).seen(self._now(), rules)

    def page(self, query: RequestQuery) -> RequestPage:
        """A page of requests."""
        now = self._now()
        statement = REQUEST_ROWS.where(_p.c.workspace == query.workspace).order_by(_p.c.promotion_request_pk.desc())
        if query.state is not None:
            statement = statement.where(_is_in(query.state, now))
        if query.before is not None:
            statement = statement.where(_p.c.promotion_request_pk < query.before)
        with self._database.transaction("read") as connection:
            if query.model:
                statement = statement.where(_p.c.model_uid == uid_of(connection, query.workspace, query.model))
            rules = read_rules(connection, query.workspace).under(self._policy(query.workspace))
            rows = connection.execute(statement.limit(query.size + 1)).all()
        kept = rows[: query.size]
        requests = [to_request(row).seen(now, rules) for row in kept]
        return RequestPage(requests, [row.promotion_request_pk for row in kept], is_last=len(rows) <= query.size)

    def approve(self, name: PromotionRequestName, by: By, *, is_verified: bool) -> PromotionRequest:
        """Approves a request."""
        before = self.get(name)
        if before.was_made_so_by(RequestState.APPROVED, by.actor):
            return before
        with self._open(before) as (model, request, rules):
            if request.was_made_so_by(RequestState.APPROVED, by.actor):
                return request
            after = request.seen(model.now, rules).approved(by, model.now, rules, is_verified=is_verified)
            check_unchanged(request, _settled(model, request.change, rules))
            _check_possible(model, request.change, rules)
            update_request(model, request, after, Action.PROMOTION_APPROVED, by)
            if after.state is RequestState.APPROVED:
                _apply(model, after.change, rules, By(by.actor, request.reason))
            return after

    def reject(self, name: PromotionRequestName, by: By) -> PromotionRequest:
        """Rejects a request."""
        return self._end(name, by, RequestState.REJECTED, Action.PROMOTION_REJECTED, PromotionRequest.rejected)

    def withdraw(self, name: PromotionRequestName, by: By) -> PromotionRequest:
        """Takes a request back."""
        return self._end(name, by, RequestState.WITHDRAWN, Action.PROMOTION_WITHDRAWN, PromotionRequest.withdrawn)

    def expire(self) -> None:
        """Ends requests whose time is over."""
        last = 0
        while rows := self._overdue(last):
            for row in rows:
                self._expire(row)
            last = rows[-1].promotion_request_pk

    def _overdue(self, after: int) -> Sequence[sa.Row[Any]]:
        """Some requests whose time is over, by their keys."""
        overdue = (_p.c.state == RequestState.PENDING.value, _p.c.expire_time <= self._now())
        page = REQUEST_ROWS.where(*overdue, _p.c.promotion_request_pk > after).order_by(_p.c.promotion_request_pk)
        with self._database.transaction("read") as connection:
            return connection.execute(page.limit(_EXPIRED_AT_ONCE)).all()

    def _expire(self, row: sa.Row[Any]) -> None:
        try:
            with self._open(to_request(row)) as (model, request, _):
                if request.state is RequestState.PENDING:  # no other replica was faster
                    update_request(model, request, request.expired(), Action.PROMOTION_EXPIRED, THE_REGISTRY)
        except DatabaseUnavailable:
            raise
        except PromotionRequestEnded:
            pass  # with what it was about
        except Exception:  # noqa: BLE001 - one that cannot be ended, whatever it is, is not to hold up those of others
            _log.exception("promotion request %s has not expired", row.promotion_request_id)

    def _end(
        self,
        name: PromotionRequestName,
        by: By,
        state: RequestState,
        action: Action,
        end: Callable[[PromotionRequest, By, int], PromotionRequest],
    ) -> PromotionRequest:
        before = self.get(name)
        if before.was_made_so_by(state, by.actor):
            return before
        with self._open(before) as (model, request, rules):
            if request.was_made_so_by(state, by.actor):
                return request
            after = end(request.seen(model.now, rules), by, model.now)
            update_request(model, request, after, action, by)
            return after

    @contextmanager
    def _open(self, found: PromotionRequest) -> Iterator[tuple[OpenModel, PromotionRequest, PromotionRules]]:
        """Opens the model of a request, which is read again under the lock. Raises PromotionRequestEnded."""
        workspace = found.name.workspace
        try:
            with open_model_by_uid(
                self._database, workspace, found.model_uid, self._now, found.change.version
            ) as model:
                yield model, _load(model.connection, found.name), self._rules(model)
        except ModelVersionNotFound:
            # What it is about was deleted: that has ended it, unless it had ended before.
            raise PromotionRequestEnded(str(found.name), self.get(found.name).state.name) from None

    def _rules(self, model: OpenModel) -> PromotionRules:
        return model.rules.under(self._policy(model.name.workspace))


def _settled(model: OpenModel, asked: Change, rules: PromotionRules) -> Change:
    """What is asked for, with how it is now. Raises ModelVersionNotFound, FieldInvalid."""
    if isinstance(asked, AliasMove):
        return AliasMove(asked.alias, asked.version, model.read().aliases.get(asked.alias, 0))
    stage = to_stage(asked.stage, rules.stages, f"{_STAGE_FIELD}.stage")
    version = model.version()
    others = others_in(model, stage, version) if asked.archive_existing else []
    archived = tuple(other.value.name.version for other in others)
    return StageMove(asked.version, stage, asked.archive_existing, version.value.stage, archived)


def _check_new(change: Change) -> None:
    """Checks that a change can be asked for, and would change something. Raises FieldInvalid."""
    if isinstance(change, AliasMove):
        if change.version == change.from_version:
            raise FieldInvalid(f"{_ALIAS_FIELD}.version", "is where the alias points already")
        return
    if change.archive_existing:
        check_archiving(change.stage, f"{_STAGE_FIELD}.archive_existing_versions")
    if change.stage == change.from_stage:
        raise FieldInvalid(f"{_STAGE_FIELD}.stage", "is the stage that the version has")


def _check_possible(model: OpenModel, change: Change, rules: PromotionRules) -> None:
    """The checks of an ordinary move, but for protection. Raises ModelVersionNotReady, ModelVersionUnverified."""
    if not change.version:
        return
    version = model.version()
    check_ready(version)
    if isinstance(change, StageMove):
        rules.check_source(version.value, change.stage)
        if change.archived:
            for other in others_in(model, change.stage, version):
                rules.check_source(other.value, ARCHIVED)


def _apply(model: OpenModel, change: Change, rules: PromotionRules, by: By) -> None:
    """Makes a change that was approved."""
    if isinstance(change, StageMove):
        version = model.version()
        move_version(model, version, change.stage, by, rules.check_source, archive_existing=change.archive_existing)
    elif change.version:
        point_alias(model, model.read(), change.alias, model.version(), by)
    else:
        remove_alias(model, model.read(), change.alias, by)


def _is_in(state: RequestState, now: int) -> sa.ColumnElement[bool]:
    """Whether a request is in a state: one whose time is over has EXPIRED, also before that is recorded."""
    is_kept = _p.c.state == state.value
    if state is RequestState.PENDING:
        return sa.and_(is_kept, _p.c.expire_time > now)
    if state is RequestState.EXPIRED:
        is_over = sa.and_(_p.c.state == RequestState.PENDING.value, _p.c.expire_time <= now)
        return sa.or_(is_kept, is_over)
    return is_kept


def _load(connection: Connection, name: PromotionRequestName) -> PromotionRequest:
    """Raises PromotionRequestNotFound."""
    row = connection.execute(
        REQUEST_ROWS.where(_p.c.workspace == name.workspace, _p.c.promotion_request_id == name.promotion_request_id)
    ).one_or_none()
    if row is None:
        raise PromotionRequestNotFound(str(name))
    return to_request(row)
