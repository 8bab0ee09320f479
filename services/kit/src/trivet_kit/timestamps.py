"""Times: messages on the wire, milliseconds since the Unix epoch everywhere else."""

from __future__ import annotations

import time

from google.protobuf.timestamp_pb2 import Timestamp

from trivet_kit.errors import FieldInvalid


def now_millis() -> int:
    """The time now, in milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


def to_millis(time: Timestamp, field: str) -> int:
    """Milliseconds since the Unix epoch, finer digits dropped. Raises FieldInvalid before the epoch or out of range."""
    # The range of google.protobuf.Timestamp ends with the year 9999.
    if not 0 <= time.seconds <= 253_402_300_799 or not 0 <= time.nanos < 1_000_000_000:
        raise FieldInvalid(field, "must be a time from 1970-01-01 to 9999-12-31")
    return time.seconds * 1000 + time.nanos // 1_000_000


def from_millis(millis: int | None) -> Timestamp | None:
    """The time as a message; None stays None."""
    if millis is None:
        return None
    return Timestamp(seconds=millis // 1000, nanos=millis % 1000 * 1_000_000)
