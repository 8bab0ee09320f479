"""What is logged to a run: checked at the call, put into messages later."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, SupportsFloat, SupportsIndex

from trivet._entities import Dataset, DatasetInput, LoggedModelInput, LoggedModelOutput
from trivet._errors import InvalidArgument
from trivet_proto.tracking.v1 import metric_pb2, run_inputs_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

# As in the contract (tracking_service.proto, Param and Tag; run_inputs.proto); the server checks them again.
_MAX_KEY_CHARACTERS: Final = 250
_MAX_PARAM_BYTES: Final = 16 * 1024
_MAX_TAG_BYTES: Final = 64 * 1024
_MAX_DATASET_NAME_CHARACTERS: Final = 500
_MAX_DIGEST_CHARACTERS: Final = 64
_MAX_SOURCE_TYPE_CHARACTERS: Final = 250
_MAX_DATASET_BYTES: Final = {"source": 65_535, "schema": 1_048_575, "profile": 4 * 1024 * 1024}
_MAX_INPUT_TAG_KEY_CHARACTERS: Final = 255
_MAX_INPUT_TAG_CHARACTERS: Final = 500
_LOGGED_MODEL_ID: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,249}")
_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INT64: Final = range(-(2**63), 2**63)

# Half of what a server takes, design §12.
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
# Below what a message may have of each kind.
_MAX_INPUTS: Final = 999
_POINT_BYTES: Final = 24  # step, time and value in 8 bytes each


class Context(NamedTuple):
    """Where a metric was measured; empty parts are absent."""

    model_id: str
    dataset_name: str
    dataset_digest: str


class Point(NamedTuple):
    """A point of a metric."""

    key: str
    value: float
    step: int
    time_millis: int
    context: Context | None = None


class Param(NamedTuple):
    """A param."""

    key: str
    value: str


class Tag(NamedTuple):
    """A tag to set, or to remove where the value is None."""

    key: str
    value: str | None


Record = Point | Param | Tag | DatasetInput | LoggedModelInput | LoggedModelOutput


def check_key(key: str) -> str:
    """Returns a key that the server will take.

    Raises:
        InvalidArgument: it will not; says why.
    """
    return _check_label("key", key, _MAX_KEY_CHARACTERS)


def _check_label(what: str, label: str, max_characters: int) -> str:
    if not isinstance(label, str):
        raise InvalidArgument(f"A {what} is a text, not {label!r}.")
    if not label or label.isspace():
        raise InvalidArgument(f"A {what} must have more than white space.")
    if len(label) > max_characters:
        raise InvalidArgument(
            f"The {what} {label[:40]!r}… has {len(label)} characters; at most {max_characters} are allowed."
        )
    if _CONTROL_CHARACTERS.search(label):
        raise InvalidArgument(f"The {what} {label!r} must not have control characters.")
    return label


def check_model_id(model_id: str) -> str:
    """Returns the id of a logged model. Raises InvalidArgument where it cannot be one."""
    if not _LOGGED_MODEL_ID.fullmatch(str(model_id)):
        raise InvalidArgument(f"{model_id!r:.300} is not the id of a logged model, such as m- and 32 digits.")
    return model_id


def check_dataset(dataset: Dataset) -> Dataset:
    """Returns a dataset that the server will take. Raises InvalidArgument where it will not."""
    if not isinstance(dataset, Dataset):
        raise InvalidArgument(f"A dataset is a trivet.Dataset, not {dataset!r:.100}.")
    _check_label("dataset's name", dataset.name, _MAX_DATASET_NAME_CHARACTERS)
    _check_label("dataset's digest", dataset.digest, _MAX_DIGEST_CHARACTERS)
    _check_characters("the source type of a dataset", dataset.source_type, _MAX_SOURCE_TYPE_CHARACTERS)
    for part, max_bytes in _MAX_DATASET_BYTES.items():
        to_text(f"the {part} of dataset {dataset.name!r}", getattr(dataset, part), max_bytes)
    return dataset


def to_dataset_input(dataset: Dataset, tags: Mapping[str, object]) -> DatasetInput:
    """An input of a run, its tags as text. Raises InvalidArgument where the server will not take it."""
    return DatasetInput(
        check_dataset(dataset),
        {
            _check_label("key", key, _MAX_INPUT_TAG_KEY_CHARACTERS): _check_characters(
                f"tag {key!r}", value, _MAX_INPUT_TAG_CHARACTERS
            )
            for key, value in tags.items()
        },
    )


def to_model_output(output: LoggedModelOutput) -> LoggedModelOutput:
    """An output of a run. Raises InvalidArgument where the server will not take it."""
    check_is("models", output, LoggedModelOutput)
    return LoggedModelOutput(check_model_id(output.model_id), to_int64("step", output.step))


def to_context(model_id: str | None, dataset_name: str, dataset_digest: str) -> Context | None:
    """Where a metric was measured; None for nowhere in particular. Raises InvalidArgument."""
    if not model_id and not dataset_name and not dataset_digest:
        return None
    return Context(
        check_model_id(model_id) if model_id else "",
        _check_characters("the name of a dataset", dataset_name, _MAX_DATASET_NAME_CHARACTERS),
        _check_characters("the digest of a dataset", dataset_digest, _MAX_DIGEST_CHARACTERS),
    )


def _check_characters(what: str, value: object, max_characters: int) -> str:
    text = to_text(what, value, 4 * max_characters)
    if len(text) > max_characters:
        raise InvalidArgument(f"The value of {what} has {len(text)} characters; at most {max_characters} are allowed.")
    return text


def to_number(key: str, value: SupportsFloat) -> float:
    """The value of a point as a float; scalars of NumPy and PyTorch are numbers too.

    Raises:
        InvalidArgument: it is no number. Text is none, also where it spells one.
    """
    if not isinstance(value, str | bytes | bytearray):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            pass
    raise InvalidArgument(f"The value of metric {key!r} must be a number, not {value!r:.100}.")


def to_int64(what: str, value: SupportsIndex) -> int:
    """A whole number that fits into 64 bits.

    Raises:
        InvalidArgument: it is none; `what` says of what.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or number not in _INT64:
        raise InvalidArgument(f"{what} must be a whole number of 64 bits, not {value!r:.100}.")
    return number


