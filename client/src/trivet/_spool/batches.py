"""Frames into messages, by columns: no object is made for a point where many follow one another."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from trivet._spool import frames
from trivet._spool.frames import POINT_BYTES, Frame, Kind, Series
from trivet_proto.tracking.v1 import metric_pb2, run_inputs_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

# Half of what a server takes, design §12.
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
_MAX_INPUTS: Final = 999
_MAX_LINES: Final = 9_999
# Of a frame, if it holds several records: what goes into a message with others.
_PART_BYTES: Final = 1024 * 1024
# So many frames are looked at together; more of them only while they are all alike.
_FIRST_LOOK: Final = 64
_POINT_ROOM: Final = 24  # in a message: step, time and value in 8 bytes each
_TAGGED_POINT: Final = struct.Struct("<4xI24s")
_POINT_KIND: Final = bytes([Kind.POINT])
# metric.proto: `steps`, `times_millis`, `values`, packed (wire type 2).
_STEPS, _TIMES, _VALUES = (number << 3 | 2 for number in (3, 4, 5))


class Part(NamedTuple):
    """What is sent by one call."""

    end: int
    """The offset in the data where it ends."""
    records: int
    message: pb.WriteRunRequest | None
    """None for a frame that is sent by itself."""
    control: Frame | None
    """That frame."""


class _Columns:
    """The points of one series."""

    def __init__(self) -> None:
        self.count = 0
        self.steps, self.times, self.values = bytearray(), bytearray(), bytearray()

    def add(self, count: int, steps: bytes, times: bytes, values: bytes) -> None:
        self.count += count
        self.steps += steps
        self.times += times
        self.values += values

    def add_rows(self, rows: bytes) -> None:
        """Adds step, time and value of points one after the other."""
        words = memoryview(rows).cast("q")
        self.add(len(rows) // _POINT_ROOM, words[::3].tobytes(), words[1::3].tobytes(), words[2::3].tobytes())


@dataclass
class _Batch:
    """Collects frames until they fill a message."""

    data: bytes
    series: Mapping[int, tuple[Series, ...]]
    max_bytes: int
    at: int = 0
    records: int = 0
    size: int = 0
    inputs: int = 0
    lines: int = 0
    columns: dict[Series, _Columns] = field(default_factory=dict)
    tags: dict[str, str | None] = field(default_factory=dict)
    message: pb.WriteRunRequest = field(default_factory=pb.WriteRunRequest)

    def __post_init__(self) -> None:
        self.view = memoryview(self.data)
        self.words = self.view[: len(self.data) // 8 * 8].cast("I")

    def collect(self) -> Frame | None:
        """Goes on to the end, to where the message is full, or to a frame that is sent by itself, which is returned."""
        look = _FIRST_LOOK
        while True:
            tag = frames.tag_at(self.data, self.at)
            kind = tag & 0xFF
            before, wanted = self.records, look
            if kind == Kind.POINT:
                if not self._take_points(look):
                    return None
            elif kind == Kind.ROW:
                if not self._take_rows(tag, look):
                    return None
            else:
                frame = frames.read_long(self.data, self.at)
                if frame is None or frame.kind is not Kind.WRITE:
                    return frame
                if not self._take_write(frame):
                    return None
            look = min(2 * look, 8192) if self.records - before >= wanted else _FIRST_LOOK

    def _room_for(self, each: int, most: int) -> int:
        """How many more of a size go into the message; the first record always does."""
        room = max(0, (self.max_bytes - self.size) // each)
        return min(most, room if self.records or room else 1)

    def _take_points(self, look: int) -> bool:
        most = self._room_for(_POINT_ROOM, min(look, (len(self.data) - self.at) // POINT_BYTES))
        end = self.at + most * POINT_BYTES
        kinds = self.view[self.at + 4 : end : POINT_BYTES].tobytes()
        count = len(kinds) - len(kinds.lstrip(_POINT_KIND))
        if not count:
            return False
        end = self.at + count * POINT_BYTES
        tags = self.words[self.at // 4 + 1 : end // 4 : POINT_BYTES // 4].tolist()
        if tags.count(tags[0]) == count:
            words = self.view[self.at : end].cast("q")
            of_series = self._of(self.series[tags[0] >> 8][0])
            of_series.add(count, words[1::4].tobytes(), words[2::4].tobytes(), words[3::4].tobytes())
        else:
            groups: dict[int, list[bytes]] = {}
            for tag, point in _TAGGED_POINT.iter_unpack(self.view[self.at : end]):
                if tag in groups:
                    groups[tag].append(point)
                else:
                    groups[tag] = [point]
            for tag, points in groups.items():
                self._of(self.series[tag >> 8][0]).add_rows(b"".join(points))
        self._took(end, count, count * _POINT_ROOM)
        return True

    def _take_rows(self, tag: int, look: int) -> bool:
        keys = self.series[tag >> 8]
        size = frames.row_bytes(len(keys))
        most = min(max(1, look // len(keys)), (len(self.data) - self.at) // size)
        most = self._room_for(_POINT_ROOM * len(keys), most)
        begin, end = self.at // 4, (self.at + most * size) // 4
        tags = self.words[begin + 1 : end : size // 4].tolist()
        count = next((number for number, other in enumerate(tags) if other != tag), len(tags))
        if not count:
            return False
        end = self.at + count * size
        words = self.view[self.at : end].cast("q")
        width = size // 8
        steps, times = words[1::width].tobytes(), words[2::width].tobytes()
        for number, series in enumerate(keys, start=3):
            self._of(series).add(count, steps, times, words[number::width].tobytes())
        self._took(end, count * len(keys), count * len(keys) * _POINT_ROOM)
        return True

    def _of(self, series: Series) -> _Columns:
        found = self.columns.get(series)
        if found is None:
            found = self.columns[series] = _Columns()
            self.size += 4 * sum(len(part) for part in series if isinstance(part, str)) + 32
        return found

    def _take_write(self, frame: Frame) -> bool:
        written = pb.WriteRunRequest.FromString(frame.payload)
        inputs = len(written.inputs.datasets) + len(written.inputs.models) + len(written.outputs.models)
        lines = len(written.console)
        is_full = (
            self.size + len(frame.payload) > self.max_bytes
            or self.inputs + inputs > _MAX_INPUTS
            or self.lines + lines > _MAX_LINES
        )
        if self.records and is_full:
            return False
        records = count_of(written)
        # The last word on a tag is the only one that can be seen.
        self.tags.update(dict.fromkeys(written.deleted_tags))
        self.tags.update((tag.key, tag.value) for tag in written.tags)
        del written.deleted_tags[:], written.tags[:]
        self.message.MergeFrom(written)
        self.inputs += inputs
        self.lines += lines
        self._took(frame.end, records, len(frame.payload))
        return True

    def _took(self, end: int, records: int, size: int) -> None:
        self.at = end
        self.records += records
        self.size += size

    def to_message(self) -> pb.WriteRunRequest:
        for key, value in self.tags.items():
            if value is None:
                self.message.deleted_tags.append(key)
            else:
                self.message.tags.add(key=key, value=value)
        if self.columns:
            self.message.metrics.CopyFrom(_to_metrics(self.columns))
        return self.message


def parts(data: bytes, series: Mapping[int, tuple[Series, ...]], max_bytes: int = MAX_MESSAGE_BYTES) -> Iterator[Part]:
    """What frames are sent as, one after the other, up to the first that is not whole.

    The same bytes with the same limit make the same parts: a message that is made again after its process was killed is
    the one that may have arrived.
    """
    at = 0
    while at < len(data):
        batch = _Batch(data if not at else data[at:], series, max_bytes)
        control = batch.collect()
        if batch.records:
            yield Part(at + batch.at, batch.records, batch.to_message(), None)
        elif control is not None:
            yield Part(at + control.end, 0, None, control)
            batch.at = control.end
        else:
            return
        at += batch.at


def count_of(written: pb.WriteRunRequest) -> int:
    """How many params, tags, inputs, outputs and lines a message has."""
    return (
        len(written.params)
        + len(written.tags)
        + len(written.deleted_tags)
        + len(written.inputs.datasets)
        + len(written.inputs.models)
        + len(written.outputs.models)
        + len(written.console)
    )


def in_parts(written: pb.WriteRunRequest) -> Iterator[pb.WriteRunRequest]:
    """The same in messages that a server takes, each with as little as a record."""
    if written.ByteSize() <= _PART_BYTES and count_of(written) <= _MAX_INPUTS:
        yield written
        return
    part, size = pb.WriteRunRequest(), 0
    for record in _records_of(written):
        if size + record.ByteSize() > _PART_BYTES or count_of(part) >= _MAX_INPUTS:
            yield part
            part, size = pb.WriteRunRequest(), 0
        part.MergeFrom(record)
        size += record.ByteSize()
    yield part


def _records_of(written: pb.WriteRunRequest) -> Iterator[pb.WriteRunRequest]:
    yield from (pb.WriteRunRequest(params=[param]) for param in written.params)
    yield from (pb.WriteRunRequest(deleted_tags=[key]) for key in written.deleted_tags)
    yield from (pb.WriteRunRequest(tags=[tag]) for tag in written.tags)
    for dataset in written.inputs.datasets:
        yield pb.WriteRunRequest(inputs=run_inputs_pb2.RunInputs(datasets=[dataset]))
    for model in written.inputs.models:
        yield pb.WriteRunRequest(inputs=run_inputs_pb2.RunInputs(models=[model]))
    for output in written.outputs.models:
        yield pb.WriteRunRequest(outputs=run_inputs_pb2.RunOutputs(models=[output]))
    yield from (pb.WriteRunRequest(console=[line]) for line in written.console)


def count_records(data: bytes, series: Mapping[int, tuple[Series, ...]]) -> int:
    """How many records frames hold."""
    return sum(part.records for part in parts(data, series))


def _to_metrics(columns: Mapping[Series, _Columns]) -> metric_pb2.MetricColumns:
    # From 1 up: 0 is no context.
    contexts: dict[tuple[int, str, str, str], int] = {(-1, "", "", ""): 0}
    for series in columns:
        contexts.setdefault(series[1:], len(contexts))
    metrics = metric_pb2.MetricColumns(
        keys=[series.key for series in columns],
        counts=[points.count for points in columns.values()],
        contexts=[_to_context(*context) for context in list(contexts)[1:]],
        context_index=[contexts[series[1:]] for series in columns] if len(contexts) > 1 else (),
    )
    # Columns go in as they are on the wire: by the fields' own setters, each point would become objects of Python.
    every = list(columns.values())
    for field_tag, column in (
        (_STEPS, b"".join(points.steps for points in every)),
        (_TIMES, b"".join(points.times for points in every)),
        (_VALUES, b"".join(points.values for points in every)),
    ):
        metrics.MergeFromString(bytes([field_tag]) + _varint(len(column)) + column)
    return metrics


def _to_context(rank: int, model_id: str, name: str, digest: str) -> metric_pb2.MetricContext:
    context = metric_pb2.MetricContext(model_id=model_id, dataset_name=name, dataset_digest=digest)
    if rank >= 0:
        context.rank = rank
    return context


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
