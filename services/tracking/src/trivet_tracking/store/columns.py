"""Columns of points as bytes.

Layout, little-endian: version (1 byte), how the rest is compressed (1), bytes of a step's difference, of a time's
difference and of a value (1 each), number of points (4), the first step and time (8 each), the difference of all steps
and of all times where they are equal (8 each, and then they have no bytes below). Then the body: the differences of
steps, those of times, and the values, as 32-bit floats where that loses no bit of any. Numbers of several bytes are
shuffled into planes: first the lowest byte of all, then the second of all. Differences wrap around.

The body is plain (0), one zstd frame (1), or, of many points, one frame a plane (2): then it begins with the size of
each (4), and a plane that no frame makes smaller is plain. Noise in the low bytes of values would otherwise hide from
zstd how regular the high ones are, which is worth a tenth to a seventh.

Measured against raw columns: a sixth of the write-ahead log, for 30 ns a point (metric storage, ADR 12).
"""

from __future__ import annotations

import itertools
import struct
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import zstandard

from trivet_tracking.domain.metrics import Float64s, Int64s, Points

_HEADER = struct.Struct("<BBBBBIqqqq")
_VERSION = 1
_ZSTD_LEVEL = 1
# Below this, a frame's own bytes and the call cost more than they save.
_MIN_COMPRESSED_BYTES = 64
# From so many points on, a frame for each plane.
_MIN_PLANE_POINTS = 512
_PLAIN, _ONE_FRAME, _FRAME_A_PLANE = range(3)
_WIDTHS = ((1, np.int8), (2, np.int16), (4, np.int32), (8, np.int64))
_INTEGERS = {width: np.dtype(kind).newbyteorder("<") for width, kind in _WIDTHS}
_FLOATS: dict[int, np.dtype[Any]] = {4: np.dtype("<f4"), 8: np.dtype("<f8")}

# The library's contexts are for one thread each, and making one costs more than a small chunk.
_of_thread = threading.local()


def encode(points: Points) -> bytes:
    """The bytes of at least one point, in any order."""
    step_width, step_difference, steps = _encoded_differences(points.steps)
    time_width, time_difference, times = _encoded_differences(points.times)
    value_width, values = _encoded_values(points.values)
    compression, body = _compressed(len(points), steps + times + values, (step_width, time_width, value_width))
    return (
        _HEADER.pack(
            _VERSION,
            compression,
            step_width,
            time_width,
            value_width,
            len(points),
            int(points.steps[0]),
            int(points.times[0]),
            step_difference,
            time_difference,
        )
        + body
    )


def decode(data: bytes | memoryview) -> Points:
    """The points whose bytes these are, bit for bit and in their order."""
    version, compression, step_width, time_width, value_width, length, step, time, step_difference, time_difference = (
        _HEADER.unpack_from(data)
    )
    if version != _VERSION:
        raise AssertionError(f"columns of version {version}; the schema check lets no older server read newer data")
    body = data[_HEADER.size :]
    if compression != _PLAIN:
        body = _decompressed(compression, body, _planes(length, (step_width, time_width, value_width)))
    times_at = (length - 1) * step_width
    values_at = times_at + (length - 1) * time_width
    return Points(
        _decoded_differences(body, 0, length, step_width, step, step_difference),
        _decoded_differences(body, times_at, length, time_width, time, time_difference),
        _unshuffled(body, values_at, length, _FLOATS[value_width]).astype(np.float64, copy=False),
    )


def _planes(length: int, widths: tuple[int, int, int]) -> list[int]:
    """The size of each plane of a body."""
    step_width, time_width, value_width = widths
    return [length - 1] * (step_width + time_width) + [length] * value_width


def _compressed(length: int, body: bytes, widths: tuple[int, int, int]) -> tuple[int, bytes]:
    """How a body is compressed, and its bytes."""
    if length < _MIN_PLANE_POINTS:
        smaller, data = compress(body)
        return (_ONE_FRAME if smaller else _PLAIN), data
    ends = list(itertools.accumulate(_planes(length, widths), initial=0))
    planes = [compress(body[begin:end])[1] for begin, end in itertools.pairwise(ends)]
    return _FRAME_A_PLANE, b"".join((np.array(list(map(len, planes)), "<u4").tobytes(), *planes))


def _decompressed(compression: int, data: bytes | memoryview, sizes: Sequence[int]) -> bytes | memoryview:
    if compression == _ONE_FRAME:
        return decompress(data, sum(sizes))
    stored = np.frombuffer(data, "<u4", len(sizes)).tolist()
    ends = itertools.accumulate(stored, initial=4 * len(sizes))
    return b"".join(
        data[begin:end] if end - begin == size else decompress(data[begin:end], size)
        for (begin, end), size in zip(itertools.pairwise(ends), sizes, strict=True)
    )


def compress(data: bytes) -> tuple[bool, bytes]:
    """The data, compressed where that makes it smaller, and whether it was."""
    if len(data) >= _MIN_COMPRESSED_BYTES:
        compressor = getattr(_of_thread, "compressor", None)
        if compressor is None:
            compressor = _of_thread.compressor = zstandard.ZstdCompressor(
                level=_ZSTD_LEVEL, write_content_size=False, write_checksum=False
            )
        smaller: bytes = compressor.compress(data)
        if len(smaller) < len(data):
            return True, smaller
    return False, data


def decompress(data: bytes | memoryview, size: int) -> bytes:
    """What was compressed, of that size."""
    decompressor = getattr(_of_thread, "decompressor", None)
    if decompressor is None:
        decompressor = _of_thread.decompressor = zstandard.ZstdDecompressor()
    plain: bytes = decompressor.decompress(data, max_output_size=size)
    return plain


def _encoded_differences(numbers: Int64s) -> tuple[int, int, bytes]:
    """The bytes a difference has, 0 where all are equal; that difference; the bytes of all."""
    if len(numbers) == 1:
        return 0, 0, b""
    differences = np.diff(numbers)  # wraps around, and so does the sum that undoes it
    low, high = int(differences.min()), int(differences.max())
    if low == high:
        return 0, low, b""
    for width, _ in _WIDTHS:
        if -(1 << (8 * width - 1)) <= low and high < 1 << (8 * width - 1):
            return width, 0, _shuffled(differences.astype(_INTEGERS[width]))
    raise AssertionError("a difference has 64 bits")


def _decoded_differences(
    data: bytes | memoryview, at: int, length: int, width: int, first: int, difference: int
) -> Int64s:
    numbers = np.empty(length, np.int64)
    numbers[0] = first
    numbers[1:] = _unshuffled(data, at, length - 1, _INTEGERS[width]) if width else difference
    return np.cumsum(numbers, out=numbers)


def _encoded_values(values: Float64s) -> tuple[int, bytes]:
    with np.errstate(over="ignore"):
        halves = values.astype("<f4")
    if (halves.astype(np.float64).view(np.int64) == values.view(np.int64)).all():
        return 4, _shuffled(halves)
    return 8, _shuffled(values.astype("<f8", copy=False))


def _shuffled(numbers: npt.NDArray[Any]) -> bytes:
    if numbers.itemsize == 1 or len(numbers) == 1:
        return numbers.tobytes()
    return numbers.view(np.uint8).reshape(-1, numbers.itemsize).T.tobytes()


def _unshuffled(data: bytes | memoryview, at: int, length: int, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    if kind.itemsize == 1 or length <= 1:
        return np.frombuffer(data, kind, length, at)
    planes = np.frombuffer(data, np.uint8, length * kind.itemsize, at).reshape(kind.itemsize, length)
    return np.ascontiguousarray(planes.T).view(kind).reshape(length)
