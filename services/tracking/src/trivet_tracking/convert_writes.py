"""From WriteRunRequest to a checked RunWrite, and back from what became of it.

Columns that do not fit together fail the whole message; a record that is wrong by itself is refused alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import compress
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from trivet_kit import texts
from trivet_kit.errors import CallerError, FieldInvalid, FieldRequired
from trivet_kit.resources import parse_run
from trivet_kit.status import to_status
from trivet_proto.tracking.v1 import console_pb2, metric_pb2, run_inputs_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_tracking.convert import to_context
from trivet_tracking.convert_console import to_console_line
from trivet_tracking.convert_inputs import to_dataset_input, to_model_id
from trivet_tracking.domain import limits
from trivet_tracking.domain.console import ConsoleLine
from trivet_tracking.domain.metrics import NO_METRICS, Int64s, MetricBatch, Points, normalise
from trivet_tracking.domain.run_inputs import NO_LINKS, DatasetInput, ModelOutput, RunLinks
from trivet_tracking.domain.writes import ParamRecord, RecordKind, Refusal, RunWrite, WriteOutcome

_MAX_SEQUENCE = 2**63 - 1
# Of refusals in an answer: some 300 kB, well below the 4 MiB that gRPC clients take.
_MAX_REFUSALS = 1000
# Up to about so many numbers, a list is the faster way into an array.
_FEW = 64

_Number = TypeVar("_Number", np.int64, np.float64)


@dataclass
class _Records:
    """Collects the records of a message that are good, and the refusals of those that are not."""

    metrics: MetricBatch = NO_METRICS
    params: list[ParamRecord] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    deleted_tags: set[str] = field(default_factory=set)
    datasets: list[DatasetInput] = field(default_factory=list)
    model_inputs: list[str] = field(default_factory=list)
    model_outputs: list[ModelOutput] = field(default_factory=list)
    console: list[ConsoleLine] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def check(self, kind: RecordKind, index: int, take: Callable[[], None]) -> None:
        """Takes a record, or refuses it where that raises a CallerError."""
        try:
            take()
        except CallerError as error:
            self.refusals.append(Refusal(kind, index, error))


def to_run_write(request: pb.WriteRunRequest, now_millis: int) -> RunWrite:
    """Checks a write as far as that needs no database.

    Raises:
        FieldInvalid, FieldRequired, FieldTooLong: the message as a whole is wrong.
        ResourceNameInvalid: the run's name is.
    """
    name = parse_run(request.run, "run")
    _check_sequence(request)
    records = _Records()
    if request.HasField("metrics"):
        _take_metrics(request.metrics, now_millis, records)
    _take_params_and_tags(request, records)
    links = NO_LINKS
    if request.HasField("inputs") or request.HasField("outputs"):
        _take_inputs_and_outputs(request, records)
        links = RunLinks(tuple(records.datasets), tuple(records.model_inputs), tuple(records.model_outputs))
    if request.console:
        _take_console(request, records)
    return RunWrite(
        workspace=name.workspace,
        run_id=name.run_id,
        writer_id=request.writer_id,
        sequence=request.sequence,
        metrics=records.metrics,
        params=records.params,
        tags=records.tags,
        deleted_tags=frozenset(records.deleted_tags),
        links=links,
        console=records.console,
        refusals=records.refusals,
        atomic=request.atomic,
        size_bytes=max(request.ByteSize(), records.metrics.size_bytes),
    )


def from_outcome(outcome: WriteOutcome) -> pb.WriteRunResponse:
    """What became of a write, as a message."""
    return pb.WriteRunResponse(
        sequence=outcome.sequence,
        resend=outcome.resend,
        refused=[
            pb.RefusedRecord(
                kind=pb.RecordKind.ValueType(refusal.kind.value),
                index=refusal.index,
                status=to_status(refusal.error),
            )
            for refusal in outcome.refusals[:_MAX_REFUSALS]
        ],
        refused_count=len(outcome.refusals),
    )


def _check_sequence(request: pb.WriteRunRequest) -> None:
    if request.writer_id == 0 and request.sequence != 0:
        raise FieldInvalid("sequence", "must be absent without a writer_id")
    if request.writer_id != 0 and not 1 <= request.sequence <= _MAX_SEQUENCE:
        raise FieldInvalid("sequence", "must be from 1 to 2^63 - 1 with a writer_id")


def _take_params_and_tags(request: pb.WriteRunRequest, records: _Records) -> None:
    for index, param in enumerate(request.params):

        def take_param(index: int = index, param: pb.Param = param) -> None:
            key = texts.check_key(param.key, f"params[{index}].key")
            value = texts.check_value(param.value, f"params[{index}].value", limits.MAX_PARAM_VALUE_BYTES)
            records.params.append(ParamRecord(index, key, value))

        records.check(RecordKind.PARAM, index, take_param)
    for index, tag in enumerate(request.tags):

        def take_tag(index: int = index, tag: pb.Tag = tag) -> None:
            key = texts.check_key(tag.key, f"tags[{index}].key")
            records.tags[key] = texts.check_value(tag.value, f"tags[{index}].value", limits.MAX_TAG_VALUE_BYTES)

        records.check(RecordKind.TAG, index, take_tag)
    for index, key in enumerate(request.deleted_tags):

        def take_deleted(index: int = index, key: str = key) -> None:
            records.deleted_tags.add(texts.check_key(key, f"deleted_tags[{index}]"))

        records.check(RecordKind.DELETED_TAG, index, take_deleted)


def _take_inputs_and_outputs(request: pb.WriteRunRequest, records: _Records) -> None:
    datasets, models, made = request.inputs.datasets, request.inputs.models, request.outputs.models
    for entries, path in ((datasets, "inputs.datasets"), (models, "inputs.models"), (made, "outputs.models")):
        if len(entries) > limits.MAX_INPUTS:
            raise FieldInvalid(path, f"must have at most {limits.MAX_INPUTS} entries")
    for index, dataset in enumerate(datasets):

        def take_dataset(index: int = index, dataset: run_inputs_pb2.DatasetInput = dataset) -> None:
            records.datasets.append(to_dataset_input(dataset, f"inputs.datasets[{index}]"))

        records.check(RecordKind.DATASET_INPUT, index, take_dataset)
    for index, model in enumerate(models):

        def take_model(index: int = index, model: run_inputs_pb2.LoggedModelInput = model) -> None:
            records.model_inputs.append(to_model_id(model.model_id, f"inputs.models[{index}].model_id"))

        records.check(RecordKind.MODEL_INPUT, index, take_model)
    for index, output in enumerate(made):

        def take_output(index: int = index, output: run_inputs_pb2.LoggedModelOutput = output) -> None:
            model_id = to_model_id(output.model_id, f"outputs.models[{index}].model_id")
            records.model_outputs.append(ModelOutput(output.step, model_id))

        records.check(RecordKind.MODEL_OUTPUT, index, take_output)


def _take_console(request: pb.WriteRunRequest, records: _Records) -> None:
    if len(request.console) > limits.MAX_CONSOLE_LINES:
        raise FieldInvalid("console", f"must have at most {limits.MAX_CONSOLE_LINES} entries")
    for index, line in enumerate(request.console):

        def take_line(index: int = index, line: console_pb2.ConsoleLine = line) -> None:
            records.console.append(to_console_line(line, f"console[{index}]"))

        records.check(RecordKind.CONSOLE_LINE, index, take_line)


def _take_metrics(columns: metric_pb2.MetricColumns, now_millis: int, records: _Records) -> None:
    counts = _counts(columns)
    points = _points(columns, now_millis)
    contexts = [to_context(context, f"metrics.contexts[{i}]") for i, context in enumerate(columns.contexts)]
    context_index = _context_index(columns, len(contexts))
    keys = list(columns.keys)
    # Most messages have nothing to refuse, and many have one point: then each array that is made here counts.
    if not (all(map(_is_good_key, keys)) and (points.times >= 0).all() and counts.all()):
        good_keys = _refuse_bad_keys(keys, records)
        good_points = _refuse_bad_times(points.times, records)
        good_points &= np.repeat(good_keys, counts)
        begins = np.cumsum(counts) - counts
        kept_before = np.concatenate(([0], np.cumsum(good_points)))
        counts = kept_before[begins + counts] - kept_before[begins]
        points = points.selected(good_points)
        kept = counts > 0
        keys = list(compress(keys, kept))
        context_index = list(compress(context_index, kept))
        counts = counts[kept]
    records.metrics = MetricBatch(keys, counts, points, contexts, context_index)


@lru_cache(2**16)
def _is_good_key(key: str) -> bool:
    """Whether a key is one. Runs send the same keys again and again, and a look-up is cheaper than the check."""
    try:
        texts.check_key(key, "")
    except CallerError:
        return False
    return True


def _refuse_bad_keys(keys: list[str], records: _Records) -> npt.NDArray[np.bool_]:
    good = np.fromiter(map(_is_good_key, keys), bool, len(keys))
    for index in np.flatnonzero(~good).tolist():

        def check(index: int = index) -> None:
            texts.check_key(keys[index], f"metrics.keys[{index}]")

        records.check(RecordKind.METRIC_KEY, index, check)
    return good


def _counts(columns: metric_pb2.MetricColumns) -> npt.NDArray[np.int64]:
    """How many points the piece of each key has."""
    pieces, given, total = len(columns.keys), columns.counts, len(columns.values)
    if not pieces:
        raise FieldRequired("metrics.keys")
    if len(given) not in (0, pieces):
        raise FieldInvalid("metrics.counts", f"must be absent or have {pieces} entries, one for each key")
    counts = _array(given, np.int64) if given else np.ones(pieces, np.int64)
    expected = int(counts.sum()) if given else pieces
    if expected != total:
        raise FieldInvalid("metrics.values", f"must have {expected} entries, as many as the counts say, not {total}")
    return counts


def _points(columns: metric_pb2.MetricColumns, now_millis: int) -> Points:
    values, steps, times = columns.values, columns.steps, columns.times_millis
    length = len(values)
    if len(steps) not in (0, length):
        raise FieldInvalid("metrics.steps", f"must be absent or have {length} entries, as many as values")
    if len(times) not in (0, 1, length):
        raise FieldInvalid("metrics.times_millis", f"must be absent or have 1 or {length} entries, as many as values")
    return Points(
        _array(steps, np.int64) if steps else np.zeros(length, np.int64),
        _array(times, np.int64)
        if len(times) == length
        else np.full(length, times[0] if times else now_millis, np.int64),
        normalise(_array(values, np.float64)),
    )


def _array(numbers: Sequence[float], kind: type[_Number]) -> npt.NDArray[_Number]:
    # NumPy takes long to find out what a repeated field is, and a list takes long to fill.
    return np.array(numbers[:] if len(numbers) < _FEW else numbers, kind)


def _context_index(columns: metric_pb2.MetricColumns, contexts: int) -> list[int]:
    index = list(columns.context_index)
    if index and len(index) != len(columns.keys):
        raise FieldInvalid(
            "metrics.context_index", f"must be absent or have {len(columns.keys)} entries, one for each key"
        )
    if contexts and not index:
        raise FieldInvalid("metrics.context_index", "must say which key has which of metrics.contexts")
    if index and max(index) > contexts:
        raise FieldInvalid("metrics.context_index", f"must be at most {contexts}, the number of contexts")
    return index


def _refuse_bad_times(times: Int64s, records: _Records) -> npt.NDArray[np.bool_]:
    good = times >= 0
    for index in np.flatnonzero(~good):
        error = FieldInvalid(f"metrics.times_millis[{index}]", "must be 0 or more")
        records.refusals.append(Refusal(RecordKind.METRIC_POINT, int(index), error))
    return good
