"""Changes of what runs hold, in one transaction each: series deleted, a run rewound, a run forked.

Deleting and rewinding lock the run's row FOR UPDATE: writers to the run wait (marks.py), and no folder works on it.
Then the log is folded, so that what is left to change are chunks, and the current values follow from these.

A fork takes no lock of the run that it copies: it reads one snapshot of it, chunks, log and all, and rewinds the copy,
which nobody else can see yet.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg2.errors
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import DBAPIError

from trivet_kit.db import Database
from trivet_tracking.domain.metrics import MetricContext
from trivet_tracking.domain.rewrites import DeletedSeries
from trivet_tracking.domain.runs import ForkPoint, NewRun, Run, RunStatus
from trivet_tracking.domain.watches import ChangeKind
from trivet_tracking.store import chunks, columns, runs, tables
from trivet_tracking.store.change_records import ChangeRecords
from trivet_tracking.store.contexts import NO_CONTEXT_NUMBER, context_number
from trivet_tracking.store.folding import Folding
from trivet_tracking.store.latest import LatestRows
from trivet_tracking.store.point_rows import ChunkRow, PointRows
from trivet_tracking.store.restating import keys_in_parts, restate
from trivet_tracking.store.run_attributes import RunAttributes
from trivet_tracking.store.run_rows import load
from trivet_tracking.store.transactions import transactions_of

_ATTEMPTS = 10
_KEYS_AT_ONCE = 1000
# Outputs are not there: the models that a run has made are not those of its fork.
_COPIED_WHOLE = (
    tables.dataset_input,
    tables.dataset_input_tag,
    tables.model_input,
    tables.metric_context,
    tables.metric_log,
)
# What is left of the metrics is written anew, and so are their current values.
_REMOVED = ChangeKind.METRICS | ChangeKind.METRICS_REMOVED

_chunk = tables.metric_chunk
_latest = tables.metric_latest
_writer = tables.metric_writer


class SqlRewrites:
    """Implements `Rewrites`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int], attributes: RunAttributes) -> None:
        self._database = database
        self._now = now
        self._attributes = attributes
        self._folding = Folding(database, now)
        self._rows = PointRows(database.dialect)
        self._latest = LatestRows(database.dialect)
        self._changes = ChangeRecords(database.dialect)
        self._transaction_id = transactions_of(database.dialect).own_id()

    def delete_metrics(
        self, workspace: str, run_id: str, keys: Sequence[str], context: MetricContext | None
    ) -> DeletedSeries:
        """Removes series."""
        with self._database.transaction("write") as connection:
            run = _locked(connection, workspace, run_id)
            number = None if context is None else context_number(connection, run.run_pk, context)
            if context is not None and number is None:
                return DeletedSeries(0, 0)
            self._changes.add(connection, run.experiment_pk, run.run_pk, _REMOVED)
            self._folding.fold_all(connection, run.run_pk)
            counts: list[int] = []
            for some_keys in _batches(sorted(set(keys)), _KEYS_AT_ONCE):
                of_series = [_chunk.c.run_pk == run.run_pk, _chunk.c.key.in_(some_keys)]
                if number is not None:
                    of_series.append(_chunk.c.context == number)
                points = sa.select(sa.func.sum(_chunk.c.points)).where(*of_series)
                counts += connection.execute(points.group_by(_chunk.c.key, _chunk.c.context)).scalars()
                connection.execute(sa.delete(_chunk).where(*of_series))
                restate(connection, self._latest, run.run_pk, run.experiment_pk, some_keys)
            return DeletedSeries(len(counts), sum(map(int, counts)))

    def rewind(self, workspace: str, run_id: str, step: int, revision: int | None) -> Run:
        """Takes a run back to a step."""
        with self._database.transaction("write") as connection:
            run = _locked(connection, workspace, run_id)
            runs.check_revision(run, revision)
            self._changes.add(connection, run.experiment_pk, run.run_pk, _REMOVED)
            self._folding.fold_all(connection, run.run_pk)
            self._cut(connection, run.run_pk, run.experiment_pk, step)
            connection.execute(
                sa.update(_writer)
                .where(_writer.c.run_pk == run.run_pk, _writer.c.sequence > 0)
                .values(sequence=-_writer.c.sequence)
            )
            now = self._now()
            began = {"status": RunStatus.RUNNING.value, "end_time": None, "begun_time": runs.next_beginning(run, now)}
            runs.touch(connection, run, began, now)
            return load(connection, self._attributes, [run.run_pk])[0]

    def fork(self, workspace: str, run_id: str, step: int, new: NewRun) -> Run:
        """Creates a run out of another one."""
        for _ in range(_ATTEMPTS):
            try:
                with self._database.transaction("write") as connection:
                    return self._fork(connection, workspace, run_id, step, new)
            except DBAPIError as error:
                # Another replica created a run of the new id after the snapshot was taken.
                if not isinstance(error.orig, psycopg2.errors.SerializationFailure):
                    raise
        raise AssertionError(f"a fork was disturbed {_ATTEMPTS} times")

    def _fork(self, connection: Connection, workspace: str, run_id: str, step: int, new: NewRun) -> Run:
        if not self._database.is_sqlite:
            connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        existing = runs.find_or_none(connection, workspace, new.run_id)
        if existing is not None:
            runs.check_same(existing, new)
            return load(connection, self._attributes, [existing.run_pk])[0]
        source = runs.find(connection, workspace, run_id)
        runs.check_active(source)
        forked = dataclasses.replace(
            new,
            description=new.description or source.description,
            params={**_entries(connection, tables.param, source.run_pk), **new.params},
            tags={**_entries(connection, tables.tag, source.run_pk), **new.tags},
        )
        origin = ForkPoint(run_id, step)
        run_pk = runs.insert(connection, workspace, source.experiment_pk, forked, self._now(), origin)
        assert run_pk is not None, "in a snapshot without the run, its insert succeeds or fails to serialise"
        self._changes.add(connection, source.experiment_pk, run_pk, ChangeKind.METRICS)
        self._copy(connection, source.run_pk, run_pk, step)
        self._folding.fold_all(connection, run_pk)
        self._cut(connection, run_pk, source.experiment_pk, step)
        return load(connection, self._attributes, [run_pk])[0]

    def _copy(self, connection: Connection, source_pk: int, run_pk: int, step: int) -> None:
        """Copies inputs, contexts, current values and points of a run, but for chunks of later steps alone."""
        of_copy = {"run_pk": sa.literal(run_pk, sa.BigInteger)}
        for table in _COPIED_WHOLE:
            _copy_rows(connection, table, source_pk, of_copy)
        _copy_rows(connection, _latest, source_pk, {**of_copy, "changed_by": self._transaction_id})
        for keys in keys_in_parts(connection, source_pk):
            _copy_rows(connection, _chunk, source_pk, of_copy, _chunk.c.key.in_(keys), _chunk.c.first_step <= step)

    def _cut(self, connection: Connection, run_pk: int, experiment_pk: int, step: int) -> None:
        """Removes the points of later steps from a run, all of whose points are in chunks."""
        beyond = sa.select(_latest.c.key).where(
            _latest.c.run_pk == run_pk, _latest.c.context == NO_CONTEXT_NUMBER, _latest.c.step > step
        )
        keys = frozenset(connection.execute(beyond).scalars())
        of_run = _chunk.c.run_pk == run_pk
        lasts: dict[tuple[str, int], float] = {}
        for some_keys in keys_in_parts(connection, run_pk, keys):
            # Of each series at most one, since its chunks do not overlap.
            across = (
                sa.delete(_chunk)
                .where(of_run, _chunk.c.key.in_(some_keys))
                .where(_chunk.c.first_step <= step, _chunk.c.last_step > step)
                .returning(_chunk.c.key, _chunk.c.context, _chunk.c.data)
            )
            left = {
                (key, context): columns.decode(data).up_to(step)
                for key, context, data in connection.execute(across).all()
            }
            self._rows.append_chunks(
                connection,
                (ChunkRow((run_pk, *series), chunk) for series, points in left.items() for chunk in chunks.cut(points)),
            )
            lasts |= {series: float(points.values[-1]) for series, points in left.items()}
        connection.execute(sa.delete(_chunk).where(of_run, _chunk.c.first_step > step))
        restate(connection, self._latest, run_pk, experiment_pk, keys, lasts)


