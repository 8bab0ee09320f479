"""Lines of consoles between messages and values."""

from __future__ import annotations

from trivet_kit import texts
from trivet_kit.errors import FieldInvalid, FieldRequired
from trivet_proto.tracking.v1 import console_pb2
from trivet_tracking.domain import limits
from trivet_tracking.domain.console import ConsoleLine, ConsoleStream

_STREAMS = {stream.value: stream for stream in ConsoleStream}


def to_console_line(message: console_pb2.ConsoleLine, field: str) -> ConsoleLine:
    """Checks a line. Raises FieldInvalid, FieldRequired, FieldTooLong."""
    stream = _STREAMS.get(message.stream)
    if stream is None:
        if message.stream == console_pb2.CONSOLE_STREAM_UNSPECIFIED:
            raise FieldRequired(f"{field}.stream")
        raise FieldInvalid(f"{field}.stream", f"has the unknown value {message.stream}")
    if message.time_millis < 0:
        raise FieldInvalid(f"{field}.time_millis", "must be 0 or more")
    rank = message.rank if message.HasField("rank") else None
    if rank is not None and rank < 0:
        raise FieldInvalid(f"{field}.rank", "must be 0 or more")
    text = texts.check_value(message.text, f"{field}.text", limits.MAX_CONSOLE_LINE_BYTES)
    return ConsoleLine(message.time_millis, stream, rank, text, message.unfinished)


def from_console_line(number: int, line: ConsoleLine) -> console_pb2.ConsoleLine:
    """A line as a message."""
    return console_pb2.ConsoleLine(
        number=number,
        time_millis=line.time,
        stream=console_pb2.ConsoleStream.ValueType(line.stream.value),
        rank=line.rank,
        text=line.text,
        unfinished=line.unfinished,
    )
