"""Collects the garbage of all workspaces: at once, or again and again beside a server."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from datetime import timedelta

from trivet_artifacts.collecting import Collector
from trivet_artifacts.domain.errors import CollectionBusy
from trivet_artifacts.domain.garbage import Collected, Collection

# As much as a call of CollectGarbage takes when it says nothing else.
_LIMIT = 1_000
# After a start there is more to do than to look for garbage.
_FIRST_SECONDS = 60.0

_log = logging.getLogger("trivet.artifacts")


def collect_all(collector: Collector, grace: timedelta, is_stopped: threading.Event) -> dict[str, Collected]:
    """Collects each workspace to its end, and returns what was collected there.

    A workspace in which somebody else collects is passed over. `is_stopped` ends it early.
    """
    done: dict[str, Collected] = {}
    for workspace in collector.garbage.workspaces():
        collected = Collected(more=True)
        try:
            while collected.more and not is_stopped.is_set():
                collected = _sum(collected, collector.collect(Collection(workspace, grace, _LIMIT)))
        except CollectionBusy:
            _log.info("the garbage of %s is being collected by another process", workspace)
        done[workspace] = replace(collected, more=False)
    return done


def _sum(one: Collected, other: Collected) -> Collected:
    return Collected(
        expired_files=one.expired_files + other.expired_files,
        expired_bytes=one.expired_bytes + other.expired_bytes,
        freed_objects=one.freed_objects + other.freed_objects,
        freed_bytes=one.freed_bytes + other.freed_bytes,
        more=other.more,
    )


class ScheduledCollections:
    """A thread that collects: a minute after its start, and then again and again."""

    def __init__(self, collector: Collector, every: timedelta, grace: timedelta) -> None:
        self._collector = collector
        self._pause = every.total_seconds()
        self._grace = grace
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="collections")
        self._thread.start()

    def close(self) -> None:
        """Ends the thread, after the step that it takes."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        pause = min(_FIRST_SECONDS, self._pause)
        while not self._closing.wait(pause):
            pause = self._pause
            try:
                for workspace, collected in collect_all(self._collector, self._grace, self._closing).items():
                    if collected != Collected():
                        _log.info("collected the garbage of %s: %s", workspace, collected)
            except Exception:  # noqa: BLE001 - whatever it is, it is tried again
                _log.exception("garbage could not be collected; it is tried again")
