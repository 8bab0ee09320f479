"""Points of metrics, many at once: from JSON into columns, and from columns into JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from trivet_gateway.answers import number
from trivet_gateway.errors import MlflowError
from trivet_gateway.fields import Fields
from trivet_gateway.mlflow.keys import is_key, key_of
from trivet_gateway.upstream import Caller
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns, MetricContext
from trivet_proto.tracking.v1.tracking_service_pb2 import ReadMetricHistoryRequest

Point = tuple[int, int, float]
"""Time in milliseconds since the Unix epoch, step, value."""

_PLAIN: Final = {"key", "value", "timestamp", "step"}
_INT64: Final = 1 << 63


def to_columns(fields: Fields, name: str) -> MetricColumns:
    """A list of points as columns, in their order. Raises MlflowError for one that is none."""
    plain = _plain_columns(fields.plain_objects(name))
    return to_checked_columns(fields.objects(name)) if plain is None else plain


def _plain_columns(points: Sequence[Mapping[str, Any]]) -> MetricColumns | None:
    """The same for points that have the usual fields and types, many times as fast; None for others."""
    if any(point.keys() != _PLAIN for point in points):
        return None
    keys = [point["key"] for point in points]
    values = [point["value"] for point in points]
    times = [point["timestamp"] for point in points]
    steps = [point["step"] for point in points]
    # By `type`, for a boolean is an `int`.
    if {*map(type, keys)} != {str} or not all(map(is_key, {*keys})) or not {*map(type, values)} <= {float, int}:
        return None
    for numbers in (times, steps):
        if {*map(type, numbers)} != {int} or min(numbers) < -_INT64 or max(numbers) >= _INT64:
            return None
    series = [(key, sum(1 for _ in its)) for key, its in groupby(keys)]
    return MetricColumns(
        keys=[key for key, _ in series],
        counts=[count for _, count in series],
        values=values,
        times_millis=times,
        steps=steps,
    )


def to_checked_columns(points: Sequence[Fields]) -> MetricColumns:
    """Points of any fields and types as columns. Raises MlflowError for one that is none."""
    columns = MetricColumns()
    contexts: dict[tuple[str, str, str], int] = {("", "", ""): 0}
    for point in points:
        columns.keys.append(key_of(point))
        columns.values.append(point.number("value"))
        columns.times_millis.append(point.whole("timestamp"))
        columns.steps.append(point.whole("step", 0))
        context = point.text("model_id"), point.text("dataset_name"), point.text("dataset_digest")
        columns.context_index.append(contexts.setdefault(context, len(contexts)))
    if len(contexts) == 1:
        columns.ClearField("context_index")
    columns.contexts.extend(
        MetricContext(model_id=model_id, dataset_name=name, dataset_digest=digest)
        for model_id, name, digest in list(contexts)[1:]
    )
    return columns


async def read_history(caller: Caller, request: ReadMetricHistoryRequest) -> list[Point]:
    """All points of one run, so that many runs take no more memory than the longest; none of a run that is not there.

    Raises:
        MlflowError: as for reading a history.
    """
    points: list[Point] = []
    try:
        async for answer in caller.stream(caller.upstream.tracking.ReadMetricHistory, request):
            columns = answer.metrics
            points.extend(zip(columns.times_millis, columns.steps, columns.values, strict=True))
    except MlflowError as error:
        if error.reason != "RUN_NOT_FOUND":
            raise
    return points


def sort_by_time(points: list[Point]) -> None:
    """Sorts by time, step and value. NaN comes after 0, which upstream keeps for it."""
    if any(math.isnan(value) for _, _, value in points):
        points.sort(key=lambda point: (point[0], point[1], *_by_value(point[2])))
    else:
        points.sort()  # what is sorted already takes no time


def sort_by_step(points: list[Point]) -> None:
    """The same with the step first."""
    points.sort(key=lambda point: (point[1], point[0], *_by_value(point[2])))


def _by_value(value: float) -> tuple[float, bool]:
    is_nan = math.isnan(value)
    return 0.0 if is_nan else value, is_nan


def to_metrics(key: str, points: Iterable[Point]) -> list[dict[str, Any]]:
    """Metrics, as MLflow has them."""
    return [{"key": key, "value": number(value), "timestamp": time, "step": step} for time, step, value in points]