def _locked(connection: Connection, workspace: str, run_id: str) -> Row[Any]:
    """The row of a run in use, locked until the end of the transaction. Raises RunNotFound, RunDeleted."""
    run = runs.find(connection, workspace, run_id, lock=True)
    runs.check_active(run)
    return run


def _entries(connection: Connection, table: sa.Table, run_pk: int) -> dict[str, str]:
    """All params or tags of a run, however many."""
    rows = connection.execute(sa.select(table.c.key, table.c.value).where(table.c.run_pk == run_pk))
    return dict(rows.tuples().all())


def _copy_rows(
    connection: Connection,
    table: sa.Table,
    source_pk: int,
    of_copy: Mapping[str, sa.ColumnElement[int]],
    *which: sa.ColumnElement[bool],
) -> None:
    """Copies rows of a run, some columns of which are others in the copy."""
    # The id of a segment is counted up by the database.
    same = [column for column in table.c if column.name not in of_copy and column.name != "log_id"]
    rows = sa.select(*of_copy.values(), *same).where(table.c.run_pk == source_pk, *which)
    connection.execute(sa.insert(table).from_select([*of_copy, *(column.name for column in same)], rows))


def _batches(values: Sequence[Any], size: int) -> list[Any]:
    return [values[begin : begin + size] for begin in range(0, len(values), size)]
