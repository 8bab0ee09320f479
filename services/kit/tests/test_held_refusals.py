"""Refusals that are answered late, and those that are not held."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from trivet_kit import held_refusals
from trivet_kit.errors import QuotaExceeded
from trivet_kit.held_refusals import HOLD_SECONDS, MAX_HELD_BYTES, HeldRefusals


def refusal(retry_after_seconds: float | None) -> QuotaExceeded:
    return QuotaExceeded("team-a", "points_per_second", 100, retry_after_seconds, "Wait.")


def held(error: QuotaExceeded, *, message_bytes: int = 0, deadline_seconds: float | None = None) -> float:
    """How long a refusal is held."""
    began = time.monotonic()
    asyncio.run(HeldRefusals().hold(error, message_bytes, deadline_seconds))
    return time.monotonic() - began


def test_a_refusal_is_held_and_says_what_is_left_to_wait() -> None:
    error = refusal(3.0)
    assert held(error) >= HOLD_SECONDS * 0.99
    assert error.retry_after_seconds == pytest.approx(3.0 - HOLD_SECONDS)


def test_it_is_held_no_longer_than_the_caller_has_to_wait_or_waits() -> None:
    turn, impatient = refusal(0.01), refusal(3.0)
    held(turn)
    assert turn.retry_after_seconds == 0
    held(impatient, deadline_seconds=0.1)
    assert impatient.retry_after_seconds == pytest.approx(2.95)


def test_what_time_does_not_help_is_answered_at_once() -> None:
    error = refusal(None)
    held(error)
    assert error.retry_after_seconds is None


def held_together(*, count: int, message_bytes: int = 0) -> list[float | None]:
    """What callers that are refused in one moment, and have to wait for 3 s, are told when they are answered."""

    async def hold_all() -> list[float | None]:
        refusals = HeldRefusals()
        errors = [refusal(3.0) for _ in range(count)]
        await asyncio.gather(*(refusals.hold(error, message_bytes, None) for error in errors))
        return [error.retry_after_seconds for error in errors]

    return asyncio.run(hold_all())


def test_what_is_held_is_bounded() -> None:
    left = held_together(count=5, message_bytes=MAX_HELD_BYTES // 4)
    assert left == [pytest.approx(2.5), pytest.approx(1.572949), pytest.approx(2.145898), 3.0, 3.0]


@pytest.mark.parametrize("count", [2, 64, 1000])
def test_those_that_are_refused_together_are_answered_at_times_of_their_own(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(held_refusals, "SPREAD_SECONDS", 0.1)
    answered = sorted(3.0 - (left or 0) for left in held_together(count=count))
    assert answered[0] == pytest.approx(HOLD_SECONDS)
    assert answered[-1] < HOLD_SECONDS + 0.1
    # As evenly as can be without knowing how many there will be.
    gaps = [after - before for before, after in pairwise(answered)]
    assert min(gaps) > 0.3 * 0.1 / count
    assert max(gaps) < 2 * 0.1 / count
