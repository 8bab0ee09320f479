"""The bytes of a segment: the metric points that one commit wrote to one run and that went into no chunk.

Layout, little-endian: version (1 byte), whether the pieces are compressed (1), number of pieces, bytes of the pieces
before and after compression (4 each); the pieces, as a zstd frame where that is smaller: the context of each (4 bytes),
its count of points (4), the length of its key (2), and then the keys in UTF-8; the columns of all points (columns.py).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trivet_tracking.domain.metrics import Int64s, Points, empty_points
from trivet_tracking.store import columns

_HEADER = struct.Struct("<BBIII")
_VERSION = 2


@dataclass(frozen=True, eq=False)
class Segment:
    """Points of several series: one after the other, each in order."""

    keys: Sequence[str]
    """The key of each piece."""
    contexts: Sequence[int]
    """The number of the context of each piece."""
    counts: Int64s
    """How many points each piece has; none has none."""
    points: Points

    def pieces(self) -> Iterator[tuple[str, int, Points]]:
        """Each piece: its key, the number of its context, its points."""
        begin = 0
        for key, context, count in zip(self.keys, self.contexts, self.counts.tolist(), strict=True):
            yield key, context, self.points.part(begin, begin + count)
            begin += count


def encode(segment: Segment) -> bytes:
    """The bytes of a segment of at least one piece."""
    keys = [key.encode() for key in segment.keys]
    plain = b"".join(
        (
            np.array(segment.contexts, "<u4").tobytes(),
            segment.counts.astype("<u4").tobytes(),
            np.array([len(key) for key in keys], "<u2").tobytes(),
            *keys,
        )
    )
    compressed, pieces = columns.compress(plain)
    return (
        _HEADER.pack(_VERSION, compressed, len(keys), len(plain), len(pieces)) + pieces + columns.encode(segment.points)
    )


def decode(data: bytes | memoryview, only_keys: frozenset[str] | None = None) -> Segment:
    """The segment of these bytes; with `only_keys`, of their pieces alone, and cheap where it has none of them."""
    version, compressed, n_pieces, plain_size, size = _HEADER.unpack_from(data)
    if version != _VERSION:
        raise AssertionError(f"segment of version {version}; the schema check lets no older server read newer data")
    plain: bytes | memoryview = data[_HEADER.size : _HEADER.size + size]
    if compressed:
        plain = columns.decompress(plain, plain_size)
    contexts = np.frombuffer(plain, "<u4", n_pieces)
    counts = np.frombuffer(plain, "<u4", n_pieces, 4 * n_pieces).astype(np.int64)
    ends = np.cumsum(np.frombuffer(plain, "<u2", n_pieces, 8 * n_pieces), dtype=np.int64).tolist()
    names = bytes(plain[10 * n_pieces :])
    keys = [names[begin:end].decode() for begin, end in zip([0, *ends], ends, strict=False)]
    columns_at = _HEADER.size + size
    if only_keys is None:
        return Segment(keys, contexts.tolist(), counts, columns.decode(data[columns_at:]))
    wanted = np.array([key in only_keys for key in keys], bool)
    kept = [key for key in keys if key in only_keys]
    if not kept:
        return Segment((), (), np.empty(0, np.int64), empty_points())
    points = columns.decode(data[columns_at:]).selected(np.repeat(wanted, counts))
    return Segment(kept, contexts[wanted].tolist(), counts[wanted], points)
