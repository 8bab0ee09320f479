"""What workspaces keep, counted in between two looks at what they have."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from trivet_kit.errors import DatabaseUnavailable, QuotaExceeded
from trivet_kit.tallies import FRESH_SECONDS, Tally


@dataclass
class Shelf:
    """Where things are kept, and how often it was looked at. The clock is that of the test."""

    kept: Counter[str] = field(default_factory=Counter)
    looks: int = 0
    now: float = 0
    look_seconds: float = 0
    is_away: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, workspace: str) -> int:
        if self.is_away:
            raise DatabaseUnavailable
        with self.lock:
            self.looks += 1
            self.now += self.look_seconds
            return self.kept[workspace]

    def put(self, workspace: str, amount: int) -> None:
        with self.lock:
            self.kept[workspace] += amount


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def tally_of(shelf: Shelf) -> Tally:
    return Tally("runs", {"team-a": 10}.get, shelf.read, "Purge some.", lambda: shelf.now)


def test_no_more_is_kept_than_the_limit_however_many_add_at_once(shelf: Shelf) -> None:
    tally = tally_of(shelf)
    refused = []

    def add(_: int) -> None:
        try:
            with tally.adding("team-a", 1):
                shelf.put("team-a", 1)
        except QuotaExceeded as error:
            refused.append(error)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(200)))
    assert shelf.kept["team-a"] == 10
    assert len(refused) == 190
    assert refused[0].retry_after_seconds is None
    assert refused[0].metadata == {"workspace": "team-a", "quota": "runs", "limit": "10"}
    assert refused[0].message == "Workspace team-a has used up its quota runs of 10. Purge some."


def test_what_came_to_nothing_is_not_counted(shelf: Shelf) -> None:
    tally = tally_of(shelf)
    for _ in range(20):
        with pytest.raises(ZeroDivisionError), tally.adding("team-a", 10):
            _ = 1 / 0
    with tally.adding("team-a", 10):
        shelf.put("team-a", 10)
    with pytest.raises(QuotaExceeded):
        tally.check("team-a", 1)


def test_what_others_add_and_remove_is_seen_a_second_later(shelf: Shelf) -> None:
    tally = tally_of(shelf)
    tally.check("team-a", 10)
    shelf.put("team-a", 10)
    tally.check("team-a", 10)
    assert shelf.looks == 1
    shelf.now += FRESH_SECONDS
    with pytest.raises(QuotaExceeded):
        tally.check("team-a", 1)
    shelf.put("team-a", -10)
    shelf.now += FRESH_SECONDS
    tally.check("team-a", 10)
    assert shelf.looks == 3


def test_looks_that_take_long_are_seldom(shelf: Shelf) -> None:
    tally = tally_of(shelf)
    shelf.look_seconds = 2
    for _ in range(100):
        tally.check("team-a", 1)
        shelf.now += 1
    assert shelf.looks == 3


def test_looks_that_take_very_long_are_made_all_the_same(shelf: Shelf) -> None:
    tally = tally_of(shelf)
    shelf.look_seconds = 100
    tally.check("team-a", 1)
    shelf.look_seconds = 0
    tally.check("team-a", 1)
    assert shelf.looks == 2


def test_nobody_waits_for_who_looks(shelf: Shelf) -> None:
    looking, go_on = threading.Event(), threading.Event()

    def look(workspace: str) -> int:
        if shelf.looks:
            looking.set()
            assert go_on.wait(60)
        return shelf.read(workspace)

    slow = Tally("runs", {"team-a": 10}.get, look, "Purge some.", lambda: shelf.now)
    slow.check("team-a", 1)
    shelf.now += FRESH_SECONDS
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(slow.check, "team-a", 1)
        assert looking.wait(60)
        try:
            with slow.adding("team-a", 4):
                shelf.put("team-a", 4)
            with pytest.raises(QuotaExceeded):
                threads.submit(slow.check, "team-a", 7).result(20)
        finally:
            go_on.set()
        first.result(20)
    # What was added meanwhile may have been seen, or not, until the next look.
    with pytest.raises(QuotaExceeded):
        slow.check("team-a", 3)
    shelf.now += FRESH_SECONDS
    slow.check("team-a", 6)


def test_nothing_is_looked_at_without_a_limit_or_an_amount(shelf: Shelf) -> None:
    shelf.is_away = True
    tally = tally_of(shelf)
    with tally.adding("team-b", 10**12), tally.adding("team-a", 0):
        pass
    with pytest.raises(DatabaseUnavailable):
        tally.check("team-a", 1)
    assert not tally.is_limited("team-b")
    assert tally.is_limited("team-a")


def test_use_is_what_there_is_now(shelf: Shelf) -> None:
    tally = tally_of(shelf)
    shelf.put("team-a", 7)
    use = tally.use("team-a")
    assert (use.quota, use.used, use.limit) == ("runs", 7, 10)
