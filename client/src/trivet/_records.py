"""Metrics, params and tags as they are logged: checked at the call, put into messages later."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, SupportsFloat, SupportsIndex

from trivet._errors import InvalidArgument
from trivet_proto.tracking.v1 import metric_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

# As in the contract (tracking_service.proto, Param and Tag); the server checks them again.
_MAX_KEY_CHARACTERS: Final = 250
_MAX_PARAM_BYTES: Final = 16 * 1024
_MAX_TAG_BYTES: Final = 64 * 1024
_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INT64: Final = range(-(2**63), 2**63)

# Half of what a server takes, design §12.
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
_POINT_BYTES: Final = 24  # step, time and value in 8 bytes each


class Point(NamedTuple):
    """A point of a metric."""

    key: str
    value: float
    step: int
    time_millis: int


class Param(NamedTuple):
    """A param."""

    key: str
    value: str


class Tag(NamedTuple):
    """A tag to set, or to remove where the value is None."""

    key: str
    value: str | None


Record = Point | Param | Tag


def check_key(key: str) -> str:
    """Returns a key that the server will take.

    Raises:
        InvalidArgument: it will not; says why.
    """
    if not isinstance(key, str):
        raise InvalidArgument(f"A key is a text, not {key!r}.")
    if not key or key.isspace():
        raise InvalidArgument("A key must have more than white space.")
    if len(key) > _MAX_KEY_CHARACTERS:
        raise InvalidArgument(
            f"The key {key[:40]!r}… has {len(key)} characters; at most {_MAX_KEY_CHARACTERS} are allowed."
        )
    if _CONTROL_CHARACTERS.search(key):
        raise InvalidArgument(f"The key {key!r} must not have control characters.")
    return key


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
        points: dict[str, list[Point]] = {}
        params: dict[str, str] = {}
        tags: dict[str, str | None] = {}
        for record in self.records:
            if isinstance(record, Point):
                points.setdefault(record.key, []).append(record)
            elif isinstance(record, Param):
                params[record.key] = record.value
            else:
                # The last word on a tag is the only one that can be seen.
                tags[record.key] = record.value
        return pb.WriteRunRequest(
            run=run,
            metrics=_columns(points) if points else None,
            params=[pb.Param(key=key, value=value) for key, value in params.items()],
            tags=[pb.Tag(key=key, value=value) for key, value in tags.items() if value is not None],
            deleted_tags=[key for key, value in tags.items() if value is None],
        )


def _columns(points: dict[str, list[Point]]) -> metric_pb2.MetricColumns:
    every = [point for series in points.values() for point in series]
    return metric_pb2.MetricColumns(
        keys=points,
        counts=[len(series) for series in points.values()],
        steps=[point.step for point in every],
        times_millis=[point.time_millis for point in every],
        values=[point.value for point in every],
    )


def batches(records: Iterable[Record], max_bytes: int) -> Iterator[Batch]:
    """Cuts records into batches whose messages have about `max_bytes` at most; each has at least one record."""
    batch: list[Record] = []
    size = 0
    seen: set[str] = set()
    for record in records:
        if isinstance(record, Point):
            added = _POINT_BYTES + (0 if record.key in seen else 4 * len(record.key) + 16)
            seen.add(record.key)
        else:
            added = 4 * len(record.key) + 4 * len(record.value or "") + 16
        if batch and size + added > max_bytes:
            yield Batch(tuple(batch))
            batch, size, seen = [], 0, set()
        batch.append(record)
        size += added
    if batch:
        yield Batch(tuple(batch))
