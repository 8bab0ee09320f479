"""Experiments in SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_kit.db.first_answers import FirstAnswers
from trivet_kit.db.planning import bound_planning
from trivet_kit.db.upserts import insert_into
from trivet_kit.errors import EtagStale
from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import ExperimentName
from trivet_tracking.domain.errors import (
    ExperimentDeleted,
    ExperimentNameTaken,
    ExperimentNotFound,
    ExperimentProtected,
    TagNotFound,
)
from trivet_tracking.domain.experiments import (
    DEFAULT_EXPERIMENT_ID,
    DEFAULT_EXPERIMENT_NAME,
    Experiment,
    ExperimentActivity,
    ExperimentChange,
    ExperimentPage,
    ExperimentQuery,
    NewExperiment,
    View,
)
from trivet_tracking.store import tables
from trivet_tracking.store.activity import activity_of
from trivet_tracking.store.experiment_search import ExperimentSearch

_t = tables.experiment


class SqlExperiments:
    """Implements `Experiments`. `now` gives milliseconds since the Unix epoch. Safe for threads.

    Whoever creates or renames an experiment first locks the workspace's row, so that two requests with one name, or one
    request id, see each other.
    """

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now
        self._first_answers = FirstAnswers(tables.request, tables.request.c.experiment_pk, now)
        self._used: set[str] = set()

    def create(self, workspace: str, new: NewExperiment, request: RepeatableRequest | None) -> Experiment:
        """Creates an experiment."""
        self.ensure_default(workspace)
        with self._first_answers.remembering(request), self._database.transaction("write") as connection:
            experiment_id = lock_workspace(connection, workspace)
            repeated = self._first_answers.find(connection, workspace, request)
            if repeated is not None:
                return load(connection, [repeated])[0]
            _check_name_free(connection, workspace, new.display_name)
            experiment_pk = self._insert(connection, workspace, experiment_id, new)
            self._first_answers.remember(connection, workspace, request, experiment_pk)
            return load(connection, [experiment_pk])[0]

    def find_or_create(self, connection: Connection, workspace: str, display_name: str) -> Row[Any]:
        """The row of the experiment with a display name, which is created where there is none."""
        found = find_named(connection, workspace, display_name)
        if found is None:
            experiment_id = lock_workspace(connection, workspace)
            # Somebody else may have created it while this transaction waited for the lock.
            found = find_named(connection, workspace, display_name)
            if found is None:
                self._insert(connection, workspace, experiment_id, NewExperiment(display_name, "", "", {}))
                found = find(connection, workspace, experiment_id)
        return found

    def ensure_default(self, workspace: str) -> None:
        """Makes experiment `0` of a workspace that is used for the first time."""
        if workspace in self._used:
            return
        with self._database.transaction("write") as connection:
            counter = insert_into(connection.dialect.name, tables.workspace)
            connection.execute(
                counter.values(workspace=workspace, next_experiment_id=DEFAULT_EXPERIMENT_ID).on_conflict_do_nothing()
            )
            if lock_workspace(connection, workspace) == DEFAULT_EXPERIMENT_ID:
                default = NewExperiment(DEFAULT_EXPERIMENT_NAME, "", "", {})
                self._insert(connection, workspace, DEFAULT_EXPERIMENT_ID, default)
        self._used.add(workspace)

    def get(self, workspace: str, experiment_id: int) -> Experiment:
        """Returns an experiment."""
        self.ensure_default(workspace)
        with self._database.transaction("read") as connection:
            return load(connection, [find(connection, workspace, experiment_id).experiment_pk])[0]

    def lookup(self, workspace: str, display_name: str) -> Experiment:
        """Returns the experiment with a display name."""
        self.ensure_default(workspace)
        with self._database.transaction("read") as connection:
            found = find_named(connection, workspace, display_name)
            if found is None:
                raise ExperimentNotFound(display_name)
            return load(connection, [found.experiment_pk])[0]

    def search(self, workspace: str, query: ExperimentQuery) -> ExperimentPage:
        """Returns a page."""
        self.ensure_default(workspace)
        plan = ExperimentSearch(query.where, query.order_by)
        statement = plan.select(query.after).where(_t.c.workspace == workspace).limit(query.size + 1)
        if query.view is not View.ALL:
            deleted = _t.c.delete_time.is_not(None)
            statement = statement.where(deleted if query.view is View.DELETED else sa.not_(deleted))
        with self._database.transaction("read") as connection:
            bound_planning(connection, len(query.where.terms))
            rows = connection.execute(statement).all()
            page = rows[: query.size]
            experiments = load(connection, [row.experiment_pk for row in page])
        return ExperimentPage(
            tuple(experiments), tuple(plan.cursor(row) for row in page), is_last=len(rows) <= query.size
        )

    def activity(self, workspace: str, experiment_ids: Sequence[int]) -> list[ExperimentActivity]:
        """What goes on in experiments."""
        self.ensure_default(workspace)
        with self._database.transaction("read") as connection:
            return activity_of(connection, workspace, find_several(connection, workspace, experiment_ids))

    def update(self, workspace: str, experiment_id: int, change: ExperimentChange, revision: int | None) -> Experiment:
        """Changes an experiment."""
        self.ensure_default(workspace)
        with self._database.transaction("write") as connection:
            if change.display_name is not None:
                lock_workspace(connection, workspace)
            row = lock_active(connection, workspace, experiment_id)
            if revision is not None and revision != row.revision:
                raise EtagStale(name_of(row))
            values: dict[str, Any] = {}
            if change.display_name is not None and change.display_name != row.display_name:
                if row.experiment_id == DEFAULT_EXPERIMENT_ID:
                    raise ExperimentProtected(name_of(row))
                _check_name_free(connection, workspace, change.display_name)
                values["display_name"] = change.display_name
            if change.description is not None:
                values["description"] = change.description
            self._touch(connection, row, values)
            return load(connection, [row.experiment_pk])[0]

    def set_tags(
        self, workspace: str, experiment_id: int, tags: Mapping[str, str], deleted: frozenset[str]
    ) -> Experiment:
        """Sets and removes tags."""
        self.ensure_default(workspace)
        table = tables.experiment_tag
        with self._database.transaction("write") as connection:
            row = lock_active(connection, workspace, experiment_id)
            for key in sorted(deleted):
                removed = connection.execute(
                    sa.delete(table).where(table.c.experiment_pk == row.experiment_pk, table.c.key == key)
                )
                if removed.rowcount == 0:
                    raise TagNotFound(key)
            _set_tags(connection, row.experiment_pk, tags)
            self._touch(connection, row, {})
            return load(connection, [row.experiment_pk])[0]

    def delete(self, workspace: str, experiment_id: int) -> Experiment:
        """Deletes an experiment."""
        self.ensure_default(workspace)
        with self._database.transaction("write") as connection:
            row = find(connection, workspace, experiment_id, lock=True)
            if row.experiment_id == DEFAULT_EXPERIMENT_ID:
                raise ExperimentProtected(name_of(row))
            if row.delete_time is None:
                self._touch(connection, row, {"delete_time": self._now()})
            return load(connection, [row.experiment_pk])[0]

    def restore(self, workspace: str, experiment_id: int) -> Experiment:
        """Restores an experiment."""
        self.ensure_default(workspace)
        with self._database.transaction("write") as connection:
            row = find(connection, workspace, experiment_id, lock=True)
            if row.delete_time is not None:
                self._touch(connection, row, {"delete_time": None})
            return load(connection, [row.experiment_pk])[0]

    def _insert(self, connection: Connection, workspace: str, experiment_id: int, new: NewExperiment) -> int:
        """Inserts an experiment with the next id of its workspace, which is locked; returns its key."""
        now = self._now()
        connection.execute(
            sa.update(tables.workspace)
            .where(tables.workspace.c.workspace == workspace)
            .values(next_experiment_id=experiment_id + 1)
        )
        experiment_pk: int = connection.execute(
            sa.insert(_t)
            .values(
                workspace=workspace,
                experiment_id=experiment_id,
                display_name=new.display_name,
                description=new.description,
                artifact_location=new.artifact_location,
                create_time=now,
                update_time=now,
                revision=1,
            )
            .returning(_t.c.experiment_pk)
        ).scalar_one()
        _set_tags(connection, experiment_pk, new.tags)
        return experiment_pk

    def _touch(self, connection: Connection, row: Row[Any], values: dict[str, Any]) -> None:
        """Writes new values, and that there was a change."""
        connection.execute(
            sa.update(_t)
            .where(_t.c.experiment_pk == row.experiment_pk)
            .values(update_time=max(self._now(), row.update_time), revision=row.revision + 1, **values)
        )


def find(connection: Connection, workspace: str, experiment_id: int, *, lock: bool = False) -> Row[Any]:
    """The row of an experiment, locked until the end of the transaction if asked. Raises ExperimentNotFound."""
    statement = sa.select(_t).where(_t.c.workspace == workspace, _t.c.experiment_id == experiment_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise ExperimentNotFound(str(ExperimentName(workspace, experiment_id)))
    return row


def find_several(connection: Connection, workspace: str, experiment_ids: Sequence[int]) -> list[Row[Any]]:
    """Key, id and delete time of experiments, in no order. Raises ExperimentNotFound."""
    statement: sa.Select[Any] = sa.select(_t.c.experiment_pk, _t.c.experiment_id, _t.c.delete_time)
    rows = connection.execute(
        statement.where(_t.c.workspace == workspace, _t.c.experiment_id.in_(experiment_ids))
    ).all()
    for missing in sorted(set(experiment_ids) - {row.experiment_id for row in rows}):
        raise ExperimentNotFound(str(ExperimentName(workspace, missing)))
    return list(rows)


def keys_in_use(
    connection: Connection, workspace: str, experiment_ids: Sequence[int]
) -> list[int] | sa.Select[tuple[int]]:
    """The keys of those of the experiments that are in use; for no ids, a query for those of the workspace.

    Raises:
        ExperimentNotFound: one of the ids is of none.
    """
    if not experiment_ids:
        # There may be more than fit into a list.
        return sa.select(_t.c.experiment_pk).where(_t.c.workspace == workspace, _t.c.delete_time.is_(None))
    rows = find_several(connection, workspace, experiment_ids)
    return [row.experiment_pk for row in rows if row.delete_time is None]


def find_named(connection: Connection, workspace: str, display_name: str) -> Row[Any] | None:
    """The row of the experiment with a display name; None where there is none."""
    return connection.execute(
        sa.select(_t).where(_t.c.workspace == workspace, _t.c.display_name == display_name)
    ).one_or_none()


def name_of(row: Row[Any]) -> str:
    """The resource name of a row of `experiment`."""
    return str(ExperimentName(row.workspace, row.experiment_id))


def load(connection: Connection, experiment_pks: Sequence[int]) -> list[Experiment]:
    """The experiments with these keys, in their order."""
    rows = connection.execute(sa.select(_t).where(_t.c.experiment_pk.in_(experiment_pks))).all()
    table = tables.experiment_tag
    tags: dict[int, dict[str, str]] = {}
    for tag in connection.execute(
        sa.select(table).where(table.c.experiment_pk.in_(experiment_pks)).order_by(table.c.key)
    ):
        tags.setdefault(tag.experiment_pk, {})[tag.key] = tag.value
    by_pk = {
        row.experiment_pk: Experiment(
            workspace=row.workspace,
            experiment_id=row.experiment_id,
            display_name=row.display_name,
            description=row.description,
            artifact_location=row.artifact_location,
            tags=tags.get(row.experiment_pk, {}),
            create_time=row.create_time,
            update_time=row.update_time,
            delete_time=row.delete_time,
            revision=row.revision,
        )
        for row in rows
    }
    return [by_pk[experiment_pk] for experiment_pk in experiment_pks]


def lock_workspace(connection: Connection, workspace: str) -> int:
    """Locks the workspace's row until the end of the transaction; returns its next experiment id."""
    table = tables.workspace
    next_id: int = connection.execute(
        sa.select(table.c.next_experiment_id).where(table.c.workspace == workspace).with_for_update()
    ).scalar_one()
    return next_id


def lock_active(connection: Connection, workspace: str, experiment_id: int) -> Row[Any]:
    """The locked row of an experiment that is in use. Raises ExperimentNotFound, ExperimentDeleted."""
    row = find(connection, workspace, experiment_id, lock=True)
    if row.delete_time is not None:
        raise ExperimentDeleted(name_of(row))
    return row


def _check_name_free(connection: Connection, workspace: str, display_name: str) -> None:
    """Raises ExperimentNameTaken. Holds as long as the workspace is locked."""
    taken = find_named(connection, workspace, display_name)
    if taken is not None:
        raise ExperimentNameTaken(display_name, name_of(taken), deleted=taken.delete_time is not None)


def _set_tags(connection: Connection, experiment_pk: int, tags: Mapping[str, str]) -> None:
    if not tags:
        return
    statement = insert_into(connection.dialect.name, tables.experiment_tag)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["experiment_pk", "key"], set_={"value": statement.excluded.value}
        ),
        [{"experiment_pk": experiment_pk, "key": key, "value": value} for key, value in sorted(tags.items())],
    )
