"""Rates by the clock of the test: what is granted, when those that are refused may come, and how replicas share."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet_kit.errors import Code, QuotaExceeded
from trivet_kit.rate_sharing import fair_share
from trivet_kit.rates import BURST_SECONDS, MAX_TURN_SECONDS, Rates

LIMIT = 100


@dataclass
class Clock:
    """Stands still unless it is moved."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rates(clock: Clock) -> Rates:
    return Rates("points_per_second", {"team-a": LIMIT, "team-b": LIMIT}.get, clock)


def granted(rates: Rates, clock: Clock, *, writers: int, amount: int, seconds: float, obedient: bool) -> int:
    """How much writers get that ask again when they are told to, or at once, together ten thousand times a second."""
    end = clock.now + seconds
    coming = [(clock.now, writer) for writer in range(writers)]
    got = 0
    while coming[0][0] < end:
        clock.now, writer = heapq.heappop(coming)
        wait = rates.wait_for("team-a", amount)
        got += 0 if wait else amount
        heapq.heappush(coming, (clock.now + (wait if wait and obedient else 0.0001 * writers), writer))
    clock.now = end
    return got


def test_a_burst_is_granted_and_then_no_more(rates: Rates, clock: Clock) -> None:
    for _ in range(LIMIT):
        rates.take("team-a")
    with pytest.raises(QuotaExceeded) as raised:
        rates.take("team-a")
    error = raised.value
    assert error.code == Code.RESOURCE_EXHAUSTED
    assert error.metadata == {"workspace": "team-a", "quota": "points_per_second", "limit": "100"}
    assert error.retry_after_seconds is not None
    clock.now += error.retry_after_seconds
    rates.take("team-a")


def test_a_workspace_is_held_to_its_own_rate_alone(rates: Rates) -> None:
    assert rates.wait_for("team-a", 10 * LIMIT) == 0
    assert rates.wait_for("team-a", 1) > 9
    assert rates.wait_for("team-b", 1) == 0
    assert rates.wait_for("without-a-limit", 10**12) == 0


def test_nothing_is_always_granted(rates: Rates) -> None:
    assert rates.wait_for("team-a", 10 * LIMIT) == 0
    assert rates.wait_for("team-a", 0) == 0


def test_a_request_larger_than_the_burst_passes_and_is_paid_for_afterwards(rates: Rates, clock: Clock) -> None:
    assert rates.wait_for("team-a", 5 * LIMIT) == 0
    assert rates.wait_for("team-a", 1) == pytest.approx(4, abs=0.01)
    clock.now += 3.9
    assert rates.wait_for("team-a", 1)
    clock.now += 0.2
    assert not rates.wait_for("team-a", 1)


@pytest.mark.parametrize("obedient", [True, False])
@pytest.mark.parametrize(("writers", "amount"), [(1, 1), (3, 50), (64, 7), (64, 250)])
def test_a_rate_holds_however_it_is_asked_for(
    rates: Rates, clock: Clock, writers: int, amount: int, *, obedient: bool
) -> None:
    seconds = 60
    got = granted(rates, clock, writers=writers, amount=amount, seconds=seconds, obedient=obedient)
    assert LIMIT * seconds * 0.9 <= got <= LIMIT * (seconds + BURST_SECONDS) + amount


def test_writers_that_are_refused_come_one_after_the_other(rates: Rates, clock: Clock) -> None:
    rates.take("team-a", LIMIT)
    waits = [rates.wait_for("team-a", 10) for _ in range(64)]
    turns = [later - earlier for earlier, later in pairwise(waits)]
    assert turns[:50] == pytest.approx([0.1] * 50)
    assert max(waits) <= MAX_TURN_SECONDS + 0.01
    # In their turns they all get what they ask for.
    begun = clock.now
    for wait in waits[:50]:
        clock.now = begun + wait
        assert not rates.wait_for("team-a", 10)


def test_what_was_used_and_wanted_is_told_and_forgotten(rates: Rates, clock: Clock) -> None:
    for _ in range(3):
        rates.wait_for("team-a", LIMIT)
    assert rates.use("team-a").used == 0
    clock.now += 1
    assert rates.report() == {"team-a": pytest.approx(3 * LIMIT)}
    assert rates.use("team-a").used == LIMIT
    assert rates.use("team-a").limit == LIMIT
    reports = []
    for _ in range(30):
        clock.now += 1
        reports.append(rates.report().get("team-a", 0))
    assert reports[0] == pytest.approx(3 * LIMIT * 0.7)
    assert reports[-1] == 0
    assert rates.use("team-a").used == 0


def test_a_debt_that_nobody_asks_after_is_forgotten_when_it_is_paid(rates: Rates, clock: Clock) -> None:
    rates.take("team-a", 50 * LIMIT)
    known = []
    for _ in range(60):
        clock.now += 1
        known.append("team-a" in rates.report())
    assert known == [True] * 48 + [False] * 12


def test_a_replica_gives_its_share(rates: Rates, clock: Clock) -> None:
    rates.take("team-a", LIMIT)
    rates.share("team-a", 0.25)
    got = granted(rates, clock, writers=8, amount=5, seconds=60, obedient=True)
    assert LIMIT / 4 * 60 * 0.9 <= got <= LIMIT / 4 * (60 + BURST_SECONDS) + 5


@pytest.mark.parametrize(
    ("others", "share"),
    [([], 90), ([0], 90), ([1000], 45), ([20], 70), ([1000, 1000], 30), ([10, 1000], 40), ([10, 20], 60)],
)
def test_shares_are_fair(others: list[float], share: float) -> None:
    assert fair_share(90, others) == pytest.approx(share)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8), st.floats(1, 1e6))
def test_replicas_together_give_what_is_asked_for_up_to_the_limit(demands: list[float], limit: float) -> None:
    given_out = [
        min(demand, fair_share(limit, demands[:place] + demands[place + 1 :])) for place, demand in enumerate(demands)
    ]
    assert sum(given_out) == pytest.approx(min(sum(demands), limit))


def test_a_rate_in_debt_is_used_up_whatever_was_granted_last(rates: Rates, clock: Clock) -> None:
    rates.take("team-a", 10 * LIMIT)
    clock.now += 1
    rates.report()
    clock.now += 1
    rates.report()
    assert rates.use("team-a").used == LIMIT
    clock.now += 20
    rates.report()
    assert rates.use("team-a").used == 0
