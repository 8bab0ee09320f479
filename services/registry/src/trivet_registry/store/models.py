"""Models and aliases in SQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_kit.db.first_answers import FirstAnswers
from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import ModelName
from trivet_registry.domain.errors import ModelNameTaken, ModelNotFound
from trivet_registry.domain.history import START, Action, By
from trivet_registry.domain.models import Model, NewModel, Page, Query
from trivet_registry.domain.promotion import PromotionRules, RulesOfPolicy
from trivet_registry.domain.promotion_requests import AliasMove
from trivet_registry.store import tables
from trivet_registry.store.kept import functions_of, kept
from trivet_registry.store.moves import check_ready, point_alias, record, remove_alias
from trivet_registry.store.open_models import OpenModel, open_model, open_model_in
from trivet_registry.store.promotion_rows import drop_requests, keep_name, saying_how_to_ask
from trivet_registry.store.promotions import lock_workspace
from trivet_registry.store.rows import MODEL_ROWS, load_models, to_model
from trivet_registry.store.search import ModelSearch
from trivet_registry.store.tags import change_tags, changed_tags

_m = tables.model
_v = tables.version
_a = tables.alias

_READ = kept(
    "model_by_name",
    MODEL_ROWS.where(_m.c.workspace == sa.bindparam("b_workspace"), _m.c.model_id == sa.bindparam("b_model_id")),
)


FUNCTIONS = functions_of(_READ)


class SqlModels:
    """Implements `Models`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int], policy: RulesOfPolicy) -> None:
        self._database = database
        self._now = now
        self._policy = policy
        self._first_answers = FirstAnswers(tables.request, tables.request.c.answer, now)

    def create(self, new: NewModel, by: By, request: RepeatableRequest | None) -> Model:
        """Creates a model."""
        with self._first_answers.remembering(request), self._database.transaction("write") as connection:
            lock_workspace(connection, new.name.workspace)
            uid = self._first_answers.find(connection, new.name.workspace, request)
            if uid is not None:
                return _load_by_uid(connection, uid, new.name)
            _check_name_free(connection, new.name)
            model = create_model(connection, new, by, self._now)
            self._first_answers.remember(connection, new.name.workspace, request, model.uid)
            return model

    def get(self, name: ModelName) -> Model:
        """Returns a model."""
        rows = _READ.read(self._database, {"b_workspace": name.workspace, "b_model_id": name.model_id})
        if not rows:
            raise ModelNotFound(str(name))
        return to_model(rows[0])

    def search(self, workspace: str, query: Query) -> Page[Model]:
        """Returns a page."""
        plan = ModelSearch(query.where, query.order_by)
        with self._database.transaction("read") as connection:
            rows = connection.execute(plan.select(workspace, query.after).limit(query.size + 1)).all()
            page = rows[: query.size]
            models = load_models(connection, [row.model_pk for row in page])
        return Page(tuple(models), tuple(plan.cursor(row) for row in page), is_last=len(rows) <= query.size)

    def describe(self, name: ModelName, description: str, by: By, revision: int | None) -> Model:
        """Gives a model another description."""
        with self._open(name, revision) as model:
            before = model.read()
            if description == before.description:
                return before
            _update(model, description=description)
            return record(model, Action.MODEL_DESCRIBED, by, before, replace(before, description=description))

    def rename(self, name: ModelName, new_name: ModelName, by: By, request: RepeatableRequest | None) -> Model:
        """Gives a model another name."""
        with self._first_answers.remembering(request), self._database.transaction("write") as connection:
            lock_workspace(connection, name.workspace)
            uid = self._first_answers.find(connection, name.workspace, request)
            if uid is not None:
                return _load_by_uid(connection, uid, new_name)
            with open_model_in(connection, name, self._now) as model:
                self._first_answers.remember(connection, name.workspace, request, model.uid)
                before = model.read()
                if new_name == name:
                    return before
                _check_name_free(connection, new_name)
                self._check_name_may_go(model, before)
                _update(model, model_id=new_name.model_id)
                model.name = new_name
                return record(model, Action.MODEL_RENAMED, by, before, replace(before, name=new_name))

    def set_tags(self, name: ModelName, tags: Mapping[str, str], deleted: frozenset[str], by: By) -> Model:
        """Sets and removes tags."""
        with self._open(name) as model:
            before = model.read()
            to_set, to_remove, after = changed_tags(before.tags, tags, deleted)
            if not to_set and not to_remove:
                return before
            change_tags(model.connection, tables.model_tag, model.model_pk, to_set, to_remove)
            return record(model, Action.MODEL_TAGGED, by, before, replace(before, tags=after))

    def set_alias(self, name: ModelName, alias: str, version: int, by: By, revision: int | None) -> Model:
        """Lets an alias point at a version."""
        with self._open(name, revision, version) as model:
            target = model.version()
            check_ready(target)
            before = model.read()
            if before.aliases.get(alias) == version:
                return before
            with saying_how_to_ask(model, AliasMove(alias, version)):
                self._rules(model).check_alias(str(name), alias)
            return point_alias(model, before, alias, target, by)

    def delete_alias(self, name: ModelName, alias: str, by: By, revision: int | None) -> Model:
        """Removes an alias."""
        with self._open(name, revision) as model:
            before = model.read()
            if alias not in before.aliases:
                return before
            with saying_how_to_ask(model, AliasMove(alias, 0)):
                self._rules(model).check_alias(str(name), alias)
            return remove_alias(model, before, alias, by)

    def delete(self, name: ModelName, by: By, revision: int | None) -> None:
        """Deletes a model."""
        with self._open(name, revision) as model:
            before = model.read()
            self._check_name_may_go(model, before)
            drop_requests(model, by)
            keep_name(model)
            model.record_model(Action.MODEL_DELETED, by, before, None)
            versions = sa.select(_v.c.version_pk).where(_v.c.model_pk == model.model_pk)
            connection = model.connection
            connection.execute(sa.delete(_a).where(_a.c.model_pk == model.model_pk))
            for table in (tables.version_tag, tables.dataset):
                connection.execute(sa.delete(table).where(table.c.version_pk.in_(versions)))
            for table in (_v, tables.model_tag, _m):
                connection.execute(sa.delete(table).where(table.c.model_pk == model.model_pk))

    def _check_name_may_go(self, model: OpenModel, value: Model) -> None:
        """Checks that nothing protected is found by a model's name: another model could take it then, and mean others.

        Raises StageProtected, AliasProtected.
        """
        rules = self._rules(model)
        rules.check_aliases(str(value.name), value.aliases)
        for stage in sorted(rules.protected_stages):
            for version in model.versions_in(stage):
                rules.check_deletion(version.value)

    def _rules(self, model: OpenModel) -> PromotionRules:
        return model.rules.under(self._policy(model.name.workspace))

    @contextmanager
    def _open(self, name: ModelName, revision: int | None = None, version: int = 0) -> Iterator[OpenModel]:
        """Opens a model, with a version of it, in a transaction. Raises ModelNotFound, EtagStale."""
        with open_model(self._database, name, self._now, version) as model:
            model.check_revision(revision)
            yield model


def create_model(connection: Connection, new: NewModel, by: By, now: Callable[[], int]) -> Model:
    """Creates a model whose name is free, as long as the workspace is locked."""
    created = Model(
        name=new.name,
        uid=uuid.uuid4().hex,
        description=new.description,
        tags=dict(new.tags),
        aliases={},
        create_time=now(),
        update_time=0,
        created_by=by.actor,
        revision=0,
    )
    model_pk: int = connection.execute(
        sa.insert(_m)
        .values(
            workspace=new.name.workspace,
            model_id=new.name.model_id,
            uid=created.uid,
            next_version=1,
            description=created.description,
            create_time=created.create_time,
            update_time=created.create_time,
            created_by=created.created_by,
            revision=created.revision,
            history_sequence=START.sequence,
            history_sha256=START.sha256,
        )
        .returning(_m.c.model_pk)
    ).scalar_one()
    change_tags(connection, tables.model_tag, model_pk, new.tags, frozenset())
    with open_model_in(connection, new.name, lambda: created.create_time) as model:
        return record(model, Action.MODEL_CREATED, by, None, created)


def _update(model: OpenModel, **values: Any) -> None:
    model.connection.execute(sa.update(_m).where(_m.c.model_pk == model.model_pk).values(**values))


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
