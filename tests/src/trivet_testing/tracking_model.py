"""What writing to a run means, in plain Python and in memory: the oracle that real servers are compared with.

It is written from the contract alone (`tracking_service.proto`, `metric.proto`) and shares no code with the service.
"""

from __future__ import annotations

import functools
import itertools
import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, NoReturn, TypeVar

import grpc

from trivet_proto.tracking.v1 import metric_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import CallFailure, error_of, failure_in

MAX_HISTORY_POINTS: Final = 16_384
"""Of one message of a history, as the contract says."""

_T = TypeVar("_T")

Value = tuple[bool, float]
"""Whether it is a number, and which; compared as the contract says: every NaN is (False, 0.0), -0.0 is 0.0."""

Point = tuple[int, int, Value]
"""Step, time in milliseconds, value: sorted as a history is, and equal where the contract says one point."""

StepRange = tuple[int | None, int | None]
"""`min_step` and `max_step` of a request for a history."""


class Context(NamedTuple):
    """Where a metric was measured."""

    rank: int | None = None
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


NO_CONTEXT: Final = Context()


class Current(NamedTuple):
    """The current value of a series."""

    key: str
    context: Context | None
    """None: all contexts of the key taken together."""
    step: int
    time_millis: int
    value: Value
    min: Value
    max: Value
    point_count: int
    """Over all contexts, the sum of those of each."""


@dataclass(frozen=True)
class Answer:
    """What a write is answered."""

    failure: str = ""
    """The reason of the failed call; empty where it did not fail."""
    expected_sequence: int = 0
    """Of a SEQUENCE_GAP."""
    sequence: int = 0
    resend: bool = False
    refused: tuple[tuple[int, int, str], ...] = ()
    """Kind, index and reason of each refused record, in the order of the answer."""


@dataclass
class RunModel:
    """A run that is in use. Not safe for threads: where the order of writes is not known, neither is what they do."""

    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    series: dict[tuple[str, Context], set[Point]] = field(default_factory=dict)
    writers: dict[int, int] = field(default_factory=dict)
    """The last sequence of each writer."""
    ended_writers: set[int] = field(default_factory=set)
    """Those that wrote before the run was rewound."""

    def write(self, request: pb.WriteRunRequest) -> Answer:
        """Does what `WriteRun` does. A request without times is not for the model: the server's clock decides there."""
        if not _columns_fit(request.metrics) or not _sequence_fits(request):
            return Answer(failure="FIELD_INVALID")
        records = self._checked(request)
        refused = tuple(records.refused)
        if request.writer_id:
            last = self.writers.get(request.writer_id, 0)
            if request.sequence <= last:
                return Answer(sequence=last, resend=True, refused=refused)
            if request.writer_id in self.ended_writers:
                return Answer(failure="WRITER_ENDED")
            if request.sequence > last + 1:
                return Answer(failure="SEQUENCE_GAP", expected_sequence=last + 1)
        if request.atomic and refused:
            return Answer(failure=refused[0][2])
        if request.writer_id:
            self.writers[request.writer_id] = request.sequence
        self._apply(records)
        return Answer(sequence=request.sequence, refused=refused)

    def delete(self, keys: Iterable[str], context: Context | None) -> tuple[int, int]:
        """Does what `DeleteMetrics` does; returns how many series and points were removed."""
        chosen = [series for series in self.series if series[0] in keys and context in (None, series[1])]
        removed = [self.series.pop(series) for series in chosen]
        return len(removed), sum(map(len, removed))

    def rewind(self, step: int) -> None:
        """Does what `RewindRun` does."""
        self._cut(step)
        self.ended_writers |= set(self.writers)

    def fork(self, step: int) -> RunModel:
        """What `ForkRun` creates."""
        fork = RunModel(params=dict(self.params), tags=dict(self.tags), series=dict(self.series))
        fork._cut(step)
        return fork

    def _cut(self, step: int) -> None:
        kept = {series: {point for point in points if point[0] <= step} for series, points in self.series.items()}
        self.series = {series: points for series, points in kept.items() if points}

    def history(self, key: str, context: Context | None, steps: StepRange = (None, None)) -> list[Point]:
        """The points of a series, or of all contexts as one, within a range of steps."""
        low, high = steps
        return sorted(
            {
                point
                for (its_key, its_context), points in self.series.items()
                if its_key == key and context in (None, its_context)
                for point in points
                if (low is None or point[0] >= low) and (high is None or point[0] <= high)
            }
        )

    def current(self) -> list[Current]:
        """The current values over all contexts, sorted by key."""
        keys = sorted({key for key, _ in self.series})
        counts = {key: sum(len(points) for (its, _), points in self.series.items() if its == key) for key in keys}
        return [_current(key, None, self.history(key, None))._replace(point_count=counts[key]) for key in keys]

    def current_of_contexts(self) -> list[Current]:
        """The current value of each series that has a context, in no order."""
        return [
            _current(key, context, points) for (key, context), points in self.series.items() if context != NO_CONTEXT
        ]

    def _checked(self, request: pb.WriteRunRequest) -> _Records:
        records = _Records()
        _check_metrics(request.metrics, records)
        for index, param in enumerate(request.params):
            known = self.params.get(param.key, records.params.get(param.key))
            fault = _key_fault(param.key) or _value_fault(param.value, 16 * 1024)
            if fault or known not in (None, param.value):
                records.refused.append((pb.RECORD_KIND_PARAM, index, fault or "PARAM_CHANGED"))
            else:
                records.params[param.key] = param.value
        for index, tag in enumerate(request.tags):
            if fault := _key_fault(tag.key) or _value_fault(tag.value, 64 * 1024):
                records.refused.append((pb.RECORD_KIND_TAG, index, fault))
            else:
                records.tags[tag.key] = tag.value
        for index, key in enumerate(request.deleted_tags):
            if fault := _key_fault(key):
                records.refused.append((pb.RECORD_KIND_DELETED_TAG, index, fault))
            else:
                records.deleted_tags.add(key)
        return records

    def _apply(self, records: _Records) -> None:
        for series, point in records.points:
            self.series.setdefault(series, set()).add(point)
        self.params |= records.params
        for key in records.deleted_tags:
            self.tags.pop(key, None)
        self.tags |= records.tags


