"""Points of a group of writes into tables: numpy from the message's columns on, nothing is done point by point.

A series that brings many points goes into chunks at once, the rest of each run into one segment of the log. Chunks of
a series must not overlap (chunks.py), so a series goes into the log as long as it is unsettled: `metric_latest`, whose
row is locked until the commit, says whether all its points are known to come after those that were there.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy.engine import Connection

from trivet_tracking.domain.metrics import Int64s, MetricBatch, Points, concatenate
from trivet_tracking.domain.series import SeriesPoints, by_series
from trivet_tracking.store import chunks, segments
from trivet_tracking.store.latest import LatestRows, SeriesKey
from trivet_tracking.store.point_rows import ChunkRow, LogRow, PointRows
from trivet_tracking.store.segments import Segment

Mask = npt.NDArray[np.bool_]

# Fewer are cheaper in a segment, where series share what an encoding costs (measured: metric storage, ADR 12).
MIN_CHUNK_POINTS = 512


@dataclass(frozen=True)
class NumberedBatch:
    """The metrics of a write, and which run and contexts they belong to."""

    run_pk: int
    experiment_pk: int
    metrics: MetricBatch
    context_numbers: Sequence[int]
    """Of each piece; empty where none has a context."""

    def series(self) -> Iterator[SeriesKey]:
        """The series of each piece."""
        numbers = self.context_numbers or itertools.repeat(0)
        return zip(itertools.repeat(self.run_pk), self.metrics.keys, numbers, strict=False)


class PointWrites:
    """Writes points of groups. Safe for threads."""

    def __init__(self, dialect: str, now: Callable[[], int]) -> None:
        self._latest = LatestRows(dialect)
        self._rows = PointRows(dialect)
        self._now = now

    def write(self, connection: Connection, batches: Sequence[NumberedBatch]) -> None:
        """Writes points, at least one, and what their series are now; rows in the order of their keys."""
        keys, series = _sorted_series(batches)
        experiments = {batch.run_pk: batch.experiment_pk for batch in batches}
        self._latest.upsert(connection, keys, series, experiments)
        chunked = self._chunked(connection, keys, series.counts)
        self._rows.append_chunks(
            connection,
            (
                ChunkRow(keys[number], chunk)
                for number in np.flatnonzero(chunked).tolist()
                for chunk in chunks.cut(series.of(number))
            ),
        )
        self._rows.append_log(connection, self._segments(keys, series, chunked))

    def _chunked(self, connection: Connection, keys: Sequence[SeriesKey], counts: Int64s) -> Mask:
        """Which series go into chunks."""
        chunked = counts >= MIN_CHUNK_POINTS
        if chunked.any():
            many = np.flatnonzero(chunked).tolist()
            unsettled = self._latest.unsettled(connection, {keys[number][0] for number in many})
            for number in many:
                chunked[number] = keys[number] not in unsettled
        return chunked

    def _segments(self, keys: Sequence[SeriesKey], series: SeriesPoints, chunked: Mask) -> Iterator[LogRow]:
        now = self._now()
        counts, starts = series.counts, series.starts
        begin = 0
        for run_pk, of_run in itertools.groupby(keys, lambda key: key[0]):
            end = begin + sum(1 for _ in of_run)
            logged = ~chunked[begin:end]
            if logged.any():
                points = series.points.part(int(starts[begin]), int(starts[end]))
                if not logged.all():
                    points = points.selected(np.repeat(logged, counts[begin:end]))
                its_keys = list(itertools.compress(keys[begin:end], logged.tolist()))
                segment = Segment(
                    [key for _, key, _ in its_keys],
                    [context for _, _, context in its_keys],
                    counts[begin:end][logged],
                    points,
                )
                yield LogRow(run_pk, now, len(points), segments.encode(segment))
            begin = end


def _sorted_series(batches: Sequence[NumberedBatch]) -> tuple[list[SeriesKey], SeriesPoints]:
    """The series of batches in the order of their keys, and their points."""
    # Numbered in the order in which they come, by calls from C to C: this is the one step that is made piece by piece.
    numbers: defaultdict[SeriesKey, int] = defaultdict(itertools.count().__next__)
    pieces = itertools.chain.from_iterable(batch.series() for batch in batches)
    of_pieces = np.fromiter(map(numbers.__getitem__, pieces), np.int64)
    keys = sorted(numbers)
    ranks = np.empty(len(keys), np.int64)
    ranks[[numbers[key] for key in keys]] = np.arange(len(keys))
    points: Points = concatenate([batch.metrics.points for batch in batches])
    counts = np.concatenate([batch.metrics.counts for batch in batches])
    return keys, by_series(np.repeat(ranks[of_pieces], counts), points)
