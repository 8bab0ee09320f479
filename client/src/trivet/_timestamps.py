"""Between the contracts' times and milliseconds since the Unix epoch."""

from __future__ import annotations

import time

from google.protobuf.timestamp_pb2 import Timestamp


def now_millis() -> int:
    """The time by this machine's clock."""
    return time.time_ns() // 1_000_000


def timestamp(millis: int) -> Timestamp:
    """The time so many milliseconds after the epoch."""
    return Timestamp(seconds=millis // 1000, nanos=millis % 1000 * 1_000_000)


def millis(time: Timestamp) -> int:
    """Milliseconds since the epoch."""
    return time.seconds * 1000 + time.nanos // 1_000_000
