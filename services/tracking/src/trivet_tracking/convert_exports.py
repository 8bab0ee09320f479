"""Exports between messages and batches: tables in columns, messages of less than 1 MiB."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, TypeVar

import numpy.typing as npt

from trivet_kit import page_tokens
from trivet_kit.errors import FieldInvalid
from trivet_kit.search.parser import parse_filter
from trivet_proto.tracking.v1 import export_pb2 as pb
from trivet_proto.tracking.v1 import run_pb2
from trivet_tracking import convert
from trivet_tracking.domain.exports import (
    ExportedParam,
    ExportedRun,
    ExportedSeries,
    ExportedTag,
    PointBatch,
    RunBatch,
    RunSelection,
    RunTable,
)
from trivet_tracking.domain.metrics import NO_CONTEXT, Points
from trivet_tracking.domain.vocabularies import RUNS

# A message is cut before its texts and points have this much, so that it stays below 1 MiB with the largest row.
_MESSAGE_BYTES = 768 * 1024
_POINT_BYTES = 24
# What a row or a series takes on the wire besides its texts, at most.
_ROW_BYTES = 150
# A character has at most so many bytes.
_CHARACTER_BYTES = 4

_Row = TypeVar("_Row", ExportedRun, ExportedParam, ExportedTag)


def to_selection(request: pb.ExportRunsRequest | pb.ExportMetricPointsRequest) -> RunSelection:
    """Which runs are asked for. Raises FieldInvalid, FilterInvalid, ResourceNameInvalid."""
    return RunSelection(
        experiment_ids=convert.to_experiment_ids(request.experiments),
        where=parse_filter(request.filter, RUNS),
        view=convert.to_view(request.view),
    )


def to_tables(asked: Sequence[pb.RunTable.ValueType]) -> frozenset[RunTable]:
    """What of runs is asked for; all for none. Raises FieldInvalid."""
    tables = set()
    for index, table in enumerate(asked):
        try:
            tables.add(RunTable(table))
        except ValueError:
            raise FieldInvalid(f"tables[{index}]", f"has the unknown value {table}") from None
    return frozenset(tables or RunTable)


def from_run_batches(batches: Iterable[RunBatch], bound_to: str) -> Iterator[pb.ExportRunsResponse]:
    """The messages of batches; the last one of each has the token for what follows the batch."""
    for batch in batches:
        messages = list(_run_messages(batch)) or [pb.ExportRunsResponse()]
        messages[-1].run_count = batch.run_count
        messages[-1].resume_token = page_tokens.encode(bound_to, batch.cursor)
        yield from messages


def _run_messages(batch: RunBatch) -> Iterator[pb.ExportRunsResponse]:
    # What is small goes into one message, of whatever tables it is.
    texts = sum(_text_bytes(row) for rows in (batch.runs, batch.params, batch.tags) for row in rows)
    if texts <= _MESSAGE_BYTES:
        yield pb.ExportRunsResponse(
            runs=_from_runs(batch.runs) if batch.runs else None,
            params=_from_params(batch.params) if batch.params else None,
            tags=_from_tags(batch.tags) if batch.tags else None,
        )
        return
    for runs in _parts(batch.runs):
        yield pb.ExportRunsResponse(runs=_from_runs(runs))
    for params in _parts(batch.params):
        yield pb.ExportRunsResponse(params=_from_params(params))
    for tags in _parts(batch.tags):
        yield pb.ExportRunsResponse(tags=_from_tags(tags))


def _text_bytes(row: ExportedRun | ExportedParam | ExportedTag) -> int:
    """What a row takes on the wire, at most."""
    return _ROW_BYTES + _CHARACTER_BYTES * sum(len(value) for value in row if isinstance(value, str))


def _parts(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    """Rows in parts that fit into messages."""
    begin = total = 0
    for place, row in enumerate(rows):
        size = _text_bytes(row)
        if total + size > _MESSAGE_BYTES and place > begin:
            yield rows[begin:place]
            begin, total = place, 0
        total += size
    if begin < len(rows):
        yield rows[begin:]


def _from_runs(runs: Sequence[ExportedRun]) -> pb.ExportedRuns:
    return pb.ExportedRuns(
        run_ids=[run.run_id for run in runs],
        experiment_ids=[run.experiment_id for run in runs],
        experiment_names=[run.experiment_name for run in runs],
        display_names=[run.display_name for run in runs],
        statuses=[run_pb2.RunStatus.ValueType(run.status.value) for run in runs],
        start_times_millis=[run.start_time for run in runs],
        end_times_millis=[_time(run.end_time) for run in runs],
        users=[run.user for run in runs],
        creators=[run.created_by for run in runs],
        sources=[run.source for run in runs],
        git_commits=[run.git_commit for run in runs],
        parent_run_ids=[run.parent_run_id for run in runs],
        descriptions=[run.description for run in runs],
        states=[convert.state_of(deleted=run.deleted) for run in runs],
        create_times_millis=[run.create_time for run in runs],
        update_times_millis=[run.update_time for run in runs],
        delete_times_millis=[_time(run.delete_time) for run in runs],
    )


def _from_params(params: Sequence[ExportedParam]) -> pb.ExportedParams:
    run_ids, counts = _by_run(params)
    return pb.ExportedParams(
        run_ids=run_ids,
        counts=counts,
        keys=[param.key for param in params],
        values=[param.value for param in params],
        numbers=[math.nan if param.number is None else param.number for param in params],
    )


def _from_tags(tags: Sequence[ExportedTag]) -> pb.ExportedTags:
    run_ids, counts = _by_run(tags)
    return pb.ExportedTags(
        run_ids=run_ids, counts=counts, keys=[tag.key for tag in tags], values=[tag.value for tag in tags]
    )


def _by_run(rows: Sequence[ExportedParam | ExportedTag | ExportedSeries]) -> tuple[list[str], list[int]]:
    """The runs of rows, and how many rows each of them has."""
    groups = [(run_id, sum(1 for _ in group)) for run_id, group in itertools.groupby(rows, attrgetter("run_id"))]
    return [run_id for run_id, _ in groups], [count for _, count in groups]


def _time(millis: int | None) -> int:
    return -1 if millis is None else millis


def from_point_batches(batches: Iterable[PointBatch], bound_to: str) -> Iterator[pb.ExportMetricPointsResponse]:
    """The messages of batches; the last one of each has the token for what follows the batch."""
    for batch in batches:
        messages = _point_messages(batch)
        last = next(messages, pb.ExportMetricPointsResponse())
        for message in messages:
            yield last
            last = message
        last.run_count = batch.run_count
        last.resume_token = page_tokens.encode(bound_to, batch.cursor)
        yield last


def _point_messages(batch: PointBatch) -> Iterator[pb.ExportMetricPointsResponse]:
    """Messages that are as full as they may be; a series that does not fit goes on in the next one."""
    pieces: list[tuple[ExportedSeries, int]] = []
    sent = size = 0
    for series, count in zip(batch.series, batch.points.counts.tolist(), strict=True):
        left = count
        while left:
            room = (_MESSAGE_BYTES - size - _series_bytes(series)) // _POINT_BYTES
            if room <= 0:
                yield _from_points(pieces, batch.points.points, sent)
                sent += sum(count for _, count in pieces)
                pieces, size = [], 0
                continue
            taken = min(left, room)
            pieces.append((series, taken))
            size += _series_bytes(series) + taken * _POINT_BYTES
            left -= taken
    if pieces:
        yield _from_points(pieces, batch.points.points, sent)


def _series_bytes(series: ExportedSeries) -> int:
    """What a series takes on the wire besides its points, at most."""
    context = series.context
    texts = (series.run_id, series.key, context.model_id, context.dataset_name, context.dataset_digest)
    return _ROW_BYTES + _CHARACTER_BYTES * sum(map(len, texts))


def _from_points(
    pieces: Sequence[tuple[ExportedSeries, int]], points: Points, begin: int
) -> pb.ExportMetricPointsResponse:
    """A message of series, whose points follow each other from `begin` on."""
    counts = [count for _, count in pieces]
    part = points.part(begin, begin + sum(counts))
    run_ids, series_counts = _by_run([series for series, _ in pieces])
    contexts = {NO_CONTEXT: 0}
    context_index = [contexts.setdefault(series.context, len(contexts)) for series, _ in pieces]
    return pb.ExportMetricPointsResponse(
        points=pb.ExportedPoints(
            run_ids=run_ids,
            series_counts=series_counts,
            keys=[series.key for series, _ in pieces],
            contexts=[convert.from_context(context) for context in contexts if context != NO_CONTEXT],
            context_index=context_index,
            counts=counts,
            steps=_little_endian(part.steps),
            times_millis=_little_endian(part.times),
            values=_little_endian(part.values),
        )
    )


def _little_endian(numbers: npt.NDArray[Any]) -> bytes:
    return numbers.astype(numbers.dtype.newbyteorder("<"), copy=False).tobytes()
