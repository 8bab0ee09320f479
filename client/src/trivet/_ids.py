"""Ids that the client makes."""

from __future__ import annotations

import os
import time
import uuid


def new_run_id() -> str:
    """A UUIDv7 in 32 hexadecimal digits (RFC 9562 §5.7): ids of later milliseconds sort after those of earlier ones."""
    millis = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    version, variant = 0x7 << 76, 0x2 << 62
    high, low = (random >> 62) & 0xFFF, random & (1 << 62) - 1
    return f"{millis << 80 | version | high << 64 | variant | low:032x}"


def new_logged_model_id() -> str:
    """`m-` and 32 hexadecimal digits, as MLflow's are."""
    return f"m-{uuid.uuid4().hex}"


def new_request_id() -> str:
    """A UUID for one request, under which the server knows a repetition of it."""
    return str(uuid.uuid4())


def new_writer_id() -> int:
    """A random number of 64 bits, never 0, which means no writer."""
    return int.from_bytes(os.urandom(8), "big") | 1
