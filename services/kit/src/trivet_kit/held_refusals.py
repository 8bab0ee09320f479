"""Refusals for a rate that are answered late, so that whoever asks again at once asks seldom, and not all at once.

A refusal costs a server nearly as much as a small call. Without this, a caller that does not wait as it is told would
have it do nothing else, at the price of everybody's calls. An answer that is held costs a timer.

Each is held for another time. Callers that are refused together would be answered together, and those that ask again at
once would come together for ever: some dozens of calls in the same moment, between which nobody else's fits.
"""

from __future__ import annotations

import asyncio
import math

from trivet_kit.errors import QuotaExceeded

# Who waits as it is told has waited so long already when it hears how long.
HOLD_SECONDS = 0.5
# The longest are held for so much more.
SPREAD_SECONDS = 1.5
# gRPC keeps a message until it is answered. What does not fit is answered at once.
MAX_HELD_BYTES = 16 * 1024 * 1024
# What a call without much of a message takes.
_LEAST_BYTES = 4096
# Its multiples, without what is before the point, lie between 0 and 1 as far from each other as can be, however many
# they are (Knuth, The Art of Computer Programming, volume 3, section 6.4).
_GOLDEN = (math.sqrt(5) - 1) / 2


class HeldRefusals:
    """Holds refusals. For one event loop."""

    def __init__(self) -> None:
        self._bytes = 0
        self._place = 0.0
        """Of the next one, in what is spread: from 0 to below 1."""

    async def hold(self, error: QuotaExceeded, message_bytes: int, deadline_seconds: float | None) -> QuotaExceeded:
        """Waits for a while, and returns the error with what is left to wait.

        Args:
            error: Why a call is refused.
            message_bytes: Of its request.
            deadline_seconds: What is left until the caller gives up; None: it does not.
        """
        size = message_bytes + _LEAST_BYTES
        wait = error.retry_after_seconds
        if wait is None or self._bytes + size > MAX_HELD_BYTES:
            return error
        held = min(wait, self._next_hold())
        if deadline_seconds is not None:
            held = min(held, deadline_seconds / 2)
        self._bytes += size
        try:
            await asyncio.sleep(held)
        finally:
            self._bytes -= size
        return error.after(held)

    def _next_hold(self) -> float:
        """For how many seconds the next one is held, where its caller has to wait for as long."""
        held = HOLD_SECONDS + SPREAD_SECONDS * self._place
        self._place = (self._place + _GOLDEN) % 1
        return held
