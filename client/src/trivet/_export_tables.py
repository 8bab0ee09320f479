"""The tables of an export: their columns, and how messages become those. Needs the extra `export`.

A table comes in parts that belong to one partition each: of some runs, chosen by a hash of their ids.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trivet_proto.tracking.v1 import export_pb2, lifecycle_pb2, run_pb2

PARTITIONS: Final = 16
"""Few enough that small exports have few files, and enough that large ones are read in parallel."""

_TIME: Final = pa.timestamp("ms", tz="UTC")
# Run ids and keys are the same in many rows: each is kept once, and numbered.
_REPEATED: Final = pa.dictionary(pa.int32(), pa.string())
_OWNER: Final = pa.field("run_id", _REPEATED, nullable=False)
_KEY: Final = pa.field("key", _REPEATED, nullable=False)
_VALUE: Final = pa.field("value", pa.string(), nullable=False)

SCHEMAS: Final[Mapping[str, pa.Schema]] = {
    "runs": pa.schema(
        [
            pa.field("run_id", pa.string(), nullable=False),
            pa.field("run_name", pa.string(), nullable=False),
            pa.field("experiment_id", pa.string(), nullable=False),
            pa.field("experiment_name", pa.string(), nullable=False),
            pa.field("status", pa.string(), nullable=False),
            pa.field("start_time", _TIME, nullable=False),
            pa.field("end_time", _TIME),
            pa.field("user_id", pa.string()),
            pa.field("created_by", pa.string(), nullable=False),
            pa.field("source", pa.string()),
            pa.field("git_commit", pa.string()),
            pa.field("parent_run_id", pa.string()),
            pa.field("description", pa.string()),
            pa.field("lifecycle_stage", pa.string(), nullable=False),
            pa.field("create_time", _TIME, nullable=False),
            pa.field("update_time", _TIME, nullable=False),
            pa.field("delete_time", _TIME),
        ]
    ),
    "params": pa.schema([_OWNER, _KEY, _VALUE, pa.field("number", pa.float64())]),
    "tags": pa.schema([_OWNER, _KEY, _VALUE]),
    "points": pa.schema(
        [
            _OWNER,
            _KEY,
            pa.field("rank", pa.int32()),
            pa.field("model_id", pa.string()),
            pa.field("dataset_name", pa.string()),
            pa.field("dataset_digest", pa.string()),
            pa.field("step", pa.int64(), nullable=False),
            pa.field("time", _TIME, nullable=False),
            pa.field("value", pa.float64(), nullable=False),
        ]
    ),
}
"""By the name of the table. docs/export.md says what the columns mean."""

_Part = tuple[int, pa.Table]
"""A partition, and rows of it."""

_STATUS_PREFIX: Final = "RUN_STATUS_"
_STAGE_PREFIX: Final = "LIFECYCLE_STATE_"


@functools.lru_cache(maxsize=100_000)
def partition_of(run_id: str) -> int:
    """The partition of a run: the first hexadecimal digit of the SHA-256 of its id, which SQL can tell too."""
    return hashlib.sha256(run_id.encode()).digest()[0] >> 4


def from_runs(message: export_pb2.ExportRunsResponse) -> Iterator[tuple[str, int, pa.Table]]:
    """Parts of the tables of runs, params and tags, with their names."""
    if message.runs.run_ids:
        yield from (("runs", *part) for part in _from_runs(message.runs))
    if message.params.run_ids:
        yield from (("params", *part) for part in _from_params(message.params))
    if message.tags.run_ids:
        yield from (("tags", *part) for part in _from_tags(message.tags))


def _from_runs(runs: export_pb2.ExportedRuns) -> Iterator[_Part]:
    columns = [
        list(runs.run_ids),
        list(runs.display_names),
        list(map(str, runs.experiment_ids)),
        list(runs.experiment_names),
        [_name(run_pb2.RunStatus, _STATUS_PREFIX, status) for status in runs.statuses],
        list(runs.start_times_millis),
        _absent(runs.end_times_millis, -1),
        _absent(runs.users, ""),
        list(runs.creators),
        _absent(runs.sources, ""),
        _absent(runs.git_commits, ""),
        _absent(runs.parent_run_ids, ""),
        _absent(runs.descriptions, ""),
        [_name(lifecycle_pb2.LifecycleState, _STAGE_PREFIX, state).lower() for state in runs.states],
        list(runs.create_times_millis),
        list(runs.update_times_millis),
        _absent(runs.delete_times_millis, -1),
    ]
    schema = SCHEMAS["runs"]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    partitions = np.fromiter(map(partition_of, runs.run_ids), np.uint8, len(runs.run_ids))
    return _partitioned(partitions, pa.Table.from_arrays(arrays, schema=schema))


def _name(kind: Any, prefix: str, number: int) -> str:
    # A value that this client is too old to know shows as its number.
    return kind.Name(number).removeprefix(prefix) if number in kind.values() else str(number)


def _absent(column: Sequence[Any], nothing: object) -> list[Any]:
    return [None if value == nothing else value for value in column]


def _from_params(params: export_pb2.ExportedParams) -> Iterator[_Part]:
    numbers = np.array(params.numbers, np.float64)
    number = pa.array(numbers, mask=np.isnan(numbers))
    return _from_entries("params", params, number)


def _from_tags(tags: export_pb2.ExportedTags) -> Iterator[_Part]:
    return _from_entries("tags", tags)


def _from_entries(
    name: str, entries: export_pb2.ExportedParams | export_pb2.ExportedTags, *more: pa.Array
) -> Iterator[_Part]:
    of_rows = np.repeat(np.arange(len(entries.run_ids), dtype=np.int32), entries.counts)
    partitions = np.fromiter(map(partition_of, entries.run_ids), np.uint8, len(entries.run_ids))[of_rows]
    arrays = [
        _numbered(of_rows, entries.run_ids),
        pa.array(entries.keys, pa.string()).dictionary_encode(),
        pa.array(entries.values, pa.string()),
        *more,
    ]
    return _partitioned(partitions, pa.Table.from_arrays(arrays, schema=SCHEMAS[name]))


def from_points(points: export_pb2.ExportedPoints) -> Iterator[_Part]:
    """Parts of the table of points. There is no loop over points."""
    if not points.counts:
        return
    runs_of_series = np.repeat(np.arange(len(points.run_ids), dtype=np.int32), points.series_counts)
    partitions_of_runs = np.fromiter(map(partition_of, points.run_ids), np.uint8, len(points.run_ids))
    counts = np.array(points.counts, np.int64)
    keys = {key: number for number, key in enumerate(dict.fromkeys(points.keys))}
    keys_of_series = np.fromiter(map(keys.__getitem__, points.keys), np.int32, len(points.keys))
    arrays = [
        _numbered(np.repeat(runs_of_series, counts), points.run_ids),
        _numbered(np.repeat(keys_of_series, counts), list(keys)),
        *_contexts(points, counts),
        pa.array(np.frombuffer(points.steps, "<i8")),
        pa.array(np.frombuffer(points.times_millis, "<i8")).cast(_TIME),
        # NaN is a value of points, and not the absence of one.
        pa.array(np.frombuffer(points.values, "<f8"), from_pandas=False),
    ]
    partitions = np.repeat(partitions_of_runs[runs_of_series], counts)
    yield from _partitioned(partitions, pa.Table.from_arrays(arrays, schema=SCHEMAS["points"]))


def _contexts(points: export_pb2.ExportedPoints, counts: npt.NDArray[np.int64]) -> list[pa.Array]:
    """The columns that say where points were measured."""
    parts: Sequence[tuple[pa.DataType, Callable[[Any], Any]]] = (
        (pa.int32(), lambda context: context.rank if context.HasField("rank") else None),
        (pa.string(), lambda context: context.model_id or None),
        (pa.string(), lambda context: context.dataset_name or None),
        (pa.string(), lambda context: context.dataset_digest or None),
    )
    if not points.contexts:
        return [pa.nulls(int(counts.sum()), kind) for kind, _ in parts]
    places = np.repeat(np.array(points.context_index, np.int32), counts)
    return [pa.array([None, *map(part, points.contexts)], kind).take(pa.array(places)) for kind, part in parts]


def _numbered(places: npt.NDArray[np.int32], values: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(places), pa.array(values, pa.string()))


def _partitioned(partitions: npt.NDArray[np.uint8], table: pa.Table) -> Iterator[_Part]:
    """The rows of a table by partition, in their order. Most tables are of one partition alone."""
    if (partitions == partitions[0]).all():
        yield int(partitions[0]), table
        return
    order = np.argsort(partitions, kind="stable")
    table = table.take(pa.array(order))
    starts = np.searchsorted(partitions[order], np.arange(PARTITIONS + 1))
    for partition in range(PARTITIONS):
        begin, end = int(starts[partition]), int(starts[partition + 1])
        if end > begin:
            yield partition, table.slice(begin, end - begin)
