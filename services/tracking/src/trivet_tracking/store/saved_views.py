"""Saved views in SQL."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_kit.db.first_answers import FirstAnswers
from trivet_kit.db.keyset import SortColumn, SortKey
from trivet_kit.errors import EtagStale
from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import ExperimentName, SavedViewName, WorkspaceName
from trivet_tracking.domain import limits
from trivet_tracking.domain.errors import (
    ExperimentDeleted,
    SavedViewLimitReached,
    SavedViewNameTaken,
    SavedViewNotFound,
)
from trivet_tracking.domain.saved_views import NewSavedView, SavedView, SavedViewChange, SavedViewPage, SavedViewQuery
from trivet_tracking.store import experiments, tables
from trivet_tracking.store.experiments import SqlExperiments

_t = tables.saved_view
_e = tables.experiment
_BY_NAME = SortKey((SortColumn(_t.c.display_name, str), SortColumn(_t.c.saved_view_id, str)))


class SqlSavedViews:
    """Implements `SavedViews`. `now` gives milliseconds since the Unix epoch. Safe for threads.

    Whoever creates or renames one first locks the workspace's row, so that two requests with one name, or one request
    id, see each other.
    """

    def __init__(self, database: Database, of_experiments: SqlExperiments, now: Callable[[], int]) -> None:
        self._database = database
        self._experiments = of_experiments
        self._now = now
        self._first_answers = FirstAnswers(tables.request, tables.request.c.saved_view_id, now)

    def create(self, workspace: str, new: NewSavedView, request: RepeatableRequest | None) -> SavedView:
        """Creates a saved view."""
        self._experiments.ensure_default(workspace)
        with self._first_answers.remembering(request), self._database.transaction("write") as connection:
            experiments.lock_workspace(connection, workspace)
            repeated = self._first_answers.find(connection, workspace, request)
            if repeated is not None:
                return _load(connection, workspace, repeated)
            experiment_pk: int | None = None
            if new.experiment_id is not None:
                # Locked, so that it is not purged before this is there to be purged with it.
                experiment_pk = experiments.lock_active(connection, workspace, new.experiment_id).experiment_pk
            _check_name_free(connection, workspace, experiment_pk, new.display_name)
            _check_room(connection, workspace, experiment_pk, new.experiment_id)
            now = self._now()
            saved_view_id = secrets.token_hex(16)
            connection.execute(
                sa.insert(_t).values(
                    workspace=workspace,
                    saved_view_id=saved_view_id,
                    experiment_pk=experiment_pk,
                    display_name=new.display_name,
                    state=new.state,
                    created_by=new.created_by,
                    create_time=now,
                    update_time=now,
                    revision=1,
                )
            )
            self._first_answers.remember(connection, workspace, request, saved_view_id)
            return _load(connection, workspace, saved_view_id)

    def get(self, workspace: str, saved_view_id: str) -> SavedView:
        """Returns a saved view."""
        with self._database.transaction("read") as connection:
            return _load(connection, workspace, saved_view_id)

    def page(self, workspace: str, query: SavedViewQuery) -> SavedViewPage:
        """Returns a page."""
        self._experiments.ensure_default(workspace)
        statement = _with_experiment().where(_t.c.workspace == workspace)
        with self._database.transaction("read") as connection:
            if not query.everywhere:
                experiment_pk: int | None = None
                if query.experiment_id is not None:
                    experiment_pk = experiments.find(connection, workspace, query.experiment_id).experiment_pk
                statement = statement.where(_is_of(experiment_pk))
            rows = connection.execute(_BY_NAME.apply(statement, query.after).limit(query.size + 1)).all()
        page = rows[: query.size]
        return SavedViewPage(
            tuple(_to_saved_view(row) for row in page),
            tuple(_BY_NAME.cursor(row) for row in page),
            is_last=len(rows) <= query.size,
        )

    def update(self, workspace: str, saved_view_id: str, change: SavedViewChange, revision: int | None) -> SavedView:
        """Changes a saved view."""
        self._experiments.ensure_default(workspace)
        with self._database.transaction("write") as connection:
            if change.display_name is not None:
                experiments.lock_workspace(connection, workspace)
            row = _find(connection, workspace, saved_view_id, lock=True)
            if row.experiment_delete_time is not None:
                raise ExperimentDeleted(str(ExperimentName(workspace, row.experiment_id)))
            if revision is not None and revision != row.revision:
                raise EtagStale(str(SavedViewName(workspace, saved_view_id)))
            values: dict[str, Any] = {}
            if change.display_name is not None and change.display_name != row.display_name:
                _check_name_free(connection, workspace, row.experiment_pk, change.display_name)
                values["display_name"] = change.display_name
            if change.state is not None:
                values["state"] = change.state
            connection.execute(
                sa.update(_t)
                .where(_t.c.saved_view_pk == row.saved_view_pk)
                .values(update_time=max(self._now(), row.update_time), revision=row.revision + 1, **values)
            )
            return _load(connection, workspace, saved_view_id)

    def delete(self, workspace: str, saved_view_id: str) -> None:
        """Deletes a saved view."""
        with self._database.transaction("write") as connection:
            row = _find(connection, workspace, saved_view_id, lock=True)
            connection.execute(sa.delete(_t).where(_t.c.saved_view_pk == row.saved_view_pk))


def _with_experiment() -> sa.Select[Any]:
    """The rows, each with what is asked of its experiment."""
    return sa.select(_t, _e.c.experiment_id, _e.c.delete_time.label("experiment_delete_time")).outerjoin_from(
        _t, _e, _e.c.experiment_pk == _t.c.experiment_pk
    )


def _is_of(experiment_pk: int | None) -> sa.ColumnElement[bool]:
    """Whether a saved view is of this experiment; None: of none."""
    return _t.c.experiment_pk.is_(None) if experiment_pk is None else _t.c.experiment_pk == experiment_pk


def _find(connection: Connection, workspace: str, saved_view_id: str, *, lock: bool = False) -> Row[Any]:
    """Raises SavedViewNotFound."""
    statement = _with_experiment().where(_t.c.workspace == workspace, _t.c.saved_view_id == saved_view_id)
    row = connection.execute(statement.with_for_update(of=_t) if lock else statement).one_or_none()
    if row is None:
        raise SavedViewNotFound(str(SavedViewName(workspace, saved_view_id)))
    return row


def _load(connection: Connection, workspace: str, saved_view_id: str) -> SavedView:
    """Raises SavedViewNotFound."""
    return _to_saved_view(_find(connection, workspace, saved_view_id))


def _check_name_free(connection: Connection, workspace: str, experiment_pk: int | None, display_name: str) -> None:
    """Raises SavedViewNameTaken. Holds as long as the workspace is locked."""
    taken: str | None = connection.execute(
        sa.select(_t.c.saved_view_id).where(
            _t.c.workspace == workspace, _is_of(experiment_pk), _t.c.display_name == display_name
        )
    ).scalar_one_or_none()
    if taken is not None:
        raise SavedViewNameTaken(display_name, str(SavedViewName(workspace, taken)))


def _check_room(connection: Connection, workspace: str, experiment_pk: int | None, experiment_id: int | None) -> None:
    """Raises SavedViewLimitReached. Holds as long as the workspace is locked."""
    count: int = connection.execute(
        sa.select(sa.func.count()).select_from(_t).where(_t.c.workspace == workspace, _is_of(experiment_pk))
    ).scalar_one()
    if count >= limits.MAX_SAVED_VIEWS:
        full = WorkspaceName(workspace) if experiment_id is None else ExperimentName(workspace, experiment_id)
        raise SavedViewLimitReached(str(full), limits.MAX_SAVED_VIEWS)


def _to_saved_view(row: Row[Any]) -> SavedView:
    return SavedView(
        workspace=row.workspace,
        saved_view_id=row.saved_view_id,
        experiment_id=row.experiment_id,
        display_name=row.display_name,
        state=row.state,
        created_by=row.created_by,
        create_time=row.create_time,
        update_time=row.update_time,
        revision=row.revision,
    )
