"""What was deleted, removed for good.

A run goes in two steps. One transaction removes its row and all that hangs on it but its points, and keeps its key in
`purged_run`: from then on no reader finds it. Its points, of which there may be many, go in transactions of bounded
size after that, and its key at the end; what a killed process leaves, the next purge of the workspace finds there.

An experiment goes out of its workspace, so that no reader finds it, and its row goes once the last of its runs is gone.

The tables to clear are those that have the key, as the tables are declared: a new one needs no change here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_kit.db.keyset import checked
from trivet_kit.errors import PageTokenInvalid
from trivet_kit.page_tokens import Cursor
from trivet_tracking.domain.purge import (
    PurgedExperiment,
    PurgedExperimentPage,
    PurgedRun,
    PurgedRunPage,
    PurgeQuery,
)
from trivet_tracking.store import tables
from trivet_tracking.store.contexts import NO_CONTEXT_NUMBER
from trivet_tracking.store.folding import wait_for_folder
from trivet_tracking.store.horizon import note_horizon
from trivet_tracking.store.transactions import transactions_of

_e = tables.experiment
_r = tables.run
_chunk = tables.metric_chunk
_log = tables.metric_log
_left = tables.purged_run

# The points of a run: as many rows as a transaction removes at once, some tens of megabytes.
_POINT_TABLES = (_log, _chunk)
_ROWS_AT_ONCE = 2000
# A page of more points than this is short, so that a call ends in time.
_POINTS_OF_A_PAGE = 50_000_000


class SqlPurge:
    """Implements `Purge`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now
        self._transactions = transactions_of(database.dialect)

    def experiments(self, workspace: str, query: PurgeQuery) -> PurgedExperimentPage:
        """Removes experiments."""
        old = [_e.c.workspace == workspace, _e.c.delete_time <= self._now() - query.older_than_millis]
        wanted = sa.select(_e).where(*old, _e.c.experiment_pk > _key(query.after))
        if query.experiment_ids:
            wanted = wanted.where(_e.c.experiment_id.in_(query.experiment_ids))
        with self._database.transaction("read") as connection:
            rows = connection.execute(wanted.order_by(_e.c.experiment_pk).limit(query.size + 1)).all()
            page = rows[: query.size]
            counts = _run_counts(connection, [row.experiment_pk for row in page])
        if not query.dry_run:
            page = [row for row in page if self._hide(row, old)]
            self._remove_empty_experiments(workspace)
        return PurgedExperimentPage(
            tuple(
                PurgedExperiment(row.experiment_id, row.display_name, counts.get(row.experiment_pk, 0)) for row in page
            ),
            [rows[query.size - 1].experiment_pk] if len(rows) > query.size else None,
        )

    def runs(self, workspace: str, query: PurgeQuery) -> PurgedRunPage:
        """Removes runs."""
        if not query.dry_run:
            self._remove_left_points(workspace)
        cutoff = self._now() - query.older_than_millis
        with self._database.transaction("read") as connection:
            run_pks = _purgeable(connection, workspace, query, cutoff)
            found = _described(connection, run_pks[: query.size])
        page = list(_within(found, _POINTS_OF_A_PAGE))
        is_last = len(page) == len(run_pks)
        last = run_pks[len(page) - 1] if page else 0
        if not query.dry_run:
            page = [(run_pk, run) for run_pk, run in page if self._remove_run(run_pk, workspace, cutoff)]
            for run_pk, _ in page:
                self._remove_points(run_pk)
            if is_last:
                self._remove_empty_experiments(workspace)
        return PurgedRunPage(tuple(run for _, run in page), None if is_last else [last])

    def _hide(self, row: Row[Any], old: Sequence[sa.ColumnElement[bool]]) -> bool:
        """Takes an experiment out of its workspace, unless it was restored meanwhile."""
        of_experiment = _e.c.experiment_pk == row.experiment_pk
        with self._database.transaction("write") as connection:
            hidden = connection.execute(
                sa.update(_e)
                .where(of_experiment, *old)
                # The name is free for another one, also while this one waits for its runs to go.
                .values(workspace=_hidden(row.workspace), display_name=str(row.experiment_pk))
            )
            if hidden.rowcount == 0:
                return False
            # A repeated creation is a new one, and what was saved of its pages is found by no reader either.
            for table in (tables.request, tables.saved_view):
                connection.execute(sa.delete(table).where(table.c.experiment_pk == row.experiment_pk))
            return True

    def _remove_empty_experiments(self, workspace: str) -> None:
        has_runs = sa.exists().where(_r.c.experiment_pk == _e.c.experiment_pk)
        empty = sa.select(_e.c.experiment_pk).where(
            _e.c.workspace == _hidden(workspace), _e.c.delete_time.is_not(None), ~has_runs
        )
        with self._database.transaction("read") as connection:
            experiment_pks = connection.execute(empty).scalars().all()
        for experiment_pk in experiment_pks:
            of_experiment = _e.c.experiment_pk == experiment_pk
            with self._database.transaction("write") as connection:
                # Locked before it is asked again: a run may have been created just before the experiment was deleted.
                connection.execute(sa.select(_e.c.experiment_pk).where(of_experiment).with_for_update())
                if connection.execute(empty.where(of_experiment)).one_or_none() is not None:
                    self._keep_count(connection)
                    _clear(connection, _e, sa.select(sa.literal(experiment_pk, sa.BigInteger)))
                    connection.execute(sa.delete(_e).where(of_experiment))

    def _keep_count(self, connection: Connection) -> None:
        """Lets no transaction get a number that watchers have passed: SQLite counts by the changes that it has."""
        if self._database.is_sqlite:
            note_horizon(connection, self._transactions, self._now())

    def _remove_run(self, run_pk: int, workspace: str, cutoff: int) -> bool:
        """Removes a run but for its points, unless it was restored, or removed by somebody else, meanwhile."""
        of_run = _r.c.run_pk == run_pk
        with self._database.transaction("write") as connection:
            locked = (
                sa.select(_r.c.delete_time, _e.c.workspace)
                .join(_e, _e.c.experiment_pk == _r.c.experiment_pk)
                .where(of_run)
                .with_for_update(of=_r)
            )
            row = connection.execute(locked).one_or_none()
            if row is None:
                return False
            is_old = row.delete_time is not None and row.delete_time <= cutoff
            if not is_old and row.workspace != _hidden(workspace):
                return False
            self._keep_count(connection)
            _clear(connection, _r, sa.select(sa.literal(run_pk, sa.BigInteger)), kept=(*_POINT_TABLES, _left))
            connection.execute(sa.delete(_r).where(of_run))
            connection.execute(sa.insert(_left).values(run_pk=run_pk, workspace=workspace))
            return True

    def _remove_left_points(self, workspace: str) -> None:
        with self._database.transaction("read") as connection:
            left = connection.execute(sa.select(_left.c.run_pk).where(_left.c.workspace == workspace)).scalars().all()
        for run_pk in left:
            self._remove_points(run_pk)

    def _remove_points(self, run_pk: int) -> None:
        """Removes the points of a run that is gone, and that there were any."""
        done = False
        while not done:
            with self._database.transaction("write") as connection:
                # It may be at work on what it found before the run was gone.
                wait_for_folder(connection, run_pk)
                done = sum(_remove_some(connection, table, run_pk) for table in _POINT_TABLES) == 0
                if done:
                    connection.execute(sa.delete(_left).where(_left.c.run_pk == run_pk))


