"""The bytes of a record in a log.

A frame is a CRC-32 of all that follows it, a tag, and a body, all little-endian and a multiple of eight bytes, so that
columns can be cut out of many frames at once. The low eight bits of a tag are its kind, the others the number of what
is measured (see `Series`); of other kinds they are 0. A tag of 0 is no frame: the rest of that file is unused.

| kind | body |
|---|---|
| POINT | step and time in milliseconds (int64), value (float64) |
| ROW | the same of several series at one step and time, with their values one after the other |
| others | length (uint32), then so many bytes, filled up with zeros |
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Final, NamedTuple
from zlib import crc32

POINT: Final = struct.Struct("<Iqqd")
CRC: Final = struct.Struct("<I")
_TAG: Final = struct.Struct("<I")
_LENGTH: Final = struct.Struct("<II")  # tag and length
POINT_BYTES: Final = CRC.size + POINT.size
# Of a frame with a length: CRC, tag and length.
_LONG_HEADER_BYTES: Final = 12
MAX_SERIES_NUMBER: Final = 2**24 - 1
FRAME_ALIGNMENT: Final = 8
_USED: Final = re.compile(rb"[^\0]")


class Kind(IntEnum):
    """What a frame holds."""

    POINT = 1
    ROW = 2
    WRITE = 3
    """A `WriteRunRequest` of params, tags, inputs, outputs and lines of the console."""
    CREATE = 4
    """A `CreateRunRequest`: the first frame of a run that was made while no server answered."""
    UPDATE = 5
    """An `UpdateRunRequest`: the end of a run, or that it goes on."""
    FILE = 6
    """JSON: a file or folder beside the log, and where in the run it goes."""
    SERIES = 7
    """JSON: what a number means. In the file of keys alone."""
    ENSURE = 8
    """A `CreateRunRequest` of a run that may be there already."""


class Series(NamedTuple):
    """What points belong to, besides the run. Empty parts are absent, and a rank of -1."""

    key: str
    rank: int = -1
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class Frame(NamedTuple):
    """A frame of a kind that has a length."""

    kind: Kind
    payload: bytes
    end: int
    """Where the next frame begins."""


def row_struct(n_values: int) -> struct.Struct:
    """How the tag and body of a row are packed."""
    return struct.Struct(f"<Iqq{n_values}d")


def row_bytes(n_values: int) -> int:
    """The size of a row's frame."""
    return 24 + 8 * n_values


def point_tag(number: int) -> int:
    """The tag of a point."""
    return number << 8 | Kind.POINT


def row_tag(number: int) -> int:
    """The tag of a row."""
    return number << 8 | Kind.ROW


def framed(body: bytes) -> bytes:
    """A frame of a tag and body that are packed already."""
    return CRC.pack(crc32(body)) + body


def long_frame(kind: Kind, payload: bytes) -> bytes:
    """A frame of bytes."""
    padding = -(len(payload) + _LONG_HEADER_BYTES) % 8
    return framed(_LENGTH.pack(kind, len(payload)) + payload + bytes(padding))


def series_frame(number: int, series: Sequence[Series]) -> bytes:
    """What says which series a number means."""
    return long_frame(Kind.SERIES, json.dumps([number, series]).encode())


def read_series(data: bytes) -> dict[int, tuple[Series, ...]]:
    """What numbers mean, from the file of keys. Its last frame may be torn: then no point refers to it."""
    found: dict[int, tuple[Series, ...]] = {}
    for begin, end in stretches(data, {}):
        at = begin
        while at < end and (frame := read_long(data, at)) is not None:
            number, series = json.loads(frame.payload)
            found[number] = tuple(Series(*parts) for parts in series)
            at = frame.end
    return found


def read_long(data: bytes, at: int) -> Frame | None:
    """The frame with a length that begins at an offset; None where it is not whole, or of no such kind."""
    if at + _LONG_HEADER_BYTES > len(data):
        return None
    tag, length = _LENGTH.unpack_from(data, at + 4)
    begin = at + _LONG_HEADER_BYTES
    end = begin + length
    end += -(end - at) % 8
    if end > len(data) or not Kind.WRITE <= tag <= Kind.ENSURE:
        return None
    return Frame(Kind(tag), data[begin : begin + length], end)


def tag_at(data: bytes, at: int) -> int:
    """The tag of the frame at an offset; 0 where no frame begins any more."""
    return int(_TAG.unpack_from(data, at + 4)[0]) if at + 8 <= len(data) else 0


def intact_end(data: bytes, begin: int, widths: Mapping[int, int]) -> int:
    """Where the frames end that follow one another from an offset on and whose checksums hold.

    Args:
        data: Of a file.
        begin: Where a frame may begin.
        widths: How many values the points and rows of each number have; of other numbers there are none.
    """
    at, view = begin, memoryview(data)
    while (end := _frame_end(data, at, widths)) and crc32(view[at + 4 : end]) == CRC.unpack_from(data, at)[0]:
        at = end
    return at


def next_intact(data: bytes, begin: int, widths: Mapping[int, int]) -> int | None:
    """Where the next frame begins whose checksum holds, after an offset where none does; None where there is none."""
    at = begin + FRAME_ALIGNMENT
    while (used := _USED.search(data, at)) is not None:
        at = used.start() // FRAME_ALIGNMENT * FRAME_ALIGNMENT
        if intact_end(data, at, widths) > at:
            return at
        at += FRAME_ALIGNMENT
    return None


def stretches(data: bytes, widths: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """Where intact frames follow one another: the begin and end of each stretch, with damage in between."""
    at: int | None = 0
    while at is not None:
        end = intact_end(data, at, widths)
        if end > at:
            yield at, end
        at = next_intact(data, end, widths)


def _frame_end(data: bytes, at: int, widths: Mapping[int, int]) -> int:
    """Where a frame would end by what its tag says; 0 where it is no tag, or the data are too short."""
    tag = tag_at(data, at)
    kind, number = tag & 0xFF, tag >> 8
    if kind in (Kind.POINT, Kind.ROW):
        if number not in widths:
            return 0
        end = at + (POINT_BYTES if kind == Kind.POINT else row_bytes(widths[number]))
        return end if end <= len(data) else 0
    frame = read_long(data, at)
    return 0 if frame is None else frame.end