@dataclass
class _Records:
    """The good records of a message, and the refusals of the others, ordered by kind and index."""

    points: list[tuple[tuple[str, Context], Point]] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    deleted_tags: set[str] = field(default_factory=set)
    refused: list[tuple[int, int, str]] = field(default_factory=list)


def comparable(value: float) -> Value:
    """A value as the contract compares it."""
    return (False, 0.0) if math.isnan(value) else (True, value + 0.0)


def context_of(message: metric_pb2.MetricContext) -> Context:
    """The context in a message; one with no parts is none."""
    rank = message.rank if message.HasField("rank") else None
    return Context(rank, message.model_id, message.dataset_name, message.dataset_digest)


def points_of(columns: metric_pb2.MetricColumns) -> list[tuple[int, Point]]:
    """The points of columns that fit together, each with the index of its key; at least one time has to be there."""
    counts = columns.counts or [1] * len(columns.keys)
    owners = [index for index, count in enumerate(counts) for _ in range(count)]
    steps = columns.steps or [0] * len(owners)
    times = columns.times_millis if len(columns.times_millis) == len(owners) else [*columns.times_millis] * len(owners)
    points = zip(steps, times, map(comparable, columns.values), strict=True)
    return list(zip(owners, points, strict=True))


def _check_metrics(columns: metric_pb2.MetricColumns, records: _Records) -> None:
    faults = [_key_fault(key) for key in columns.keys]
    contexts = [NO_CONTEXT, *map(context_of, columns.contexts)]
    places = columns.context_index or [0] * len(columns.keys)
    records.refused += [(pb.RECORD_KIND_METRIC_KEY, index, fault) for index, fault in enumerate(faults) if fault]
    for index, (piece, point) in enumerate(points_of(columns)):
        if point[1] < 0:
            records.refused.append((pb.RECORD_KIND_METRIC_POINT, index, "FIELD_INVALID"))
        elif not faults[piece]:
            records.points.append(((columns.keys[piece], contexts[places[piece]]), point))


def _columns_fit(columns: metric_pb2.MetricColumns) -> bool:
    keys, points = len(columns.keys), len(columns.values)
    return (
        len(columns.counts) in (0, keys)
        and (sum(columns.counts) if columns.counts else keys) == points
        and len(columns.steps) in (0, points)
        and len(columns.times_millis) in (0, 1, points)
        and len(columns.context_index) in (0, keys)
        and all(place <= len(columns.contexts) for place in columns.context_index)
    )


def _sequence_fits(request: pb.WriteRunRequest) -> bool:
    return 1 <= request.sequence < 2**63 if request.writer_id else request.sequence == 0


def _key_fault(key: str) -> str:
    if len(key) > 250:
        return "FIELD_TOO_LONG"
    return "FIELD_INVALID" if not key or any(unicodedata.category(letter) == "Cc" for letter in key) else ""


def _value_fault(value: str, max_bytes: int) -> str:
    if len(value.encode()) > max_bytes:
        return "FIELD_TOO_LONG"
    return "FIELD_INVALID" if "\0" in value else ""


def _current(key: str, context: Context | None, points: Iterable[Point]) -> Current:
    everything = list(points)
    step, time_millis, value = max(everything)
    numbers = [value for _, _, value in everything if value[0]]
    none = (False, 0.0)
    low, high = min(numbers, default=none), max(numbers, default=none)
    return Current(key, context, step, time_millis, value, low, high, len(everything))