def _hidden(workspace: str) -> str:
    """Where purged experiments of a workspace are: no workspace has such a name."""
    return f"purged:{workspace}"


def _key(after: Cursor | None) -> int:
    """The key that the page begins after."""
    match after:
        case None:
            return 0
        case [key]:
            return int(checked(key, int))
    raise PageTokenInvalid


def _run_counts(connection: Connection, experiment_pks: Sequence[int]) -> dict[int, int]:
    statement = (
        sa.select(_r.c.experiment_pk, sa.func.count())
        .where(_r.c.experiment_pk.in_(experiment_pks))
        .group_by(_r.c.experiment_pk)
    )
    return dict(connection.execute(statement).tuples().all())


def _purgeable(connection: Connection, workspace: str, query: PurgeQuery, cutoff: int) -> list[int]:
    """The keys of runs to remove, in order: as many as the page has, and one more where there are more."""
    purged = _e.c.workspace == _hidden(workspace)
    to_purge = sa.and_(_e.c.workspace == workspace, _e.c.delete_time <= cutoff)
    of_experiments = sa.select(_e.c.experiment_pk).where(
        _e.c.delete_time.is_not(None), sa.or_(purged, to_purge) if query.dry_run else purged
    )
    wanted = sa.select(_r.c.run_pk).where(_r.c.workspace == workspace, _r.c.run_pk > _key(query.after))
    if query.run_ids:
        wanted = wanted.where(_r.c.run_id.in_(query.run_ids))
    if query.experiment_ids:
        named = sa.select(_e.c.experiment_pk).where(
            _e.c.workspace.in_((workspace, _hidden(workspace))), _e.c.experiment_id.in_(query.experiment_ids)
        )
        wanted = wanted.where(_r.c.experiment_pk.in_(named))
    wanted = wanted.order_by(_r.c.run_pk).limit(query.size + 1)
    # Two statements, because an index serves each of them, and none would serve both together.
    found = {
        *connection.execute(wanted.where(_r.c.delete_time <= cutoff)).scalars(),
        *connection.execute(wanted.where(_r.c.experiment_pk.in_(of_experiments))).scalars(),
    }
    return sorted(found)[: query.size + 1]


