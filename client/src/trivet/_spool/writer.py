"""Appends what a process logs to one run.

The way of a point is short on purpose: pack, checksum, one write into memory. That write is a single call of C under
the interpreter's lock, so several threads append without a lock of their own, a signal may come between any two steps,
and a fork finds nothing half done. What does not fit, or is not known yet, takes the slow way under a lock.
"""

from __future__ import annotations

import itertools
import mmap
import os
import secrets
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any, Final, SupportsFloat, SupportsIndex
from zlib import crc32

from trivet._clock import now_millis
from trivet._errors import InvalidArgument, SpoolUnusable
from trivet._ids import new_writer_id
from trivet._records import check_key, to_int64, to_number
from trivet._spool import frames
from trivet._spool.folders import HEAD, KEYS, TargetSpool
from trivet._spool.frames import Series
from trivet._spool.head import About, Head, Progress
from trivet._spool.room import Room
from trivet._spool.segments import FIRST_BYTES, NEXT_BYTES, Segment, create_segment, segments_in

if TYPE_CHECKING:
    from typing_extensions import Buffer

# More sets of keys than this are not remembered; their points are written one by one.
_MAX_ROW_SETS: Final = 1000
_POINT: Final = frames.POINT.pack
_CRC: Final = frames.CRC.pack
# Whatever is wrong on the short way, the slow one finds out: numbers of other libraries raise errors of all kinds.
_UNUSUAL: Final = (KeyError, ValueError, TypeError, OverflowError, RuntimeError, struct.error)


class Retired(Exception):
    """The log takes no more records; another one has to."""


