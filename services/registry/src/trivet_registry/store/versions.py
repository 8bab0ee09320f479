"""Versions in SQL: registered, moved, changed, deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db import Database
from trivet_kit.db.first_answers import FirstAnswers
from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import ModelName, ModelVersionName
from trivet_registry.domain.errors import ModelVersionNotFound
from trivet_registry.domain.fields import alias_field, version_fields
from trivet_registry.domain.history import THE_REGISTRY, Action, By, changes_between
from trivet_registry.domain.models import NewModel, Page, Query
from trivet_registry.domain.promotion import PromotionRules, RulesOfPolicy
from trivet_registry.domain.promotion_requests import StageMove
from trivet_registry.domain.stages import check_archiving, to_stage
from trivet_registry.domain.versions import (
    Link,
    Linked,
    LinkOutcome,
    LinkRefused,
    ModelVersion,
    Move,
    NewVersion,
    VersionState,
)
from trivet_registry.store import tables
from trivet_registry.store.models import create_model
from trivet_registry.store.moves import check_ready, move_version
from trivet_registry.store.new_versions import copy_of, insert_version, link_of
from trivet_registry.store.open_models import OpenModel, OpenVersion, open_model, open_model_by_uid, open_model_in
from trivet_registry.store.promotion_rows import drop_requests, saying_how_to_ask
from trivet_registry.store.promotions import lock_workspace
from trivet_registry.store.registration import Registration
from trivet_registry.store.rows import load_versions
from trivet_registry.store.search import VersionSearch
from trivet_registry.store.tags import change_tags, changed_tags

_m = tables.model
_v = tables.version
_a = tables.alias


class SqlVersions:
    """Implements `Versions`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int], policy: RulesOfPolicy) -> None:
        self._database = database
        self._now = now
        self._policy = policy
        self._first_answers = FirstAnswers(tables.request, tables.request.c.answer, now)
        self._registration = None if database.is_sqlite else Registration(database, self._first_answers, now)

    def register(self, new: NewVersion, by: By, request: RepeatableRequest | None) -> tuple[ModelVersion, Link | None]:
        """Takes the model's next number."""
        with self._first_answers.remembering(request):
            # Without a request id, what the server did before a connection broke could not be told.
            if self._registration is not None and request is not None:
                registered = self._registration.register(new, by, request)
                if registered is not None:
                    return registered
            with open_model(self._database, new.model, self._now, request=request) as model:
                return self._register(model, lambda: new, by, request)

    def copy(
        self, name: ModelVersionName, destination: ModelName, by: By, request: RepeatableRequest | None
    ) -> tuple[ModelVersion, Link | None]:
        """Registers a copy of a version in a model."""
        with self._first_answers.remembering(request), self._database.transaction("write") as connection:
            if not _has_model(connection, destination):
                lock_workspace(connection, destination.workspace)
                if not _has_model(connection, destination):
                    copy_of(connection, name, destination)  # there must be something to copy
                    create_model(connection, NewModel(destination, "", {}), by, self._now)
            with open_model_in(connection, destination, self._now, request) as model:
                return self._register(model, lambda: copy_of(connection, name, destination), by, request)

    def finish(self, link: Link, outcome: LinkOutcome) -> ModelVersion:
        """Makes a PENDING version READY or FAILED."""
        with open_model_by_uid(self._database, link.workspace, link.model_uid, self._now, link.version) as model:
            version = model.version()
            before = version.value
            if before.state is VersionState.PENDING:
                after = _finished(before, outcome)
                is_ready = after.state is VersionState.READY
                version.become(Action.VERSION_READY if is_ready else Action.VERSION_FAILED, THE_REGISTRY, after)
            return version.value

    def claim_overdue(self, older_than_millis: int, limit: int) -> Sequence[tuple[Link, int]]:
        """What PENDING versions wait for that nobody has tried to finish for so long."""
        now = self._now()
        overdue = sa.and_(_v.c.state == VersionState.PENDING.value, _v.c.attempt_time <= now - older_than_millis)
        # Mostly there is nothing, and SQLite has one lock for all who write.
        with self._database.transaction("read") as connection:
            if not connection.execute(sa.select(sa.exists().where(overdue))).scalar_one():
                return ()
        with self._database.transaction("write") as connection:
            rows = connection.execute(
                sa.select(_v.c.version_pk, _v.c.create_time)
                .where(overdue)
                .order_by(_v.c.attempt_time, _v.c.version_pk)
                .limit(limit)
                .with_for_update(skip_locked=True)
            ).all()
            keys = [row.version_pk for row in rows]
            connection.execute(sa.update(_v).where(_v.c.version_pk.in_(keys)).values(attempt_time=now))
            return [
                (link, row.create_time) for row in rows if (link := link_of(connection, row.version_pk)) is not None
            ]

    def search(self, workspace: str, query: Query) -> Page[ModelVersion]:
        """Returns a page."""
        plan = VersionSearch(query.where, query.order_by)
        with self._database.transaction("read") as connection:
            rows = connection.execute(plan.select(workspace, query.after).limit(query.size + 1)).all()
            page = rows[: query.size]
            versions = load_versions(connection, [row.version_pk for row in page])
        return Page(tuple(versions), tuple(plan.cursor(row) for row in page), is_last=len(rows) <= query.size)

    def describe(self, name: ModelVersionName, description: str, by: By, revision: int | None) -> ModelVersion:
        """Gives a version another description."""
        with self._open(name, revision) as (_, version):
            version.become(Action.VERSION_DESCRIBED, by, replace(version.value, description=description))
            return version.value

    def set_tags(
        self, name: ModelVersionName, tags: Mapping[str, str], deleted: frozenset[str], by: By
    ) -> ModelVersion:
        """Sets and removes tags."""
        with self._open(name) as (model, version):
            to_set, to_remove, after = changed_tags(version.value.tags, tags, deleted)
            change_tags(model.connection, tables.version_tag, version.version_pk, to_set, to_remove)
            version.become(Action.VERSION_TAGGED, by, replace(version.value, tags=after))
            return version.value

    def move(
        self, name: ModelVersionName, move: Move, by: By, revision: int | None, request: RepeatableRequest | None
    ) -> ModelVersion:
        """Moves a version into a stage."""
        with (
            self._first_answers.remembering(request),
            open_model(self._database, name.model, self._now, name.version, request) as model,
        ):
            connection = model.connection
            answer = model.first_answer(request)
            if answer is not None:
                return load_versions(connection, [_find_answer(connection, answer, name.model)])[0]
            rules = self._rules(model)
            stage = to_stage(move.stage, rules.stages, "stage")
            if move.archive_existing:
                check_archiving(stage, "archive_existing_versions")
            version = model.version()
            version.check_revision(revision)
            check_ready(version)
            with saying_how_to_ask(model, StageMove(name.version, stage, move.archive_existing)):
                move_version(model, version, stage, by, rules.check_move, archive_existing=move.archive_existing)
            self._remember(model, name.version, request)
            return version.value

    def delete(self, name: ModelVersionName, by: By, revision: int | None) -> None:
        """Deletes a version."""
        with self._open(name, revision) as (model, version):
            value = version.value
            self._rules(model).check_deletion(value)
            drop_requests(model, by, name.version)
            aliases = {alias_field(alias): str(name.version) for alias in value.aliases}
            model.record(Action.VERSION_DELETED, by, name.version, changes_between(version_fields(value) | aliases, {}))
            if aliases:  # these belong to the model
                model.revision += 1
                model.connection.execute(sa.delete(_a).where(_a.c.version_pk == version.version_pk))
            for table in (tables.version_tag, tables.dataset, _v):
                model.connection.execute(sa.delete(table).where(table.c.version_pk == version.version_pk))

    def _rules(self, model: OpenModel) -> PromotionRules:
        return model.rules.under(self._policy(model.name.workspace))

    @contextmanager
    def _open(self, name: ModelVersionName, revision: int | None = None) -> Iterator[tuple[OpenModel, OpenVersion]]:
        """Opens a version and its model in a transaction. Raises ModelNotFound, ModelVersionNotFound, EtagStale."""
        with open_model(self._database, name.model, self._now, name.version) as model:
            version = model.version()
            version.check_revision(revision)
            yield model, version

    def _register(
        self, model: OpenModel, new: Callable[[], NewVersion], by: By, request: RepeatableRequest | None
    ) -> tuple[ModelVersion, Link | None]:
        connection = model.connection
        answer = model.first_answer(request)
        if answer is not None:
            version_pk = _find_answer(connection, answer, model.name)
            return load_versions(connection, [version_pk])[0], link_of(connection, version_pk)
        version, link = insert_version(model, new(), by)
        self._remember(model, version.name.version, request)
        return version, link

    def _remember(self, model: OpenModel, number: int, request: RepeatableRequest | None) -> None:
        if request is not None:
            answer = f"{model.uid}/{number}"
            model.remember(self._first_answers.values(model.name.workspace, request, answer))


