"""Writes to runs: a group in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import psycopg2.errors
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from trivet_kit.db import Database
from trivet_kit.db.upserts import insert_into
from trivet_kit.errors import CallerError
from trivet_kit.resources import RunName
from trivet_kit.timestamps import now_millis
from trivet_tracking.domain.console import ConsoleLine
from trivet_tracking.domain.errors import ParamChanged, RunDeleted, RunNotFound, SequenceGap, WriterEnded
from trivet_tracking.domain.metrics import NO_CONTEXT, MetricContext
from trivet_tracking.domain.run_inputs import RunLinks
from trivet_tracking.domain.watches import ChangeKind
from trivet_tracking.domain.writes import RecordKind, Refusal, RunWrite, WriteOutcome
from trivet_tracking.settings import CONSOLE_BYTES
from trivet_tracking.store import tables
from trivet_tracking.store.console import ConsoleWrites
from trivet_tracking.store.contexts import NO_CONTEXT_NUMBER, context_columns, numbered_contexts
from trivet_tracking.store.entries import Entry, EntryKey, entries_of, is_raced
from trivet_tracking.store.marks import Claim, Mark, marks_of
from trivet_tracking.store.points import NumberedBatch, PointWrites
from trivet_tracking.store.run_links import LinkWrites

# Another replica can only come between by writing the same params, contexts or rows at the same moment.
_ATTEMPTS = 10
_IN_VALUES = 5000
# As plain numbers: flags take a microsecond each time that they are joined.
_METRICS, _PARAMS, _TAGS = ChangeKind.METRICS.value, ChangeKind.PARAMS.value, ChangeKind.TAGS.value
# Inputs and outputs have no kind of their own.
_FIELDS = ChangeKind.FIELDS.value

_Value = TypeVar("_Value")

_log = logging.getLogger("trivet.tracking.writes")


class _Raced(Exception):
    """Another replica inserted what this transaction had looked for in vain; begin again."""


@dataclass
class _Plan:
    """What a group adds up to; rows are written in the order of their keys, so that replicas do not deadlock."""

    params: dict[tuple[int, str], str] = field(default_factory=dict)
    tags: dict[tuple[int, str], str | None] = field(default_factory=dict)
    """None: removed."""
    contexts: dict[tuple[int, int], MetricContext] = field(default_factory=dict)
    batches: list[NumberedBatch] = field(default_factory=list)
    links: list[tuple[int, RunLinks]] = field(default_factory=list)
    """Each with the key of its run."""
    console: list[tuple[int, Sequence[ConsoleLine]]] = field(default_factory=list)
    """Each with the key of its run."""
    experiments: dict[int, int] = field(default_factory=dict)
    """The experiment of each run."""


class _Statements:
    """The statements of a dialect, built once: building them costs more than what they do."""

    def __init__(self, dialect: str, now: Callable[[], int], console_bytes: int) -> None:
        self.entries = entries_of(dialect)
        context = tables.metric_context
        self.insert_contexts = insert_into(dialect, context).on_conflict_do_nothing().returning(context.c.run_pk)
        self.marks = marks_of(dialect)
        self.points = PointWrites(dialect, now)
        self.now = now
        self.links = LinkWrites(dialect)
        self.console = ConsoleWrites(dialect, console_bytes)


class SqlWrites:
    """Implements `Writes`. Safe for threads."""

    def __init__(
        self, database: Database, now: Callable[[], int] = now_millis, console_bytes: int = CONSOLE_BYTES
    ) -> None:
        """Prepares it.

        Args:
            database: Where runs are.
            now: Gives milliseconds since the Unix epoch.
            console_bytes: How much text of the console of a run is kept.
        """
        self._database = database
        self._statements = _Statements(database.dialect, now, console_bytes)

    def apply(self, group: Sequence[RunWrite]) -> Sequence[WriteOutcome | CallerError]:
        """Applies writes in one transaction."""
        for attempt in range(_ATTEMPTS):
            try:
                claims = _claims(group)
                claiming = self._database.transaction_from(partial(self._claim, list(claims.values())))
                with claiming as (connection, marks):
                    its_marks = dict(zip(claims, marks, strict=True))
                    return _Group(connection, self._statements, group, claims, its_marks).apply()
            except _Raced:
                _log.info("a group of %d writes met another replica's; attempt %d", len(group), attempt + 1)
            except (DBAPIError, psycopg2.Error) as error:
                # What the driver runs by itself raises the driver's own errors.
                cause = error.orig if isinstance(error, DBAPIError) else error
                if not isinstance(cause, psycopg2.errors.DeadlockDetected) and not is_raced(cause):
                    raise
                _log.warning("a group of %d writes was disturbed; attempt %d: %s", len(group), attempt + 1, type(cause))
        raise AssertionError(f"a group of writes was disturbed {_ATTEMPTS} times")

    def _claim(self, claims: Sequence[Claim], connection: Connection) -> list[Mark | None]:
        return self._statements.marks.claim(connection, claims, self._statements.now())


class _Group:
    """One attempt at a group. First everything is looked up and decided, then everything is written."""

    def __init__(
        self,
        connection: Connection,
        statements: _Statements,
        group: Sequence[RunWrite],
        claims: Mapping[_Claimant, Claim],
        marks: Mapping[_Claimant, Mark | None],
    ) -> None:
        self._connection = connection
        self._statements = statements
        self._group = group
        self._plan = _Plan()
        self._claims = claims
        self._marks = marks
        self._sequences = {
            (mark.run_pk, claims[claimant].writer): mark.previous
            for claimant, mark in marks.items()
            if mark is not None and claims[claimant].writer and not mark.deleted
        }
        self._params = self._look_up_params()
        run_pks = self._run_pks_with_contexts()
        known = numbered_contexts(connection, run_pks) if run_pks else {}
        self._contexts = {(run_pk, context): number for (run_pk, number), context in known.items()}
        self._next_contexts: dict[int, int] = {}
        for run_pk, number in known:
            self._next_contexts[run_pk] = max(self._next_contexts.get(run_pk, 1), number + 1)

    def apply(self) -> list[WriteOutcome | CallerError]:
        outcomes = [self._decide(write) for write in self._group]
        self._write_entries()
        self._insert_contexts()
        if self._plan.batches:
            self._statements.points.write(self._connection, self._plan.batches)
        if self._plan.links:
            self._statements.links.write(self._connection, self._plan.links, self._plan.experiments)
        if self._plan.console:
            self._statements.console.write(self._connection, self._plan.console)
        self._correct_marks()
        return outcomes

    def _known(self) -> list[tuple[RunWrite, Mark]]:
        """The writes whose runs exist and are in use."""
        pairs = ((write, self._marks[_claimant(write)]) for write in self._group)
        return [(write, mark) for write, mark in pairs if mark is not None and not mark.deleted]

    def _look_up_params(self) -> dict[EntryKey, str]:
        """The params that are there of those that come; locks the runs whose tags change."""
        wanted: dict[int, set[str]] = {}
        tagged: set[int] = set()
        for write, row in self._known():
            if write.params:
                wanted.setdefault(row.run_pk, set()).update(param.key for param in write.params)
            if write.tags or write.deleted_tags:
                tagged.add(row.run_pk)
        if not wanted and not tagged:
            return {}
        return self._statements.entries.look_up(self._connection, sorted(tagged), wanted)

    def _run_pks_with_contexts(self) -> list[int]:
        return sorted(
            {
                row.run_pk
                for write, row in self._known()
                if any(context != NO_CONTEXT for context in write.metrics.contexts)
            }
        )

    def _decide(self, write: RunWrite) -> WriteOutcome | CallerError:
        """What becomes of a write; what it changes goes into the plan, nothing of it where it is refused whole."""
        name = str(RunName(write.workspace, write.run_id))
        row = self._marks[_claimant(write)]
        if row is None:
            return RunNotFound(name)
        if row.deleted:
            return RunDeleted(name)
        params, changed = self._decide_params(write, row.run_pk)
        refusals = sorted([*write.refusals, *changed], key=lambda refusal: (refusal.kind, refusal.index))
        writer = (row.run_pk, _signed(write.writer_id))
        if write.writer_id:
            last = self._sequences[writer]
            if write.sequence <= abs(last):
                return WriteOutcome(abs(last), resend=True, refusals=refusals)
            if last < 0:
                return WriterEnded(name, -last)
            if write.sequence > last + 1:
                return SequenceGap(write.sequence, last + 1)
        if write.atomic and refusals:
            return refusals[0].error
        if write.writer_id:
            self._sequences[writer] = write.sequence
        self._plan.experiments[row.run_pk] = row.experiment_pk
        self._params |= params
        self._plan.params |= params
        self._plan.tags |= dict.fromkeys(((row.run_pk, key) for key in write.deleted_tags), None)
        self._plan.tags |= {(row.run_pk, key): value for key, value in write.tags.items()}
        self._plan_metrics(write, row)
        self._plan_appended(write, row)
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

    def _plan_metrics(self, write: RunWrite, row: Mark) -> None:
        metrics = write.metrics
        if not metrics.keys:
            return
        used = set(metrics.context_index)
        numbers = [NO_CONTEXT_NUMBER] * (1 + len(metrics.contexts))
        for place, context in enumerate(metrics.contexts, 1):
            if place in used:
                numbers[place] = self._number(row.run_pk, context)
        of_pieces = [numbers[place] for place in metrics.context_index]
        self._plan.batches.append(NumberedBatch(row.run_pk, row.experiment_pk, metrics, of_pieces))

    def _plan_appended(self, write: RunWrite, row: Mark) -> None:
        """What is added whatever there is already."""
        if write.links:
            self._plan.links.append((row.run_pk, write.links))
        if write.console:
            self._plan.console.append((row.run_pk, write.console))

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

    def _write_entries(self) -> None:
        of_run = self._plan.experiments
        params = [
            Entry(run_pk, key, value, of_run[run_pk]) for (run_pk, key), value in sorted(self._plan.params.items())
        ]
        tags = [
            Entry(run_pk, key, value, of_run[run_pk])
            for (run_pk, key), value in sorted(self._plan.tags.items(), key=lambda item: item[0])
            if value is not None
        ]
        removed = sorted(key for key, value in self._plan.tags.items() if value is None)
        table = tables.tag
        for some_removed in _batches(removed):
            self._connection.execute(sa.delete(table).where(sa.tuple_(table.c.run_pk, table.c.key).in_(some_removed)))
        if params or tags:
            self._statements.entries.write(self._connection, params, tags)

    def _insert_contexts(self) -> None:
        """Inserts contexts that were looked for and not found. Raises _Raced where one is there after all."""
        rows = [
            {"run_pk": run_pk, "context": number, **context_columns(context)}
            for (run_pk, number), context in sorted(self._plan.contexts.items(), key=lambda item: item[0])
        ]
        if rows and len(self._connection.execute(self._statements.insert_contexts, rows).all()) != len(rows):
            raise _Raced

    def _correct_marks(self) -> None:
        """Writes the marks of those who did not bring the next messages of their writer."""
        stored = {
            (mark.run_pk, claim.writer): mark.stored
            for claim, mark in zip(self._claims.values(), self._marks.values(), strict=True)
            if mark is not None
        }
        wrong = {writer: sequence for writer, sequence in self._sequences.items() if sequence != stored[writer]}
        self._statements.marks.correct(self._connection, wrong)


_Claimant = tuple[str, str, int]


def _claimant(write: RunWrite) -> _Claimant:
    return write.workspace, write.run_id, write.writer_id


def _claims(group: Sequence[RunWrite]) -> dict[_Claimant, Claim]:
    """What each writer of a group brings to each run: its first message and those that follow without a gap."""
    ranges: dict[_Claimant, tuple[int, int]] = {}
    kinds: dict[_Claimant, int] = {}
    for write in group:
        claimant = _claimant(write)
        kinds[claimant] = kinds.get(claimant, 0) | _kinds(write)
        first, last = ranges.get(claimant, (write.sequence, write.sequence - 1))
        if write.sequence == last + 1:
            ranges[claimant] = (first, write.sequence)
    return {
        claimant: Claim(claimant[0], claimant[1], _signed(claimant[2]), first, last, kinds[claimant])
        for claimant, (first, last) in ranges.items()
    }


def _kinds(write: RunWrite) -> int:
    """What a write may change of its run: bits of `ChangeKind`."""
    kinds = _METRICS if write.metrics.keys else 0
    if write.params:
        kinds |= _PARAMS
    if write.tags or write.deleted_tags:
        kinds |= _TAGS
    if write.links:
        kinds |= _FIELDS
    return kinds


def _batches(values: list[_Value]) -> Iterator[list[_Value]]:
    """The values in lists that go into one IN: SQLite takes 32,766 bound parameters in a statement."""
    for begin in range(0, len(values), _IN_VALUES):
        yield values[begin : begin + _IN_VALUES]


def _signed(writer_id: int) -> int:
    """A fixed64 as the signed 64-bit integer with the same bits, which is what databases have."""
    return writer_id - 2**64 if writer_id >= 2**63 else writer_id
