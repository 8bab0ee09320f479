"""Listens to what is written to `sys.stdout` and `sys.stderr`, which go on to where they go.

The method `write` of the streams is replaced, not the streams: handlers of `logging` and others hold these already.
What goes past them is not heard: bytes to `sys.stdout.buffer`, and what libraries in C and child processes write.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import Any, Final

STDOUT: Final = "stdout"
STDERR: Final = "stderr"
Hear = Callable[[str, str], None]


class _Tap:
    """One stream that is listened to."""

    def __init__(self, stream: Any, name: str, hear: Hear) -> None:
        self._stream = stream
        self._write = stream.write
        self._was_own = "write" in vars(stream) if hasattr(stream, "__dict__") else False
        self._is_open = True
        write = self._write

        def tapped(text: str) -> Any:
            result = write(text)
            if self._is_open:
                hear(name, text)
            return result

        self._tapped = tapped
        stream.write = tapped

    def close(self) -> None:
        self._is_open = False
        # Somebody else may have replaced it since: then theirs stays, and calls ours, which is silent now.
        if vars(self._stream).get("write") is self._tapped:
            if self._was_own:
                self._stream.write = self._write
            else:
                del self._stream.write


class Taps:
    """Both streams, as far as there are any."""

    def __init__(self, hear: Hear) -> None:
        """Begins to listen; `hear` gets the name of a stream and a text, in the thread that writes."""
        self._taps = []
        for stream, name in ((sys.stdout, STDOUT), (sys.stderr, STDERR)):
            # Without streams, as under pythonw, or with some that cannot be listened to.
            with contextlib.suppress(AttributeError, TypeError):
                self._taps.append(_Tap(stream, name, hear))

    def close(self) -> None:
        """Stops listening. Idempotent."""
        for tap in self._taps:
            tap.close()
        self._taps = []