def _finished(version: ModelVersion, outcome: LinkOutcome) -> ModelVersion:
    """A PENDING version after its files were linked, or could not be."""
    expected = version.manifest_sha256
    if isinstance(outcome, Linked) and expected not in (b"", outcome.manifest_sha256):
        outcome = LinkRefused("its files are not those that were registered")
    if isinstance(outcome, Linked):
        return replace(version, state=VersionState.READY, manifest_sha256=outcome.manifest_sha256, verified=True)
    return replace(version, state=VersionState.FAILED, state_message=outcome.problem)


def _has_model(connection: Connection, name: ModelName) -> bool:
    found = sa.exists().where(_m.c.workspace == name.workspace, _m.c.model_id == name.model_id)
    return bool(connection.execute(sa.select(found)).scalar_one())


def _find_answer(connection: Connection, answer: str, model: ModelName) -> int:
    """The key of the version that a request made or moved before. Raises ModelVersionNotFound where it was deleted."""
    uid, number = answer.split("/")
    row = connection.execute(
        sa.select(_v.c.version_pk)
        .join(_m, _m.c.model_pk == _v.c.model_pk)
        .where(_m.c.uid == uid, _v.c.version == int(number))
    ).one_or_none()
    if row is None:
        raise ModelVersionNotFound(str(ModelVersionName(model.workspace, model.model_id, int(number))))
    version_pk: int = row.version_pk
    return version_pk