def _described(connection: Connection, run_pks: Sequence[int]) -> list[tuple[int, PurgedRun]]:
    """What runs are, and how much their points take."""
    latest = tables.metric_latest
    points: dict[int, int] = dict(
        connection.execute(
            sa.select(latest.c.run_pk, sa.func.sum(latest.c.points))
            .where(latest.c.run_pk.in_(run_pks), latest.c.context == NO_CONTEXT_NUMBER)
            .group_by(latest.c.run_pk)
        )
        .tuples()
        .all()
    )
    sizes: dict[int, int] = {}
    for table in _POINT_TABLES:
        size = sa.func.sum(sa.func.length(table.c.data))
        statement = sa.select(table.c.run_pk, size).where(table.c.run_pk.in_(run_pks)).group_by(table.c.run_pk)
        for run_pk, its_size in connection.execute(statement):
            sizes[run_pk] = sizes.get(run_pk, 0) + its_size
    rows = connection.execute(
        sa.select(_r.c.run_pk, _r.c.run_id, _r.c.display_name).where(_r.c.run_pk.in_(run_pks)).order_by(_r.c.run_pk)
    )
    return [
        (run_pk, PurgedRun(run_id, display_name, int(points.get(run_pk, 0)), int(sizes.get(run_pk, 0))))
        for run_pk, run_id, display_name in rows
    ]


def _within(found: Sequence[tuple[int, PurgedRun]], points: int) -> Iterator[tuple[int, PurgedRun]]:
    """The first of them until they have so many points, at least one."""
    for run_pk, run in found:
        yield run_pk, run
        points -= run.points
        if points < 0:
            return


def _clear(connection: Connection, owner: sa.Table, keys: sa.Select[Any], kept: Sequence[sa.Table] = ()) -> None:
    """Removes what hangs on rows of a table: the rows of all tables that have its key, and what hangs on those."""
    (key,) = owner.primary_key.columns
    holding = [
        table
        for table in tables.metadata.sorted_tables
        if table is not owner and table not in kept and key.name in table.c
    ]
    for table in reversed(holding):
        its_keys = list(table.primary_key.columns)
        if len(its_keys) == 1 and its_keys[0].name.endswith("_pk") and its_keys[0].name != key.name:
            _clear(connection, table, sa.select(its_keys[0]).where(table.c[key.name].in_(keys)))
        connection.execute(sa.delete(table).where(table.c[key.name].in_(keys)))


def _remove_some(connection: Connection, table: sa.Table, run_pk: int) -> int:
    """Removes some rows of points of a run; returns how many."""
    place = [column for column in table.primary_key.columns if column.name != "run_pk"]
    some = sa.select(*place).where(table.c.run_pk == run_pk).limit(_ROWS_AT_ONCE)
    removed = connection.execute(sa.delete(table).where(table.c.run_pk == run_pk, sa.tuple_(*place).in_(some)))
    return int(removed.rowcount)
