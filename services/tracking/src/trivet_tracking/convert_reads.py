"""Histories and curves of metrics between messages and values.

Columns are put onto the wire as they are in memory: the packed form of sfixed64 and double is that of little-endian
arrays, and setting a repeated field from Python costs some 40 ns a number where this costs 1. Histories do without a
message object altogether, whose making would copy each point three times more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import Message

from trivet_kit import texts
from trivet_kit.errors import FieldInvalid
from trivet_kit.resources import RunName, parse_run
from trivet_proto.tracking.v1 import metric_curve_pb2, metric_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_tracking.convert import to_context
from trivet_tracking.domain.charts import Axis, Curve, CurveQuery
from trivet_tracking.domain.metrics import Points

# 16,384 points are 393 kB on the wire: large enough that messages cost nothing beside points.
_HISTORY_POINTS = 16_384
# Clients take messages of 4 MiB where they are told nothing else; one curve more has at most 10,000 buckets, 250 kB.
_CURVE_BYTES = 1024 * 1024
_MAX_RUNS = 100
_MAX_KEYS = 100
_DEFAULT_BUCKETS = 500
_MAX_BUCKETS = 10_000


def to_curves(request: pb.ReadMetricCurvesRequest) -> tuple[Sequence[RunName], Sequence[str], CurveQuery]:
    """Checks what curves are asked for. Raises FieldInvalid, FieldRequired, FieldTooLong, ResourceNameInvalid."""
    if len(request.runs) > _MAX_RUNS:
        raise FieldInvalid("runs", f"must have at most {_MAX_RUNS} entries")
    if len(request.keys) > _MAX_KEYS:
        raise FieldInvalid("keys", f"must have at most {_MAX_KEYS} entries")
    if request.bucket_count < 0:
        raise FieldInvalid("bucket_count", "must be 0 or more")
    runs = [parse_run(run, f"runs[{index}]") for index, run in enumerate(request.runs)]
    keys = [texts.check_key(key, f"keys[{index}]") for index, key in enumerate(request.keys)]
    query = CurveQuery(
        context=to_context(request.context, "context") if request.HasField("context") else None,
        axis=_axis(request.axis),
        buckets=min(request.bucket_count or _DEFAULT_BUCKETS, _MAX_BUCKETS),
        min_x=request.min_x if request.HasField("min_x") else None,
        max_x=request.max_x if request.HasField("max_x") else None,
    )
    return runs, keys, query


def _axis(axis: metric_curve_pb2.CurveAxis.ValueType) -> Axis:
    try:
        return Axis(axis or metric_curve_pb2.CURVE_AXIS_STEP)
    except ValueError:
        raise FieldInvalid("axis", f"has the unknown value {axis}") from None


def history_messages(key: str, context: metric_pb2.MetricContext | None, parts: Iterator[Points]) -> Iterator[bytes]:
    """A history as the bytes of ReadMetricHistoryResponses of a bounded size."""
    head = metric_pb2.MetricColumns(
        keys=[key],
        contexts=[] if context is None else [context],
        context_index=[] if context is None else [1],
    ).SerializeToString()
    waiting: list[Points] = []
    count = 0
    for part in parts:
        begin = 0
        while count + len(part) - begin >= _HISTORY_POINTS:
            end = begin + _HISTORY_POINTS - count
            yield _history_message(head, [*waiting, part.part(begin, end)])
            begin, waiting, count = end, [], 0
        if begin < len(part):
            waiting.append(part.part(begin, len(part)))
            count += len(part) - begin
    if waiting:
        yield _history_message(head, waiting)


def _history_message(head: bytes, parts: Sequence[Points]) -> bytes:
    counts = metric_pb2.MetricColumns(counts=[sum(map(len, parts))]).SerializeToString()
    columns = [
        *_packed(metric_pb2.MetricColumns.STEPS_FIELD_NUMBER, [part.steps for part in parts]),
        *_packed(metric_pb2.MetricColumns.TIMES_MILLIS_FIELD_NUMBER, [part.times for part in parts]),
        *_packed(metric_pb2.MetricColumns.VALUES_FIELD_NUMBER, [part.values for part in parts]),
    ]
    size = len(head) + len(counts) + sum(memoryview(column).nbytes for column in columns)
    return b"".join((*_delimited(pb.ReadMetricHistoryResponse.METRICS_FIELD_NUMBER, size), head, counts, *columns))


def curve_messages(workspace: str, parts: Iterator[Sequence[Curve]]) -> Iterator[pb.ReadMetricCurvesResponse]:
    """Curves as messages of a bounded size."""
    waiting: list[metric_curve_pb2.MetricCurve] = []
    size = 0
    for curve in (curve for part in parts for curve in part):
        message = _from_curve(workspace, curve)
        waiting.append(message)
        size += message.ByteSize()
        if size >= _CURVE_BYTES:
            yield pb.ReadMetricCurvesResponse(curves=waiting)
            waiting, size = [], 0
    if waiting:
        yield pb.ReadMetricCurvesResponse(curves=waiting)


def _from_curve(workspace: str, curve: Curve) -> metric_curve_pb2.MetricCurve:
    buckets = curve.buckets
    name = str(RunName(workspace, curve.run_id))
    message = metric_curve_pb2.MetricCurve(run=name, key=curve.key, nan_counts=buckets.nans.tolist())
    _set_packed(message, "xs", buckets.xs)
    _set_packed(message, "mins", buckets.mins)
    _set_packed(message, "maxs", buckets.maxs)
    return message


def _set_packed(message: Message, field: str, numbers: npt.NDArray[Any]) -> None:
    """Appends numbers of 64 bits to a repeated field of sfixed64 or double."""
    message.MergeFromString(b"".join(_packed(message.DESCRIPTOR.fields_by_name[field].number, [numbers])))


def _packed(field_number: int, parts: Sequence[npt.NDArray[Any]]) -> list[bytes | memoryview]:
    """The wire form of a repeated field of sfixed64 or double, in pieces."""
    littles = [np.ascontiguousarray(part, part.dtype.newbyteorder("<")).data for part in parts]
    return [*_delimited(field_number, sum(little.nbytes for little in littles)), *littles]


def _delimited(field_number: int, size: int) -> tuple[bytes, bytes]:
    """What stands before the bytes of a field on the wire: its number with the wire type 2, and how many they are.

    https://protobuf.dev/programming-guides/encoding/#length-types
    """
    return _varint(field_number << 3 | 2), _varint(size)


def _varint(number: int) -> bytes:
    low = bytearray()
    while number > 0x7F:
        low.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*low, number))
