"""Versions in SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_kit.db.first_answers import FirstAnswers
from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import ModelName, ModelVersionName, model_version_in
from trivet_registry.domain.errors import (
    ModelAliasNotFound,
    ModelSourceUnusable,
    ModelVersionNotFound,
    ModelVersionNotReady,
)
from trivet_registry.domain.models import Page, Query
from trivet_registry.domain.stages import ARCHIVED, NO_STAGE
from trivet_registry.domain.versions import (
    ArtifactSource,
    Link,
    Linked,
    LinkOutcome,
    ModelVersion,
    Move,
    NewVersion,
    VersionState,
)
from trivet_registry.store import tables
from trivet_registry.store.rows import (
    artifact_owner,
    change_tags,
    check_revision,
    find_model,
    find_version,
    load_versions,
    touch_model,
    touch_version,
)
from trivet_registry.store.search import VersionSearch

_m = tables.model
_v = tables.version
_a = tables.alias


class SqlVersions:
    """Implements `Versions`. `now` gives milliseconds since the Unix epoch. Safe for threads.

    Whoever changes a version first locks its model's row: numbers are given, and stages and aliases moved, by one
    transaction at a time.
    """

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now
        self._first_answers = FirstAnswers(tables.request, tables.request.c.answer, now)

    def register(self, new: NewVersion, request: RepeatableRequest | None) -> tuple[ModelVersion, Link | None]:
        """Takes the model's next number."""
        with self._database.transaction("write") as connection:
            model = find_model(connection, new.model, lock=True)
            answer = self._first_answers.find(connection, new.model.workspace, request)
            if answer is None:
                version_pk = self._insert(connection, model, new)
                answer = _answer(model, model.next_version)
                self._first_answers.remember(connection, new.model.workspace, request, answer)
            else:
                version_pk = _find_answer(connection, answer, new.model)
            return load_versions(connection, [version_pk])[0], _link(connection, version_pk)

    def finish(self, link: Link, outcome: LinkOutcome) -> ModelVersion:
        """Makes a PENDING version READY or FAILED."""
        with self._database.transaction("write") as connection:
            # The model first, as everybody locks it; it may be gone.
            model = connection.execute(
                sa.select(_m)
                .where(_m.c.model_pk.in_(sa.select(_v.c.model_pk).where(_v.c.version_pk == link.version_key)))
                .with_for_update()
            ).one_or_none()
            row = connection.execute(sa.select(_v).where(_v.c.version_pk == link.version_key)).one_or_none()
            if model is None or row is None:
                raise ModelVersionNotFound(link.destination_owner)
            if row.state == VersionState.PENDING.value:
                touch_version(connection, row, self._now(), _outcome_values(outcome))
                touch_model(connection, model, self._now(), None)
            return load_versions(connection, [row.version_pk])[0]

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
            return [(link, row.create_time) for row in rows if (link := _link(connection, row.version_pk)) is not None]

    def get(self, name: ModelVersionName) -> ModelVersion:
        """Returns a version."""
        with self._database.transaction("read") as connection:
            row = find_version(connection, find_model(connection, name.model), name.version)
            return load_versions(connection, [row.version_pk])[0]

    def get_by_alias(self, model: ModelName, alias: str) -> ModelVersion:
        """Returns the version that an alias points at."""
        with self._database.transaction("read") as connection:
            row = find_model(connection, model)
            found = connection.execute(
                sa.select(_a.c.version_pk).where(_a.c.model_pk == row.model_pk, _a.c.alias == alias)
            ).one_or_none()
            if found is None:
                raise ModelAliasNotFound(str(model), alias)
            return load_versions(connection, [found.version_pk])[0]

    def latest(self, model: ModelName, stages: Sequence[str]) -> Sequence[ModelVersion]:
        """The newest READY versions by stage."""
        with self._database.transaction("read") as connection:
            row = find_model(connection, model)
            newest = (
                sa.select(_v.c.stage, sa.func.max(_v.c.version).label("version"))
                .where(_v.c.model_pk == row.model_pk, _v.c.state == VersionState.READY.value, _v.c.stage.in_(stages))
                .group_by(_v.c.stage)
                .subquery()
            )
            found = {
                version.stage: version.version_pk
                for version in connection.execute(
                    sa.select(_v.c.stage, _v.c.version_pk)
                    .join(newest, _v.c.version == newest.c.version)
                    .where(_v.c.model_pk == row.model_pk)
                )
            }
            return load_versions(connection, [found[stage] for stage in stages if stage in found])

    def search(self, workspace: str, query: Query) -> Page[ModelVersion]:
        """Returns a page."""
        plan = VersionSearch(query.where, query.order_by)
        with self._database.transaction("read") as connection:
            rows = connection.execute(plan.select(workspace, query.after).limit(query.size + 1)).all()
            page = rows[: query.size]
            versions = load_versions(connection, [row.version_pk for row in page])
        return Page(tuple(versions), tuple(plan.cursor(row) for row in page), is_last=len(rows) <= query.size)

    def describe(self, name: ModelVersionName, description: str, revision: int | None) -> ModelVersion:
        """Gives a version another description."""
        with self._database.transaction("write") as connection:
            model, row = _lock(connection, name)
            check_revision(row, revision, name)
            return self._changed(connection, model, row, {"description": description})

    def set_tags(self, name: ModelVersionName, tags: Mapping[str, str], deleted: frozenset[str]) -> ModelVersion:
        """Sets and removes tags."""
        with self._database.transaction("write") as connection:
            model, row = _lock(connection, name)
            change_tags(connection, tables.version_tag, row.version_pk, tags, deleted)
            return self._changed(connection, model, row, {})

    def move(
        self, name: ModelVersionName, move: Move, revision: int | None, request: RepeatableRequest | None
    ) -> ModelVersion:
        """Moves a version into a stage."""
        with self._database.transaction("write") as connection:
            model = find_model(connection, name.model, lock=True)
            answer = self._first_answers.find(connection, name.workspace, request)
            if answer is not None:
                return load_versions(connection, [_find_answer(connection, answer, name.model)])[0]
            row = find_version(connection, model, name.version)
            check_revision(row, revision, name)
            if row.state != VersionState.READY.value:
                raise ModelVersionNotReady(str(name), VersionState(row.state).name)
            if move.archive_existing:
                for other in connection.execute(
                    sa.select(_v).where(
                        _v.c.model_pk == model.model_pk, _v.c.stage == move.stage, _v.c.version != name.version
                    )
                ).all():
                    self._put(connection, model, other, ARCHIVED, move)
            self._put(connection, model, row, move.stage, move)
            touch_model(connection, model, self._now(), None)
            self._first_answers.remember(connection, name.workspace, request, _answer(model, name.version))
            return load_versions(connection, [row.version_pk])[0]

    def delete(self, name: ModelVersionName, revision: int | None) -> None:
        """Deletes a version."""
        with self._database.transaction("write") as connection:
            model, row = _lock(connection, name)
            check_revision(row, revision, name)
            removed = connection.execute(sa.delete(_a).where(_a.c.version_pk == row.version_pk))
            for table in (tables.version_tag, _v):
                connection.execute(sa.delete(table).where(table.c.version_pk == row.version_pk))
            # The aliases belong to the model.
            touch_model(connection, model, self._now(), {} if removed.rowcount else None)

    def _insert(self, connection: Connection, model: Row[Any], new: NewVersion) -> int:
        """Inserts a version with the next number of its model, which is locked; returns its key."""
        now = self._now()
        source = new.source
        is_artifacts = isinstance(source, ArtifactSource)
        number: int = model.next_version
        version_pk: int = connection.execute(
            sa.insert(_v)
            .values(
                model_pk=model.model_pk,
                version=number,
                state=(VersionState.PENDING if is_artifacts else VersionState.READY).value,
                state_message="",
                stage=NO_STAGE,
                source_owner=source.owner if isinstance(source, ArtifactSource) else "",
                source_path=source.path if isinstance(source, ArtifactSource) else source.uri,
                link_owner=_lasting_owner(connection, source) if isinstance(source, ArtifactSource) else "",
                run_id=new.run_id,
                manifest_sha256=b"",
                description=new.description,
                create_time=now,
                update_time=now,
                created_by=new.created_by,
                revision=1,
                attempt_time=now,
            )
            .returning(_v.c.version_pk)
        ).scalar_one()
        change_tags(connection, tables.version_tag, version_pk, new.tags, frozenset())
        connection.execute(sa.update(_m).where(_m.c.model_pk == model.model_pk).values(next_version=number + 1))
        touch_model(connection, model, now, None)
        return version_pk

    def _changed(
        self, connection: Connection, model: Row[Any], row: Row[Any], values: Mapping[str, Any]
    ) -> ModelVersion:
        touch_version(connection, row, self._now(), values)
        touch_model(connection, model, self._now(), None)
        return load_versions(connection, [row.version_pk])[0]

    def _put(self, connection: Connection, model: Row[Any], row: Row[Any], stage: str, move: Move) -> None:
        """Puts a version into a stage, and notes the move; one that is there already stays as it is."""
        if row.stage == stage:
            return
        now = self._now()
        touch_version(connection, row, now, {"stage": stage})
        connection.execute(
            sa.insert(tables.move).values(
                workspace=model.workspace,
                model_uid=model.uid,
                version=row.version,
                from_stage=row.stage,
                to_stage=stage,
                reason=move.reason,
                moved_by=move.moved_by,
                move_time=now,
            )
        )


