"""GroupCommitter over a real SQLite store, from real event loops."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from trivet_kit.db import Database
from trivet_kit.errors import CallerError, Code, DatabaseUnavailable, Overloaded, ServerDraining
from trivet_tracking import commits
from trivet_tracking.commits import GroupCommitter
from trivet_tracking.domain.errors import RunNotFound, SequenceGap
from trivet_tracking.domain.metrics import HistoryQuery, MetricBatch, Points
from trivet_tracking.domain.runs import ExperimentById, NewRun, RunStatus
from trivet_tracking.domain.writes import RunWrite, WriteOutcome, Writes
from trivet_tracking.server import migrations, open_database
from trivet_tracking.store.experiments import SqlExperiments
from trivet_tracking.store.metrics import SqlMetrics
from trivet_tracking.store.run_attributes import run_attributes
from trivet_tracking.store.runs import SqlRuns
from trivet_tracking.store.writes import SqlWrites

WORKSPACE = "default"
OTHERS = ("team-b", "team-c")
"""Other workspaces, each with a run that is called `one`."""
DEADLINE_SECONDS = 60


class BrokenWrite(Exception):
    """What `Gated` raises for the run that is called `broken`."""


@dataclass
class Gated:
    """Passes groups on to a store once the gate is open, and tells when it has one; fails for one run."""

    store: Writes
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    groups: list[list[RunWrite]] = field(default_factory=list)
    away: bool = False
    """Whether the database is away."""

    def apply(self, group: Sequence[RunWrite]) -> Sequence[WriteOutcome | CallerError]:
        self.groups.append(list(group))
        self.entered.set()
        assert self.gate.wait(DEADLINE_SECONDS)
        if self.away:
            raise DatabaseUnavailable
        if any(write.run_id == "broken" for write in group):
            raise BrokenWrite
        return self.store.apply(group)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path / 'tracking.db'}")
    migrations(database).upgrade()
    runs = SqlRuns(database, SqlExperiments(database, lambda: 0), lambda: 0, run_attributes(database.dialect, 0))
    for run_id in ("one", "two", "broken"):
        runs.create(WORKSPACE, new_run(run_id))
    for workspace in OTHERS:
        runs.create(workspace, new_run("one"))
    yield database
    database.close()


@pytest.fixture
def gated(database: Database) -> Gated:
    return Gated(SqlWrites(database))


@pytest.fixture
def committer(gated: Gated) -> Iterator[GroupCommitter]:
    committer = GroupCommitter(gated)
    yield committer
    gated.gate.set()
    committer.close()


def new_run(run_id: str) -> NewRun:
    return NewRun(
        run_id=run_id,
        experiment=ExperimentById(0),
        display_name=run_id,
        status=RunStatus.RUNNING,
        start_time=0,
        end_time=None,
        user="",
        created_by="",
        source="",
        git_commit="",
        parent_run_id="",
        description="",
        params={},
        tags={},
        fingerprint=run_id,
    )


def point(step: int, run_id: str = "one") -> RunWrite:
    """A write of one point of the metric `m`, its value its step."""
    points = Points(np.array([step]), np.array([0]), np.array([float(step)]))
    return RunWrite(
        workspace=WORKSPACE,
        run_id=run_id,
        writer_id=0,
        sequence=0,
        metrics=MetricBatch(["m"], np.array([1]), points),
        params=[],
        tags={},
        deleted_tags=frozenset(),
        refusals=[],
        atomic=False,
        size_bytes=100,
    )


def stored_steps(database: Database, run_id: str = "one", workspace: str = WORKSPACE) -> list[int]:
    history = SqlMetrics(database).history(workspace, run_id, HistoryQuery("m", None, None, None))
    return [step for part in history for step in part.steps.tolist()]


async def happens(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, DEADLINE_SECONDS)


async def submit_all(committer: GroupCommitter, writes: Sequence[RunWrite]) -> list[asyncio.Task[WriteOutcome]]:
    """Tasks that have all handed in their writes, in this order, and wait."""
    tasks = [asyncio.create_task(committer.submit(write)) for write in writes]
    await asyncio.wait(tasks, timeout=0)
    return tasks


async def hold(committer: GroupCommitter, gated: Gated) -> asyncio.Task[WriteOutcome]:
    """Keeps the committer busy with one write, of step -1, so that what comes now waits behind it."""
    (task,) = await submit_all(committer, [point(-1)])
    await happens(gated.entered)
    return task


async def in_time(tasks: Sequence[asyncio.Task[WriteOutcome]]) -> list[WriteOutcome | BaseException]:
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await asyncio.gather(*tasks, return_exceptions=True)


def test_writes_that_come_together_are_acknowledged_in_few_groups(
    committer: GroupCommitter, gated: Gated, database: Database
) -> None:
    async def scenario() -> None:
        held = await hold(committer, gated)
        tasks = await submit_all(committer, [point(step) for step in range(1500)])
        assert not any(task.done() for task in [held, *tasks])
        gated.gate.set()
        assert await in_time([held, *tasks]) == [WriteOutcome(0, resend=False, refusals=[])] * 1501

    asyncio.run(scenario())
    assert stored_steps(database) == list(range(-1, 1500))
    assert [len(group) for group in gated.groups] == [1, 512, 512, 476]


def test_a_group_ends_with_the_write_that_brings_it_to_8_mib(committer: GroupCommitter, gated: Gated) -> None:
    async def scenario() -> None:
        held = await hold(committer, gated)
        large = [replace(point(step), size_bytes=3 * 1024 * 1024) for step in range(5)]
        tasks = await submit_all(committer, large)
        gated.gate.set()
        await in_time([held, *tasks])

    asyncio.run(scenario())
    assert [len(group) for group in gated.groups] == [1, 3, 2]


def of(write: RunWrite, workspace: str) -> RunWrite:
    """The same write in another workspace."""
    return replace(write, workspace=workspace)


def test_a_small_write_waits_for_little_of_what_another_workspace_has_waiting(
    committer: GroupCommitter, gated: Gated, database: Database
) -> None:
    async def scenario() -> None:
        held = await hold(committer, gated)
        size = commits.MAX_SHARED_BYTES // 4
        backlog = await submit_all(committer, [replace(point(step), size_bytes=size) for step in range(40)])
        small = await submit_all(committer, [of(point(0), workspace) for workspace in OTHERS])
        gated.gate.set()
        assert await in_time([held, *backlog, *small]) == [WriteOutcome(0, resend=False, refusals=[])] * 43

    asyncio.run(scenario())
    _, first, *others = gated.groups
    # Each workspace has its turn, then the rest of what the one with much may bring beside others.
    assert [write.workspace for write in first] == [WORKSPACE, *OTHERS, WORKSPACE, WORKSPACE, WORKSPACE]
    # As others have just written, the next writes of theirs would not wait for more than that either.
    assert [len(group) for group in others] == [4] * 9
    assert stored_steps(database) == list(range(-1, 40))
    assert [stored_steps(database, workspace=workspace) for workspace in OTHERS] == [[0], [0]]


def test_a_workspace_that_is_alone_again_has_whole_groups(
    committer: GroupCommitter, gated: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "SHARED_SECONDS", 0)

    async def scenario() -> None:
        held = await hold(committer, gated)
        large = [replace(point(step), size_bytes=3 * 1024 * 1024) for step in range(5)]
        tasks = await submit_all(committer, [*large, of(point(0), OTHERS[0])])
        gated.gate.set()
        await in_time([held, *tasks])

    asyncio.run(scenario())
    assert [len(group) for group in gated.groups] == [1, 2, 3, 1]


def test_writes_of_a_writer_keep_their_order_among_other_workspaces(committer: GroupCommitter, gated: Gated) -> None:
    async def scenario() -> None:
        held = await hold(committer, gated)
        numbered = [
            of(replace(point(number), writer_id=7, sequence=number, size_bytes=400_000), workspace)
            for number in range(1, 8)
            for workspace in (WORKSPACE, *OTHERS)
        ]
        tasks = await submit_all(committer, numbered)
        gated.gate.set()
        await held
        assert await in_time(tasks) == [
            WriteOutcome(number, resend=False, refusals=[]) for number in range(1, 8) for _ in range(3)
        ]

    asyncio.run(scenario())


def test_a_workspace_that_fills_what_may_wait_turns_no_other_away(
    committer: GroupCommitter, gated: Gated, database: Database
) -> None:
    async def scenario() -> None:
        held = await hold(committer, gated)
        size = commits.MAX_WAITING_BYTES // 16
        tasks = await submit_all(committer, [replace(point(step), size_bytes=size) for step in range(16)])
        with pytest.raises(Overloaded):
            await committer.submit(point(16))
        # Others may still come, until as much of them waits as they may bring to a group.
        other = [of(replace(point(step), size_bytes=commits.MAX_SHARED_BYTES // 2), OTHERS[0]) for step in range(3)]
        tasks += await submit_all(committer, other[:2])
        with pytest.raises(Overloaded):
            await committer.submit(other[2])
        gated.gate.set()
        assert await in_time([held, *tasks]) == [WriteOutcome(0, resend=False, refusals=[])] * 19

    asyncio.run(scenario())
    assert [write.workspace for write in gated.groups[1]] == [WORKSPACE, OTHERS[0], OTHERS[0]]
    assert stored_steps(database, workspace=OTHERS[0]) == [0, 1]


def test_several_writers_begin_groups_no_faster_than_the_pace(
    committer: GroupCommitter, gated: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "PACE_SECONDS", 0.3)
    gated.gate.set()

    async def scenario() -> float:
        await in_time(await submit_all(committer, [point(0)]))
        began = time.monotonic()
        first = await submit_all(committer, [point(1, "two")])
        await in_time(first)
        await in_time(await submit_all(committer, [point(2)]))
        return time.monotonic() - began

    # The first of the two may have waited for less: its pause counts from the beginning of the group before.
    assert asyncio.run(scenario()) >= 0.3
    assert len(gated.groups) == 3


def test_one_writer_alone_is_not_paced(
    committer: GroupCommitter, gated: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "PACE_SECONDS", 3600)
    gated.gate.set()

    async def scenario() -> None:
        await in_time(await submit_all(committer, [point(0), point(1)]))
        await in_time(await submit_all(committer, [point(2)]))

    asyncio.run(scenario())
    assert sum(map(len, gated.groups)) == 3


def test_a_full_group_is_not_paced(committer: GroupCommitter, gated: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "PACE_SECONDS", 3600)
    gated.gate.set()

    async def scenario() -> None:
        await in_time(await submit_all(committer, [point(0)]))
        await in_time(await submit_all(committer, [point(step, "two") for step in range(commits.MAX_GROUP_WRITES)]))

    asyncio.run(scenario())
    assert [len(group) for group in gated.groups] == [1, commits.MAX_GROUP_WRITES]


def test_closing_commits_what_is_paced(
    committer: GroupCommitter, gated: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "PACE_SECONDS", 3600)
    gated.gate.set()

    async def scenario() -> None:
        await in_time(await submit_all(committer, [point(0)]))
        waiting = await submit_all(committer, [point(1, "two")])
        await asyncio.to_thread(committer.close)
        assert await in_time(waiting) == [WriteOutcome(0, resend=False, refusals=[])]

    asyncio.run(scenario())


def test_writes_of_a_writer_are_applied_in_the_order_in_which_they_came(
    committer: GroupCommitter, gated: Gated
) -> None:
    async def scenario() -> None:
        held = await hold(committer, gated)
        numbered = [replace(point(number), writer_id=7, sequence=number) for number in (1, 2, 2, 4, 3)]
        tasks = await submit_all(committer, numbered)
        gated.gate.set()
        await held
        first, second, again, gap, third = await in_time(tasks)
        assert [first, second, again, third] == [
            WriteOutcome(1, resend=False, refusals=[]),
            WriteOutcome(2, resend=False, refusals=[]),
            WriteOutcome(2, resend=True, refusals=[]),
            WriteOutcome(3, resend=False, refusals=[]),
        ]
        assert isinstance(gap, SequenceGap)
        assert gap.metadata["expectedSequence"] == "3"

    asyncio.run(scenario())


def test_a_write_to_a_missing_run_is_told_so_and_its_neighbours_are_stored(
    committer: GroupCommitter, gated: Gated, database: Database
) -> None:
    async def scenario() -> None:
        held = await hold(committer, gated)
        tasks = await submit_all(committer, [point(0), point(1, "missing"), point(2)])
        gated.gate.set()
        _, before, missing, after = await in_time([held, *tasks])
        assert isinstance(missing, RunNotFound)
        assert isinstance(before, WriteOutcome)
        assert isinstance(after, WriteOutcome)

    asyncio.run(scenario())
    assert [len(group) for group in gated.groups] == [1, 3]
    assert stored_steps(database) == [-1, 0, 2]


def test_a_fault_in_one_write_does_not_fail_those_that_came_with_it(
    committer: GroupCommitter, gated: Gated, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        held = await hold(committer, gated)
        tasks = await submit_all(committer, [point(0), point(1, "broken"), point(2, "two"), point(3)])
        gated.gate.set()
        await held
        first, broken, second, third = await in_time(tasks)
        assert isinstance(broken, BrokenWrite)
        assert [first, second, third] == [WriteOutcome(0, resend=False, refusals=[])] * 3
        assert await in_time(await submit_all(committer, [point(4)])) == [first]

    asyncio.run(scenario())
    assert len(gated.groups[1]) == 4
    assert stored_steps(database) == [-1, 0, 3, 4]
    assert stored_steps(database, "two") == [2]
    assert stored_steps(database, "broken") == []
    assert "a group of 4 writes failed" in caplog.text


def test_a_database_that_is_away_fails_those_who_wait_and_not_those_who_come_later(
    committer: GroupCommitter, gated: Gated, database: Database
) -> None:
    async def scenario() -> None:
        gated.away = True
        held = await hold(committer, gated)
        tasks = await submit_all(committer, [point(step) for step in range(3)])
        gated.gate.set()
        assert [type(outcome) for outcome in await in_time([held, *tasks])] == [DatabaseUnavailable] * 4
        gated.away = False
        await in_time(await submit_all(committer, [point(3)]))

    asyncio.run(scenario())
    assert [len(group) for group in gated.groups] == [1, 3, 1]
    assert stored_steps(database) == [3]


@pytest.mark.parametrize(
    ("waiting", "size_bytes"), [(commits.MAX_WAITING_WRITES, 100), (8, commits.MAX_WAITING_BYTES // 8)]
)
def test_where_too_much_waits_callers_are_told_how_long_to_stay_away(
    committer: GroupCommitter, gated: Gated, database: Database, waiting: int, size_bytes: int
) -> None:
    async def scenario() -> None:
        held = await hold(committer, gated)
        tasks = await submit_all(committer, [replace(point(step), size_bytes=size_bytes) for step in range(waiting)])
        assert not any(task.done() for task in tasks)
        with pytest.raises(Overloaded) as overload:
            await committer.submit(point(waiting))
        assert overload.value.code is Code.RESOURCE_EXHAUSTED
        assert overload.value.retry_after_seconds == 1
        gated.gate.set()
        outcomes = await in_time([held, *tasks])
        assert outcomes == [WriteOutcome(0, resend=False, refusals=[])] * (1 + waiting)
        assert await in_time(await submit_all(committer, [point(waiting + 1)])) == outcomes[:1]

    asyncio.run(scenario())
    assert stored_steps(database) == [*range(-1, waiting), waiting + 1]


def test_close_commits_what_waits_and_refuses_what_comes_after(
    committer: GroupCommitter, gated: Gated, database: Database
) -> None:
    async def scenario() -> list[int]:
        held = await hold(committer, gated)
        tasks = await submit_all(committer, [point(step) for step in range(100)])
        closing = asyncio.create_task(asyncio.to_thread(committer.close))
        refused = None
        async with asyncio.timeout(DEADLINE_SECONDS):
            while refused is None:  # what comes before the other thread has begun to close is still taken
                (late,) = await submit_all(committer, [point(len(tasks))])
                if late.done():
                    refused = late.exception()
                else:
                    tasks.append(late)
        assert isinstance(refused, ServerDraining)
        assert not closing.done()
        gated.gate.set()
        assert await in_time([held, *tasks]) == [WriteOutcome(0, resend=False, refusals=[])] * (1 + len(tasks))
        await closing
        with pytest.raises(ServerDraining):
            await committer.submit(point(0))
        return list(range(-1, len(tasks)))

    accepted = asyncio.run(scenario())
    committer.close()
    assert stored_steps(database) == accepted


def test_a_caller_that_goes_away_disturbs_nobody_and_what_it_sent_is_stored(
    committer: GroupCommitter, gated: Gated, database: Database
) -> None:
    async def scenario() -> None:
        held = await hold(committer, gated)
        tasks = await submit_all(committer, [point(step) for step in range(5)])
        for leaving in (held, tasks[0], tasks[3]):
            leaving.cancel()
        gone = await in_time([held, tasks[0], tasks[3]])
        assert [type(error) for error in gone] == [asyncio.CancelledError] * 3
        gated.gate.set()
        stayed = await in_time([tasks[1], tasks[2], tasks[4]])
        assert stayed == [WriteOutcome(0, resend=False, refusals=[])] * 3

    asyncio.run(scenario())
    committer.close()
    assert stored_steps(database) == [-1, 0, 1, 2, 3, 4]


def test_callers_whose_event_loop_is_gone_disturb_nobody(
    committer: GroupCommitter, gated: Gated, database: Database
) -> None:
    async def leave() -> None:
        await hold(committer, gated)
        await submit_all(committer, [point(0)])

    async def stay() -> None:
        tasks = await submit_all(committer, [point(1)])
        gated.gate.set()
        assert await in_time(tasks) == [WriteOutcome(0, resend=False, refusals=[])]

    asyncio.run(leave())
    asyncio.run(stay())
    assert stored_steps(database) == [-1, 0, 1]


def test_several_event_loops_may_submit_at_once(committer: GroupCommitter, gated: Gated, database: Database) -> None:
    gated.gate.set()
    start = threading.Barrier(3)
    failures: list[BaseException] = []

    def submits(first_step: int) -> Callable[[], None]:
        async def scenario() -> None:
            start.wait(DEADLINE_SECONDS)
            tasks = await submit_all(committer, [point(first_step + number) for number in range(200)])
            failures.extend(outcome for outcome in await in_time(tasks) if isinstance(outcome, BaseException))

        return lambda: asyncio.run(scenario())

    threads = [threading.Thread(target=submits(1000 * number)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert not failures
    assert stored_steps(database) == [1000 * number + step for number in range(3) for step in range(200)]
