"""The server: a process that listens, keeps workers, and tells them which model to load.

It answers no request itself and imports nothing of the model's, so that it outlives whatever a model does. One thread
decides; others bring it events: what workers say, what the registry names, and signals.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

import trivet
from trivet._serving.channel import Message
from trivet._serving.following import Fetched, Followed, Follower
from trivet._serving.listening import Address, bind, close_for_all, reserve, shown
from trivet._serving.metrics import environment_of_workers, forget_worker
from trivet._serving.processes import WorkerProcess, number_in
from trivet._serving.settings import WorkerSettings

_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 60.0
_LAST_SECONDS: Final = 5.0
"""Beyond the time that requests have to end: for all that a worker does then."""
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

_log: Final = logging.getLogger("trivet.serving")


@dataclass(frozen=True)
class Plan:
    """What is served, and how."""

    uri: str
    host: str
    port: int
    workers: int
    poll_seconds: float
    """How often the registry is asked whether the URI names another version."""
    settings: WorkerSettings


def serve(client: trivet.Client, plan: Plan, ready: Callable[[str, str], None]) -> None:
    """Serves until SIGTERM or SIGINT, then lets running requests end.

    Args:
        client: Of the registry.
        plan: What is served, and how.
        ready: Told once, when all workers have loaded it: the version, and `HOST:PORT`.

    Raises:
        TrivetError: there is no such model, or it cannot be loaded.
        OSError: the address cannot be listened on.
    """
    # Until there are workers that need time to end: whoever unwinds removes folders that begin to fill.
    signal.signal(signal.SIGTERM, _leave)
    address = reserve(plan.host, plan.port)
    with tempfile.TemporaryDirectory(prefix="trivet-metrics-") as metrics:
        followed = Followed(client, plan.uri)
        # Nothing here keeps what was fetched: its files go when no worker reads them any more.
        _Server(plan, address, Path(metrics), ready, _Target(1, followed.fetch(followed.version()))).run(followed)


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)


@dataclass
class _Target:
    """What all workers are to serve."""

    number: int
    fetched: Fetched


@dataclass
class _Server:
    plan: Plan
    address: Address
    metrics: Path
    ready: Callable[[str, str], None]
    _target: _Target
    _events: SimpleQueue[Callable[[], None]] = field(default_factory=SimpleQueue)
    _later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _workers: list[WorkerProcess] = field(default_factory=list)
    _fetched: dict[int, Fetched] = field(default_factory=dict)
    """All whose files somebody may read, by their numbers."""
    _served: int = 0
    """The number of what every worker has loaded last; 0: nothing yet."""
    _newest: int = 1
    """The last number that was given: none is given twice."""
    _waiting: set[int] = field(default_factory=set)
    """The numbers that a worker failed to load, and that are tried again later."""
    _pauses: dict[int, float] = field(default_factory=dict)
    """How long each number waits when it fails the next time, in seconds."""
    _unloadable: dict[int, str] = field(default_factory=dict)
    """The versions that should be served and cannot be loaded, by their numbers."""
    _unanswered: str = ""
    """Why the registry does not say what is to be served, for anybody to read; empty where it does."""
    _is_ending: bool = False
    _failure: str = ""
    """Why there is nothing to serve."""
    _restart_seconds: float = _FIRST_PAUSE_SECONDS

    def run(self, followed: Followed) -> None:
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, lambda *_: self._events.put(self._end))
        self._fetched[self._target.number] = self._target.fetched
        # The first one answers that there is no model yet; the others come when there is one.
        for number in range(self.plan.workers):
            self._start_worker(bind(self.address), number, at_once=number == 0)
        self._advance()
        follower = self._follow(followed)
        try:
            while not self._is_ending:
                self._next_event()()
        finally:
            if follower is not None:
                follower.stop()
            self._end_workers()
        if self._failure:
            raise trivet.FailedPrecondition(self._failure)

    def _follow(self, followed: Followed) -> Follower | None:
        if not followed.moves:
            return None
        return Follower(
            followed,
            self._target.fetched.identity.version,
            self.plan.poll_seconds,
            lambda fetched: self._events.put(lambda: self._take(fetched)),
            lambda error: self._events.put(lambda: self._note(error)),
        )

    def _next_event(self) -> Callable[[], None]:
        self._later.sort(key=lambda each: each[0])
        timeout = None if not self._later else max(0.0, self._later[0][0] - time.monotonic())
        try:
            return self._events.get(timeout=timeout)
        except Empty:
            return self._later.pop(0)[1]

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        self._later.append((time.monotonic() + seconds, act))

    def _end(self) -> None:
        self._is_ending = True

    # --- which model

    def _take(self, fetched: Fetched) -> None:
        """Another version is here: all workers are to serve it."""
        _log.info("%s is version %s now", fetched.identity.uri, fetched.identity.version)
        self._newest += 1
        self._fetched[self._newest] = fetched
        self._target = _Target(self._newest, fetched)
        self._unloadable.clear()
        self._tell_all()
        self._advance()

    def _note(self, error: Exception | None) -> None:
        """The registry does not say what is to be served; what is served stays."""
        if error is not None:
            _log.warning("serving on what is loaded: %s", error)
        else:
            _log.info("the registry answers again")
        self._unanswered = _sentence(error)
        self._tell_all()

    def _tell_all(self) -> None:
        for worker in self._workers:
            self._tell(worker)

    def _tell(self, worker: WorkerProcess) -> None:
        """What is wrong, in sentences that anybody may read: why is for the log, as it may name paths and addresses."""
        unloadable = (f"Version {each} cannot be loaded; the log says why." for each in self._unloadable.values())
        worker.say_problem(" ".join(filter(None, (*unloadable, self._unanswered))))

    def _advance(self) -> None:
        """Tells the next worker what to load: one after the other, so that memory holds one model more than before."""
        if any(worker.loading is not None for worker in self._workers):
            return
        target = self._target
        for worker in self._workers:
            number = self._next_for(worker)
            if number is not None:
                worker.load(number, self._fetched[number])
                return
        # Not while one is to be replaced.
        are_all_here = len(self._workers) == self.plan.workers
        if (
            are_all_here
            and self._served != target.number
            and all(each.loaded == target.number for each in self._workers)
        ):
            self._all_loaded(target)
        self._forget_files()

    def _next_for(self, worker: WorkerProcess) -> int | None:
        """The number of what a worker is to load now; None where there is nothing."""
        if worker.loaded != self._target.number and self._target.number not in self._waiting:
            return self._target.number
        # Better what all others serve than nothing.
        if worker.loaded is None and self._served and self._served not in self._waiting:
            return self._served
        return None

    def _all_loaded(self, target: _Target) -> None:
        is_first = not self._served
        self._served = target.number
        if is_first:
            self.ready(target.fetched.identity.version, shown(self.address))
        else:
            _log.info("all workers serve version %s", target.fetched.identity.version)

    def _forget_files(self) -> None:
        held = {number for worker in self._workers for number in worker.holds}
        for number in self._fetched.keys() - held - {self._target.number, self._served}:
            del self._fetched[number]
            self._pauses.pop(number, None)

    def _try_again(self, number: int) -> None:
        self._waiting.discard(number)
        self._advance()

    # --- workers

    def _start_worker(self, listener: socket.socket, slot: int, *, at_once: bool) -> None:
        environment = {**environment_of_workers(self.metrics, slot), **_threads(self.plan.workers)}
        worker = WorkerProcess(listener, slot, self.plan.settings, environment, self._told, at_once=at_once)
        self._workers.append(worker)
        self._tell(worker)

    def _told(self, worker: WorkerProcess, message: Message | None) -> None:
        self._events.put(lambda: self._hear(worker, message))

    def _hear(self, worker: WorkerProcess, message: Message | None) -> None:
        if message is None:
            self._lose(worker)
        elif message["say"] == "released":
            worker.holds.discard(number_in(message))
            self._forget_files()
        elif message["say"] == "loaded":
            worker.loaded, worker.loading = number_in(message), None
            self._restart_seconds = _FIRST_PAUSE_SECONDS
            self._pauses.pop(number_in(message), None)
            if self._unloadable.pop(number_in(message), None) is not None:
                self._tell_all()
            self._advance()
        else:
            worker.holds.discard(number_in(message))
            worker.loading = None
            self._fail(number_in(message), str(message["why"]))

    def _fail(self, number: int, why: str) -> None:
        """A worker could not load a model: what is served stays, and it is tried again after a while."""
        if not self._served:
            self._failure = f"The model cannot be loaded: {why}"
            self._is_ending = True
            return
        self._say_unloadable(number, why)
        pause = self._pauses.get(number, _FIRST_PAUSE_SECONDS)
        self._pauses[number] = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        # One worker loads at a time, so that nobody else fails at it before it is tried again.
        self._waiting.add(number)
        self._after(pause, lambda: self._try_again(number))
        self._advance()

    def _give_up(self, target: _Target, why: str) -> None:
        """What would be served ended a worker: it would end one after the other, so it is not tried again.

        All workers go back to what was served before, until the URI names another version.
        """
        self._say_unloadable(target.number, why)
        self._target = _Target(self._served, self._fetched[self._served])

    def _say_unloadable(self, number: int, why: str) -> None:
        version, served = (self._fetched[each].identity.version for each in (number, self._served))
        _log.error("version %s cannot be loaded, and version %s is served on: %s", version, served, why)
        if number in (self._target.number, self._served):
            self._unloadable[number] = version
            self._tell_all()

    def _lose(self, worker: WorkerProcess) -> None:
        """A worker has ended by itself: another one takes its place."""
        worker.wait(0)
        self._workers.remove(worker)
        forget_worker(self.metrics, worker.slot)
        if not self._served:
            self._failure = f"A worker ended by {worker.exit_code} while it loaded the model; its log is above."
            self._is_ending = True
            return
        if self._workers:
            # First of all: the others take what would wait for it.
            close_for_all(worker.listener)
        if worker.loading == self._target.number != self._served:
            self._give_up(self._target, f"a worker ended by {worker.exit_code} while it loaded it")
        _log.error("a worker ended by %s; another one begins in %g s", worker.exit_code, self._restart_seconds)
        if self._workers:
            self._after(self._restart_seconds, lambda: self._replace_worker(bind(self.address), worker.slot))
        else:
            # What comes meanwhile waits in its socket.
            self._after(self._restart_seconds, lambda: self._replace_worker(worker.listener, worker.slot))
        self._restart_seconds = min(2 * self._restart_seconds, _LONGEST_PAUSE_SECONDS)
        # Where it was loading, the others wait for their turn.
        self._advance()

    def _replace_worker(self, listener: socket.socket, slot: int) -> None:
        self._start_worker(listener, slot, at_once=False)
        self._advance()

    def _end_workers(self) -> None:
        for worker in self._workers:
            # Else the system would take connections that nobody answers.
            worker.listener.close()
            worker.end()
        deadline = time.monotonic() + self.plan.settings.limits.drain_seconds + _LAST_SECONDS
        for worker in self._workers:
            worker.wait(max(0.0, deadline - time.monotonic()))


def _sentence(error: Exception | None) -> str:
    """What anybody may know of why the registry does not say what is to be served."""
    match error:
        case None:
            return ""
        case trivet.NotFound():
            return "The registry names no version; the log says why."
        case trivet.ServerUnavailable():
            return "The registry does not answer; the log says why."
        case _:
            return "What the registry names cannot be fetched; the log says why."


def _threads(workers: int) -> dict[str, str]:
    """How many threads libraries start in each worker: else each would start as many as there are processors."""
    if workers == 1 or any(name in os.environ for name in _THREADS):
        return {}
    share = max(1, (os.cpu_count() or 1) // workers)
    return {name: str(share) for name in _THREADS}