def _lock(connection: Connection, name: ModelVersionName) -> tuple[Row[Any], Row[Any]]:
    """The rows of a version's model, which is locked, and of the version."""
    model = find_model(connection, name.model, lock=True)
    return model, find_version(connection, model, name.version)


def _lasting_owner(connection: Connection, source: ArtifactSource) -> str:
    """Who has the files of a source, by a name that no rename changes.

    Raises:
        ModelVersionNotFound, ModelVersionNotReady, ModelSourceUnusable: the source is a version without files.
    """
    name = model_version_in(source.owner)
    if name is None:
        return source.owner
    by_uid = sa.and_(_m.c.workspace == name.workspace, _m.c.uid == name.model_id)
    by_name = sa.and_(_m.c.workspace == name.workspace, _m.c.model_id == name.model_id)
    # A model whose name is another one's uid goes first: that is what its caller sees.
    model = connection.execute(
        sa.select(_m).where(sa.or_(by_name, by_uid)).order_by(sa.case((by_name, 0), else_=1)).limit(1)
    ).one_or_none()
    if model is None:
        raise ModelVersionNotFound(source.owner)
    row = find_version(connection, model, name.version)
    if row.state != VersionState.READY.value:
        raise ModelVersionNotReady(source.owner, VersionState(row.state).name)
    if not row.source_owner:
        raise ModelSourceUnusable(source.owner, source.owner, source.path, "its files are outside of Trivet")
    return artifact_owner(name.workspace, model.uid, name.version)


def _link(connection: Connection, version_pk: int) -> Link | None:
    """What a version waits for; None where it is not PENDING."""
    row = connection.execute(
        sa.select(_v, _m.c.workspace, _m.c.uid)
        .join(_m, _m.c.model_pk == _v.c.model_pk)
        .where(_v.c.version_pk == version_pk, _v.c.state == VersionState.PENDING.value)
    ).one_or_none()
    if row is None:
        return None
    return Link(
        version_key=version_pk,
        workspace=row.workspace,
        source_owner=row.link_owner,
        source_path=row.source_path,
        destination_owner=artifact_owner(row.workspace, row.uid, row.version),
    )


def _outcome_values(outcome: LinkOutcome) -> dict[str, Any]:
    if isinstance(outcome, Linked):
        return {"state": VersionState.READY.value, "manifest_sha256": outcome.manifest_sha256}
    return {"state": VersionState.FAILED.value, "state_message": outcome.problem}


def _answer(model: Row[Any], number: int) -> str:
    return f"{model.uid}/{number}"


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
