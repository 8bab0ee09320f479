"""The head of a log: whose it is, how far it is sent, and the lock that says that a process has it."""

from __future__ import annotations

import json
import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Self
from zlib import crc32

from trivet._locks import lock
from trivet._spool.segments import reserve

_BYTES: Final = 4096
_MAGIC: Final = b"trivetL1"
# CRC-32 of the rest, generation, and the fields of `Progress`.
_SLOT: Final = struct.Struct("<IQQQQQQQQ")
_SLOTS: Final = (64, 192)
_ABOUT: Final = 512  # where the JSON begins


class Progress(NamedTuple):
    """How far a log is sent."""

    writer_id: int
    sequence: int
    """Of the last message that was answered."""
    settled: int
    """The offset in the log up to which all is stored or refused."""
    sending: int
    """Where the message ends that was begun after `settled`, numbered `sequence` + 1; `settled` where there is none."""
    stored: int = 0
    refused: int = 0
    damaged: int = 0
    """Places where the file had changed after it was written: each has lost a record as a rule."""


@dataclass(frozen=True)
class About:
    """Whose log it is."""

    run_id: str
    process: int
    host: str
    began_millis: int
    is_unasked: bool = False
    """Whether the run was begun, or gone on with, while no server could be asked: it may not be there yet."""


class Head:
    """The head of a log, in memory that outlives the process. One thread sets it; any thread reads it."""

    def __init__(self, file: int, memory: mmap.mmap, about: About) -> None:
        self._file = file
        self._memory = memory
        self.about = about
        self._generation = 0
        self._progress = Progress(0, 0, 0, 0)
        self._read()

    @classmethod
    def create(cls, path: Path, about: About, progress: Progress) -> Self:
        """Makes a head, and locks it before anybody else can find it. Raises OSError."""
        unfinished = path.with_suffix(".new")
        file = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            lock(file)
            reserve(file, _BYTES)
            memory = mmap.mmap(file, _BYTES)
            said = json.dumps(about.__dict__).encode()
            memory[_ABOUT : _ABOUT + len(said)] = said
            memory[: len(_MAGIC)] = _MAGIC
            head = cls(file, memory, about)
            head.progress = progress
            unfinished.rename(path)
        except BaseException:
            os.close(file)
            unfinished.unlink(missing_ok=True)
            raise
        return head

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """The head of a log that no process has any more, which is now this one's; None where another one has it.

        Raises:
            OSError, ValueError: it is not there any more, or no head.
        """
        file = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        try:
            try:
                lock(file)
            except BlockingIOError:
                os.close(file)
                return None
            # Whoever had it may have finished and removed it after it was opened here.
            if path.stat().st_ino != os.fstat(file).st_ino:
                raise FileNotFoundError(path)  # noqa: TRY301 - closed below, as for any error
            memory = mmap.mmap(file, _BYTES)
            return cls(file, memory, _about(memory))
        except BaseException:
            os.close(file)
            raise

    @property
    def progress(self) -> Progress:
        """How far the log is sent."""
        return self._progress

    @progress.setter
    def progress(self, progress: Progress) -> None:
        # Two places in turn: a process that is killed while it writes the one leaves the other whole.
        self._generation += 1
        at = _SLOTS[self._generation % 2]
        body = _SLOT.pack(0, self._generation, *progress)[4:]
        self._memory[at : at + _SLOT.size] = struct.pack("<I", crc32(body)) + body
        self._progress = progress

    def _read(self) -> None:
        for at in _SLOTS:
            crc, generation, *fields = _SLOT.unpack_from(self._memory, at)
            if generation > self._generation and crc == crc32(self._memory[at + 4 : at + _SLOT.size]):
                self._generation, self._progress = generation, Progress(*fields)

    def close(self) -> None:
        """Lets other processes have the log. Idempotent; in a forked child it leaves the parent's lock as it is."""
        if self._file >= 0:
            self._memory.close()
            os.close(self._file)
            self._file = -1


def read_head(path: Path) -> tuple[About, Progress]:
    """What a head says, whoever has it. Raises OSError, ValueError."""
    with path.open("rb") as file:
        data = file.read(_BYTES)
    best = Progress(0, 0, 0, 0)
    newest = 0
    for at in _SLOTS:
        crc, generation, *fields = _SLOT.unpack_from(data, at)
        if generation > newest and crc == crc32(data[at + 4 : at + _SLOT.size]):
            newest, best = generation, Progress(*fields)
    return _about(data), best


def _about(data: bytes | mmap.mmap) -> About:
    if data[: len(_MAGIC)] != _MAGIC:
        raise ValueError("this is no head of a log, or one of another version of Trivet")
    return About(**json.loads(data[_ABOUT:_BYTES].rstrip(b"\0")))
