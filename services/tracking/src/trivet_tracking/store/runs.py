"""Runs in SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_kit.db.planning import prefer_lookups
from trivet_kit.db.statements import Statement
from trivet_kit.db.upserts import insert_into
from trivet_kit.errors import EtagStale
from trivet_kit.resources import ExperimentName, RunName
from trivet_tracking.domain.errors import (
    ExperimentDeleted,
    ExperimentNotFound,
    RunDeleted,
    RunIdTaken,
    RunNotFound,
)
from trivet_tracking.domain.experiments import View
from trivet_tracking.domain.numbers import number_in
from trivet_tracking.domain.run_keys import RunKeyPage, RunKeyQuery
from trivet_tracking.domain.runs import (
    ALL_FIELDS,
    ExperimentByName,
    ForkPoint,
    KeySelection,
    NewRun,
    Run,
    RunChange,
    RunFields,
    RunPage,
    RunQuery,
    RunStatus,
)
from trivet_tracking.store import experiments, tables
from trivet_tracking.store.entries import entries_of
from trivet_tracking.store.experiments import SqlExperiments
from trivet_tracking.store.run_attributes import RunAttributes
from trivet_tracking.store.run_creation import RunCreation
from trivet_tracking.store.run_keys import keys_in_experiments, keys_of_runs
from trivet_tracking.store.run_probes import DEFAULT_BOUNDS, PlanBounds, Searched
from trivet_tracking.store.run_rows import load
from trivet_tracking.store.run_search import RunSearch
from trivet_tracking.store.single_runs import single_runs

_COMPARED = RunFields(inputs=False, outputs=False)

_t = tables.run
_COUNT = Statement(sa.select(sa.func.count().label("runs")).where(_t.c.workspace == sa.bindparam("b_workspace")))
_e = tables.experiment

# Keys of experiments: a list, or a query for them.
_Experiments: TypeAlias = "list[int] | sa.Select[tuple[int]]"


class SqlRuns:
    """Implements `Runs`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(
        self,
        database: Database,
        of_experiments: SqlExperiments,
        now: Callable[[], int],
        attributes: RunAttributes,
        bounds: PlanBounds = DEFAULT_BOUNDS,
    ) -> None:
        self._database = database
        self._experiments = of_experiments
        self._now = now
        self._attributes = attributes
        self._bounds = bounds
        self._single = single_runs(database.dialect, attributes)
        self._creation = RunCreation(entries_of(database.dialect), attributes.stale_after_millis)

    def create(self, workspace: str, new: NewRun) -> Run:
        """Creates a run."""
        self._experiments.ensure_default(workspace)
        with self._creating(workspace, new) as (connection, run):
            if run is not None:
                return run
            existing = find_or_none(connection, workspace, new.run_id)
            if existing is None:
                experiment = self._experiment(connection, workspace, new)
                run_pk = insert(connection, workspace, experiment.experiment_pk, new, self._now())
                if run_pk is not None:
                    return load(connection, self._attributes, [run_pk], _fields_of_new(new))[0]
                # Another replica created it between the look and the insert.
                existing = find(connection, workspace, new.run_id)
            check_same(existing, new)
            return load(connection, self._attributes, [existing.run_pk])[0]

    def get(self, workspace: str, run_id: str, fields: RunFields = ALL_FIELDS) -> Run:
        """Returns a run."""
        run = self._single.read(self._database, workspace, run_id, fields)
        if run is None:
            raise RunNotFound(str(RunName(workspace, run_id)))
        return run

    def search(self, workspace: str, query: RunQuery) -> RunPage:
        """Returns a page."""
        self._experiments.ensure_default(workspace)
        return self._database.read(lambda connection: self._page(connection, workspace, query))

    def _page(self, connection: Connection, workspace: str, query: RunQuery) -> RunPage:
        searched = searched_runs(connection, self._attributes, workspace, query.experiment_ids, query.view)
        search = RunSearch(connection, searched, query.where, query.order_by, self._bounds)
        found = search.page(query.after, query.size + 1)
        page = found[: query.size]
        prefer_lookups(connection)
        runs = load(connection, self._attributes, [run.run_pk for run in page], query.fields)
        total = search.count() if query.count else None
        cursors = tuple(run.cursor for run in page[: len(runs)])
        return RunPage(tuple(runs), cursors, len(found) == len(runs), total)

    def get_several(self, workspace: str, run_ids: Sequence[str]) -> list[Run]:
        """Returns runs in their order, without inputs and outputs; as many of the first ones as can be loaded."""
        return self._database.read(
            lambda connection: load(connection, self._attributes, _run_pks(connection, workspace, run_ids), _COMPARED)
        )

    def keys(self, workspace: str, query: RunKeyQuery) -> RunKeyPage:
        """Returns a page of keys."""
        self._experiments.ensure_default(workspace)
        return self._database.read(lambda connection: self._keys(connection, workspace, query))

    def _keys(self, connection: Connection, workspace: str, query: RunKeyQuery) -> RunKeyPage:
        if query.run_ids:
            return keys_of_runs(connection, _run_pks(connection, workspace, query.run_ids), query)
        searched = searched_runs(connection, self._attributes, workspace, query.experiment_ids, View.ACTIVE)
        return keys_in_experiments(connection, searched.scope(_e), query)

    def exists(self, workspace: str, run_id: str) -> bool:
        """Whether there is such a run."""
        with self._database.transaction("read") as connection:
            return find_or_none(connection, workspace, run_id) is not None

    def count(self, workspace: str) -> int:
        """Returns how many there are, deleted ones too."""
        return int(_COUNT.read(self._database, {"b_workspace": workspace})[0].runs)

    def update(
        self, workspace: str, run_id: str, change: RunChange, revision: int | None, fields: RunFields = ALL_FIELDS
    ) -> Run:
        """Changes a run."""
        values: dict[str, Any] = {
            name: value
            for name, value in (
                ("display_name", change.display_name),
                ("description", change.description),
                ("status", change.status),
                ("start_time", change.start_time),
                ("end_time", change.end_time),
            )
            if value is not None
        }
        if change.clear_end_time:
            values["end_time"] = None
        locking = self._database.transaction_from(
            lambda connection: self._single.lock(connection, workspace, run_id, fields)
        )
        with locking as (connection, locked):
            if locked is None:
                raise RunNotFound(str(RunName(workspace, run_id)))
            run = locked.run
            if run.deleted:
                raise RunDeleted(str(RunName(workspace, run_id)))
            check_revision(run, revision)
            if change.is_out_of_date(run.begun_time, run.end_time):
                return run
            now = self._now()
            if change.status is RunStatus.RUNNING:
                begun = change.begun_time
                values["begun_time"] = next_beginning(run, now) if begun is None else begun
            values |= {"update_time": max(now, run.update_time), "revision": run.revision + 1}
            return self._single.change(connection, locked, values, fields)

    def delete(self, workspace: str, run_id: str) -> Run:
        """Deletes a run."""
        with self._database.transaction("write") as connection:
            row = find(connection, workspace, run_id, lock=True)
            if row.delete_time is None:
                touch(connection, row, {"delete_time": self._now()}, self._now())
            return load(connection, self._attributes, [row.run_pk])[0]

    def restore(self, workspace: str, run_id: str) -> Run:
        """Restores a run."""
        with self._database.transaction("write") as connection:
            row = find(connection, workspace, run_id, lock=True)
            if row.experiment_delete_time is not None:
                raise ExperimentDeleted(str(ExperimentName(workspace, row.experiment_id)))
            if row.delete_time is not None:
                touch(connection, row, {"delete_time": None}, self._now())
            return load(connection, self._attributes, [row.run_pk])[0]

    def _creating(self, workspace: str, new: NewRun) -> AbstractContextManager[tuple[Connection, Run | None]]:
        """A transaction, with the run where it was created at once."""
        if self._database.is_sqlite:
            return self._database.transaction_from(lambda _: None)
        now = self._now()
        return self._database.transaction_from(
            lambda connection: self._creation.create(connection, workspace, new, now)
        )

    def _experiment(self, connection: Connection, workspace: str, new: NewRun) -> Row[Any]:
        """The row of the experiment that a run goes into. Raises ExperimentNotFound, ExperimentDeleted."""
        target = new.experiment
        if not isinstance(target, ExperimentByName):
            row = experiments.find(connection, workspace, target.experiment_id)
        elif target.create:
            row = self._experiments.find_or_create(connection, workspace, target.display_name)
        else:
            found = experiments.find_named(connection, workspace, target.display_name)
            if found is None:
                raise ExperimentNotFound(target.display_name)
            row = found
        if row.delete_time is not None:
            raise ExperimentDeleted(experiments.name_of(row))
        return row


