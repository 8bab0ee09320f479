"""What rules have to judge, in SQL: found by what transactions changed, as watchers find it (changes.py)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_kit.db.bulk import read_large
from trivet_kit.db.upserts import insert_into
from trivet_kit.webhooks.deliveries import DeliveryState
from trivet_tracking.domain.metrics import Moment, Points, merge_ordered
from trivet_tracking.domain.rule_conditions import Breach, NoHeartbeat
from trivet_tracking.domain.rules import (
    TAG_PREFIX,
    JudgedSeries,
    Look,
    Piece,
    Reading,
    ReadSeries,
    RunStop,
    SegmentId,
    SilentRun,
    WantedRun,
)
from trivet_tracking.domain.runs import RunStatus
from trivet_tracking.domain.watches import ChangeKind, Position
from trivet_tracking.store import columns, run_stops, segments, tables
from trivet_tracking.store.change_records import ChangeRecords
from trivet_tracking.store.contexts import NO_CONTEXT_NUMBER
from trivet_tracking.store.entries import Entry, entries_of
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
# Keys of one statement, and ranges of chunks that it asks for: SQLite nests so many at most.
_RANGES = 200
_RANGES_OF_A_RUN = 20

_T = TypeVar("_T")
_SeriesKey: TypeAlias = tuple[int, str]
"""The key of a run, and a metric."""

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
            series = tuple(self._written(connection, written, position))
            older = tuple(_of_new_rules(connection, rule_ids - known))
            silent = self._silent(connection, heard_millis)
        if position is None:
            return Look(now, rule_ids, (), (*older, *series), silent, shortened)
        return Look(now, rule_ids, series, older, silent, shortened)

    def read(self, wanted: Sequence[WantedRun]) -> dict[int, Reading]:
        """Points of metrics of runs."""
        keys = {one.run_key: frozenset(one.after) for one in wanted}
        seen = frozenset[SegmentId]().union(*(one.seen for one in wanted))
        with self._database.transaction("read") as connection:
            counts = _counts(connection, keys)
            chunks = _chunks(connection, wanted)
            in_log, pieces = _logged(connection, keys, seen)
        return {
            run_key: Reading(
                {
                    key: ReadSeries(chunks.get((run_key, key), {}), pieces.get((run_key, key), ()), count, is_exact)
                    for key, (count, is_exact) in counts.get(run_key, {}).items()
                },
                in_log.get(run_key, frozenset()),
            )
            for run_key in keys
        }

    def fire(self, one: JudgedSeries | SilentRun, breach: Breach) -> bool:
        """Keeps that a run broke a rule."""
        with self._database.transaction("write") as connection:
            rule = connection.execute(
                # Nobody deletes it meanwhile.
                sa.select(_t)
                .where(_t.c.rule_pk == one.rule_key, _t.c.rule_id == one.rule_id)
                .with_for_update(read=True, key_share=True)
            ).one_or_none()
            run = connection.execute(
                sa.select(_r)
                .join(_e, _e.c.experiment_pk == _r.c.experiment_pk)
                .where(_r.c.run_pk == one.run_key, _r.c.run_id == one.run_id, _IN_USE)
                .where(*self._is_silent(one.condition) if isinstance(one, SilentRun) else ())
                # Deletion, rewinding and purge wait for it, and whoever writes tags; those who write points do not.
                .with_for_update(of=_r, key_share=True)
            ).one_or_none()
            if rule is None or run is None or not self._keep(connection, rule, run, breach):
                return False
            if rule.stops:
                run_stops.ask(connection, run, RunStop(self._now(), breach.reason, rule.rule_id, ""))
            if rule.tags:
                self._changes.add(connection, run.experiment_pk, run.run_pk, ChangeKind.TAGS)
                tag = Entry(run.run_pk, TAG_PREFIX + rule.display_name, breach.reason, run.experiment_pk)
                self._entries.write(connection, (), (tag,))
            return True

    def _is_silent(self, condition: NoHeartbeat) -> Sequence[sa.ColumnElement[bool]]:
        now = NOW_MILLIS[self._database.dialect]
        return _IS_RUNNING, now - LAST_WRITE_TIME >= condition.silence_millis

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
        rows = connection.execute(changed).all()
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
            sa.select(
                _t.c.rule_pk,
                _t.c.rule_id,
                _r.c.run_pk,
                _r.c.run_id,
                _t.c.silence,
                (now - LAST_WRITE_TIME).label("for_so_long"),
            )
            .join_from(_t, _r, _JUDGES)
            .join(_e, _e.c.experiment_pk == _r.c.experiment_pk)
            .where(_t.c.kind == Kind.NO_HEARTBEAT.value, _t.c.silence <= heard_millis)
            .where(_IS_RUNNING, _IN_USE, _IS_WHOLE, now - LAST_WRITE_TIME >= _t.c.silence)
            .limit(_MAX_SILENT)
        )
        return [
            SilentRun(row.rule_pk, row.rule_id, row.run_pk, row.run_id, NoHeartbeat(row.silence), row.for_so_long)
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
        found.append(JudgedSeries(row.rule_pk, row.rule_id, row.run_pk, row.run_id, row.key, condition, row.points))
    return found


def _counts(connection: Connection, keys: Mapping[int, frozenset[str]]) -> dict[int, dict[str, tuple[int, bool]]]:
    """How many points metrics of runs have, and whether that is exact."""
    found: dict[int, dict[str, tuple[int, bool]]] = {}
    for some in _in_parts(sorted(frozenset[str]().union(*keys.values())), _IN_VALUES):
        statement = (
            sa.select(
                _m.c.run_pk,
                _m.c.key,
                sa.func.sum(sa.case((_m.c.context == NO_CONTEXT_NUMBER, _m.c.points), else_=0)),
                sa.func.max(sa.case((_m.c.unsettled, 1), else_=0)),
            )
            .where(_m.c.run_pk.in_(sorted(keys)), _m.c.key.in_(some))
            .group_by(_m.c.run_pk, _m.c.key)
        )
        for run_pk, key, count, unsettled in connection.execute(statement):
            if key in keys[run_pk]:
                found.setdefault(run_pk, {})[key] = int(count), not unsettled
    return found


def _logged(
    connection: Connection, keys: Mapping[int, frozenset[str]], seen: frozenset[SegmentId]
) -> tuple[dict[int, frozenset[SegmentId]], dict[_SeriesKey, list[Piece]]]:
    """The segments that runs have in the log, and the points of those that were not seen.

    Not those after the last one that was seen: connections take numbers in advance, and commit in any order.
    """
    of_runs = _log.c.run_pk.in_(sorted(keys))
    found: dict[int, set[SegmentId]] = {}
    for run_pk, *segment in connection.execute(sa.select(_log.c.run_pk, _log.c.log_id, _log.c.time).where(of_runs)):
        found.setdefault(run_pk, set()).add((segment[0], segment[1]))
    pieces: dict[_SeriesKey, list[Piece]] = {}
    unseen = sorted(log_id for log_id, _ in set[SegmentId]().union(*found.values()) - seen)
    for some in _in_parts(unseen, _IN_VALUES):
        rows = sa.select(_log.c.run_pk, _log.c.log_id, _log.c.time, _log.c.data)
        for run_pk, log_id, time, data in read_large(connection, rows.where(of_runs, _log.c.log_id.in_(some))):
            for key, number, points in segments.decode(data, keys[run_pk]).pieces():
                pieces.setdefault((run_pk, key), []).append(Piece((log_id, time), number, points))
    return {run_pk: frozenset(its_segments) for run_pk, its_segments in found.items()}, pieces


def _chunks(connection: Connection, wanted: Sequence[WantedRun]) -> dict[_SeriesKey, dict[int, Points]]:
    """The points in chunks after a moment each, by number of the context."""
    parts: dict[_SeriesKey, dict[int, list[Points]]] = {}
    ranges = [its_range for one in wanted for its_range in _ranges(one)]
    after = {one.run_key: one.after for one in wanted}
    for some in _in_parts(ranges, _RANGES):
        statement = sa.select(_chunk.c.run_pk, _chunk.c.key, _chunk.c.context, _chunk.c.data).where(sa.or_(*some))
        for run_pk, key, context, data in read_large(connection, statement):
            parts.setdefault((run_pk, key), {}).setdefault(context, []).append(columns.decode(data))
    return {
        (run_pk, key): {
            context: _after(merge_ordered(its_parts), after[run_pk][key]) for context, its_parts in by_context.items()
        }
        for (run_pk, key), by_context in parts.items()
    }


def _ranges(one: WantedRun) -> Iterator[sa.ColumnElement[bool]]:
    """Which chunks of a run may have points that are wanted; metrics that were judged about equally far together."""
    of_run = _chunk.c.run_pk == one.run_key
    for some in _in_parts(sorted(key for key, moment in one.after.items() if moment is None), _IN_VALUES):
        yield sa.and_(of_run, _chunk.c.key.in_(some))
    judged = sorted((moment, key) for key, moment in one.after.items() if moment is not None)
    for part in _in_parts(judged, -(-len(judged) // _RANGES_OF_A_RUN)):
        is_later = sa.tuple_(_chunk.c.last_step, _chunk.c.last_time) > sa.tuple_(*part[0][0])
        yield sa.and_(of_run, _chunk.c.key.in_([key for _, key in part]), is_later)


def _after(points: Points, moment: Moment | None) -> Points:
    return points if moment is None else points.part(points.place_after(moment), len(points))


def _in_parts(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for begin in range(0, len(items), max(size, 1)):
        yield items[begin : begin + size]
