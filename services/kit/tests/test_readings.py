"""Figures that are looked up when somebody measures, and what is said while they cannot be."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from trivet_kit.readings import OTHER_WORKSPACES, Figure, Readings
from trivet_testing.waiting import wait_until


def collected(readings: Readings) -> dict[tuple[str, str], float]:
    """What is said now, by name and workspace."""
    return {
        (sample.name, sample.labels.get("workspace", "")): sample.value
        for family in readings.collect()
        for sample in family.samples
    }


def of(figures: Iterable[Figure], *named: str) -> Readings:
    return Readings(lambda: figures, lambda: frozenset(named))


def test_workspaces_that_nobody_named_are_one() -> None:
    kept = [Figure("bytes", "Kept.", size, workspace) for workspace, size in (("a", 1), ("b", 20), ("c", 300))]
    assert collected(of(kept, "a")) == {("bytes", "a"): 1, ("bytes", OTHER_WORKSPACES): 320}


def test_a_figure_of_no_workspace_has_no_label() -> None:
    assert collected(of([Figure("rows", "Waiting.", 5)], "a")) == {("rows", ""): 5}


def test_nothing_is_said_while_figures_cannot_be_read() -> None:
    def fail() -> Iterable[Figure]:
        raise RuntimeError("the database is away")

    assert collected(Readings(fail, frozenset)) == {}


def test_who_measures_does_not_wait_for_a_database_that_hangs() -> None:
    freed = threading.Event()
    asked: list[int] = []

    def hang() -> Iterable[Figure]:
        asked.append(1)
        freed.wait()
        return [Figure("rows", "Waiting.", 5)]

    readings = Readings(hang, frozenset)
    assert collected(readings) == {}
    assert collected(readings) == {}
    assert len(asked) == 1  # nor does it ask again meanwhile
    freed.set()
    wait_until(lambda: collected(readings) == {("rows", ""): 5})
    assert len(asked) == 1  # what was read is fresh for a while
