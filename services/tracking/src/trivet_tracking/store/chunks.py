"""Chunks: up to some thousand points of one series, compressed, with a summary of every 128 of them.

The chunks of a series do not overlap: each begins, by (step, time), after the end of the one before. Whoever writes
chunks keeps that true (points.py, folding.py); readers need not compare neighbours for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trivet_tracking.domain.metrics import Points
from trivet_tracking.store import columns

# Measured (metric storage, ADR 12): larger ones compress no better and cost more to read a part of.
CHUNK_POINTS = 4096
# One of so many is not written again for its size: where `cut` makes several, none is smaller.
FULL_CHUNK_POINTS = CHUNK_POINTS // 2
SUMMARY_POINTS = 128

SUMMARY = np.dtype([("step", "<i8"), ("time", "<i8"), ("min", "<f8"), ("max", "<f8"), ("nans", "u1")])
"""Of each 128 points: the first step and time; the range of the values, NaN where all are; how many of them are NaN."""


@dataclass(frozen=True)
class Chunk:
    """What the row of a chunk holds besides the series that it belongs to."""

    first_step: int
    first_time: int
    last_step: int
    last_time: int
    points: int
    summary: bytes
    data: bytes


def cut(points: Points) -> Iterator[Chunk]:
    """The chunks of points in order, each once; at least one point. They are of about the same size.

    Points of one step and time stay together, so that chunks do not overlap, however many they are.
    """
    size = -(-len(points) // max(1, round(len(points) / CHUNK_POINTS)))
    begin = 0
    while begin < len(points):
        end = begin + size
        if end < len(points):
            end = points.place_after((int(points.steps[end - 1]), int(points.times[end - 1])))
        yield _chunk(points.part(begin, min(end, len(points))))
        begin = end


def _chunk(points: Points) -> Chunk:
    return Chunk(
        first_step=int(points.steps[0]),
        first_time=int(points.times[0]),
        last_step=int(points.steps[-1]),
        last_time=int(points.times[-1]),
        points=len(points),
        summary=summarise(points).tobytes(),
        data=columns.encode(points),
    )


def summarise(points: Points) -> npt.NDArray[np.void]:
    """The summaries of points in order, of type SUMMARY."""
    starts = np.arange(0, len(points), SUMMARY_POINTS)
    summary = np.empty(len(starts), SUMMARY)
    summary["step"] = points.steps[starts]
    summary["time"] = points.times[starts]
    summary["min"] = np.fmin.reduceat(points.values, starts)
    summary["max"] = np.fmax.reduceat(points.values, starts)
    summary["nans"] = np.add.reduceat(np.isnan(points.values).astype(np.uint8), starts)
    return summary


def read_summaries(parts: Sequence[bytes | memoryview]) -> npt.NDArray[np.void]:
    """The summaries of chunks, one after the other."""
    return np.frombuffer(b"".join(parts), SUMMARY)