def _fields_of_new(new: NewRun) -> RunFields:
    """What a run can have that was created just now."""
    nothing: KeySelection = frozenset()
    return RunFields(
        metrics=nothing,
        params=None if new.params else nothing,
        tags=None if new.tags else nothing,
        inputs=False,
        outputs=False,
    )


def find_or_none(connection: Connection, workspace: str, run_id: str, *, lock: bool = False) -> Row[Any] | None:
    """As `find`; None where there is no such run."""
    statement = (
        sa.select(_t, _e.c.experiment_id, _e.c.delete_time.label("experiment_delete_time"))
        .join(_e, _e.c.experiment_pk == _t.c.experiment_pk)
        .where(_t.c.workspace == workspace, _t.c.run_id == run_id)
    )
    return connection.execute(statement.with_for_update(of=_t) if lock else statement).one_or_none()


def find(connection: Connection, workspace: str, run_id: str, *, lock: bool = False) -> Row[Any]:
    """The row of a run with its experiment's id and delete time, locked if asked. Raises RunNotFound."""
    row = find_or_none(connection, workspace, run_id, lock=lock)
    if row is None:
        raise RunNotFound(str(RunName(workspace, run_id)))
    return row


def check_active(row: Row[Any]) -> None:
    """Raises RunDeleted."""
    if row.delete_time is not None or row.experiment_delete_time is not None:
        raise RunDeleted(str(RunName(row.workspace, row.run_id)))


