"""Ships one log to the server, in order, each message once.

1. What comes next, up to 4 MiB, becomes one message, numbered by (writer id, sequence). Where it ends is noted in the
   head of the log before it is sent: so whoever goes on after this process was killed sends the same again, under the
   same number, and a message that had arrived has no effect.
2. One call is under way at a time; what is logged meanwhile goes together into the next one.
3. While the server is away, or a quota is used up, the message is tried again: of a rate, when the server says; a run
   that there is no room for, now and then. What waits for a quota is noted beside the log (quota_waits.py). Records
   that are refused are kept in `rejected/`, said once for each reason, counted, and hold nothing up. A run that is
   refused is kept there as a whole.
4. A run that nobody could be asked for may be begun in another log, which is sent later: until then, this one waits.
5. In what a process left, damage is skipped up to the next record that is whole, said, and counted.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from trivet._connection import Pauses
from trivet._errors import (
    CredentialsInvalid,
    DeadlineExceeded,
    MessageTooLarge,
    Overloaded,
    QuotaExceeded,
    RunIdTaken,
    ServerError,
    ServerUnavailable,
    TrivetError,
)
from trivet._ids import new_writer_id
from trivet._spool.batches import MAX_MESSAGE_BYTES, Part, count_records, parts
from trivet._spool.folders import TargetSpool
from trivet._spool.frames import Kind, Series, intact_end, next_intact, stretches
from trivet._spool.head import Head, Progress
from trivet._spool.quota_waits import QuotaWait, quota_of
from trivet._spool.refused_files import refused_file
from trivet._spool.rejected import Rejected
from trivet._spool.segments import Segment, read_segment, segments_in
from trivet._status import from_status
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

_log = logging.getLogger("trivet")

_SMALLEST_MESSAGE_BYTES: Final = 64 * 1024
# A fault of the server may be of a moment; one that comes back this often is the message's.
_TRIES_OF_A_FAULT: Final = 5
_GAP: Final = "SEQUENCE_GAP"
_ENDED: Final = "WRITER_ENDED"
_NO_RUN: Final = "RUN_NOT_FOUND"
NO_ROOM_SECONDS: Final = 15.0
"""How long a run waits that its workspace has no room for, before it is tried again."""


def is_passing(error: TrivetError) -> bool:
    """Whether an error ends by itself: a server that is away, slow or full, a token that is about to be renewed.

    So does a rate. Room for a run comes when runs are purged or the quota is raised, and nothing of it could be sent
    before; a file that there is no room for would hold up what was logged after it.
    """
    if isinstance(error, QuotaExceeded):
        return error.is_rate or quota_of(error) == "runs"
    return isinstance(error, ServerUnavailable | DeadlineExceeded | Overloaded | CredentialsInvalid)


class Log(Protocol):
    """A log to be shipped: one that is written to, or one that a process left."""

    head: Head
    series: Mapping[int, tuple[Series, ...]]

    @property
    def folder(self) -> Path:
        """Where it is."""

    @property
    def end(self) -> int:
        """The offset in the log up to which records are whole."""

    @property
    def current(self) -> Segment | None:
        """The file that is still written to, if any."""

    @property
    def is_whole(self) -> bool:
        """Whether all records up to the end are known to be whole; else their checksums tell."""

    def freed(self, segment: Segment) -> None:
        """Called after a file was removed."""

    def move(self, folder: Path) -> None:
        """Moves the log to another place."""


class RunServer(Protocol):
    """What logs are sent to. Its methods are called by several threads, and each calls a server once."""

    def write(self, message: pb.WriteRunRequest) -> pb.WriteRunResponse:
        """Sends a message. Raises TrivetError."""

    def create(self, request: pb.CreateRunRequest) -> None:
        """Creates a run; the same again has no effect. Raises TrivetError."""

    def update(self, request: pb.UpdateRunRequest) -> None:
        """Changes a run. Raises TrivetError."""

    def upload(self, run_id: str, local: Path, path: str) -> None:
        """Uploads a file or folder to a run, under a logical path. Raises TrivetError, OSError."""

    def run_name(self, run_id: str) -> str:
        """The resource name of a run."""


class Shipper:
    """Ships one log. One thread calls `ship`; the other members may be used by any."""

    def __init__(
        self,
        log: Log,
        server: RunServer,
        spool: TargetSpool,
        *,
        is_over: Callable[[], bool],
        wait: Callable[[float], object],
    ) -> None:
        """Prepares it.

        Args:
            log: What is shipped.
            server: To whom.
            spool: Where refused records go.
            is_over: Whether to stop trying.
            wait: Waits for so many seconds, or until it is over.
        """
        self.log = log
        self.obstacle: TrivetError | None = None
        """Why the last try failed; None after one that did not."""
        self.refusal: TrivetError | None = None
        """Why the run as a whole was refused."""
        self.is_run_missing = False
        """Whether the last try failed because the run is not there yet."""
        self.has_no_room = False
        """Whether the last try failed because the workspace has no room for the run."""
        self.is_rewound = False
        """Whether this process has rewound the run, so that what is refused for that is sent anew."""
        self._server = server
        self._spool = spool
        self._is_over = is_over
        self._wait = wait
        self._quota = QuotaWait(log.folder)
        self._rejected = Rejected(spool, log.head.about.run_id)
        self._message_bytes = MAX_MESSAGE_BYTES
        self._said_obstacle = False
        self._said_turned_away = False
        self._said_damage = False

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to send."""
        return self.refusal is not None or self.log.head.progress.settled >= self.log.end

    @property
    def is_held_up(self) -> bool:
        """Whether the last try failed for what is of this run alone, so that other logs may fare better."""
        return self.is_run_missing or self.has_no_room

    def ship(self) -> bool:
        """Sends the next message, and returns when it is answered; False where there is none, or it is over."""
        self.is_run_missing = self.has_no_room = False
        while self.refusal is None and not self._is_over():
            found = self._next()
            if found is None:
                return False
            base, part = found
            if self._send(base, part):
                return True
        return False

    def pending(self) -> int:
        """How many records are neither stored nor refused. Any thread may ask, while another one ships."""
        count, at, end = 0, self.log.head.progress.settled, self.log.end
        try:
            segments = segments_in(self.log.folder)
        except FileNotFoundError:
            return 0  # all of it was dealt with, and the log removed
        for segment in segments:
            begin, stop = max(at, segment.base), min(end, segment.end)
            if begin >= stop:
                continue
            try:
                data = read_segment(segment, begin, stop)
            except FileNotFoundError:
                continue  # all of it was dealt with since it was listed
            count += count_intact(data, self.log.series, is_whole=self.log.is_whole)
        return count

    def _next(self) -> tuple[int, Part] | None:
        """The next message and where it begins; None where nothing is left."""
        while True:
            progress, end = self.log.head.progress, self.log.end
            at = progress.settled
            segment = next((it for it in segments_in(self.log.folder) if at < it.end), None)
            if at >= end or segment is None:
                return None
            if segment.base > at:
                self._skip_damage(segment, segment.base - at)
                continue
            stop = min(end, segment.end)
            data = read_segment(segment, at, stop)
            if not self.log.is_whole:
                intact = intact_end(data, 0, _widths(self.log.series))
                if not intact:
                    self._skip(segment, data, is_last=stop == end)
                    continue
                data = data[:intact]
            begun = max(0, progress.sending - at)
            data = data[: begun or None]
            part = next(parts(data, self.log.series, len(data) * 3 + 1 if begun else self._message_bytes), None)
            if part is not None:
                return at, part
            if stop == end:
                return None
            self._settle(segment.end)

    def _skip(self, segment: Segment, data: bytes, *, is_last: bool) -> None:
        """Goes on after bytes that are no record: to the next one that is whole, or to the end of the file."""
        found = next_intact(data, 0, _widths(self.log.series))
        if found is not None:
            self._skip_damage(segment, found)
        elif is_last or not data.strip(b"\0"):
            # Never written, or torn when the process was killed in the midst of a call.
            self._settle(segment.end)
        else:
            self._skip_damage(segment, len(data))

    def _skip_damage(self, segment: Segment, size: int) -> None:
        at = self.log.head.progress.settled
        if not self._said_damage:
            self._said_damage = True
            _log.warning(
                "run %s: %s was changed, or lost a part, after it was written. %d bytes at offset %d, a record as a "
                "rule, are lost; what follows is sent. More such places are only counted.",
                self.log.head.about.run_id,
                segment.path,
                size,
                at,
            )
        self._settle(at + size, damaged=1)

    def _send(self, base: int, part: Part) -> bool:
        if part.control is None:
            assert part.message is not None
            return self._send_message(base, part, part.message)
        if part.control.kind in (Kind.CREATE, Kind.ENSURE):
            self._repeat(lambda: self._create(part), base + part.end, "it")
        elif part.control.kind is Kind.UPDATE:
            request = pb.UpdateRunRequest.FromString(part.control.payload)
            self._repeat(lambda: self._server.update(request), base + part.end, "the change of its status")
        else:
            self._send_file(json.loads(part.control.payload), base + part.end)
        return not self.is_held_up

    def _create(self, part: Part) -> None:
        assert part.control is not None
        try:
            self._server.create(pb.CreateRunRequest.FromString(part.control.payload))
        except TrivetError as error:
            if isinstance(error, ServerError) or self._is_passing(error) or self._is_over():
                raise
            # A run that may be there already.
            if part.control.kind is not Kind.ENSURE or not isinstance(error, RunIdTaken):
                self._refuse_run(error)

    def _refuse_run(self, error: TrivetError) -> None:
        """Keeps the whole log, because there is no run that it could go to."""
        self.refusal = error
        target = self._spool.rejected / self.log.folder.name
        self._spool.rejected.mkdir(exist_ok=True, mode=0o700)
        (self.log.folder / "reason.txt").write_text(str(error), encoding="utf-8")
        self.log.move(target)
        _log.warning(
            "run %s was refused (%s). What is logged to it is kept in %s; `trivet sync --experiment NAME` gives it "
            "another home.",
            self.log.head.about.run_id,
            error,
            target,
        )

    def _send_file(self, said: dict[str, str], end: int) -> None:
        run_id = self.log.head.about.run_id
        local = self.log.folder / said["local"]
        kept = refused_file(self._spool, run_id, local, said["path"])

        def upload() -> None:
            try:
                self._server.upload(run_id, local, said["path"])
            except OSError as error:
                raise TrivetError(f"{local}: {error}") from error
            except RuntimeError as error:
                # While the interpreter ends, no thread begins any more: who comes later sends it.
                raise ServerUnavailable(f"{local} could not be uploaded: {error}") from error

        def keep(error: TrivetError) -> None:
            # Before it counts as dealt with: who finds that removes the log, and all that is in it.
            try:
                kept.take(local, error)
            except OSError as problem:
                _log.warning("run %s: %r cannot be kept: %s", run_id, said["path"], problem)
            else:
                _log.warning("run %s: %r is kept in %s; `trivet sync` sends it again", run_id, said["path"], kept.local)

        if kept.is_kept and not local.exists():
            self._settle(end, refused=1)  # a process was killed when it had kept it
            return
        refusal = self._repeat(upload, end, f"the file {said['path']!r}", keep)
        if refusal is None and self.log.head.progress.settled >= end:
            shutil.rmtree(local) if local.is_dir() else local.unlink(missing_ok=True)

    def _repeat(
        self, act: Callable[[], None], end: int, what: str, keep: Callable[[TrivetError], None] | None = None
    ) -> TrivetError | None:
        """Tries something that has no number, until it is done, refused or over; returns why it was refused.

        What is refused is counted where something of it can be kept, after that.
        """
        pauses, faults = Pauses(), 0
        while not self._is_over():
            try:
                act()
            except TrivetError as error:
                if self._is_over():
                    return None
                faults += isinstance(error, ServerError)
                if self._is_passing(error) or (isinstance(error, ServerError) and faults < _TRIES_OF_A_FAULT):
                    self._hit(error)
                    self._pause(pauses, error)
                    continue
                _log.warning("run %s: %s was refused: %s", self.log.head.about.run_id, what, error)
                if keep is not None:
                    keep(error)
                self._settle(end, refused=int(keep is not None))
                return error
            if self.refusal is None:
                self._settle(end)
            return None
        return None

    def _send_message(self, base: int, part: Part, message: pb.WriteRunRequest) -> bool:
        message.run = self._server.run_name(self.log.head.about.run_id)
        end = base + part.end
        pauses, faults = Pauses(), 0
        while not self._is_over():
            progress = self.log.head.progress
            if progress.sending != end:
                self.log.head.progress = progress = progress._replace(sending=end)
            message.writer_id, message.sequence = progress.writer_id, progress.sequence + 1
            try:
                answer = self._server.write(message)
            except TrivetError as error:
                if self._is_over():
                    return False  # the connection was closed under the call, which says nothing of the message
                faults += isinstance(error, ServerError) or error.reason == _GAP
                if isinstance(error, MessageTooLarge) and self._message_bytes > _SMALLEST_MESSAGE_BYTES:
                    # A server with a lower limit than usual. What was refused as a whole has used up no sequence.
                    self._message_bytes //= 2
                    self.log.head.progress = progress._replace(sending=progress.settled)
                    return False
                if not self._is_to_be_tried_again(error, faults):
                    self._rejected.keep_all(message, error)
                    self._settle(end, refused=part.records)
                    return True
                self._pause(pauses, error)
            except Exception as error:  # noqa: BLE001 - whatever happens, the next message is sent
                if self._is_over():
                    return False
                _log.exception("records of run %s could not be sent", self.log.head.about.run_id)
                self._become_another_writer()
                self._rejected.keep_all(message, TrivetError(str(error)))
                self._settle(end, refused=part.records)
                return True
            else:
                refused = self._rejected.keep(message, answer, from_status)
                self._settle(end, stored=part.records - refused, refused=refused, sequence=progress.sequence + 1)
                return True
        return False

    def _is_to_be_tried_again(self, error: TrivetError, faults: int) -> bool:
        """Deals with a message that failed; False where it is refused."""
        if error.reason == _ENDED and self.is_rewound:
            self._become_another_writer()
            return True
        if self._is_passing(error) or 0 < faults < _TRIES_OF_A_FAULT:
            if error.reason == _GAP:
                self._become_another_writer()  # the server forgot us, as after a restored backup
            self._hit(error)
            return True
        if faults:
            # Whether it was applied is open. As another writer, the next message cannot be taken for it.
            self._become_another_writer()
        return False

    def _is_passing(self, error: TrivetError) -> bool:
        return is_passing(error) or self._is_missing(error)

    def _is_missing(self, error: TrivetError) -> bool:
        return error.reason == _NO_RUN and self.log.head.about.is_unasked

    def _pause(self, pauses: Pauses, error: TrivetError) -> None:
        pause = pauses.after(error)
        if isinstance(error, QuotaExceeded) and not error.is_rate:
            pause = max(pause, NO_ROOM_SECONDS)
        self._wait(0 if self._is_over() else pause)

    def _hit(self, error: TrivetError) -> None:
        """Says once that the server is away, or lets nobody in, until that is over."""
        self.obstacle = error
        if isinstance(error, QuotaExceeded):
            self._quota.wait_for(quota_of(error))
        self.has_no_room = isinstance(error, QuotaExceeded) and not error.is_rate
        self.is_run_missing = self._is_missing(error)
        if isinstance(error, CredentialsInvalid) and not self._said_turned_away:
            self._said_turned_away = True
            _log.warning(
                "run %s: nothing is sent, because the server does not let this program in: %s What is logged is kept "
                "in %s until it does.",
                self.log.head.about.run_id,
                error,
                self.log.folder,
            )
        if not self._said_obstacle:
            self._said_obstacle = True
            _log.info("run %s: %s; what is logged is kept in %s", self.log.head.about.run_id, error, self.log.folder)

    def _become_another_writer(self) -> None:
        self.is_rewound = False
        self.log.head.progress = self.log.head.progress._replace(writer_id=new_writer_id(), sequence=0)

    def _settle(
        self, end: int, *, stored: int = 0, refused: int = 0, damaged: int = 0, sequence: int | None = None
    ) -> None:
        """Counts all up to an offset as dealt with, and removes the files before it."""
        before = self.log.head.progress
        self.log.head.progress = Progress(
            before.writer_id,
            before.sequence if sequence is None else sequence,
            end,
            end,
            before.stored + stored,
            before.refused + refused,
            before.damaged + damaged,
        )
        if self.obstacle is None:
            self._quota.has_enough()
        self.obstacle, self._said_obstacle = None, False
        self.is_run_missing = self.has_no_room = False
        if self._said_turned_away:
            self._said_turned_away = False
            _log.warning(
                "run %s: the server lets this program in again; what was kept is sent.", self.log.head.about.run_id
            )
        for segment in segments_in(self.log.folder):
            if segment.end <= end and segment != self.log.current:
                segment.path.unlink(missing_ok=True)
                self.log.freed(segment)


def count_intact(data: bytes, series: Mapping[int, tuple[Series, ...]], *, is_whole: bool) -> int:
    """How many records there are in a part of a file, those that are damaged left out.

    Args:
        data: The part.
        series: What numbers mean.
        is_whole: Whether all is known to be whole up to what was never written.
    """
    found = [(0, len(data))] if is_whole else stretches(data, _widths(series))
    return sum(count_records(data[begin:end], series) for begin, end in found)


def _widths(series: Mapping[int, tuple[Series, ...]]) -> dict[int, int]:
    return {number: len(its) for number, its in series.items()}
