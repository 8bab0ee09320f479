"""The console of a process: from the streams to lines that are logged.

The thread that prints appends to a queue and goes on. Another one, which calls `drain`, cuts lines and hands them on.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from threading import get_ident
from typing import Final

from trivet._captured.console_lines import Line, LineCutter
from trivet._captured.taps import STDERR, STDOUT, Taps

# What may wait to be cut: more than can be written in the time between two drains, unless something is wrong.
_MAX_HELD_CHARACTERS: Final = 16 * 1024 * 1024
# So much at once, then so much a second on average: a print in an endless loop is nothing to keep.
_BURST_CHARACTERS: Final = 16 * 1024 * 1024
_CHARACTERS_A_SECOND: Final = 1024 * 1024
_LINES_AT_ONCE: Final = 900


class Console:
    """Listens from the start on, until `close`. Writers may be any threads; `drain` and `close` are called by one."""

    def __init__(
        self, send: Callable[[Sequence[Line]], None], has_room: Callable[[], bool], rank: int | None = None
    ) -> None:
        """Begins.

        Args:
            send: Logs some lines, in order; may wait.
            has_room: Whether more may be logged now; else lines are left out, and that is said.
            rank: Of the process; None where it has none.
        """
        self._send = send
        self._has_room = has_room
        self._rank = rank
        self._cutters = {stream: LineCutter(stream, rank) for stream in (STDOUT, STDERR)}
        self._heard: deque[tuple[int, str, str]] = deque()
        self._held = 0
        self._left_out = 0
        self._allowed = float(_BURST_CHARACTERS)
        self._allowed_at = time.monotonic()
        self._drained_by = 0
        self._taps = Taps(self._hear)

    def _hear(self, stream: str, text: str) -> None:
        # What this writes itself, such as a warning, would be heard again.
        if get_ident() == self._drained_by:
            return
        if self._held > _MAX_HELD_CHARACTERS:
            self._left_out += text.count("\n")
            return
        # Not exact with several threads, and need not be: `drain` begins anew.
        self._held += len(text)
        self._heard.append((time.time_ns(), stream, text))

    def drain(self) -> None:
        """Hands on what has been written."""
        self._hand_on(self._cut())

    def close(self) -> None:
        """Stops listening, and hands on what there is. Idempotent."""
        self._taps.close()
        now = _now_millis()
        # One after the other: what was heard last comes first.
        self._hand_on(chain(self._cut(), *(cutter.end(now) for cutter in self._cutters.values())))

    def forget(self) -> None:
        """Stops listening in the child after a fork: what was heard is the parent's."""
        self._taps.close()
        self._heard.clear()

    def _cut(self) -> Iterator[Line]:
        self._held = 0
        texts: list[str] = []
        written = (0, STDOUT)
        # Not what comes meanwhile, or a fast writer would hold this up for ever.
        for _ in range(len(self._heard)):
            at, stream, text = self._heard.popleft()
            # A print writes each of its arguments, and what is between them: together they are cut faster.
            if (at // 1_000_000, stream) != written:
                yield from self._cutters[written[1]].feed(written[0], "".join(texts))
                texts.clear()
                written = (at // 1_000_000, stream)
            texts.append(text)
        yield from self._cutters[written[1]].feed(written[0], "".join(texts))
        now = _now_millis()
        for cutter in self._cutters.values():
            yield from cutter.look(now)

    def _hand_on(self, lines: Iterator[Line]) -> None:
        before, self._drained_by = self._drained_by, get_ident()
        try:
            allowed = self._within_limits(lines)
            while some := list(islice(allowed, _LINES_AT_ONCE)):
                self._send(some)
        finally:
            self._drained_by = before

    def _within_limits(self, lines: Iterator[Line]) -> Iterator[Line]:
        now = time.monotonic()
        self._allowed = min(_BURST_CHARACTERS, self._allowed + (now - self._allowed_at) * _CHARACTERS_A_SECOND)
        self._allowed_at = now
        has_room = self._has_room()
        for line in lines:
            if not has_room or self._allowed < len(line.text):
                self._left_out += not line.unfinished
                continue
            if self._left_out:
                said = f"[trivet: {self._left_out} lines are left out here]"
                yield Line(said, line.timestamp, STDERR, self._rank, unfinished=False)
                self._left_out = 0
            self._allowed -= len(line.text) + 1
            yield line


def _now_millis() -> int:
    return time.time_ns() // 1_000_000