def to_param_value(key: str, value: object) -> str:
    """The text of a param's value. Raises InvalidArgument where it is too long or holds NUL."""
    return to_text(f"param {key!r}", value, _MAX_PARAM_BYTES)


def to_tag_value(key: str, value: object) -> str:
    """The text of a tag's value. Raises InvalidArgument where it is too long or holds NUL."""
    return to_text(f"tag {key!r}", value, _MAX_TAG_BYTES)


def to_texts(what: str, values: Iterable[str]) -> list[str]:
    """Several texts. Raises InvalidArgument for one text, which Python would take apart; `what` says of what."""
    if isinstance(values, str):
        raise InvalidArgument(f"{what} must be a list of texts, not the text {values!r:.100}.")
    return list(values)


def check_is(what: str, value: object, kind: type) -> None:
    """Raises InvalidArgument where a value is not of a class; `what` says of what."""
    if not isinstance(value, kind):
        raise InvalidArgument(f"Each of {what} must be a {kind.__name__}, not {value!r:.100}.")


def to_params(params: Mapping[str, object] | None) -> dict[str, str]:
    """Params as a message has them. Raises InvalidArgument."""
    return {check_key(key): to_param_value(key, value) for key, value in _items("params", params)}


def to_tags(tags: Mapping[str, object] | None) -> dict[str, str]:
    """Tags as a message has them. Raises InvalidArgument."""
    return {check_key(key): to_tag_value(key, value) for key, value in _items("tags", tags)}


def _items(what: str, values: Mapping[str, object] | None) -> Iterable[tuple[str, object]]:
    if values is not None and not isinstance(values, Mapping):
        raise InvalidArgument(f"{what} must be a mapping such as a dict, not {values!r:.100}.")
    return (values or {}).items()


def to_text(what: str, value: object, max_bytes: int) -> str:
    """A value as text. Raises InvalidArgument where it is too long or holds NUL; `what` says of what."""
    text = str(value)
    try:
        length = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidArgument(f"The value of {what} is not valid Unicode.") from None
    if length > max_bytes:
        raise InvalidArgument(f"The value of {what} has {length} bytes; at most {max_bytes} are allowed.")
    if "\0" in text:
        raise InvalidArgument(f"The value of {what} must not hold the character NUL.")
    return text


