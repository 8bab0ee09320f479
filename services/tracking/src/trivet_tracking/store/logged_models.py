"""Logged models in SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_kit.db.planning import prefer_lookups
from trivet_kit.db.upserts import insert_into
from trivet_kit.errors import EtagStale
from trivet_kit.resources import ExperimentName, LoggedModelName
from trivet_tracking.domain.errors import (
    ExperimentDeleted,
    LoggedModelFinalized,
    LoggedModelIdTaken,
    LoggedModelNotFound,
    ParamChanged,
    TagNotFound,
)
from trivet_tracking.domain.logged_models import (
    LoggedModel,
    LoggedModelPage,
    LoggedModelQuery,
    LoggedModelStatus,
    NewLoggedModel,
)
from trivet_tracking.domain.numbers import number_in
from trivet_tracking.store import experiments, tables
from trivet_tracking.store.experiments import SqlExperiments
from trivet_tracking.store.logged_model_rows import load
from trivet_tracking.store.logged_model_search import LoggedModelSearch

_t = tables.logged_model
_e = tables.experiment
_param = tables.logged_model_param
_tag = tables.logged_model_tag


class SqlLoggedModels:
    """Implements `LoggedModels`. `now` gives milliseconds since the Unix epoch. Safe for threads.

    Whoever changes a model locks its row first, so that two changes see each other.
    """

    def __init__(self, database: Database, of_experiments: SqlExperiments, now: Callable[[], int]) -> None:
        self._database = database
        self._experiments = of_experiments
        self._now = now

    def create(self, workspace: str, new: NewLoggedModel) -> LoggedModel:
        """Creates a logged model."""
        self._experiments.ensure_default(workspace)
        name = str(LoggedModelName(workspace, new.model_id))
        with self._database.transaction("write") as connection:
            existing = _find(connection, workspace, new.model_id)
            if existing is None:
                experiment = experiments.find(connection, workspace, new.experiment_id)
                if experiment.delete_time is not None:
                    raise ExperimentDeleted(experiments.name_of(experiment))
                logged_model_pk = self._insert(connection, workspace, experiment.experiment_pk, new)
                if logged_model_pk is not None:
                    return load(connection, [logged_model_pk])[0]
                # Another replica created it between the look and the insert.
                existing = _find(connection, workspace, new.model_id)
                assert existing is not None
            if existing.fingerprint != new.fingerprint or existing.delete_time is not None:
                raise LoggedModelIdTaken(name)
            return load(connection, [existing.logged_model_pk])[0]

    def get(self, workspace: str, model_id: str) -> LoggedModel:
        """Returns a logged model."""
        with self._database.transaction("read") as connection:
            row = _find_in_use(connection, workspace, model_id)
            prefer_lookups(connection)
            return load(connection, [row.logged_model_pk])[0]

    def search(self, workspace: str, query: LoggedModelQuery) -> LoggedModelPage:
        """Returns a page."""
        self._experiments.ensure_default(workspace)
        return self._database.read(lambda connection: _page(connection, workspace, query))

    def finalize(self, workspace: str, model_id: str, status: LoggedModelStatus, revision: int | None) -> LoggedModel:
        """Gives a PENDING model its status."""
        with self._database.transaction("write") as connection:
            row = _lock(connection, workspace, model_id)
            if row.status != status:
                _check_revision(row, revision)
                if row.status != LoggedModelStatus.PENDING:
                    raise LoggedModelFinalized(_name_of(row), LoggedModelStatus(row.status).name)
                self._touch(connection, row, {"status": status})
            return load(connection, [row.logged_model_pk])[0]

    def set_tags(
        self, workspace: str, model_id: str, tags: Mapping[str, str], deleted: frozenset[str], revision: int | None
    ) -> LoggedModel:
        """Sets and removes tags."""
        with self._database.transaction("write") as connection:
            row = _lock(connection, workspace, model_id)
            _check_revision(row, revision)
            for key in sorted(deleted):
                removed = connection.execute(
                    sa.delete(_tag).where(_tag.c.logged_model_pk == row.logged_model_pk, _tag.c.key == key)
                )
                if removed.rowcount == 0:
                    raise TagNotFound(key)
            if tags:
                statement = insert_into(connection.dialect.name, _tag)
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["logged_model_pk", "key"], set_={"value": statement.excluded.value}
                    ),
                    [
                        {"logged_model_pk": row.logged_model_pk, "key": key, "value": value}
                        for key, value in tags.items()
                    ],
                )
            self._touch(connection, row, {})
            return load(connection, [row.logged_model_pk])[0]

    def add_params(self, workspace: str, model_id: str, params: Mapping[str, str]) -> LoggedModel:
        """Adds params."""
        with self._database.transaction("write") as connection:
            row = _lock(connection, workspace, model_id)
            rows = connection.execute(
                sa.select(_param.c.key, _param.c.value).where(_param.c.logged_model_pk == row.logged_model_pk)
            )
            known: dict[str, str] = {found.key: found.value for found in rows}
            for key, value in params.items():
                if known.get(key, value) != value:
                    raise ParamChanged(key, f"params[{key!r}]")
            new = {key: value for key, value in params.items() if key not in known}
            if new:
                _insert_params(connection, row.logged_model_pk, new)
                self._touch(connection, row, {})
            return load(connection, [row.logged_model_pk])[0]

    def delete(self, workspace: str, model_id: str) -> LoggedModel:
        """Deletes a logged model."""
        with self._database.transaction("write") as connection:
            row = _find_in_use(connection, workspace, model_id, lock=True)
            self._touch(connection, row, {"delete_time": self._now()})
            return load(connection, [row.logged_model_pk])[0]

    def _insert(self, connection: Connection, workspace: str, experiment_pk: int, new: NewLoggedModel) -> int | None:
        """Inserts a model with its params and tags; returns its key, None where its id is in use."""
        now = self._now()
        logged_model_pk: int | None = connection.execute(
            insert_into(connection.dialect.name, _t)
            .values(
                workspace=workspace,
                model_id=new.model_id,
                experiment_pk=experiment_pk,
                display_name=new.display_name,
                model_type=new.model_type,
                source_run_id=new.source_run_id,
                status=LoggedModelStatus.PENDING,
                created_by=new.created_by,
                create_time=now,
                update_time=now,
                revision=1,
                fingerprint=new.fingerprint,
            )
            .on_conflict_do_nothing()
            .returning(_t.c.logged_model_pk)
        ).scalar_one_or_none()
        if logged_model_pk is not None:
            if new.params:
                _insert_params(connection, logged_model_pk, new.params)
            if new.tags:
                connection.execute(
                    sa.insert(_tag),
                    [
                        {"logged_model_pk": logged_model_pk, "key": key, "value": value}
                        for key, value in new.tags.items()
                    ],
                )
        return logged_model_pk

    def _touch(self, connection: Connection, row: Row[Any], values: dict[str, Any]) -> None:
        """Writes new values, and that there was a change."""
        connection.execute(
            sa.update(_t)
            .where(_t.c.logged_model_pk == row.logged_model_pk)
            .values(update_time=max(self._now(), row.update_time), revision=row.revision + 1, **values)
        )


def _page(connection: Connection, workspace: str, query: LoggedModelQuery) -> LoggedModelPage:
    scope = experiments.keys_in_use(connection, workspace, query.experiment_ids)
    search = LoggedModelSearch(workspace, scope, query.where, query.datasets, query.order_by)
    prefer_lookups(connection)
    rows = connection.execute(search.select(query.after).limit(query.size + 1)).all()
    page = rows[: query.size]
    models = load(connection, [row.logged_model_pk for row in page], query.fields)
    return LoggedModelPage(tuple(models), tuple(search.cursor(row) for row in page), is_last=len(rows) <= query.size)


def _find(connection: Connection, workspace: str, model_id: str, *, lock: bool = False) -> Row[Any] | None:
    statement = (
        sa.select(_t, _e.c.experiment_id, _e.c.delete_time.label("experiment_delete_time"))
        .join(_e, _e.c.experiment_pk == _t.c.experiment_pk)
        .where(_t.c.workspace == workspace, _t.c.model_id == model_id)
    )
    return connection.execute(statement.with_for_update(of=_t) if lock else statement).one_or_none()


def _find_in_use(connection: Connection, workspace: str, model_id: str, *, lock: bool = False) -> Row[Any]:
    """The row of a model, locked if asked. Raises LoggedModelNotFound, also for a deleted one."""
    row = _find(connection, workspace, model_id, lock=lock)
    if row is None or row.delete_time is not None:
        raise LoggedModelNotFound(str(LoggedModelName(workspace, model_id)))
    return row


def _lock(connection: Connection, workspace: str, model_id: str) -> Row[Any]:
    """The locked row of a model that may be changed. Raises LoggedModelNotFound, ExperimentDeleted."""
    row = _find_in_use(connection, workspace, model_id, lock=True)
    if row.experiment_delete_time is not None:
        raise ExperimentDeleted(str(ExperimentName(workspace, row.experiment_id)))
    return row


def _name_of(row: Row[Any]) -> str:
    return str(LoggedModelName(row.workspace, row.model_id))


def _check_revision(row: Row[Any], revision: int | None) -> None:
    if revision is not None and revision != row.revision:
        raise EtagStale(_name_of(row))


def _insert_params(connection: Connection, logged_model_pk: int, params: Mapping[str, str]) -> None:
    connection.execute(
        sa.insert(_param),
        [
            {"logged_model_pk": logged_model_pk, "key": key, "value": value, "number": number_in(value)}
            for key, value in params.items()
        ],
    )
