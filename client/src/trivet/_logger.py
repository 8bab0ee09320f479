"""Logging that does not wait: each run that a process logs to has a log on this machine, and a thread that ships it.

What is appended survives the process, however that ends; `_spool` has how. What this process does not get rid of, the
next one on the machine ships, or `trivet sync`.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import SupportsFloat, SupportsIndex

from trivet._entities import Receipt
from trivet._errors import ClientClosed, SpoolUnusable, TrivetError
from trivet._forks import forks
from trivet._mode import Mode
from trivet._records import check_key, to_number
from trivet._run_logs import RunLog, finish_timeout_seconds, flush_at_exit, live_logs
from trivet._spool.batches import in_parts
from trivet._spool.folders import TargetSpool, limits, spool_of
from trivet._spool.frames import Kind, Series, long_frame
from trivet._spool.leftovers import ship_leftovers
from trivet._spool.room import Room
from trivet._spool.sender import RunServer
from trivet._spool.writer import Retired, to_step, to_time
from trivet._target import Target
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

_Point = tuple[Series, SupportsFloat, SupportsIndex | None, int | None]

_log = logging.getLogger("trivet")


class _Opening(SpoolUnusable):
    """A log is being made by this very thread, in the midst of which a signal's handler logs.

    To make another one would not do: where handlers come faster than a log is made, none would ever be.
    """


class Logger:
    """What a client logs to, run by run.

    Safe for use by several threads. After a fork the child makes logs of its own; what the parent logged is the
    parent's to send.
    """

    def __init__(self, server: RunServer, target: Target, mode: Mode) -> None:
        self.mode = mode
        self._server = server
        self._target = target
        self._is_closed = False
        self._room = Room(limits(is_offline=mode is Mode.OFFLINE))
        self._logs: dict[str, RunLog] = {}
        self._unasked: set[str] = set()
        self.start_anew()
        _loggers.add(self)
        # Before a run is started, so that its end, which is registered later, is logged first.
        flush_at_exit()

    def start_anew(self) -> None:
        """Begins without logs, as the child does after a fork."""
        for log in self._logs.values():
            log.forget_the_parents()
        self._lock = threading.RLock()
        self._logs = {}
        self._past = Receipt(0, 0, 0)
        self._spool: TargetSpool | None = None
        self._room.start_anew()
        self._stop = threading.Event()
        self._is_opening = False
        self._deferred: list[Callable[[], None]] = []

    # --- what is logged

    def add_point(
        self, run_id: str, key: str, value: SupportsFloat, step: SupportsIndex | None, time_millis: int | None
    ) -> None:
        """Logs a point. Raises InvalidArgument, ClientClosed, SpoolUnusable, SpoolFull."""
        log = self._logs.get(run_id)
        while True:
            try:
                (log or self._log(run_id)).writer.add_point(key, value, step, time_millis)
            except Retired:
                log = None
            except _Opening:
                self._defer(run_id, points=[_checked(key, value, to_step(step), to_time(time_millis))])
                return
            else:
                return

    def add_row(
        self,
        run_id: str,
        metrics: Mapping[str, SupportsFloat],
        step: SupportsIndex | None,
        time_millis: int | None,
    ) -> None:
        """Logs a point of each of several metrics, all or none. Raises as `add_point`."""
        log = self._logs.get(run_id)
        while True:
            try:
                (log or self._log(run_id)).writer.add_row(metrics, step, time_millis)
            except Retired:
                log = None
            except _Opening:
                at = (to_step(step), to_time(time_millis))
                self._defer(run_id, points=[_checked(key, value, *at) for key, value in metrics.items()])
                return
            else:
                return

    def add(
        self,
        run_id: str,
        written: pb.WriteRunRequest | None = None,
        points: Sequence[_Point] = (),
    ) -> None:
        """Logs params, tags, inputs, outputs and points, all or none. Raises as `add_point`, and ParamChanged."""
        parts = () if written is None else in_parts(written)
        more = [long_frame(Kind.WRITE, part.SerializeToString()) for part in parts]
        while True:
            try:
                log = self._log(run_id)
            except _Opening:
                self._defer(run_id, written, points)
                return
            if written is not None and written.params:
                log.check_params({param.key: param.value for param in written.params})
            try:
                log.writer.add_points(points, *more)
            except Retired:
                continue
            return

    def add_control(self, run_id: str, kind: Kind, payload: bytes) -> None:
        """Logs a call to be made by itself, between what is logged before and after it."""
        while True:
            try:
                self._log(run_id).writer.add(long_frame(kind, payload), records=0)
            except Retired:
                continue
            except _Opening:
                self._deferred.append(lambda: self.add_control(run_id, kind, payload))
            return

    def begin_unasked(self, run_id: str, kind: Kind, payload: bytes) -> None:
        """Logs that a run begins, or goes on, which no server could be asked for; as `add_control`."""
        self._unasked.add(run_id)
        self.add_control(run_id, kind, payload)

    def _defer(self, run_id: str, written: pb.WriteRunRequest | None = None, points: Sequence[_Point] = ()) -> None:
        """Logs something when the log is there that is being made below this call."""
        self._deferred.append(lambda: self.add(run_id, written, points))

    def folder_of(self, run_id: str) -> Path:
        """Where the log of a run is."""
        return self._log(run_id).writer.folder

    def unsent_bytes(self, run_id: str) -> int:
        """How many bytes of the log of a run are neither stored nor refused."""
        log = self._logs.get(run_id)
        return 0 if log is None else log.writer.end - log.writer.head.progress.settled

    def _log(self, run_id: str) -> RunLog:
        with self._lock:
            if self._is_closed:
                raise ClientClosed("This client is closed. Make another one.")
            log = self._logs.get(run_id)
            if log is not None and log.writer.is_retired:
                self._forget(log)
                log = None
            if log is None:
                log = self._make(run_id)
            return log

    def _make(self, run_id: str) -> RunLog:
        if self._is_opening:
            raise _Opening("A log is being made; a signal's handler that came meanwhile cannot keep files.")
        self._is_opening = True
        try:
            with forks.kept_off():
                if self._spool is None:
                    self._spool = self._open()
                log = self._logs[run_id] = RunLog(
                    run_id,
                    self._spool,
                    self._room,
                    self._server,
                    is_sent=self.mode is Mode.ONLINE,
                    is_unasked=self.mode is Mode.OFFLINE or run_id in self._unasked,
                )
        finally:
            self._is_opening = False
        deferred, self._deferred = self._deferred, []
        for add in deferred:
            try:
                add()
            except TrivetError as error:
                _log.error("What a signal's handler logged to run %s cannot be kept: %s", run_id, error)
        return log

    def _open(self) -> TargetSpool:
        """The spool; what processes that have ended left in it is shipped from now on."""
        spool = spool_of(self._target)
        if self.mode is Mode.ONLINE and spool.log_folders():
            stop = self._stop
            threading.Thread(
                target=lambda: ship_leftovers(spool, self._server, is_over=stop.is_set, wait=stop.wait),
                name="trivet leftovers",
                daemon=True,
            ).start()
        return spool

    # --- what becomes of it

    def _current(self, run_id: str | None = None) -> list[RunLog]:
        with self._lock:
            return [log for log in self._logs.values() if run_id in (None, log.run_id)]

    def flush(self, timeout_seconds: float | None = None, run_id: str | None = None) -> Receipt:
        """Waits until what was logged so far is stored or refused; says once what is left when the time is over.

        Args:
            timeout_seconds: Default: `finish_timeout_seconds`.
            run_id: Only this run. Default: all.

        Returns:
            What became of all records of this process, not only of those that were waited for. Offline, nothing is
            waited for.
        """
        self.settle(timeout_seconds, run_id)
        return self.receipt()

    def settle(self, timeout_seconds: float | None = None, run_id: str | None = None) -> None:
        """What `flush` does, without counting."""
        deadline = time.monotonic() + (finish_timeout_seconds() if timeout_seconds is None else timeout_seconds)
        for log in self._current(run_id):
            if not log.wait(deadline) and self.mode is Mode.ONLINE:
                log.say_left()

    def end(self, run_id: str, request: pb.UpdateRunRequest) -> None:
        """Ends a run after what was logged to it, and waits for both as `flush` does."""
        self.add_control(run_id, Kind.UPDATE, request.SerializeToString())
        self.settle(run_id=run_id)
        for log in self._current(run_id):
            receipt = log.retire()
            if receipt is None:
                continue
            if receipt.refused:
                _log.warning("run %s: %d of %d records were refused", run_id, receipt.refused, receipt.logged)
            if receipt.dropped:
                _log.warning("run %s: %d of %d records were dropped", run_id, receipt.dropped, receipt.logged)
            self._forget(log)

    def _forget(self, log: RunLog) -> None:
        with self._lock:
            if self._logs.get(log.run_id) is log:
                del self._logs[log.run_id]
                self._past = _sum((self._past, log.receipt()))

    @contextmanager
    def rewinding(self, run_id: str) -> Iterator[None]:
        """Flushes a run, and lets what this process logs go on after the block has rewound it."""
        self.settle(run_id=run_id)
        logs = self._current(run_id)
        for log in logs:
            log.rewound(is_rewound=True)
        try:
            yield
        except BaseException:
            for log in logs:
                log.rewound(is_rewound=False)
            raise

    def receipt(self) -> Receipt:
        """What became of the records of this process so far."""
        return _sum((self._past, *(log.receipt() for log in self._current())))

    def close(self) -> None:
        """Flushes, and refuses more. Idempotent."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self.settle()
        self._stop.set()
        self._room.close()
        for log in self._current():
            log.writer.retire()
            log.close()


def _sum(receipts: Iterable[Receipt]) -> Receipt:
    total = list(receipts)
    return Receipt(
        sum(receipt.logged for receipt in total),
        sum(receipt.stored for receipt in total),
        sum(receipt.refused for receipt in total),
        sum(receipt.dropped for receipt in total),
    )


def _checked(key: str, value: SupportsFloat, step: int, time_millis: int) -> _Point:
    return Series(check_key(key)), to_number(key, value), step, time_millis


_loggers: weakref.WeakSet[Logger] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for logger in list(_loggers):
        logger.start_anew()
    for log in list(live_logs):
        log.forget_the_parents()
    live_logs.clear()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