@dataclass(frozen=True)
class Batch:
    """Records that fit into one message, in the order in which they were logged."""

    records: tuple[Record, ...]

    def message(self, run: str) -> pb.WriteRunRequest:
        """The message that writes them to a run, without writer and sequence."""
        points: dict[_Series, list[Point]] = {}
        params: dict[str, str] = {}
        tags: dict[str, str | None] = {}
        inputs, outputs = run_inputs_pb2.RunInputs(), run_inputs_pb2.RunOutputs()
        for record in self.records:
            if isinstance(record, Point):
                points.setdefault((record.key, record.context), []).append(record)
            elif isinstance(record, Param):
                params[record.key] = record.value
            elif isinstance(record, Tag):
                # The last word on a tag is the only one that can be seen.
                tags[record.key] = record.value
            elif isinstance(record, DatasetInput):
                inputs.datasets.append(_dataset_input(record))
            elif isinstance(record, LoggedModelInput):
                inputs.models.add(model_id=record.model_id)
            else:
                outputs.models.add(model_id=record.model_id, step=record.step)
        return pb.WriteRunRequest(
            run=run,
            metrics=_columns(points) if points else None,
            params=[pb.Param(key=key, value=value) for key, value in params.items()],
            tags=[pb.Tag(key=key, value=value) for key, value in tags.items() if value is not None],
            deleted_tags=[key for key, value in tags.items() if value is None],
            inputs=inputs if inputs.datasets or inputs.models else None,
            outputs=outputs if outputs.models else None,
        )


_Series = tuple[str, Context | None]


def _dataset_input(used: DatasetInput) -> run_inputs_pb2.DatasetInput:
    dataset = used.dataset
    return run_inputs_pb2.DatasetInput(
        dataset=run_inputs_pb2.Dataset(
            name=dataset.name,
            digest=dataset.digest,
            source_type=dataset.source_type,
            source=dataset.source,
            schema=dataset.schema,
            profile=dataset.profile,
        ),
        tags=used.tags,
    )


def _columns(points: dict[_Series, list[Point]]) -> metric_pb2.MetricColumns:
    every = [point for series in points.values() for point in series]
    # From 1 up: 0 is no context.
    contexts: dict[Context | None, int] = {None: 0}
    for _, context in points:
        contexts.setdefault(context, len(contexts))
    return metric_pb2.MetricColumns(
        keys=[key for key, _ in points],
        contexts=[metric_pb2.MetricContext(**context._asdict()) for context in contexts if context is not None],
        context_index=[contexts[context] for _, context in points] if len(contexts) > 1 else (),
        counts=[len(series) for series in points.values()],
        steps=[point.step for point in every],
        times_millis=[point.time_millis for point in every],
        values=[point.value for point in every],
    )


def batches(records: Iterable[Record], max_bytes: int) -> Iterator[Batch]:
    """Cuts records into batches whose messages have about `max_bytes` at most; each has at least one record."""
    batch: list[Record] = []
    size = 0
    inputs = 0
    seen: set[_Series] = set()
    for record in records:
        if isinstance(record, Point):
            series = (record.key, record.context)
            added = _POINT_BYTES + (0 if series in seen else 4 * len(record.key) + 16)
            if record.context is not None and series not in seen:
                added += 4 * sum(map(len, record.context)) + 16
            seen.add(series)
        elif isinstance(record, Param | Tag):
            added = 4 * len(record.key) + 4 * len(record.value or "") + 16
        else:
            added = _input_bytes(record)
            inputs += 1
        if batch and (size + added > max_bytes or inputs > _MAX_INPUTS):
            yield Batch(tuple(batch))
            batch, size, seen, inputs = [], 0, set(), 0
        batch.append(record)
        size += added
    if batch:
        yield Batch(tuple(batch))


def _input_bytes(record: DatasetInput | LoggedModelInput | LoggedModelOutput) -> int:
    """About what an input or output takes in a message, at most."""
    if not isinstance(record, DatasetInput):
        return len(record.model_id) + 16
    dataset = record.dataset
    texts = (dataset.name, dataset.digest, dataset.source_type, dataset.source, dataset.schema, dataset.profile)
    # Long texts are measured: four bytes for each character would make every dataset fill a message of its own.
    return sum(len(text.encode()) + 8 for text in texts) + sum(
        4 * (len(key) + len(value)) + 16 for key, value in record.tags.items()
    )
