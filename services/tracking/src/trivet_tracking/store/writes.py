"""Writes to runs: a group in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psycopg2.errors
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from trivet_kit.db import Database
from trivet_kit.db.upserts import Insert, insert_into
from trivet_kit.errors import CallerError
from trivet_kit.resources import RunName
from trivet_tracking.domain.errors import ParamChanged, RunDeleted, RunNotFound, SequenceGap
from trivet_tracking.domain.metrics import NO_CONTEXT, CurrentValue, MetricContext, current_value
from trivet_tracking.domain.writes import RecordKind, Refusal, RunWrite, WriteOutcome
from trivet_tracking.store import segments, tables
from trivet_tracking.store.metrics import NO_CONTEXT_NUMBER, context_columns, numbered_contexts
from trivet_tracking.store.segments import SegmentPiece

# Another replica can only come between by writing the same params, contexts or rows at the same moment.
_ATTEMPTS = 10
_IN_VALUES = 5000

_Value = TypeVar("_Value")

_log = logging.getLogger("trivet.tracking.writes")


class _Raced(Exception):
    """Another replica inserted what this transaction had looked for in vain; begin again."""


@dataclass(frozen=True)
class _RunRow:
    run_pk: int
    experiment_pk: int
    deleted: bool


@dataclass
class _Plan:
    """What a group adds up to; rows are written in the order of their keys, so that replicas do not deadlock."""

    params: dict[tuple[int, str], str] = field(default_factory=dict)
    tags: dict[tuple[int, str], str | None] = field(default_factory=dict)
    """None: removed."""
    contexts: dict[tuple[int, int], MetricContext] = field(default_factory=dict)
    sequences: dict[tuple[int, int], int] = field(default_factory=dict)
    pieces: dict[int, list[SegmentPiece]] = field(default_factory=dict)
    latest: dict[tuple[int, str, int], CurrentValue] = field(default_factory=dict)
    experiments: dict[int, int] = field(default_factory=dict)
    """The experiment of each run."""


class _Statements:
    """The statements of a dialect, built once: building them costs more than what they do."""

    def __init__(self, dialect: str) -> None:
        run, experiment, param = tables.run, tables.experiment, tables.param
        self.find_runs = (
            sa.select(
                run.c.workspace,
                run.c.run_id,
                run.c.run_pk,
                run.c.experiment_pk,
                sa.or_(run.c.delete_time.is_not(None), experiment.c.delete_time.is_not(None)).label("deleted"),
            )
            .join(experiment, experiment.c.experiment_pk == run.c.experiment_pk)
            .where(run.c.workspace == sa.bindparam("workspace"))
            .where(run.c.run_id.in_(sa.bindparam("run_ids", expanding=True)))
        )
        self.lock_runs = (
            sa.select(run.c.run_pk)
            .where(run.c.run_pk.in_(sa.bindparam("run_pks", expanding=True)))
            .order_by(run.c.run_pk)
            .with_for_update(key_share=True)
        )
        self.find_params = (
            sa.select(param.c.key, param.c.value)
            .where(param.c.run_pk == sa.bindparam("run_pk"))
            .where(param.c.key.in_(sa.bindparam("keys", expanding=True)))
        )
        writer = tables.metric_writer
        # An update that changes nothing locks the row and shows it.
        self.lock_writers = _upsert(dialect, writer, _kept("sequence")).returning(
            writer.c.run_pk, writer.c.writer, writer.c.sequence
        )
        self.write_sequences = _upsert(dialect, writer, _replaced("sequence"))
        self.insert_params = insert_into(dialect, param).on_conflict_do_nothing().returning(param.c.run_pk)
        context = tables.metric_context
        self.insert_contexts = insert_into(dialect, context).on_conflict_do_nothing().returning(context.c.run_pk)
        self.upsert_tags = _upsert(dialect, tables.tag, _replaced("value"))
        self.append_segments = sa.insert(tables.metric_log)
        self.upsert_latest = _upsert(dialect, tables.metric_latest, _combined)


class SqlWrites:
    """Implements `Writes`. Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements = _Statements(database.dialect)

    def apply(self, group: Sequence[RunWrite]) -> Sequence[WriteOutcome | CallerError]:
        """Applies writes in one transaction."""
        for attempt in range(_ATTEMPTS):
            try:
                with self._database.transaction("write") as connection:
                    return _Group(connection, self._statements, group).apply()
            except _Raced:
                _log.info("a group of %d writes met another replica's; attempt %d", len(group), attempt + 1)
            except DBAPIError as error:
                if not isinstance(error.orig, psycopg2.errors.DeadlockDetected):
                    raise
                _log.warning("a group of %d writes deadlocked; attempt %d", len(group), attempt + 1)
        raise AssertionError(f"a group of writes was disturbed {_ATTEMPTS} times")


