"""What rules have to judge, in SQL: found by what transactions changed, as watchers find it (changes.py)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_kit.db.bulk import read_large
from trivet_kit.db.upserts import insert_into
from trivet_kit.webhooks.deliveries import DeliveryState
from trivet_tracking.domain.metrics import Moment, Points, empty_points, merge_ordered
from trivet_tracking.domain.rule_conditions import Breach, NoHeartbeat
from trivet_tracking.domain.rules import (
    TAG_PREFIX,
    JudgedSeries,
    Look,
    NewPoints,
    Reading,
    RunStop,
    SilentRun,
)
from trivet_tracking.domain.runs import RunStatus
from trivet_tracking.domain.watches import ChangeKind, Position
from trivet_tracking.store import columns, run_stops, tables
from trivet_tracking.store.change_records import ChangeRecords
from trivet_tracking.store.contexts import NO_CONTEXT_NUMBER
from trivet_tracking.store.entries import Entry, entries_of
from trivet_tracking.store.history import logged_series
from trivet_tracking.store.horizon import check_kept
from trivet_tracking.store.rule_rows import Kind, breach_columns, to_condition
from trivet_tracking.store.run_attributes import LAST_WRITE_TIME, NOW_MILLIS
from trivet_tracking.store.transactions import transactions_of

_t = tables.rule
_v = tables.rule_event
_r = tables.run
_e = tables.experiment
_c = tables.run_change
_m = tables.metric_latest
_chunk = tables.metric_chunk
_log = tables.metric_log

_IN_VALUES = 5000
# Of a look; the rest are found by the next one.
_MAX_SILENT = 1000
_MIN = -(2**63)

_JUDGES = sa.and_(_r.c.experiment_pk == _t.c.experiment_pk, sa.or_(_t.c.run_pk.is_(None), _t.c.run_pk == _r.c.run_pk))
_IS_WHOLE = ~sa.exists().where(_v.c.rule_pk == _t.c.rule_pk, _v.c.run_pk == _r.c.run_pk)
_IN_USE = sa.and_(_r.c.delete_time.is_(None), _e.c.delete_time.is_(None))
_IS_RUNNING = _r.c.status == RunStatus.RUNNING.value

_SERIES = (
    sa.select(_t.c.rule_pk, _t.c.rule_id, _r.c.run_pk, _r.c.run_id, _m.c.key, _t.c.kind, _t.c.condition, _m.c.points)
    .join_from(_t, _r, _JUDGES)
    .join(_e, _e.c.experiment_pk == _r.c.experiment_pk)
    .join(_m, sa.and_(_m.c.run_pk == _r.c.run_pk, _m.c.context == NO_CONTEXT_NUMBER))
    .where(_t.c.kind != Kind.NO_HEARTBEAT.value, sa.or_(_t.c.metric == "", _t.c.metric == _m.c.key))
    .where(_IN_USE, _IS_WHOLE)
)


class SqlJudged:
    """Implements `Judged`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now
        self._transactions = transactions_of(database.dialect)
        self._entries = entries_of(database.dialect)
        self._changes = ChangeRecords(database.dialect)

    def look(self, position: Position | None, known: frozenset[str], heard_millis: int) -> Look:
        """What changed after a position."""
        with self._database.transaction("read") as connection:
            rule_ids = frozenset(connection.execute(sa.select(_t.c.rule_id)).scalars())
            now = self._transactions.position(connection)
            if not rule_ids:
                return Look(now, rule_ids)
            if position is not None:
                check_kept(connection, self._transactions, position, now)
            written, shortened = self._changed(connection, position)
            found = {
                (one.rule_id, one.run_key, one.metric): one
                for one in (*self._written(connection, written, position), *_of_new_rules(connection, rule_ids - known))
            }
            return Look(now, rule_ids, tuple(found.values()), self._silent(connection, heard_millis), shortened)

    def read(self, run_key: int, after: Mapping[str, Moment | None], after_log: int) -> Reading:
        """The points of metrics of a run."""
        keys = sorted(after)
        with self._database.transaction("read") as connection:
            counts = dict(
                connection.execute(
                    sa.select(_m.c.key, _m.c.points).where(
                        _m.c.run_pk == run_key, _m.c.context == NO_CONTEXT_NUMBER, _m.c.key.in_(keys)
                    )
                )
                .tuples()
                .all()
            )
            parts = {key: list[Points]() for key in counts}
            for key, data in _chunks(connection, run_key, after):
                parts.setdefault(key, []).append(columns.decode(data))
            for (_, key), by_context in logged_series(connection, [run_key], keys, after_log=after_log).items():
                parts.setdefault(key, []).extend(by_context.values())
            log_end = connection.execute(sa.select(sa.func.max(_log.c.log_id)).where(_log.c.run_pk == run_key)).scalar()
        return Reading(
            {key: NewPoints(_after(parts[key], after[key]), count) for key, count in counts.items()}, log_end or 0
        )

    def fire(self, rule_key: int, run_key: int, breach: Breach) -> bool:
        """Keeps that a run broke a rule."""
        with self._database.transaction("write") as connection:
            rule = connection.execute(
                # Nobody deletes it meanwhile.
                sa.select(_t).where(_t.c.rule_pk == rule_key).with_for_update(read=True, key_share=True)
            ).one_or_none()
            run = connection.execute(
                sa.select(_r)
                .join(_e, _e.c.experiment_pk == _r.c.experiment_pk)
                .where(_r.c.run_pk == run_key, _IN_USE)
                .with_for_update(of=_r)
            ).one_or_none()
            if rule is None or run is None or (not breach.metric and run.status != RunStatus.RUNNING.value):
                return False
            if not self._keep(connection, rule, run, breach):
                return False
            if rule.stops:
                run_stops.ask(connection, run, RunStop(self._now(), breach.reason, rule.rule_id, ""))
            if rule.tags:
                self._changes.add(connection, run.experiment_pk, run_key, ChangeKind.TAGS)
                tag = Entry(run_key, TAG_PREFIX + rule.display_name, breach.reason, run.experiment_pk)
                self._entries.write(connection, (), (tag,))
            return True

    def _keep(self, connection: Connection, rule: Row[Any], run: Row[Any], breach: Breach) -> bool:
        """Inserts the event, whether it was not there."""
        now = self._now()
        insert = insert_into(connection.dialect.name, _v).values(
            event_id=secrets.token_hex(16),
            rule_pk=rule.rule_pk,
            run_pk=run.run_pk,
            **breach_columns(breach),
            create_time=now,
            state=DeliveryState.PENDING.value if rule.webhook_url else 0,
            attempts=0,
            due_time=now,
            http_status=0,
            problem="",
        )
        inserted = insert.on_conflict_do_nothing(index_elements=[_v.c.rule_pk, _v.c.run_pk])
        return connection.execute(inserted.returning(_v.c.rule_event_pk)).one_or_none() is not None

    def _changed(self, connection: Connection, position: Position | None) -> tuple[list[int], frozenset[str]]:
        """Runs of experiments with rules that were written points after a position, by key, or that lost some, by id.

        None: as far back as is known.
        """
        changed = (
            sa.select(_c.c.run_pk, _c.c.kinds, _r.c.run_id)
            .distinct()
            .join(_r, _r.c.run_pk == _c.c.run_pk)
            .where(_c.c.kinds.bitwise_and((ChangeKind.METRICS | ChangeKind.METRICS_REMOVED).value) != 0)
            .where(_c.c.experiment_pk.in_(sa.select(_t.c.experiment_pk)))
        )
        if position is not None:
            changed = changed.where(self._transactions.is_new(_c.c.transaction_id, position))
        rows = connection.execute(changed).tuples().all()
        written = {run_pk for run_pk, kinds, _ in rows if ChangeKind.METRICS in ChangeKind(kinds)}
        shortened = frozenset(run_id for _, kinds, run_id in rows if ChangeKind.METRICS_REMOVED in ChangeKind(kinds))
        return sorted(written), shortened

    def _written(
        self, connection: Connection, run_pks: Sequence[int], position: Position | None
    ) -> Iterator[JudgedSeries]:
        """What runs were written after a position; None: all that they have, where that was after the rule's creation.

        The runs are named, for there are few of them, whatever a planner thinks of how many an experiment has.
        """
        is_new = _t.c.create_time <= LAST_WRITE_TIME
        if position is not None:
            is_new = self._transactions.is_new(_m.c.changed_by, position)
        for begin in range(0, len(run_pks), _IN_VALUES):
            some = run_pks[begin : begin + _IN_VALUES]
            yield from _to_series(connection.execute(_SERIES.where(is_new, _r.c.run_pk.in_(some))).all())

    def _silent(self, connection: Connection, heard_millis: int) -> list[SilentRun]:
        now = NOW_MILLIS[self._database.dialect]
        statement = (
            sa.select(_t.c.rule_pk, _r.c.run_pk, _t.c.silence, (now - LAST_WRITE_TIME).label("for_so_long"))
            .join_from(_t, _r, _JUDGES)
            .join(_e, _e.c.experiment_pk == _r.c.experiment_pk)
            .where(_t.c.kind == Kind.NO_HEARTBEAT.value, _t.c.silence <= heard_millis)
            .where(_IS_RUNNING, _IN_USE, _IS_WHOLE, now - LAST_WRITE_TIME >= _t.c.silence)
            .limit(_MAX_SILENT)
        )
        return [
            SilentRun(row.rule_pk, row.run_pk, NoHeartbeat(row.silence), row.for_so_long)
            for row in connection.execute(statement)
        ]


