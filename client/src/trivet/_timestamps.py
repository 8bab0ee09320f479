"""Between the contracts' times and milliseconds since the Unix epoch."""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(millis: int) -> Timestamp:
    """The time so many milliseconds after the epoch."""
    return Timestamp(seconds=millis // 1000, nanos=millis % 1000 * 1_000_000)


def millis(time: Timestamp) -> int:
    """Milliseconds since the epoch."""
    return time.seconds * 1000 + time.nanos // 1_000_000