class Writer:
    """The end of a log where records are appended. Safe for use by several threads; not in the child after a fork."""

    def __init__(self, spool: TargetSpool, run_id: str, room: Room, rank: int, *, is_unasked: bool) -> None:
        """Makes a new log.

        Args:
            spool: Where.
            run_id: Whose.
            room: How much this process may keep.
            rank: Of this process, recorded with each point; -1 for none.
            is_unasked: Whether no server could be asked for the run.

        Raises:
            SpoolUnusable: it cannot be made; says what to do.
        """
        self.folder = spool.logs / f"{run_id[:64]}.{secrets.token_hex(8)}"
        self.series: dict[int, tuple[Series, ...]] = {}
        """What the numbers in tags mean."""
        self.is_idle = False
        """Set by the sender when it waits for records; then `wake` is called for the next one."""
        self.wake: Callable[[], None] = lambda: None
        self.dropped = 0
        """How many records were not taken in, because there was no room."""
        self.is_retired = False
        """Whether it takes no more records."""
        self._room = room
        self._rank = rank
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._tags: dict[Any, int] = {}
        self._rows: dict[tuple[str, ...], tuple[Callable[..., bytes], int]] = {}
        self._is_rolling = False
        self._last_end = 0
        self._deferred: list[bytes] = []
        try:
            self.folder.mkdir(mode=0o700)
            self.head = Head.create(
                self.folder / HEAD,
                About(run_id, os.getpid(), socket.gethostname(), now_millis(), is_unasked),
                Progress(new_writer_id(), 0, 0, 0),
            )
            self._keys = os.open(
                self.folder / KEYS, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o600
            )
            self._current = create_segment(self.folder, 0, FIRST_BYTES)
        except OSError as error:
            raise SpoolUnusable(
                f"Nothing can be logged: {self.folder.parent} cannot be written to ({error.strerror or error}). Set "
                "TRIVET_SPOOL_DIR to a folder on a local disk with room."
            ) from error
        room.take(FIRST_BYTES)
        self._write = self._current[1].write

    # --- the short way

    def add_point(self, key: str, value: SupportsFloat, step: SupportsIndex | None, time_millis: int | None) -> None:
        """Appends a point.

        Raises:
            InvalidArgument: it cannot be one.
            Retired: see there.
            SpoolFull: there is no room, and there will be none.
        """
        try:
            if time_millis is None:
                time_millis = time_ns() // 1_000_000
            elif time_millis < 0:
                raise ValueError
            body = _POINT(self._tags[key], 0 if step is None else step, time_millis, value)
            self._write(_CRC(crc32(body)) + body)
        except _UNUSUAL:
            self.append(self._point(Series(check_key(key), self._rank), value, step, time_millis))
        if self.is_idle:
            self.wake()

    def add_row(
        self, metrics: Mapping[str, SupportsFloat], step: SupportsIndex | None, time_millis: int | None
    ) -> None:
        """Appends a point of each of several metrics, all or none. Raises as `add_point`."""
        try:
            if time_millis is None:
                time_millis = time_ns() // 1_000_000
            elif time_millis < 0:
                raise ValueError
            pack, tag = self._rows[tuple(metrics)]
            body = pack(tag, 0 if step is None else step, time_millis, *metrics.values())
            self._write(_CRC(crc32(body)) + body)
        except _UNUSUAL:
            self._add_row_slowly(metrics, step, time_millis)
        if self.is_idle:
            self.wake()

    # --- the slow way

    def _add_row_slowly(
        self, metrics: Mapping[str, SupportsFloat], step: SupportsIndex | None, time_millis: int | None
    ) -> None:
        if not isinstance(metrics, Mapping):
            raise InvalidArgument(f"metrics must be a mapping such as a dict, not {metrics!r:.100}.")
        keys = tuple(check_key(key) for key in metrics)
        values = [to_number(key, value) for key, value in metrics.items()]
        at = (to_step(step), to_time(time_millis))
        if not keys:
            return
        with self._lock:
            row = self._rows.get(keys)
            if row is None and len(self._rows) < _MAX_ROW_SETS:
                number = self._declare([Series(key, self._rank) for key in keys])
                row = self._rows[keys] = frames.row_struct(len(keys)).pack, frames.row_tag(number)
        if row is not None:
            self.append(frames.framed(row[0](row[1], *at, *values)), len(keys))
        else:
            points = (self._point(Series(key, self._rank), value, *at) for key, value in zip(keys, values, strict=True))
            self.append(b"".join(points), len(keys))

    def add_points(
        self, points: Sequence[tuple[Series, SupportsFloat, SupportsIndex | None, int | None]], *more: bytes
    ) -> None:
        """Appends points of series without a rank and more frames, all or none. Raises as `add_point`."""
        packed = [
            self._point(series._replace(rank=self._rank), value, step, time) for series, value, step, time in points
        ]
        self.append(b"".join((*more, *packed)), len(packed) + len(more))
        if self.is_idle:
            self.wake()

    def add(self, *added: bytes, records: int) -> None:
        """Appends frames that are made already, all or none. Raises Retired, SpoolFull."""
        self.append(b"".join(added), records)
        if self.is_idle:
            self.wake()

    def _point(
        self, series: Series, value: SupportsFloat, step: SupportsIndex | None, time_millis: int | None
    ) -> bytes:
        at = (to_step(step), to_time(time_millis))
        number = to_number(series.key, value)
        # Short for what `add_point` looks up.
        name: object = series.key if series[2:] == ("", "", "") else series
        tag = self._tags.get(name)
        if tag is None:
            with self._lock:
                tag = self._tags.get(name)
                if tag is None:
                    tag = self._tags[name] = frames.point_tag(self._declare([series]))
        return frames.framed(_POINT(tag, *at, number))

    def _declare(self, series: Sequence[Series]) -> int:
        """Writes down what a new number means, before a point refers to it."""
        if self.is_retired:
            raise Retired
        number = next(self._numbers)  # not counted by hand: a signal's handler may declare one meanwhile
        if number > frames.MAX_SERIES_NUMBER:
            raise InvalidArgument(f"This process has logged {number:,} different keys to one run; that is too many.")
        self._room.write_out(self._keys, frames.series_frame(number, series))
        self.series[number] = tuple(series)
        return number

    def append(self, added: bytes, records: int = 1) -> None:
        """Appends frames, after making room. Raises Retired, SpoolFull."""
        with self._lock:
            if self.is_retired:
                raise Retired
            if self._is_rolling:
                # By a signal's handler, in the midst of the slow way of this very thread.
                self._deferred.append(added)
                return
            while True:
                try:
                    self._current[1].write(added)
                except ValueError:
                    if not self._roll(len(added)):
                        self.dropped += records
                        return
                else:
                    return

    def _roll(self, size: int) -> bool:
        """Goes on in a new file; False where there is no room and records are to be dropped."""
        self._is_rolling = True  # before anything is looked at: see `append`
        try:
            segment, memory = self._current
            least = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
            made = self._room.make(
                [max(NEXT_BYTES, least), max(FIRST_BYTES, least)],
                lambda new_size: create_segment(self.folder, segment.end, new_size),
                lambda: len(segments_in(self.folder)) > 1,
            )
            if made is None:
                return False
            # Whoever still has the old one in hand comes here too.
            memory.seek(0, os.SEEK_END)
            self._current = made
            self._write = made[1].write
            for deferred in self._deferred:
                made[1].write(deferred)
            self._deferred = []
            return True
        finally:
            self._is_rolling = False

    # --- for the sender

    @property
    def run_id(self) -> str:
        """Whose log it is."""
        return self.head.about.run_id

    @property
    def end(self) -> int:
        """The offset in the log up to which there are whole records, but for what is unused at the end of files."""
        segment, memory = self._current
        return self._last_end if self.is_retired else segment.base + memory.tell()

    @property
    def current(self) -> Segment:
        """The file that is written to."""
        return self._current[0]

    def freed(self, segment: Segment) -> None:
        """Says that a file is removed, so that there is room for another."""
        self._room.give_back(segment.size)

    def retire(self, *, only_at: int | None = None) -> bool:
        """Takes no more records.

        Args:
            only_at: Only if the end is there still; tells whether it was.
        """
        with self._lock:
            segment, memory = self._current
            if self.is_retired:
                return True
            if only_at is not None and self.end != only_at:
                return False
            self._write = _take_nothing
            end = memory.tell()
            memory.seek(0, os.SEEK_END)
            self.is_retired, self._last_end = True, segment.base + end
            if memory[end : end + 8].strip(b"\0"):
                # A thread was faster than this one: after all, its record has to be sent.
                self.is_retired = False
                self._current = create_segment(self.folder, segment.end, NEXT_BYTES)
                self._write = self._current[1].write
                self._room.take(NEXT_BYTES)
                return False
            return True

    def move(self, folder: Path) -> None:
        """Moves the log to another place."""
        with self._lock:
            self.folder = self.folder.rename(folder)

    def close(self) -> bool:
        """Lets go of the log, after `retire`; tells whether it was not let go before."""
        if self._keys < 0:
            return False
        self._let_go()
        self._room.give_back(self._current[0].size)
        return True

    def _let_go(self) -> None:
        self._write = _take_nothing
        self.is_retired = True
        self._current[1].close()
        if self._keys >= 0:
            os.close(self._keys)
            self._keys = -1
        self.head.close()

    def forget_the_parents(self) -> None:
        """Lets go of the log in the child after a fork: it is the parent's."""
        self._lock = threading.RLock()
        self._let_go()


def _take_nothing(_added: Buffer) -> int:
    raise ValueError


def to_step(step: SupportsIndex | None) -> int:
    """The step of a point; 0 by default. Raises InvalidArgument."""
    return 0 if step is None else to_int64("step", step)


def to_time(time_millis: int | None) -> int:
    """The time of a point; now by default. Raises InvalidArgument."""
    if time_millis is None:
        return now_millis()
    time = to_int64("timestamp", time_millis)
    if time < 0:
        raise InvalidArgument(f"timestamp is {time}; it must be 0 or more.")
    return time