def _of_new_rules(connection: Connection, rule_ids: Collection[str]) -> list[JudgedSeries]:
    """What RUNNING runs have that rules judge."""
    if not rule_ids:
        return []
    return _to_series(connection.execute(_SERIES.where(_t.c.rule_id.in_(sorted(rule_ids)), _IS_RUNNING)).all())


def _to_series(rows: Sequence[Any]) -> list[JudgedSeries]:
    found = []
    for row in rows:
        condition = to_condition(row.kind, row.condition)
        assert not isinstance(condition, NoHeartbeat)
        found.append(JudgedSeries(row.rule_pk, row.run_pk, row.rule_id, row.run_id, row.key, condition, row.points))
    return found


def _chunks(connection: Connection, run_pk: int, after: Mapping[str, Moment | None]) -> Sequence[Sequence[Any]]:
    """Key and data of the chunks that may have points of metrics after a moment each."""
    whole = [key for key, moment in after.items() if moment is None]
    moments = [moment for moment in after.values() if moment is not None]
    is_later = sa.tuple_(_chunk.c.last_step, _chunk.c.last_time) > sa.tuple_(*min(moments, default=(_MIN, _MIN)))
    statement = sa.select(_chunk.c.key, _chunk.c.data).where(
        _chunk.c.run_pk == run_pk,
        _chunk.c.key.in_(sorted(after)),
        sa.or_(is_later, _chunk.c.key.in_(whole)),
    )
    return read_large(connection, statement)


def _after(parts: Sequence[Points], moment: Moment | None) -> Points:
    """The points of parts after a moment."""
    points = merge_ordered(parts) if parts else empty_points()
    return points if moment is None else points.part(points.place_after(moment), len(points))