def check_revision(row: Row[Any] | Run, revision: int | None) -> None:
    """Raises EtagStale where a revision is given that is not the current one."""
    if revision is not None and revision != row.revision:
        raise EtagStale(str(RunName(row.workspace, row.run_id)))


def check_same(row: Row[Any], new: NewRun) -> None:
    """Raises RunIdTaken where the run is not the one that is to be created."""
    if row.fingerprint != new.fingerprint:
        raise RunIdTaken(str(RunName(row.workspace, row.run_id)))


def insert(
    connection: Connection,
    workspace: str,
    experiment_pk: int,
    new: NewRun,
    now_millis: int,
    forked_from: ForkPoint | None = None,
) -> int | None:
    """Inserts a run with its params and tags; returns its key, None where its id is in use."""
    run_pk: int | None = connection.execute(
        insert_into(connection.dialect.name, _t)
        .values(
            workspace=workspace,
            run_id=new.run_id,
            experiment_pk=experiment_pk,
            display_name=new.display_name,
            status=new.status,
            start_time=new.start_time,
            end_time=new.end_time,
            begun_time=new.start_time,
            user_name=new.user,
            created_by=new.created_by,
            source=new.source,
            git_commit=new.git_commit,
            parent_run_id=new.parent_run_id,
            forked_from_run_id="" if forked_from is None else forked_from.run_id,
            forked_from_step=None if forked_from is None else forked_from.step,
            description=new.description,
            create_time=now_millis,
            update_time=now_millis,
            revision=1,
            fingerprint=new.fingerprint,
        )
        .on_conflict_do_nothing()
        .returning(_t.c.run_pk)
    ).scalar_one_or_none()
    if run_pk is not None:
        of_run = {"run_pk": run_pk, "experiment_pk": experiment_pk}
        if new.params:
            connection.execute(
                sa.insert(tables.param),
                [
                    {**of_run, "key": key, "value": value, "number": number_in(value)}
                    for key, value in new.params.items()
                ],
            )
        if new.tags:
            connection.execute(
                sa.insert(tables.tag), [{**of_run, "key": key, "value": value} for key, value in new.tags.items()]
            )
    return run_pk


def touch(connection: Connection, row: Row[Any], values: dict[str, Any], now_millis: int) -> None:
    """Writes new values, and that there was a change."""
    connection.execute(
        sa.update(_t)
        .where(_t.c.run_pk == row.run_pk)
        .values(update_time=max(now_millis, row.update_time), revision=row.revision + 1, **values)
    )


def next_beginning(row: Row[Any] | Run, now_millis: int) -> int:
    """The time of who begins to write to a run now: after all others, whatever the clocks say."""
    return max(now_millis, int(row.begun_time) + 1)


def _run_pks(connection: Connection, workspace: str, run_ids: Sequence[str]) -> list[int]:
    """The keys of runs, in their order. Raises RunNotFound."""
    rows = connection.execute(
        sa.select(_t.c.run_id, _t.c.run_pk).where(_t.c.workspace == workspace, _t.c.run_id.in_(run_ids))
    )
    by_id = {row.run_id: row.run_pk for row in rows}
    for run_id in run_ids:
        if run_id not in by_id:
            raise RunNotFound(str(RunName(workspace, run_id)))
    return [by_id[run_id] for run_id in run_ids]


def searched_runs(
    connection: Connection, attributes: RunAttributes, workspace: str, experiment_ids: Sequence[int], view: View
) -> Searched:
    """Where to look; in all of the workspace for no ids.

    Raises:
        ExperimentNotFound: one of the ids is of none.
    """
    in_workspace = sa.select(_e.c.experiment_pk).where(_e.c.workspace == workspace)
    if not experiment_ids:
        # There may be more than fit into a list.
        active, deleted = (
            in_workspace.where(_e.c.delete_time.is_(None)),
            in_workspace.where(_e.c.delete_time.is_not(None)),
        )
        return Searched(workspace, in_workspace, _in_view(view, active, deleted), attributes)
    rows = experiments.find_several(connection, workspace, experiment_ids)
    by_deletion: dict[bool, list[int]] = {True: [], False: []}
    for row in rows:
        by_deletion[row.delete_time is not None].append(row.experiment_pk)
    in_view = _in_view(view, by_deletion[False], by_deletion[True])
    return Searched(workspace, [row.experiment_pk for row in rows], in_view, attributes)


def _in_view(view: View, active: _Experiments, deleted: _Experiments) -> sa.ColumnElement[bool]:
    """Which runs a view has: a run of a deleted experiment is deleted."""
    if view is View.ACTIVE:
        return sa.and_(_t.c.experiment_pk.in_(active), _t.c.delete_time.is_(None))
    in_bin = _t.c.experiment_pk.in_(deleted)
    if view is View.ALL:
        return sa.or_(_t.c.experiment_pk.in_(active), in_bin)
    return sa.or_(in_bin, sa.and_(_t.c.experiment_pk.in_(active), _t.c.delete_time.is_not(None)))
