"""The high-water marks of writers: what finds resends, and with them which runs may be written.

A group's mark is written as if every message were the next one of its writer; where that turns out wrong, `correct`
writes the right one. On PostgreSQL one statement looks up the runs, locks the marks, tells what they were and writes
them, so that a resend to another replica waits for the commit. SQLite has one writer at a time, which needs no locks.

The same statement records for watchers that the runs change (changes.py): that costs no round trip. Where all of it
turns out to be a resend, a watcher hears of a change that was none.

The statement also locks the rows of the runs, against those alone who lock them FOR UPDATE: whoever changes what a run
holds (rewrites.py, purge.py) waits for the groups that are about to commit, and later groups wait for it and see what
it did. These locks do not hinder other groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from trivet_kit.db.bulk import DriverStatement, array_of_numbers, array_of_texts
from trivet_kit.db.functions import function_of
from trivet_kit.db.upserts import insert_into
from trivet_tracking.store import tables
from trivet_tracking.store.transactions import SqliteTransactions

# SQLite takes 32,766 bound parameters in a statement.
_IN_VALUES = 5000

_WriterKey = tuple[int, int]
"""The key of a run, and the id of a writer as the database has it."""


@dataclass(frozen=True)
class Claim:
    """What a group brings of one writer to one run: messages `first` to `last`, if they are the next ones."""

    workspace: str
    run_id: str
    writer: int
    """As the database has it; 0: messages without a writer, of which nothing but the time is kept."""
    first: int
    last: int
    kinds: int
    """What the messages may change of the run: bits of `ChangeKind`."""


@dataclass(frozen=True)
class Mark:
    """What there was of a claim's run and writer."""

    run_pk: int
    experiment_pk: int
    deleted: bool
    """Of a deleted run no mark was looked at."""
    previous: int
    """The writer's last sequence before the group; below 0 where it was ended."""
    stored: int
    """Its last sequence as it is now written."""


class Marks(Protocol):
    """The marks of a database."""

    def claim(self, connection: Connection, claims: Sequence[Claim], now_millis: int) -> list[Mark | None]:
        """What there was of each claim, no two of the same run and writer; None where there is no such run.

        Keeps that the writers wrote at this time.
        """
        ...

    def correct(self, connection: Connection, sequences: Mapping[_WriterKey, int]) -> None:
        """Writes the last sequences that `claim` did not write."""
        ...


def marks_of(dialect: str) -> Marks:
    """The marks of a dialect, `postgresql` or `sqlite`."""
    return _SqliteMarks() if dialect == "sqlite" else _PostgresMarks()


def _deleted() -> sa.ColumnElement[bool]:
    return sa.or_(tables.run.c.delete_time.is_not(None), tables.experiment.c.delete_time.is_not(None))


def _upsert_sequences(dialect: str) -> sa.Executable:
    writer = tables.metric_writer
    statement = insert_into(dialect, writer)
    return statement.on_conflict_do_update(
        index_elements=list(writer.primary_key.columns), set_={"sequence": statement.excluded.sequence}
    )


class _Corrections:
    def __init__(self, dialect: str) -> None:
        self._upsert = _upsert_sequences(dialect)

    def correct(self, connection: Connection, sequences: Mapping[_WriterKey, int]) -> None:
        if sequences:
            rows = [
                {"run_pk": run_pk, "writer": writer, "sequence": sequence, "previous": sequence, "time": 0}
                for (run_pk, writer), sequence in sorted(sequences.items())
            ]
            connection.execute(self._upsert, rows)


# An insert cannot say what it found, so the row carries it: `excluded.previous` is the sequence that the claim builds
# on, the row's own `previous` becomes the sequence that was there. `xmax` of a row that was inserted is 0.
_CLAIM = function_of(
    tables.SCHEMA,
    "claim_marks",
    sa.text(
        f"""
    WITH claim AS (
        SELECT * FROM unnest(
            CAST(:b_workspaces AS text[]), CAST(:b_run_ids AS text[]), CAST(:b_writers AS bigint[]),
            CAST(:b_firsts AS bigint[]), CAST(:b_lasts AS bigint[]), CAST(:b_kinds AS integer[])
        ) WITH ORDINALITY AS claim (workspace, run_id, writer, first, last, kinds, place)
    ), found AS (
        SELECT place, run_pk, run.experiment_pk, writer, first, last, kinds,
            run.delete_time IS NOT NULL OR experiment.delete_time IS NOT NULL AS deleted
        FROM claim
        JOIN {tables.SCHEMA}.run AS run USING (workspace, run_id)
        JOIN {tables.SCHEMA}.experiment AS experiment USING (experiment_pk)
        FOR KEY SHARE OF run
    ), mark AS (
        INSERT INTO {tables.SCHEMA}.metric_writer AS mark (run_pk, writer, sequence, previous, time)
        SELECT run_pk, writer, last, first - 1, CAST(:b_now AS bigint)
        FROM found WHERE NOT deleted ORDER BY run_pk, writer
        ON CONFLICT (run_pk, writer) DO UPDATE SET
            sequence = CASE WHEN mark.sequence = excluded.previous THEN excluded.sequence ELSE mark.sequence END,
            previous = mark.sequence,
            time = greatest(mark.time, excluded.time)
        RETURNING run_pk, writer, sequence, CASE WHEN xmax = 0 THEN 0 ELSE previous END AS previous
    ), change AS (
        INSERT INTO {tables.SCHEMA}.run_change (transaction_id, experiment_pk, run_pk, kinds)
        SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint), experiment_pk, run_pk, bit_or(kinds) FROM found
        WHERE NOT deleted AND kinds <> 0 GROUP BY experiment_pk, run_pk
    )
    SELECT place, run_pk, experiment_pk, deleted, coalesce(mark.previous, 0), coalesce(mark.sequence, 0)
    FROM found LEFT JOIN mark USING (run_pk, writer)
    """  # noqa: S608 - the schema's name is ours
    )
    .bindparams(
        *(sa.bindparam(f"b_{name}", type_=ARRAY(sa.Text)) for name in ("workspaces", "run_ids")),
        *(sa.bindparam(f"b_{name}", type_=ARRAY(sa.BigInteger)) for name in ("writers", "firsts", "lasts")),
        sa.bindparam("b_kinds", type_=ARRAY(sa.Integer)),
        sa.bindparam("b_now", type_=sa.BigInteger),
    )
    .columns(
        *(sa.column(name, sa.BigInteger) for name in ("place", "run_pk", "experiment_pk")),
        sa.column("deleted", sa.Boolean),
        *(sa.column(name, sa.BigInteger) for name in ("previous", "sequence")),
    ),
)
FUNCTIONS = (_CLAIM,)
"""What PostgreSQL has as functions: to plan them takes longer than what they do (ADR 35)."""


