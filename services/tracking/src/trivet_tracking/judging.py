"""Judges runs by rules while they are written: a thread that looks twice a second at what has changed.

It is beside the writes and never in their way, as watching is: it finds by their transactions what is new, and reads of
it the points that it has not seen. Any number of replicas may look, each for itself and at everything; the database
keeps what one of them finds once. What a replica remembers is only to read less: one that is new, or that could not
look for long, judges whole series again.
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
from trivet_tracking.domain.metrics import Moment
from trivet_tracking.domain.rule_conditions import NO_MEMORY, Memory
from trivet_tracking.domain.rules import Judged, JudgedSeries, Reading
from trivet_tracking.domain.watches import Position

LOOK_SECONDS = 0.5
# Of series that are remembered, some hundred bytes each.
_MAX_REMEMBERED = 100_000
# That are read at once: three megabytes of columns.
_POINTS_AT_ONCE = 131_072

_log = logging.getLogger("trivet.tracking.judging")

_Place: TypeAlias = tuple[str, str, str]
"""The ids of a rule and of a run, and a metric. Not their keys: SQLite gives those of deleted rows again."""


@dataclass(frozen=True)
class _Reached:
    """Up to where a series was judged."""

    moment: Moment | None
    """Of the last point."""
    count: int
    """How many points the series had then."""
    log_end: int
    """Where the log of the run ended then."""
    memory: Memory


_NOTHING = _Reached(None, 0, 0, NO_MEMORY)


class Judging:
    """Looks and judges, from when it is made."""

    def __init__(self, judged: Judged, look_seconds: float = LOOK_SECONDS) -> None:
        self._judged = judged
        self._look_seconds = look_seconds
        self._position: Position | None = None
        self._rule_ids: frozenset[str] = frozenset()
        self._reached: OrderedDict[_Place, _Reached] = OrderedDict()
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
                self._position, self._heard_since = None, began
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
        for silent in look.silent:
            breach = silent.condition.breach(silent.silence_millis)
            self._judged.fire(silent.rule_key, silent.run_key, breach)
        self._forget(look.shortened)
        of_runs: dict[int, list[JudgedSeries]] = {}
        for one in look.series:
            of_runs.setdefault(one.run_key, []).append(one)
        for run_key, series in of_runs.items():
            for some in self._batches(series):
                self._judge(run_key, some)
        self._position, self._rule_ids = look.position, look.rule_ids

    def _forget(self, run_ids: Collection[str]) -> None:
        """Begins anew with runs from which points were removed: what is left says nothing of what was judged."""
        if run_ids:
            for place in [place for place in self._reached if place[1] in run_ids]:
                del self._reached[place]

    def _batches(self, series: Sequence[JudgedSeries]) -> Iterator[list[JudgedSeries]]:
        """The series in lists that are read at once, all of one metric together."""
        batch: list[JudgedSeries] = []
        size, metric = 0, ""
        for one in sorted(series, key=lambda one: one.metric):
            if one.metric != metric:
                new = one.count - self._reached.get(_place(one), _NOTHING).count
                if batch and size + new > _POINTS_AT_ONCE:
                    yield batch
                    batch, size = [], 0
                size, metric = size + new, one.metric
            batch.append(one)
        yield batch

    def _judge(self, run_key: int, series: Sequence[JudgedSeries]) -> None:
        """Judges what is new of metrics of a run; a metric that has points among those that were judged, as a whole."""
        read = self._read(run_key, series)
        late = [one for one in series if not self._take(one, read)]
        for one in late:
            self._reached.pop(_place(one), None)
        if late:
            read = self._read(run_key, late)
            for one in late:
                self._take(one, read)

    def _read(self, run_key: int, series: Sequence[JudgedSeries]) -> Reading:
        """What is new of metrics for all who judge them."""
        ends: dict[str, Moment | None] = {}
        for one in series:
            moment = self._reached.get(_place(one), _NOTHING).moment
            known = ends.get(one.metric, moment)
            ends[one.metric] = None if moment is None or known is None else min(moment, known)
        log_end = min(self._reached.get(_place(one), _NOTHING).log_end for one in series)
        return self._judged.read(run_key, ends, log_end)

    def _take(self, one: JudgedSeries, read: Reading) -> bool:
        """Judges what was read; whether all of it comes after what was judged before."""
        if one.metric not in read.metrics:  # it was removed meanwhile
            self._reached.pop(_place(one), None)
            return True
        new, reached = read.metrics[one.metric], self._reached.get(_place(one), _NOTHING)
        points = new.points
        if reached.moment is not None:
            points = points.part(points.place_after(reached.moment), len(points))
            if reached.count + len(points) != new.count:
                return False
        if not len(points):
            return True
        breach, memory = one.condition.judge(one.metric, points, reached.memory)
        if breach is not None:
            self._reached.pop(_place(one), None)
            self._judged.fire(one.rule_key, one.run_key, breach)
            return True
        end = (int(points.steps[-1]), int(points.times[-1]))
        self._reached[_place(one)] = _Reached(end, new.count, read.log_end, memory)
        self._reached.move_to_end(_place(one))
        while len(self._reached) > _MAX_REMEMBERED:
            self._reached.popitem(last=False)
        return True


def _place(one: JudgedSeries) -> _Place:
    return one.rule_id, one.run_id, one.metric
