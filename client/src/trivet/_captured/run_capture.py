"""What is captured of a run while it goes on, and when it ends."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trivet._captured.choice import Captured, is_of_all_ranks
from trivet._captured.console import Console
from trivet._captured.console_lines import Line
from trivet._captured.ending import MESSAGE_TAG, TRACEBACK_TAG, Ending, exits
from trivet._captured.files import FOLDER, CapturedFiles
from trivet._captured.system_metrics import SystemMetrics
from trivet._clock import now_millis
from trivet._errors import ClientClosed, SpoolFull
from trivet._forks import forks
from trivet._mode import Mode
from trivet._ranks import NO_RANK, current_rank
from trivet._run_logs import finish_timeout_seconds

if TYPE_CHECKING:
    from trivet._captured.gpus import Gpus
    from trivet._client import Client
    from trivet._entities import Run

_LOOK_SECONDS: Final = 0.25
DEFAULT_SYSTEM_SECONDS: Final = 10.0
# What waits to be sent: with more, the console would take the room of what is logged on purpose.
_MAX_UNSENT_BYTES: Final = 64 * 1024 * 1024
_JOIN_SECONDS: Final = 5.0
_OF_FIRST_RANK: Final = frozenset(Captured) - {Captured.SYSTEM, Captured.EXIT}

_log = logging.getLogger("trivet")


def of_this_rank(wanted: frozenset[Captured]) -> frozenset[Captured]:
    """What this process captures: of what all ranks of a job have in common, the first one alone."""
    is_common = is_of_all_ranks() or current_rank() in (NO_RANK, 0)
    return wanted if is_common else wanted - _OF_FIRST_RANK


class RunCapture:
    """Captures for one run, from the start on until `end`."""

    def __init__(self, client: Client, run: Run, wanted: frozenset[Captured]) -> None:
        """Begins.

        Args:
            client: Who logs.
            run: To which run.
            wanted: What is captured by this process.
        """
        self._client = client
        self._run_id = run.info.run_id
        self._began_millis = run.info.start_time or now_millis()
        self._stop = threading.Event()
        self._console: Console | None = None
        self._system: SystemMetrics | None = None
        self._gpus: Gpus | None = None
        self._watches_exit = Captured.EXIT in wanted
        # Before anything is replaced: a child that is forked meanwhile puts it back.
        _captures.add(self)
        if self._watches_exit:
            with _lock:
                exits.watch()
            self._forget_earlier_ending(run)
        self._files = self._begin_files(wanted)
        self._thread = self._begin_thread(wanted)

    def _begin_files(self, wanted: frozenset[Captured]) -> CapturedFiles | None:
        if not wanted & {Captured.SOURCE, Captured.GIT, Captured.DIFF, Captured.ENVIRONMENT}:
            return None
        tracking, run_id = self._client.tracking, self._run_id
        return CapturedFiles(wanted, self._store, self._keep, lambda tags: tracking.set_tags(run_id, tags))

    def _begin_thread(self, wanted: frozenset[Captured]) -> threading.Thread | None:
        """The thread for the console and the metrics of the system, which a process has but once."""
        wants_console, wants_system = Captured.CONSOLE in wanted, Captured.SYSTEM in wanted
        if not (wants_console or wants_system) or not _take_process(self):
            return None
        if wants_console:
            rank = current_rank()
            self._console = Console(self._send, self._has_room, None if rank == NO_RANK else rank)
        thread = threading.Thread(target=self._work, args=(wants_system,), name="trivet capture", daemon=True)
        thread.start()
        return thread

    # --- in threads of their own

    def _store(self, folder: Path) -> None:
        if self._client.tracking.without_server.mode is Mode.OFFLINE:
            self._keep(folder)
        else:
            self._client.artifacts.log_kept_artifact(self._run_id, folder, FOLDER)

    def _keep(self, folder: Path) -> None:
        self._client.tracking.without_server.keep_files(self._run_id, folder, FOLDER, with_name=False)

    def _work(self, wants_system: bool) -> None:  # noqa: FBT001 - of a thread
        try:
            every = system_seconds()
            if wants_system:
                # Here, because the driver of cards takes its time, and so does what calls it.
                with forks.kept_off():  # for the locks of imports
                    from trivet._captured.gpus import Gpus  # noqa: PLC0415 - see above

                self._gpus = Gpus()
                self._system = SystemMetrics(self._gpus.sample)
            due = time.monotonic() + every
            while not self._stop.wait(_LOOK_SECONDS if self._console is not None else every):
                if self._console is not None:
                    self._console.drain()
                if self._system is not None and time.monotonic() >= due - _LOOK_SECONDS / 2:
                    due += every * max(1, math.ceil((time.monotonic() - due) / every))
                    self._log_sample(self._system)
        except (ClientClosed, SpoolFull) as error:
            _log.info("run %s: nothing more is captured: %s", self._run_id, error)
        except Exception:  # noqa: BLE001 - whatever it is, the training is none the worse for it
            _log.exception("run %s: nothing more is captured", self._run_id)

    def _log_sample(self, system: SystemMetrics) -> None:
        seconds = max(0, now_millis() - self._began_millis) // 1000
        self._client.tracking.log_metrics(self._run_id, system.sample(), step=seconds)

    def _send(self, lines: Sequence[Line]) -> None:
        self._client.tracking.log_console(self._run_id, lines)

    def _has_room(self) -> bool:
        return self._client.tracking.unsent_bytes(self._run_id) < _MAX_UNSENT_BYTES

    # --- the end

    def end(self, ending: Ending) -> None:
        """Stops, logs what is left, and notes how the run ends. Does not raise."""
        if self not in _captures:
            return
        _captures.discard(self)
        self._stop.set()
        try:
            self._end_thread()
            if self._files is not None:
                self._files.end(finish_timeout_seconds())
            if self._watches_exit and ending.tags():
                self._client.tracking.set_tags(self._run_id, ending.tags())
        except ClientClosed:
            pass
        except Exception:  # noqa: BLE001 - as above: the run is to be ended
            _log.exception("run %s: not all is captured", self._run_id)
        finally:
            _give_process_back(self)
            if self._watches_exit:
                with _lock:
                    exits.unwatch()

    def _end_thread(self) -> None:
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)
            if self._thread.is_alive():  # such as in a spool that is full
                if self._console is not None:
                    self._console.forget()
                return
        if self._console is not None:
            self._console.close()
        if self._gpus is not None:
            self._gpus.close()

    def _forget_earlier_ending(self, run: Run) -> None:
        """A run that goes on has not ended as it did before."""
        for key in (MESSAGE_TAG, TRACEBACK_TAG):
            if key in run.data.tags:
                self._client.tracking.delete_tag(self._run_id, key)

    def forget_the_parents(self) -> None:
        """Stops in the child after a fork: the run is the parent's."""
        if self._console is not None:
            self._console.forget()
        if self._watches_exit:
            exits.let_go()


