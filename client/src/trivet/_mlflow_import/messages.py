"""Records as the contract has them."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from typing import Final

from trivet._mlflow_import.records import Points, RunRecord, comparable, to_points
from trivet._names import Names
from trivet._spool.batches import in_parts
from trivet._spool.frames import Series
from trivet._timestamps import timestamp
from trivet._tracking_messages import to_inputs, to_outputs, to_status, to_written
from trivet_proto.tracking.v1 import metric_pb2, run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

# 24 bytes each: less than half of what a server takes.
_POINTS_OF_MESSAGE: Final = 100_000
# What of a run can be changed after its creation, as the contract calls it.
CHANGEABLE: Final = ("display_name", "description", "status", "start_time", "end_time")


def to_run(record: RunRecord, names: Names, experiment_id: str = "") -> run_pb2.Run:
    """The run itself; without an experiment, as an update has it."""
    return run_pb2.Run(
        name=names.run(record.run_id),
        experiment=names.experiment(experiment_id) if experiment_id else "",
        display_name=record.name,
        status=to_status(record.status),
        start_time=timestamp(record.start_time),
        end_time=None if record.end_time is None else timestamp(record.end_time),
        user=record.user,
        source=record.source,
        git_commit=record.git_commit,
        parent_run=names.run(record.parent_run_id) if record.parent_run_id else "",
        description=record.description,
    )


def to_writes(record: RunRecord, before: RunRecord | None, run: str) -> Iterator[pb.WriteRunRequest]:
    """What has to be written so that a run has all of a record.

    Args:
        record: As it is to be.
        before: As it is; None where it was just created.
        run: Its resource name.
    """
    written = to_written(
        _missing(record.params, {} if before is None else before.params),
        _missing(record.tags, {} if before is None else before.tags),
    )
    datasets = [used for used in record.datasets if before is None or used not in before.datasets]
    models = [model for model in record.input_models if before is None or model not in before.input_models]
    outputs = [made for made in record.outputs if before is None or made not in before.outputs]
    written.MergeFrom(to_inputs(datasets, models))
    written.MergeFrom(to_outputs(outputs))
    if written.ByteSize():
        for part in in_parts(written):
            part.run = run
            yield part
    for metrics in _columns(record.series, {} if before is None else before.series):
        yield pb.WriteRunRequest(run=run, metrics=metrics)


def _missing(wanted: Mapping[str, str], there: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in wanted.items() if there.get(key) != value}


def _columns(wanted: Mapping[Series, Points], there: Mapping[Series, Points]) -> Iterator[metric_pb2.MetricColumns]:
    columns, room = metric_pb2.MetricColumns(), _POINTS_OF_MESSAGE
    for series, points in wanted.items():
        missing = _without(points, there.get(series))
        begin = 0
        while begin < len(missing):
            count = min(room, len(missing) - begin)
            _add(columns, series, missing, begin, begin + count)
            begin += count
            room -= count
            if not room:
                yield columns
                columns, room = metric_pb2.MetricColumns(), _POINTS_OF_MESSAGE
    if columns.keys:
        yield columns


def _without(points: Points, there: Points | None) -> Points:
    if there is None or not len(there):
        return points
    known = set(map(comparable, there.rows()))
    return to_points(row for row in points.rows() if comparable(row) not in known)


def _add(columns: metric_pb2.MetricColumns, series: Series, points: Points, begin: int, end: int) -> None:
    cut = slice(8 * begin, 8 * end)
    columns.keys.append(series.key)
    columns.counts.append(end - begin)
    columns.steps.extend(array("q", points.steps[cut]))
    columns.times_millis.extend(array("q", points.times[cut]))
    columns.values.extend(array("d", points.values[cut]))
    if series == Series(series.key):
        index = 0
    else:
        columns.contexts.add(
            model_id=series.model_id, dataset_name=series.dataset_name, dataset_digest=series.dataset_digest
        )
        index = len(columns.contexts)
    columns.context_index.append(index)
