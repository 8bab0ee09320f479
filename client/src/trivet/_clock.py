"""What time it is. Apart from `_timestamps`, which needs protobuf: some commands do without that."""

from __future__ import annotations

import time


def now_millis() -> int:
    """Milliseconds since the Unix epoch, by this machine's clock."""
    return time.time_ns() // 1_000_000