def outcome(call: Callable[[], _T]) -> _T | CallFailure:
    """What a call returns, or the error that the service gives; an error without details, as of the network, is raised.

    Raises:
        grpc.RpcError: the error is not one of the service's own.
    """
    try:
        return call()
    except grpc.RpcError as error:
        if not has_details(error):
            raise
        return error_of(functools.partial(_raise, error))


def has_details(error: grpc.RpcError) -> bool:
    """Whether an error is one of the service's own, and not one of the network or of gRPC."""
    trailers: Sequence[tuple[str, object]] = getattr(error, "trailing_metadata", tuple)() or ()
    return any(key == "grpc-status-details-bin" for key, _ in trailers)


def _raise(error: grpc.RpcError) -> NoReturn:
    raise error


def write(stub: TrackingServiceStub, request: pb.WriteRunRequest) -> Answer:
    """What a server answers a write, in the words of the model. Raises as `outcome` does."""
    answer = outcome(lambda: stub.WriteRun(request, timeout=60))
    if isinstance(answer, CallFailure):
        return Answer(answer.reason, expected_sequence=int(answer.metadata.get("expectedSequence", "0")))
    return answer_of(answer)


def answer_of(response: pb.WriteRunResponse) -> Answer:
    """A response in the words of the model."""
    return Answer(
        sequence=response.sequence,
        resend=response.resend,
        refused=tuple((record.kind, record.index, failure_in(record.status).reason) for record in response.refused),
    )


def assert_run_is(
    stub: TrackingServiceStub, run: str, model: RunModel, ranges: Sequence[StepRange] = ((None, None),)
) -> None:
    """Compares all that a reader can see of a run's params, tags and metrics with the model.

    Args:
        stub: The server.
        run: The run's resource name.
        model: What the run should hold.
        ranges: The ranges of steps to read each history in.
    """
    found = stub.GetRun(pb.GetRunRequest(name=run), timeout=60)
    assert dict(found.params) == model.params
    assert dict(found.tags) == model.tags
    assert [_read_current(metric) for metric in found.metrics] == [
        current._replace(point_count=0)
        for current in model.current()  # only ListMetrics counts
    ]
    _assert_list_is(_list_metrics(stub, run), model)
    for key in sorted({key for key, _ in model.series} | {"never written"}):
        contexts = {NO_CONTEXT, Context(rank=2**31 - 1), *(its for its_key, its in model.series if its_key == key)}
        for context, steps in itertools.product([None, *contexts], ranges):
            got = read_history(stub, run, key, context, steps)
            assert got == model.history(key, context, steps), (key, context, steps)


def _assert_list_is(listed: list[Current], model: RunModel) -> None:
    """`ListMetrics` is sorted by key; of each key the one over all contexts comes first, the others in any order."""
    by_key = [(key, list(entries)) for key, entries in itertools.groupby(listed, lambda current: current.key)]
    assert [entries[0] for _, entries in by_key] == model.current()
    in_contexts = [current for _, entries in by_key for current in entries[1:]]
    assert len(in_contexts) == len(set(in_contexts))
    assert set(in_contexts) == set(model.current_of_contexts())


def read_history(
    stub: TrackingServiceStub, run: str, key: str, context: Context | None = None, steps: StepRange = (None, None)
) -> list[Point]:
    """The points of a series as the server streams them."""
    low, high = steps
    request = pb.ReadMetricHistoryRequest(run=run, key=key, min_step=low, max_step=high)
    if context is not None:
        request.context.CopyFrom(context_message(context))
    points: list[Point] = []
    for answer in stub.ReadMetricHistory(request, timeout=60):
        columns = answer.metrics
        assert list(columns.keys) == [key]
        assert 1 <= len(columns.values) <= MAX_HISTORY_POINTS
        assert len(columns.times_millis) == len(columns.steps) == len(columns.values)
        if context is not None:
            assert [context_of(columns.contexts[place - 1]) for place in columns.context_index] == [context]
        points += [point for _, point in points_of(columns)]
    return points


def context_message(context: Context) -> metric_pb2.MetricContext:
    """A context as a message, its absent parts absent."""
    return metric_pb2.MetricContext(
        **{part: value for part, value in context._asdict().items() if value not in (None, "")}
    )


def _list_metrics(stub: TrackingServiceStub, run: str) -> list[Current]:
    """All pages; small ones, so that there are several."""
    found: list[Current] = []
    token = ""
    while True:
        request = pb.ListMetricsRequest(parent=run, page_size=3, page_token=token)
        page = stub.ListMetrics(request, timeout=60)
        found += [_read_current(metric) for metric in page.metrics]
        token = page.next_page_token
        if not token:
            return found


def _read_current(metric: metric_pb2.Metric) -> Current:
    return Current(
        key=metric.key,
        context=context_of(metric.context) if metric.HasField("context") else None,
        step=metric.step,
        time_millis=metric.time_millis,
        value=comparable(metric.value),
        min=comparable(metric.min),
        max=comparable(metric.max),
        point_count=metric.point_count,
    )
