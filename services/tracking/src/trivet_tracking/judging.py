"""Judges runs by rules while they are written: a thread that looks twice a second at what has changed.

It is beside the writes and never in their way, as watching is: it finds by their transactions what is new, and reads of
it the points that it has not seen. Any number of replicas may look, each for itself and at everything; the database
keeps what one of them finds once. What a replica remembers is only to read less: one that is new, or that could not
look for long, judges whole series again.

What was written just now comes first. What takes longer is put off and taken up beside it, for a part of each look:
what was there before a rule or a start, series that have to be judged as a whole again, and what failed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from trivet_kit.errors import CallerError, ResumeTokenExpired
from trivet_tracking.domain.metrics import Moment, Points, merge_ordered
from trivet_tracking.domain.rule_conditions import NO_MEMORY, Memory, NotANumber, OutOfBound
from trivet_tracking.domain.rules import (
    Judged,
    JudgedRun,
    JudgedSeries,
    Reading,
    ReadSeries,
    SegmentId,
    SilentRun,
    WantedRun,
)
from trivet_tracking.domain.watches import Position

LOOK_SECONDS = 0.5
# Of series that are remembered, some hundred bytes each.
MAX_REMEMBERED = 100_000
# One that nothing was written to for so long makes room for others.
_IDLE_SECONDS = 600.0
# Read at once: three megabytes of columns, and what one statement may name.
_POINTS_AT_ONCE = 131_072
_SERIES_AT_ONCE = 1000
_RUNS_AT_ONCE = 50
# Of a look, for what was put off.
_BACKLOG_SECONDS = 0.5
# A series is judged as a whole again for at most such a part of the time: after so many times as long as it took.
_REST = 10
_FAILED_SECONDS = 10.0
# After so many runs one after the other that could not be judged, it is not they: the others wait for the next look.
_MAX_FAILURES = 5

_log = logging.getLogger("trivet.tracking.judging")

_Place: TypeAlias = tuple[str, str, str]
"""The ids of a rule and of a run, and a metric. Not their keys: SQLite gives those of deleted rows again."""


@dataclass(frozen=True)
class _Reached:
    """Up to where a series was judged."""

    moment: Moment
    """Of the last point."""
    count: int
    """How many points the series had then."""
    is_exact: bool
    """Whether that counts each once."""
    segments: frozenset[SegmentId]
    """What the log of the run had then; one object for all that was read with it."""
    memory: Memory
    whole_seconds: float
    """How long it took to judge it as a whole."""
    whole_time: float
    time: float


@dataclass(frozen=True)
class _Owed:
    """A series that was put off."""

    series: JudgedSeries
    not_before: float
    is_whole: bool
    """Whether it is judged as a whole again."""


class Judging:
    """Looks and judges, from when it is made."""

    def __init__(
        self, judged: Judged, look_seconds: float = LOOK_SECONDS, max_remembered: int = MAX_REMEMBERED
    ) -> None:
        """Remembers at most so many series; those above are judged as a whole each time."""
        self._judged = judged
        self._look_seconds = look_seconds
        self._max_remembered = max_remembered
        self._position: Position | None = None
        self._rule_ids: frozenset[str] = frozenset()
        self._reached: OrderedDict[_Place, _Reached] = OrderedDict()
        self._owed: OrderedDict[_Place, _Owed] = OrderedDict()
        self._failures = 0
        """How many runs one after the other could not be judged."""
        self._heard_since = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="judging", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops after the look that is being made; calling it again does nothing."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                self._look()
            except ResumeTokenExpired:
                # It could not look for longer than changes are kept: as after a start.
                self._position, self._rule_ids, self._heard_since = None, frozenset(), began
                continue
            except CallerError as error:
                # The database is away or busy, for those who write as well.
                _log.info("not judged: %s", error)
                self._heard_since = time.monotonic()
            except Exception:  # noqa: BLE001 - rules are judged on, whatever one look meets
                _log.exception("not judged")
            self._stopped.wait(max(self._look_seconds - (time.monotonic() - began), self._look_seconds / 10))

    def _look(self) -> None:
        heard_millis = int((time.monotonic() - self._heard_since) * 1000)
        look = self._judged.look(self._position, self._rule_ids, heard_millis)
        self._forget(look.shortened)
        for one in look.backlog:
            self._owed.setdefault(_place(one), _Owed(one, 0.0, is_whole=True))
        # From here on nothing is lost, whatever fails: it is owed, or the next look finds it again.
        self._position, self._rule_ids, self._failures = look.position, look.rule_ids, 0
        for silent in look.silent:
            self._fire_silent(silent)
        # What has to be judged as a whole first is not to keep the rest waiting.
        live = [one for one in look.series if _place(one) not in self._owed or _place(one) in self._reached]
        for part in self._parts(live):
            self._judge(part)
        self._judge_owed(time.monotonic() + _BACKLOG_SECONDS)

    def _fire_silent(self, silent: SilentRun) -> None:
        try:
            self._judged.fire(silent, silent.condition.breach(silent.silence_millis))
        except Exception as error:  # noqa: BLE001 - the others are not to wait for it
            _warn(silent, error)

    def _judge_owed(self, until: float) -> None:
        """Takes up what was put off, the oldest first, until a time."""
        now = time.monotonic()
        for part in self._parts([owed.series for owed in self._owed.values() if owed.not_before <= now]):
            if time.monotonic() >= until or self._stopped.is_set():
                return
            for one in part:
                if self._owed.pop(_place(one)).is_whole:
                    self._reached.pop(_place(one), None)
            self._judge(part)

    def _forget(self, run_ids: Collection[str]) -> None:
        """Begins anew with runs from which points were removed: what is left says nothing of what was judged."""
        if run_ids:
            for place in [place for place in self._reached if place[1] in run_ids]:
                del self._reached[place]

    def _parts(self, series: Sequence[JudgedSeries]) -> Iterator[list[JudgedSeries]]:
        """The series in lists that are read at once, all of one metric of a run together."""
        part: list[JudgedSeries] = []
        runs: set[int] = set()
        size, of = 0, (0, "")
        for one in sorted(series, key=lambda one: (one.run_key, one.metric)):
            if (one.run_key, one.metric) != of:
                reached = self._reached.get(_place(one))
                new = one.count - (0 if reached is None else reached.count)
                is_full = len(part) >= _SERIES_AT_ONCE or len(runs | {one.run_key}) > _RUNS_AT_ONCE
                if part and (is_full or size + new > _POINTS_AT_ONCE):
                    yield part
                    part, runs, size = [], set(), 0
                size, of = size + new, (one.run_key, one.metric)
            part.append(one)
            runs.add(one.run_key)
        if part:
            yield part

    def _judge(self, part: Sequence[JudgedSeries]) -> None:
        """Judges what is new of series; where that fails, of each run for itself; of one that fails again later."""
        if self._failures >= _MAX_FAILURES:
            for one in part:
                self._put_off(one, 0.0)
            return
        try:
            self._judge_new(part)
            self._failures = 0
        except Exception as error:  # noqa: BLE001 - a run that cannot be judged is not to keep others from it
            of_runs = _by_run(part)
            if len(of_runs) > 1:
                for series in of_runs.values():
                    self._judge(series)
                return
            self._failures += 1
            _warn(part[0], error)
            for one in part:
                self._put_off(one, time.monotonic() + _FAILED_SECONDS)

    def _put_off(self, one: JudgedSeries, not_before: float, *, is_whole: bool = False) -> None:
        self._owed.setdefault(_place(one), _Owed(one, not_before, is_whole))

    def _judge_new(self, part: Sequence[JudgedSeries]) -> None:
        began = time.monotonic()
        readings = self._judged.read([self._wanted(series) for series in _by_run(part).values()])
        seconds = (time.monotonic() - began) / len(part)
        for one in part:
            reading = readings[one.run_key]
            if one.metric in reading.metrics:
                self._take(one, reading, seconds)
            else:  # it was removed meanwhile
                self._reached.pop(_place(one), None)

    def _wanted(self, series: Sequence[JudgedSeries]) -> WantedRun:
        """What is new of metrics of a run for all who judge them."""
        after: dict[str, Moment | None] = {}
        seen: frozenset[SegmentId] | None = None
        for one in series:
            reached = self._reached.get(_place(one))
            moment = None if reached is None else reached.moment
            known = after.get(one.metric, moment)
            after[one.metric] = None if moment is None or known is None else min(moment, known)
            segments = frozenset[SegmentId]() if reached is None else reached.segments
            seen = segments if seen is None or seen is segments else seen & segments
        return WantedRun(series[0].run_key, after, seen or frozenset())

    def _take(self, one: JudgedSeries, reading: Reading, seconds: float) -> None:
        """Judges what was read, unless that has to be done as a whole."""
        read, reached, now = reading.metrics[one.metric], self._reached.get(_place(one)), time.monotonic()
        if reached is None:
            points, is_known = merge_ordered([*read.chunks.values(), *(piece.points for piece in read.pieces)]), True
        else:
            points, is_known = _new_points(read, reading.segments, reached)
            if not isinstance(one.condition, _OF_SINGLE_POINTS):
                is_known = is_known and (not len(points) or _moment(points, 0) > reached.moment)
                if not is_known:
                    points = points.part(0, 0)
        if len(points):
            breach, memory = one.condition.judge(one.metric, points, NO_MEMORY if reached is None else reached.memory)
            if breach is not None:
                self._reached.pop(_place(one), None)
                self._judged.fire(one, breach)
                return
            if is_known:
                end = _moment(points, len(points) - 1)
                whole = (seconds, now) if reached is None else (reached.whole_seconds, reached.whole_time)
                end = end if reached is None else max(end, reached.moment)
                self._remember(
                    one, _Reached(end, read.count, read.is_exact, reading.segments, memory, *whole, time=now)
                )
        if reached is not None and not is_known:
            self._put_off(one, reached.whole_time + _REST * reached.whole_seconds, is_whole=True)

    def _remember(self, one: JudgedSeries, reached: _Reached) -> None:
        """Remembers it, unless there is no room: to forget what will be asked for next would help nobody."""
        place = _place(one)
        if place not in self._reached and len(self._reached) >= self._max_remembered:
            if next(iter(self._reached.values())).time > reached.time - _IDLE_SECONDS:
                return
            self._reached.popitem(last=False)
        self._reached[place] = reached
        self._reached.move_to_end(place)


# Each of whose points is judged for itself, in whatever order.
_OF_SINGLE_POINTS = (NotANumber, OutOfBound)


def _new_points(read: ReadSeries, segments: frozenset[SegmentId], reached: _Reached) -> tuple[Points, bool]:
    """The points that a series did not have before, and whether these are surely all.

    As long as nothing was folded, what the count grew by is in new segments or in chunks after all that was there. The
    folder puts points anywhere, and corrects counts: then only those of which both are exact can be compared.
    """
    by_context: dict[int, list[Points]] = {}
    for context, points in read.chunks.items():
        by_context[context] = [_after(points, reached.moment)]
    is_folded = not reached.segments or not reached.segments <= segments
    for piece in read.pieces:
        if piece.segment not in reached.segments:
            points = _after(piece.points, reached.moment) if is_folded else piece.points
            by_context.setdefault(piece.context, []).append(points)
    parts = [part for its_parts in by_context.values() for part in its_parts]
    grown = read.count - reached.count
    if is_folded:
        found = sum(len(merge_ordered(its_parts)) for its_parts in by_context.values())
        is_all = read.is_exact and reached.is_exact and found == grown
    else:
        is_all = sum(map(len, parts)) == grown
    return merge_ordered(parts), is_all


def _after(points: Points, moment: Moment) -> Points:
    return points.part(points.place_after(moment), len(points))


def _moment(points: Points, at: int) -> Moment:
    return int(points.steps[at]), int(points.times[at])


def _by_run(series: Sequence[JudgedSeries]) -> dict[int, list[JudgedSeries]]:
    of_runs: dict[int, list[JudgedSeries]] = {}
    for one in series:
        of_runs.setdefault(one.run_key, []).append(one)
    return of_runs


def _warn(one: JudgedRun, error: Exception) -> None:
    _log.warning("run %s is judged later: %s", one.run_id, error, exc_info=not isinstance(error, CallerError))


def _place(one: JudgedSeries) -> _Place:
    return one.rule_id, one.run_id, one.metric
