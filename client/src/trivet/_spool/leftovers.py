"""Logs of processes that have ended with something unsent: the next process on the machine ships them."""

from __future__ import annotations

import logging
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from trivet._ids import new_writer_id
from trivet._spool import sender
from trivet._spool.folders import HEAD, KEYS, TargetSpool
from trivet._spool.frames import Series, read_series
from trivet._spool.head import Head, Progress, read_head
from trivet._spool.segments import Segment, segments_in
from trivet._spool.sender import RunServer, Shipper

_log = logging.getLogger("trivet")


class Leftover:
    """A log whose process has ended. This process has it alone, until `close`."""

    is_whole = False
    current: Segment | None = None

    def __init__(self, folder: Path, head: Head) -> None:
        self.folder = folder
        self.head = head
        keys = folder / KEYS
        self.series: Mapping[int, tuple[Series, ...]] = read_series(keys.read_bytes()) if keys.is_file() else {}
        segments = segments_in(folder)
        self.end = max((segment.end for segment in segments), default=0)
        if not head.progress.writer_id:
            # The head is damaged: all that is there is sent, as by another writer. Points are there once all the same.
            at = segments[0].base if segments else 0
            head.progress = Progress(new_writer_id(), 0, at, at)

    def freed(self, segment: Segment) -> None:
        """There is nobody who waits for the room."""

    def move(self, folder: Path) -> None:
        """Moves the log to another place."""
        self.folder = self.folder.rename(folder)

    def remove(self) -> None:
        """Removes the log."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Lets other processes have it. Idempotent."""
        self.head.close()


def leftovers_in(folders: Iterable[Path], *, of_this_host: bool) -> Iterator[Leftover]:
    """Those of some logs that no process has, in the order in which they were begun; whoever takes one closes it.

    Args:
        folders: Of the logs.
        of_this_host: Only those of processes that ran here: on a network file system others may have locks of their
            own.
    """
    for folder in sorted(folders, key=_began_millis):
        try:
            head = Head.take(folder / HEAD)
        except (OSError, ValueError) as error:
            _log.debug("%s is no log, or not any more: %s", folder, error)
            continue
        if head is None:
            continue
        if of_this_host and head.about.host != socket.gethostname():
            head.close()
            continue
        try:
            leftover = Leftover(folder, head)
        except OSError as error:
            _log.debug("%s is gone: %s", folder, error)
            head.close()
            continue
        yield leftover


def _began_millis(folder: Path) -> int:
    try:
        return read_head(folder / HEAD)[0].began_millis
    except (OSError, ValueError):
        return 0


def ship_each(
    leftovers: Iterable[Leftover], shipper_of: Callable[[Leftover], Shipper]
) -> Iterator[tuple[Leftover, Shipper]]:
    """Ships logs one after the other, removes those of which nothing is left, and closes all.

    A log that is held up is tried again after the others, one of which may have the beginning of its run.

    Yields:
        Each log when nothing more is tried with it.
    """
    tried: Iterable[tuple[Leftover, Shipper]] = ((leftover, shipper_of(leftover)) for leftover in leftovers)
    waiting: list[tuple[Leftover, Shipper]] = []
    try:
        is_some_sent = True
        while is_some_sent:
            waiting, is_some_sent = [], False
            for leftover, shipper in tried:
                waiting.append((leftover, shipper))
                _ship_whole(shipper, leftover)
                if not shipper.is_held_up:
                    waiting.pop()
                    leftover.close()
                    is_some_sent = True
                    yield leftover, shipper
            tried = waiting
        yield from waiting
    finally:
        for leftover, _ in waiting:
            leftover.close()


def ship_leftovers(
    spool: TargetSpool,
    server: RunServer,
    *,
    is_over: Callable[[], bool],
    wait: Callable[[float], object],
) -> None:
    """Ships the logs of processes that ended on this machine, and removes them.

    Those of runs that there is no room for are tried again now and then, until it is over.
    """

    def shipper_of(leftover: Leftover) -> Shipper:
        # Nothing is gained by waiting for a run, because the others wait behind it.
        shipper = Shipper(leftover, server, spool, is_over=lambda: is_over() or shipper.is_held_up, wait=wait)
        return shipper

    waits_for_room = True
    while waits_for_room:
        waits_for_room = False
        for _, shipper in ship_each(leftovers_in(spool.log_folders(), of_this_host=True), shipper_of):
            if is_over():
                return
            waits_for_room |= shipper.has_no_room
        if waits_for_room:
            # Meanwhile other processes may have them.
            wait(sender.NO_ROOM_SECONDS)


def _ship_whole(shipper: Shipper, leftover: Leftover) -> None:
    while shipper.ship():
        pass
    if shipper.is_done and shipper.refusal is None:
        leftover.remove()
