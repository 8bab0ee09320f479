"""Models and aliases in SQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_kit.db.first_answers import FirstAnswers
from trivet_kit.db.upserts import insert_into
from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import ModelName, ModelVersionName
from trivet_registry.domain.errors import ModelNameTaken, ModelNotFound, ModelVersionNotReady
from trivet_registry.domain.models import Model, NewModel, Page, Query
from trivet_registry.domain.versions import VersionState
from trivet_registry.store import tables
from trivet_registry.store.rows import (
    change_tags,
    check_revision,
    find_model,
    find_version,
    load_models,
    touch_model,
)
from trivet_registry.store.search import ModelSearch

_m = tables.model
_v = tables.version
_a = tables.alias


class SqlModels:
    """Implements `Models`. `now` gives milliseconds since the Unix epoch. Safe for threads.

    Locks are taken in the order workspace, model: the workspace's row by who creates or renames, so that two requests
    with one name, or one request id, see each other; the model's row by who changes anything of it.
    """

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now
        self._first_answers = FirstAnswers(tables.request, tables.request.c.answer, now)

    def create(self, new: NewModel, request: RepeatableRequest | None) -> Model:
        """Creates a model."""
        with self._database.transaction("write") as connection:
            _lock_workspace(connection, new.name.workspace)
            uid = self._first_answers.find(connection, new.name.workspace, request)
            if uid is not None:
                return _load_by_uid(connection, uid, new.name)
            _check_name_free(connection, new.name)
            now = self._now()
            uid = uuid.uuid4().hex
            model_pk: int = connection.execute(
                sa.insert(_m)
                .values(
                    workspace=new.name.workspace,
                    model_id=new.name.model_id,
                    uid=uid,
                    next_version=1,
                    description=new.description,
                    create_time=now,
                    update_time=now,
                    created_by=new.created_by,
                    revision=1,
                )
                .returning(_m.c.model_pk)
            ).scalar_one()
            change_tags(connection, tables.model_tag, model_pk, new.tags, frozenset())
            self._first_answers.remember(connection, new.name.workspace, request, uid)
            return load_models(connection, [model_pk])[0]

    def get(self, name: ModelName) -> Model:
        """Returns a model."""
        with self._database.transaction("read") as connection:
            return load_models(connection, [find_model(connection, name).model_pk])[0]

    def search(self, workspace: str, query: Query) -> Page[Model]:
        """Returns a page."""
        plan = ModelSearch(query.where, query.order_by)
        with self._database.transaction("read") as connection:
            rows = connection.execute(plan.select(workspace, query.after).limit(query.size + 1)).all()
            page = rows[: query.size]
            models = load_models(connection, [row.model_pk for row in page])
        return Page(tuple(models), tuple(plan.cursor(row) for row in page), is_last=len(rows) <= query.size)

    def describe(self, name: ModelName, description: str, revision: int | None) -> Model:
        """Gives a model another description."""
        with self._database.transaction("write") as connection:
            row = find_model(connection, name, lock=True)
            check_revision(row, revision, name)
            touch_model(connection, row, self._now(), {"description": description})
            return load_models(connection, [row.model_pk])[0]

    def rename(self, name: ModelName, new_name: ModelName, request: RepeatableRequest | None) -> Model:
        """Gives a model another name."""
        with self._database.transaction("write") as connection:
            _lock_workspace(connection, name.workspace)
            uid = self._first_answers.find(connection, name.workspace, request)
            if uid is not None:
                return _load_by_uid(connection, uid, new_name)
            row = find_model(connection, name, lock=True)
            if new_name != name:
                _check_name_free(connection, new_name)
                touch_model(connection, row, self._now(), {"model_id": new_name.model_id})
            self._first_answers.remember(connection, name.workspace, request, row.uid)
            return load_models(connection, [row.model_pk])[0]

    def set_tags(self, name: ModelName, tags: Mapping[str, str], deleted: frozenset[str]) -> Model:
        """Sets and removes tags."""
        with self._database.transaction("write") as connection:
            row = find_model(connection, name, lock=True)
            change_tags(connection, tables.model_tag, row.model_pk, tags, deleted)
            touch_model(connection, row, self._now(), {})
            return load_models(connection, [row.model_pk])[0]

    def set_alias(self, name: ModelName, alias: str, version: int, revision: int | None) -> Model:
        """Lets an alias point at a version."""
        with self._database.transaction("write") as connection:
            row = find_model(connection, name, lock=True)
            check_revision(row, revision, name)
            target = find_version(connection, row, version)
            if target.state != VersionState.READY.value:
                raise ModelVersionNotReady(
                    str(ModelVersionName(name.workspace, name.model_id, version)), VersionState(target.state).name
                )
            statement = insert_into(connection.dialect.name, _a).values(
                model_pk=row.model_pk, alias=alias, version_pk=target.version_pk
            )
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["model_pk", "alias"], set_={"version_pk": target.version_pk}
                )
            )
            touch_model(connection, row, self._now(), {})
            return load_models(connection, [row.model_pk])[0]

    def delete_alias(self, name: ModelName, alias: str) -> Model:
        """Removes an alias."""
        with self._database.transaction("write") as connection:
            row = find_model(connection, name, lock=True)
            removed = connection.execute(sa.delete(_a).where(_a.c.model_pk == row.model_pk, _a.c.alias == alias))
            if removed.rowcount:
                touch_model(connection, row, self._now(), {})
            return load_models(connection, [row.model_pk])[0]

    def delete(self, name: ModelName, revision: int | None) -> None:
        """Deletes a model."""
        with self._database.transaction("write") as connection:
            row = find_model(connection, name, lock=True)
            check_revision(row, revision, name)
            versions = sa.select(_v.c.version_pk).where(_v.c.model_pk == row.model_pk)
            connection.execute(sa.delete(_a).where(_a.c.model_pk == row.model_pk))
            connection.execute(sa.delete(tables.version_tag).where(tables.version_tag.c.version_pk.in_(versions)))
            for table in (_v, tables.model_tag, _m):
                connection.execute(sa.delete(table).where(table.c.model_pk == row.model_pk))


def _lock_workspace(connection: Connection, workspace: str) -> None:
    """Locks the workspace's row until the end of the transaction; makes it where the workspace is new."""
    table = tables.workspace
    connection.execute(insert_into(connection.dialect.name, table).values(workspace=workspace).on_conflict_do_nothing())
    connection.execute(sa.select(table).where(table.c.workspace == workspace).with_for_update()).one()


def _check_name_free(connection: Connection, name: ModelName) -> None:
    """Raises ModelNameTaken. Holds as long as the workspace is locked."""
    taken: Row[Any] | None = connection.execute(
        sa.select(_m.c.model_pk).where(_m.c.workspace == name.workspace, _m.c.model_id == name.model_id)
    ).one_or_none()
    if taken is not None:
        raise ModelNameTaken(str(name))


def _load_by_uid(connection: Connection, uid: str, asked: ModelName) -> Model:
    """The model that a request made before. Raises ModelNotFound where it was deleted since."""
    row = connection.execute(sa.select(_m.c.model_pk).where(_m.c.uid == uid)).one_or_none()
    if row is None:
        raise ModelNotFound(str(asked))
    return load_models(connection, [row.model_pk])[0]