class _PostgresMarks(_Corrections):
    def __init__(self) -> None:
        super().__init__("postgresql")
        self._claim = DriverStatement(_CLAIM)

    def claim(self, connection: Connection, claims: Sequence[Claim], now_millis: int) -> list[Mark | None]:
        rows = self._claim.execute(
            connection,
            {
                "b_now": now_millis,
                "b_workspaces": array_of_texts(claim.workspace for claim in claims),
                "b_run_ids": array_of_texts(claim.run_id for claim in claims),
                "b_writers": array_of_numbers(claim.writer for claim in claims),
                "b_firsts": array_of_numbers(claim.first for claim in claims),
                "b_lasts": array_of_numbers(claim.last for claim in claims),
                "b_kinds": array_of_numbers(claim.kinds for claim in claims),
            },
        )
        marks: list[Mark | None] = [None] * len(claims)
        for place, *facts in rows:
            marks[place - 1] = Mark(*facts)
        return marks


class _SqliteMarks(_Corrections):
    def __init__(self) -> None:
        super().__init__("sqlite")
        run, experiment, writer = tables.run, tables.experiment, tables.metric_writer
        self._find_runs = (
            sa.select(run.c.workspace, run.c.run_id, run.c.run_pk, run.c.experiment_pk, _deleted().label("deleted"))
            .join(experiment, experiment.c.experiment_pk == run.c.experiment_pk)
            .where(run.c.workspace == sa.bindparam("workspace"))
            .where(run.c.run_id.in_(sa.bindparam("run_ids", expanding=True)))
        )
        touch = sqlite.insert(writer)
        later = sa.func.max(writer.c.time, touch.excluded.time)
        self._touch = touch.on_conflict_do_update(index_elements=list(writer.primary_key.columns), set_={"time": later})
        self._find_sequences = sa.select(writer.c.writer, writer.c.sequence).where(
            writer.c.run_pk == sa.bindparam("run_pk"), writer.c.writer.in_(sa.bindparam("writers", expanding=True))
        )
        self._record_changes = sa.insert(tables.run_change).values(transaction_id=SqliteTransactions().next_id())

    def claim(self, connection: Connection, claims: Sequence[Claim], now_millis: int) -> list[Mark | None]:
        runs = self._runs(connection, claims)
        writers: dict[int, list[int]] = {}
        for claim in claims:
            run = runs.get((claim.workspace, claim.run_id))
            if run is not None and not run.deleted:
                writers.setdefault(run.run_pk, []).append(claim.writer)
        sequences = {
            (run_pk, row.writer): row.sequence
            for run_pk, its_writers in writers.items()
            for begin in range(0, len(its_writers), _IN_VALUES)
            for row in connection.execute(
                self._find_sequences, {"run_pk": run_pk, "writers": its_writers[begin : begin + _IN_VALUES]}
            )
        }
        if writers:
            touched = [
                {"run_pk": run_pk, "writer": writer, "sequence": 0, "previous": 0, "time": now_millis}
                for run_pk, its_writers in writers.items()
                for writer in its_writers
            ]
            connection.execute(self._touch, touched)
        marks: list[Mark | None] = []
        for claim in claims:
            run = runs.get((claim.workspace, claim.run_id))
            if run is None:
                marks.append(None)
            else:
                sequence = sequences.get((run.run_pk, claim.writer), 0)
                marks.append(Mark(run.run_pk, run.experiment_pk, bool(run.deleted), sequence, sequence))
        self._record(connection, claims, marks)
        return marks

    def _record(self, connection: Connection, claims: Sequence[Claim], marks: Sequence[Mark | None]) -> None:
        """Records which runs change."""
        kinds: dict[tuple[int, int], int] = {}
        for claim, mark in zip(claims, marks, strict=True):
            if mark is not None and not mark.deleted and claim.kinds:
                run = (mark.experiment_pk, mark.run_pk)
                kinds[run] = kinds.get(run, 0) | claim.kinds
        rows = [
            {"experiment_pk": experiment_pk, "run_pk": run_pk, "kinds": its_kinds}
            for (experiment_pk, run_pk), its_kinds in kinds.items()
        ]
        if rows:
            connection.execute(self._record_changes, rows)

    def _runs(self, connection: Connection, claims: Sequence[Claim]) -> dict[tuple[str, str], sa.Row[tuple[int, ...]]]:
        by_workspace: dict[str, set[str]] = {}
        for claim in claims:
            by_workspace.setdefault(claim.workspace, set()).add(claim.run_id)
        return {
            (row.workspace, row.run_id): row
            for workspace, run_ids in by_workspace.items()
            for row in connection.execute(self._find_runs, {"workspace": workspace, "run_ids": sorted(run_ids)})
        }
