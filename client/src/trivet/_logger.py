"""Logging that does not wait: a queue in memory for each run, and a thread that sends it.

1. `add` checks nothing that needs a server, puts the record into its run's queue and returns.
2. The run's thread takes all that is waiting, puts it into messages of up to 4 MiB, and sends one at a time, numbered
   by (writer id, sequence). So what is logged during a call goes together into the next one, and a message that is sent
   again after a lost answer has no effect.
3. While the server is away the message is tried again, for as long as the process lives. A record that the server
   refuses is counted and said in the log, and does not hold up the others.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import math
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple, Protocol

from trivet._connection import Pauses
from trivet._entities import Receipt
from trivet._errors import (
    ClientClosed,
    CredentialsInvalid,
    DeadlineExceeded,
    MessageTooLarge,
    Overloaded,
    ParamChanged,
    ServerError,
    ServerUnavailable,
    TrivetError,
)
from trivet._ids import new_writer_id
from trivet._records import MAX_MESSAGE_BYTES, Batch, Param, Record, batches
from trivet._status import from_status
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

_log = logging.getLogger("trivet")

DEFAULT_FINISH_TIMEOUT_SECONDS: Final = 10.0
# A thread that has nothing to send ends after this long; the next record starts another one.
_IDLE_SECONDS: Final = 30.0
_SMALLEST_MESSAGE_BYTES: Final = 64 * 1024
# A fault of the server may be of a moment; one that comes back this often is the message's.
_TRIES_OF_A_FAULT: Final = 5
_GAP: Final = "SEQUENCE_GAP"
_ENDED: Final = "WRITER_ENDED"
# Errors that end by themselves: a server that is away, slow or full, and a token that is about to be renewed.
_PASSING: Final = (ServerUnavailable, DeadlineExceeded, Overloaded, CredentialsInvalid)


def finish_timeout_seconds() -> float:
    """How long the end of a run waits for its records: TRIVET_FINISH_TIMEOUT, else 10 s."""
    text = os.environ.get("TRIVET_FINISH_TIMEOUT", "")
    try:
        seconds = float(text) if text else DEFAULT_FINISH_TIMEOUT_SECONDS
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        _log.warning("TRIVET_FINISH_TIMEOUT is %r, which is no number of seconds; taking 10", text)
        return DEFAULT_FINISH_TIMEOUT_SECONDS
    return seconds


class Ending(NamedTuple):
    """The end of a run, sent after everything that was logged before it."""

    status: str
    time_millis: int


class RunServer(Protocol):
    """What the threads send to. Its methods are called by several threads."""

    def write(self, message: pb.WriteRunRequest) -> pb.WriteRunResponse:
        """Sends a message once. Raises TrivetError."""
        ...

    def end(self, run_id: str, ending: Ending) -> None:
        """Sets status and end time once. Raises TrivetError."""
        ...

    def run_name(self, run_id: str) -> str:
        """The resource name of a run."""
        ...


class _RunQueue:
    """The records of one run. Safe for use by several threads; after a fork the child starts with an empty one."""

    def __init__(self, run_id: str, server: RunServer) -> None:
        self.run_id = run_id
        self._server = server
        self._run = server.run_name(run_id)
        self._params: dict[str, str] = {}
        self._message_bytes = MAX_MESSAGE_BYTES
        self.start_anew()
        _run_queues.add(self)

    def start_anew(self) -> None:
        """Drops what waits, and becomes another writer: what a child process does with its parent's queue."""
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._waiting: deque[Record | Ending] = deque()
        self._thread: threading.Thread | None = None
        self._is_idle = False
        self._is_retired = False
        self._added = self._settled = 0  # endings too
        self._logged = self._stored = self._refused = 0
        self._become_another_writer()
        self._said: set[str] = set()
        self._said_left = False
        self._obstacle: TrivetError | None = None
        self._patience_ends = math.inf

    def go_on_after_rewind(self, *, is_rewound: bool) -> None:
        """Says that this process rewinds the run, which ends its writers: what is refused for that is sent anew."""
        self._is_rewound = is_rewound

    def _become_another_writer(self) -> None:
        self._is_rewound = False
        self._writer_id, self._sequence = new_writer_id(), 0

    def add(self, records: Sequence[Record | Ending]) -> bool:
        """Takes records in; False where the queue was retired, and another one has to take them.

        Raises:
            ParamChanged: a param was logged before, in this process, with another value; then none is taken.
        """
        with self._changed:
            if self._is_retired:
                return False
            self._check_params(records)
            self._waiting.extend(records)
            self._added += len(records)
            self._logged += sum(not isinstance(record, Ending) for record in records)
            if self._is_idle:
                self._changed.notify_all()
            if self._thread is not None:
                return True
            self._thread = threading.Thread(target=self._work, name=f"trivet log {self.run_id}", daemon=True)
        self._start()
        return True

    def _check_params(self, records: Iterable[Record | Ending]) -> None:
        fresh: dict[str, str] = {}
        for record in records:
            if isinstance(record, Param):
                known = self._params.get(record.key, fresh.setdefault(record.key, record.value))
                if known != record.value:
                    raise ParamChanged(
                        f"The param {record.key!r} of run {self.run_id} is {known!r:.200} already; params are written "
                        f"once, so it cannot become {record.value!r:.200}. Use a tag or a metric for what changes.",
                        reason="PARAM_CHANGED",
                        metadata={"key": record.key},
                    )
        self._params |= fresh

    def _start(self) -> None:
        flush_at_exit()
        assert self._thread is not None
        try:
            self._thread.start()
        except RuntimeError:
            # From Python 3.12 on, no thread starts once the interpreter ends: this one then sends, with its patience.
            self._patience_ends = time.monotonic() + finish_timeout_seconds()
            self._work()

    # --- the thread

    def _work(self) -> None:
        while taken := self._take():
            for _, group in itertools.groupby(taken, key=lambda item: isinstance(item, Ending)):
                if self._is_over():
                    return
                items = list(group)
                if isinstance(items[0], Ending):
                    self._send_ending(items)
                else:
                    self._send_records([item for item in items if not isinstance(item, Ending)])

    def _take(self) -> Sequence[Record | Ending]:
        """All that waits; nothing once the thread is to end."""
        with self._changed:
            self._is_idle = True
            patience = 0 if math.isfinite(self._patience_ends) else _IDLE_SECONDS
            self._changed.wait_for(lambda: self._waiting or self._is_retired or self._closing.is_set(), patience)
            self._is_idle = False
            # Swapped, so that the lock is held for a moment only, whatever waits.
            taken, self._waiting = self._waiting, deque()
            if not taken:
                self._thread = None
            return taken

    def _is_over(self) -> bool:
        return self._closing.is_set() or time.monotonic() > self._patience_ends

    def _send_records(self, records: Sequence[Record]) -> None:
        for batch in batches(records, self._message_bytes):
            if not self._is_over():
                self._send_batch(batch)

    def _send_batch(self, batch: Batch) -> None:
        message = batch.message(self._run)
        pauses, faults = Pauses(), 0
        while not self._is_over():
            message.writer_id, message.sequence = self._writer_id, self._sequence + 1
            try:
                answer = self._server.write(message)
            except TrivetError as error:
                faults += isinstance(error, ServerError) or error.reason == _GAP
                if not self._is_to_be_tried_again(batch, error, faults):
                    return
                self._closing.wait(pauses.after(error))
            except Exception as error:  # noqa: BLE001 - whatever happens, the thread goes on with the next message
                _log.exception("records of run %s could not be sent", self.run_id)
                self._become_another_writer()
                self._settle(len(batch.records), refused=len(batch.records), error=TrivetError(str(error)))
                return
            else:
                self._sequence += 1
                self._take_in(batch, message, answer)
                return

    def _is_to_be_tried_again(self, batch: Batch, error: TrivetError, faults: int) -> bool:
        """Deals with a message that failed; False where it is over with it, one way or another."""
        if isinstance(error, MessageTooLarge) and self._message_bytes > _SMALLEST_MESSAGE_BYTES:
            # A server with a lower limit than usual. What was refused as a whole has used up no sequence.
            self._message_bytes //= 2
            self._send_records(batch.records)
            return False
        if error.reason == _ENDED and self._is_rewound:
            self._become_another_writer()
            return True
        if isinstance(error, _PASSING) or 0 < faults < _TRIES_OF_A_FAULT:
            if error.reason == _GAP:
                self._become_another_writer()  # the server forgot us, as after a restored backup
            self._obstacle = error
            return True
        if faults:
            # Whether it was applied is open. As another writer, the next message cannot be taken for it.
            self._become_another_writer()
        self._settle(len(batch.records), refused=len(batch.records), error=error)
        return False

    def _take_in(self, batch: Batch, message: pb.WriteRunRequest, answer: pb.WriteRunResponse) -> None:
        refused = max(0, answer.refused_count - len(answer.refused))  # those beyond what the answer lists
        for record in answer.refused:
            if record.kind == pb.RECORD_KIND_METRIC_KEY:
                refused += message.metrics.counts[record.index]
            else:
                refused += 1
        error = from_status(answer.refused[0].status) if answer.refused else None
        for record in answer.refused:
            self._say_refused(from_status(record.status), _label(message, record))
        self._settle(len(batch.records), refused=refused, error=error, said=True)

    def _send_ending(self, endings: Sequence[Record | Ending]) -> None:
        ending = endings[-1]
        assert isinstance(ending, Ending)
        pauses = Pauses()
        while not self._is_over():
            try:
                self._server.end(self.run_id, ending)
            except _PASSING as error:
                self._obstacle = error
                self._closing.wait(pauses.after(error))
            except TrivetError as error:
                _log.warning("run %s could not be set to %s: %s", self.run_id, ending.status, error)
                self._settle(len(endings))
                return
            else:
                self._settle(len(endings))
                return

    def _settle(
        self, items: int, *, refused: int | None = None, error: TrivetError | None = None, said: bool = False
    ) -> None:
        """Counts items as dealt with; records where `refused` is given, endings otherwise."""
        if error is not None and not said:
            self._say_refused(error, f"{items} records")
        with self._changed:
            self._settled += items
            if refused is not None:
                self._stored += items - refused
                self._refused += refused
            self._obstacle = None
            self._said_left = False
            self._changed.notify_all()

    def _say_refused(self, error: TrivetError, what: str) -> None:
        """Says once, of each reason, that records are refused."""
        kind = error.reason or type(error).__name__
        if kind not in self._said:
            self._said.add(kind)
            _log.warning(
                "run %s: %s was refused (%s); others for this reason are only counted", self.run_id, what, error
            )

    # --- for others

    def wait(self, deadline: float) -> bool:
        """Waits until what has been added is stored or refused; False where that takes longer."""
        with self._changed:
            goal = self._added
            self._changed.wait_for(
                lambda: self._settled >= goal or self._closing.is_set(), max(0.0, deadline - time.monotonic())
            )
            return self._settled >= goal

    def say_left(self) -> None:
        """Says, once while the server stays away, what is not stored."""
        with self._changed:
            left, self._said_left, said = self._logged - self._stored - self._refused, True, self._said_left
            why = f" ({self._obstacle})" if self._obstacle is not None else ""
        if not said:
            _log.warning(
                "run %s: %d records, and perhaps its end, are not stored yet%s. They are kept in memory, and sent if "
                "that changes while this process lives.",
                self.run_id,
                left,
                why,
            )

    @property
    def gave_up_waiting(self) -> bool:
        """Whether somebody waited in vain, and nothing was stored since."""
        return self._said_left

    def receipt(self) -> Receipt:
        """What became of the records so far."""
        with self._changed:
            return Receipt(self._logged, self._stored, self._refused)

    def retire(self) -> bool:
        """Takes no more records, if nothing waits; tells whether it is so."""
        with self._changed:
            self._is_retired = self._settled == self._added
            self._changed.notify_all()
            return self._is_retired

    def close(self) -> None:
        """Ends the thread; what waits is lost."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()


def _label(message: pb.WriteRunRequest, record: pb.RefusedRecord) -> str:
    """What a refused record is called."""
    index = record.index
    if record.kind == pb.RECORD_KIND_METRIC_KEY:
        return f"metric {message.metrics.keys[index]!r}"
    if record.kind == pb.RECORD_KIND_PARAM:
        return f"param {message.params[index].key!r}"
    if record.kind == pb.RECORD_KIND_TAG:
        return f"tag {message.tags[index].key!r}"
    if record.kind == pb.RECORD_KIND_DATASET_INPUT:
        return f"dataset {message.inputs.datasets[index].dataset.name!r}"
    return "a point" if record.kind == pb.RECORD_KIND_METRIC_POINT else "a record"


class Logger:
    """What a client logs to, run by run.

    Safe for use by several threads. After a fork the child starts with empty queues and as another writer; what the
    parent logged is the parent's to send.
    """

    def __init__(self, server: RunServer) -> None:
        self._server = server
        self._is_closed = False
        self._queues: dict[str, _RunQueue] = {}
        self.start_anew()
        _loggers.add(self)

    def start_anew(self) -> None:
        """Begins with empty queues, as the child does after a fork."""
        self._lock = threading.Lock()
        self._past = Receipt(0, 0, 0)

    def add(self, run_id: str, *records: Record | Ending) -> None:
        """Takes records of a run in, in order.

        Raises:
            ParamChanged: see `_RunQueue.add`.
            ClientClosed: the client is closed.
        """
        while not self._queue(run_id).add(records):
            pass

    def _queue(self, run_id: str) -> _RunQueue:
        with self._lock:
            if self._is_closed:
                raise ClientClosed("This client is closed. Make another one.")
            queue = self._queues.get(run_id)
            if queue is None:
                queue = self._queues[run_id] = _RunQueue(run_id, self._server)
            return queue

    def _current(self, run_id: str | None = None) -> list[_RunQueue]:
        with self._lock:
            return [queue for queue in self._queues.values() if run_id in (None, queue.run_id)]

    def flush(self, timeout_seconds: float | None = None, run_id: str | None = None) -> Receipt:
        """Waits until what was logged so far is stored or refused; says once what is left when the time is over.

        Args:
            timeout_seconds: Default: `finish_timeout_seconds`.
            run_id: Only this run. Default: all.

        Returns:
            What became of all records of this process, not only of those that were waited for.
        """
        deadline = time.monotonic() + (finish_timeout_seconds() if timeout_seconds is None else timeout_seconds)
        for queue in self._current(run_id):
            if not queue.wait(deadline):
                queue.say_left()
        return self.receipt()

    def end(self, run_id: str, ending: Ending) -> None:
        """Ends a run after what was logged to it, and waits for both as `flush` does."""
        self.add(run_id, ending)
        self.flush(run_id=run_id)
        for queue in self._current(run_id):
            receipt = queue.receipt()
            if receipt.refused:
                _log.warning("run %s: %d of %d records were refused", run_id, receipt.refused, receipt.logged)
            if queue.retire():
                with self._lock:
                    if self._queues.get(run_id) is queue:
                        del self._queues[run_id]
                        self._past = _sum((self._past, receipt))

    @contextmanager
    def rewinding(self, run_id: str) -> Iterator[None]:
        """Flushes a run, and lets what this process logs go on after the block has rewound it."""
        self.flush(run_id=run_id)
        queues = self._current(run_id)
        for queue in queues:
            queue.go_on_after_rewind(is_rewound=True)
        try:
            yield
        except BaseException:
            for queue in queues:
                queue.go_on_after_rewind(is_rewound=False)
            raise

    def receipt(self) -> Receipt:
        """What became of the records of this process so far."""
        with self._lock:
            return _sum((self._past, *(queue.receipt() for queue in self._queues.values())))

    def close(self) -> None:
        """Flushes, and refuses more. Idempotent."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self.flush()
        for queue in self._current():
            queue.close()