class _Group:
    """One attempt at a group. First everything is looked up and decided, then everything is written."""

    def __init__(self, connection: Connection, statements: _Statements, group: Sequence[RunWrite]) -> None:
        self._connection = connection
        self._statements = statements
        self._group = group
        self._plan = _Plan()
        self._runs = self._find_runs()
        self._sequences = self._lock_writers()
        self._lock_tagged_runs()
        self._params = self._find_params()
        known = numbered_contexts(connection, self._run_pks_with_contexts())
        self._contexts = {(run_pk, context): number for (run_pk, number), context in known.items()}
        self._next_contexts: dict[int, int] = {}
        for run_pk, number in known:
            self._next_contexts[run_pk] = max(self._next_contexts.get(run_pk, 1), number + 1)

    def apply(self) -> list[WriteOutcome | CallerError]:
        outcomes = [self._decide(write) for write in self._group]
        self._insert_params()
        self._write_tags()
        self._insert_contexts()
        self._append_segments()
        self._upsert_latest()
        self._write_sequences()
        return outcomes

    def _find_runs(self) -> dict[tuple[str, str], _RunRow]:
        by_workspace: dict[str, set[str]] = {}
        for write in self._group:
            by_workspace.setdefault(write.workspace, set()).add(write.run_id)
        return {
            (row.workspace, row.run_id): _RunRow(row.run_pk, row.experiment_pk, bool(row.deleted))
            for workspace, run_ids in by_workspace.items()
            for row in self._connection.execute(
                self._statements.find_runs, {"workspace": workspace, "run_ids": sorted(run_ids)}
            )
        }

    def _known(self) -> list[tuple[RunWrite, _RunRow]]:
        """The writes whose runs exist and are in use."""
        pairs = ((write, self._runs.get((write.workspace, write.run_id))) for write in self._group)
        return [(write, row) for write, row in pairs if row is not None and not row.deleted]

    def _lock_writers(self) -> dict[tuple[int, int], int]:
        """The last sequence of each writer, locked until the commit: a resend to another replica waits here."""
        writers = sorted({(row.run_pk, _signed(write.writer_id)) for write, row in self._known() if write.writer_id})
        if not writers:
            return {}
        rows = self._connection.execute(
            self._statements.lock_writers,
            [{"run_pk": run_pk, "writer": writer, "sequence": 0} for run_pk, writer in writers],
        )
        return {(row.run_pk, row.writer): row.sequence for row in rows}

    def _lock_tagged_runs(self) -> None:
        """Locks the runs whose tags change, until the commit.

        Tags are removed and set in two statements, which would meet another replica's in the opposite order.
        """
        tagged = sorted({row.run_pk for write, row in self._known() if write.tags or write.deleted_tags})
        if tagged:
            self._connection.execute(self._statements.lock_runs, {"run_pks": tagged})

    def _find_params(self) -> dict[tuple[int, str], str]:
        wanted: dict[int, set[str]] = {}
        for write, row in self._known():
            if write.params:
                wanted.setdefault(row.run_pk, set()).update(param.key for param in write.params)
        return {
            (run_pk, row.key): row.value
            for run_pk, keys in wanted.items()
            for some_keys in _batches(sorted(keys))
            for row in self._connection.execute(self._statements.find_params, {"run_pk": run_pk, "keys": some_keys})
        }

    def _run_pks_with_contexts(self) -> list[int]:
        return sorted(
            {row.run_pk for write, row in self._known() if any(piece.context != NO_CONTEXT for piece in write.pieces)}
        )

    def _decide(self, write: RunWrite) -> WriteOutcome | CallerError:
        """What becomes of a write; what it changes goes into the plan, nothing of it where it is refused whole."""
        name = str(RunName(write.workspace, write.run_id))
        row = self._runs.get((write.workspace, write.run_id))
        if row is None:
            return RunNotFound(name)
        if row.deleted:
            return RunDeleted(name)
        params, changed = self._decide_params(write, row.run_pk)
        refusals = sorted([*write.refusals, *changed], key=lambda refusal: (refusal.kind, refusal.index))
        writer = (row.run_pk, _signed(write.writer_id))
        if write.writer_id:
            last = self._sequences[writer]
            if write.sequence <= last:
                return WriteOutcome(last, resend=True, refusals=refusals)
            if write.sequence > last + 1:
                return SequenceGap(write.sequence, last + 1)
        if write.atomic and refusals:
            return refusals[0].error
        if write.writer_id:
            self._sequences[writer] = self._plan.sequences[writer] = write.sequence
        self._plan.experiments[row.run_pk] = row.experiment_pk
        self._params |= params
        self._plan.params |= params
        self._plan.tags |= dict.fromkeys(((row.run_pk, key) for key in write.deleted_tags), None)
        self._plan.tags |= {(row.run_pk, key): value for key, value in write.tags.items()}
        self._plan_metrics(write, row.run_pk)
        return WriteOutcome(write.sequence, resend=False, refusals=refusals)

    def _decide_params(self, write: RunWrite, run_pk: int) -> tuple[dict[tuple[int, str], str], list[Refusal]]:
        """The params of a write that are new, and refusals of those that have another value already."""
        new: dict[tuple[int, str], str] = {}
        refusals = []
        for param in write.params:
            key = (run_pk, param.key)
            known = self._params.get(key, new.get(key))
            if known is None:
                new[key] = param.value
            elif known != param.value:
                error = ParamChanged(param.key, f"params[{param.index}]")
                refusals.append(Refusal(RecordKind.PARAM, param.index, error))
        return new, refusals

    def _plan_metrics(self, write: RunWrite, run_pk: int) -> None:
        latest = self._plan.latest
        for piece in write.pieces:
            number = self._number(run_pk, piece.context)
            self._plan.pieces.setdefault(run_pk, []).append((piece.key, number, piece.points))
            current = current_value(piece.points)
            for context in {NO_CONTEXT_NUMBER, number}:
                series = (run_pk, piece.key, context)
                latest[series] = latest[series].combine(current) if series in latest else current

    def _number(self, run_pk: int, context: MetricContext) -> int:
        """The number of a context in a run; a new context gets the next one."""
        if context == NO_CONTEXT:
            return NO_CONTEXT_NUMBER
        number = self._contexts.get((run_pk, context))
        if number is None:
            number = self._next_contexts.get(run_pk, 1)
            self._next_contexts[run_pk] = number + 1
            self._contexts[run_pk, context] = number
            self._plan.contexts[run_pk, number] = context
        return number

    def _insert_params(self) -> None:
        self._insert_new(
            self._statements.insert_params,
            [
                {"run_pk": run_pk, "key": key, "experiment_pk": self._plan.experiments[run_pk], "value": value}
                for (run_pk, key), value in sorted(self._plan.params.items())
            ],
        )

    def _insert_contexts(self) -> None:
        self._insert_new(
            self._statements.insert_contexts,
            [
                {"run_pk": run_pk, "context": number, **context_columns(context)}
                for (run_pk, number), context in sorted(self._plan.contexts.items(), key=lambda item: item[0])
            ],
        )

    def _insert_new(self, statement: sa.Executable, rows: list[dict[str, Any]]) -> None:
        """Inserts rows that were looked for and not found. Raises _Raced where one is there after all."""
        if rows and len(self._connection.execute(statement, rows).all()) != len(rows):
            raise _Raced

    def _write_tags(self) -> None:
        table = tables.tag
        kept = [
            {"run_pk": run_pk, "key": key, "experiment_pk": self._plan.experiments[run_pk], "value": value}
            for (run_pk, key), value in sorted(self._plan.tags.items(), key=lambda item: item[0])
            if value is not None
        ]
        removed = sorted(key for key, value in self._plan.tags.items() if value is None)
        for some_removed in _batches(removed):
            self._connection.execute(sa.delete(table).where(sa.tuple_(table.c.run_pk, table.c.key).in_(some_removed)))
        self._write(self._statements.upsert_tags, kept)

    def _append_segments(self) -> None:
        self._write(
            self._statements.append_segments,
            [
                {
                    "run_pk": run_pk,
                    "points": sum(len(points) for _, _, points in pieces),
                    "data": segments.encode(pieces),
                }
                for run_pk, pieces in sorted(self._plan.pieces.items())
            ],
        )

    def _upsert_latest(self) -> None:
        rows = [
            {
                "run_pk": run_pk,
                "key": key,
                "context": context,
                "experiment_pk": self._plan.experiments[run_pk],
                "step": current.step,
                "time": current.time,
                "value": current.value,
                "min": current.min,
                "max": current.max,
            }
            for (run_pk, key, context), current in sorted(self._plan.latest.items(), key=lambda item: item[0])
        ]
        self._write(self._statements.upsert_latest, rows)

    def _write_sequences(self) -> None:
        rows = [
            {"run_pk": run_pk, "writer": writer, "sequence": sequence}
            for (run_pk, writer), sequence in sorted(self._plan.sequences.items())
        ]
        self._write(self._statements.write_sequences, rows)

    def _write(self, statement: sa.Executable, rows: list[dict[str, Any]]) -> None:
        if rows:
            self._connection.execute(statement, rows)


