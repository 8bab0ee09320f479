"""The bytes of a segment: all metric points that one commit wrote to one run.

Layout, little-endian: version (1 byte), number of pieces and of points (4 bytes each); then for each piece its context
(4 bytes), its count of points (4 bytes) and the length of its key (2 bytes); the keys in UTF-8; the steps and times of
all points (8 bytes each, signed); their values (8 bytes, IEEE 754).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import numpy as np

from trivet_tracking.domain.metrics import Points

_HEADER = struct.Struct("<BII")
_VERSION = 1

SegmentPiece = tuple[str, int, Points]
"""A key, the number of its context, and points of that series."""


def encode(pieces: Sequence[SegmentPiece]) -> bytes:
    """The bytes of a segment of at least one piece."""
    keys = [key.encode() for key, _, _ in pieces]
    n_points = sum(len(points) for _, _, points in pieces)
    return b"".join(
        (
            _HEADER.pack(_VERSION, len(pieces), n_points),
            np.array([context for _, context, _ in pieces], "<u4").tobytes(),
            np.array([len(points) for _, _, points in pieces], "<u4").tobytes(),
            np.array([len(key) for key in keys], "<u2").tobytes(),
            b"".join(keys),
            *(points.steps.astype("<i8", copy=False).tobytes() for _, _, points in pieces),
            *(points.times.astype("<i8", copy=False).tobytes() for _, _, points in pieces),
            *(points.values.astype("<f8", copy=False).tobytes() for _, _, points in pieces),
        )
    )


def pieces_of(data: bytes, key: str) -> Iterator[tuple[int, Points]]:
    """The pieces of a key in a segment, each with the number of its context."""
    version, n_pieces, n_points = _HEADER.unpack_from(data)
    if version != _VERSION:
        raise AssertionError(f"segment of version {version}; the schema check lets no older server read newer data")
    at = _HEADER.size
    contexts = np.frombuffer(data, "<u4", n_pieces, at)
    counts = np.frombuffer(data, "<u4", n_pieces, at + 4 * n_pieces)
    key_ends = np.cumsum(np.frombuffer(data, "<u2", n_pieces, at + 8 * n_pieces), dtype=np.int64)
    keys_at = at + 10 * n_pieces
    columns_at = keys_at + int(key_ends[-1])
    point_ends = np.cumsum(counts, dtype=np.int64)
    wanted = key.encode()
    for index in range(n_pieces):
        key_begin = keys_at + (int(key_ends[index - 1]) if index else 0)
        if data[key_begin : keys_at + int(key_ends[index])] != wanted:
            continue
        begin, count = int(point_ends[index]) - int(counts[index]), int(counts[index])
        yield (
            int(contexts[index]),
            Points(
                np.frombuffer(data, "<i8", count, columns_at + 8 * begin),
                np.frombuffer(data, "<i8", count, columns_at + 8 * (n_points + begin)),
                np.frombuffer(data, "<f8", count, columns_at + 8 * (2 * n_points + begin)),
            ),
        )