def _sum(receipts: Iterable[Receipt]) -> Receipt:
    total = list(receipts)
    return Receipt(
        sum(receipt.logged for receipt in total),
        sum(receipt.stored for receipt in total),
        sum(receipt.refused for receipt in total),
    )


_loggers: weakref.WeakSet[Logger] = weakref.WeakSet()
# A queue lives while its thread does, also when its client is forgotten.
_run_queues: weakref.WeakSet[_RunQueue] = weakref.WeakSet()
_flushing_processes: set[int] = set()


def flush_at_exit() -> None:
    """Lets this process flush before it ends. Idempotent."""
    if os.getpid() in _flushing_processes:
        return
    if not _flushing_processes:
        atexit.register(_flush_all)
    _flushing_processes.add(os.getpid())
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None and processes.parent_process() is not None:
        # A forked worker of multiprocessing ends by os._exit, which skips atexit, but runs these.
        from multiprocessing import util  # noqa: PLC0415 - only where it is loaded already

        util.Finalize(None, _flush_all, exitpriority=100)


def _flush_all() -> None:
    deadline = time.monotonic() + finish_timeout_seconds()
    for queue in list(_run_queues):
        # Nobody waits twice in vain.
        if not queue.gave_up_waiting and not queue.wait(deadline):
            queue.say_left()


def _after_fork_in_child() -> None:
    for logger in list(_loggers):
        logger.start_anew()
    for queue in list(_run_queues):
        queue.start_anew()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