def system_seconds() -> float:
    """How far apart samples of the system are: TRIVET_SYSTEM_SECONDS, else 10 s."""
    text = os.environ.get("TRIVET_SYSTEM_SECONDS", "")
    try:
        seconds = float(text) if text else DEFAULT_SYSTEM_SECONDS
    except ValueError:
        seconds = math.nan
    if not 0.1 <= seconds < threading.TIMEOUT_MAX:
        _log.warning("TRIVET_SYSTEM_SECONDS is %r, which is no number of seconds from 0.1 up; taking 10", text)
        return DEFAULT_SYSTEM_SECONDS
    return seconds


_captures: weakref.WeakSet[RunCapture] = weakref.WeakSet()
# The run that has the console and the metrics of the system: the first of those that go on.
_of_process: list[RunCapture] = []
_lock = threading.Lock()


def _take_process(capture: RunCapture) -> bool:
    with _lock:
        if not _of_process:
            _of_process.append(capture)
        return _of_process[0] is capture


def _give_process_back(capture: RunCapture) -> None:
    with _lock:
        if capture in _of_process:
            _of_process.remove(capture)


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603 - a thread of the parent may have held it
    _lock = threading.Lock()
    _of_process.clear()
    for capture in list(_captures):
        capture.forget_the_parents()
    _captures.clear()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