def _batches(values: list[_Value]) -> Iterator[list[_Value]]:
    """The values in lists that go into one IN: SQLite takes 32,766 bound parameters in a statement."""
    for begin in range(0, len(values), _IN_VALUES):
        yield values[begin : begin + _IN_VALUES]


_NewValues = Callable[[Any, Any], dict[str, Any]]


def _upsert(dialect: str, table: sa.Table, values: _NewValues) -> Insert:
    """Inserts rows; where one with the same primary key exists, sets what `values(old, new)` gives."""
    statement = insert_into(dialect, table)
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_=values(table.c, statement.excluded)
    )


def _kept(column: str) -> _NewValues:
    """The old value of a column."""
    return lambda old, _new: {column: old[column]}


def _replaced(column: str) -> _NewValues:
    """The new value of a column, whatever the old one was."""
    return lambda _old, new: {column: new[column]}


def _combined(old: Any, new: Any) -> dict[str, sa.ColumnElement[Any]]:
    """`CurrentValue.combine` in SQL: the same result whatever order rows arrive in."""
    same_moment = sa.and_(new.step == old.step, new.time == old.time)
    greater_value = sa.and_(new.value.is_not(None), sa.or_(old.value.is_(None), new.value > old.value))
    later = sa.or_(
        new.step > old.step,
        sa.and_(new.step == old.step, new.time > old.time),
        sa.and_(same_moment, greater_value),
    )
    return {
        **{name: sa.case((later, new[name]), else_=old[name]) for name in ("step", "time", "value")},
        "min": sa.case((sa.or_(old.min.is_(None), new.min < old.min), new.min), else_=old.min),
        "max": sa.case((sa.or_(old.max.is_(None), new.max > old.max), new.max), else_=old.max),
    }


def _signed(writer_id: int) -> int:
    """A fixed64 as the signed 64-bit integer with the same bits, which is what databases have."""
    return writer_id - 2**64 if writer_id >= 2**63 else writer_id
