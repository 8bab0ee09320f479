"""Between the contracts' times and milliseconds since the Unix epoch."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(millis: int) -> Timestamp:
    """The time so many milliseconds after the epoch."""
    return Timestamp(seconds=millis // 1000, nanos=millis % 1000 * 1_000_000)


def moment(time: datetime | int) -> Timestamp:
    """The time of a `datetime`, local where it has no zone, or so many milliseconds after the epoch."""
    return timestamp(round(time.timestamp() * 1000) if isinstance(time, datetime) else time)


def millis(time: Timestamp) -> int:
    """Milliseconds since the epoch."""
    return time.seconds * 1000 + time.nanos // 1_000_000
