"""Waits for what a server does by itself, where nothing tells that it has been done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PATIENCE_SECONDS = 60.0
"""How long a test waits for what must come; only bounds a failure."""
_PAUSE_SECONDS = 0.02


def wait_until(condition: Callable[[], bool]) -> None:
    """Returns once a condition holds. Raises AssertionError where it does not for long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        threading.Event().wait(_PAUSE_SECONDS)
