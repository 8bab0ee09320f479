"""Logs of processes that have ended with something unsent: the next process on the machine ships them."""

from __future__ import annotations

import logging
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from trivet._spool.folders import HEAD, KEYS, TargetSpool
from trivet._spool.frames import Series, read_series
from trivet._spool.head import Head
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
        self.end = max((segment.end for segment in segments_in(folder)), default=0)

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


def leftovers_in(folders: list[Path], *, of_this_host: bool) -> Iterator[Leftover]:
    """Those of some logs that no process has, one after the other; each is closed by whoever takes it.

    Args:
        folders: Of the logs.
        of_this_host: Only those of processes that ran here: on a network file system others may have locks of their
            own.
    """
    for folder in folders:
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
        yield Leftover(folder, head)


def ship_leftovers(
    spool: TargetSpool,
    server: RunServer,
    *,
    is_over: Callable[[], bool],
    wait: Callable[[float], object],
) -> None:
    """Ships the logs of processes that ended on this machine, and removes them."""
    for leftover in leftovers_in(spool.log_folders(), of_this_host=True):
        try:
            ship_whole(Shipper(leftover, server, spool, is_over=is_over, wait=wait), leftover)
        finally:
            leftover.close()
        if is_over():
            return


def ship_whole(shipper: Shipper, leftover: Leftover) -> None:
    """Ships all of a log, and removes it when nothing is left."""
    while shipper.ship():
        pass
    if shipper.is_done and shipper.refusal is None:
        leftover.remove()
