"""Judging goes on, whatever one run, one series or one look meets, and misses no point."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from functools import partial

import pytest
import sqlalchemy as sa

from trivet_kit.db import Database
from trivet_kit.errors import ResumeTokenExpired
from trivet_proto.tracking.v1 import rule_pb2
from trivet_testing.records import create_experiment, create_run, metric, write
from trivet_testing.rules import Rules
from trivet_testing.tracking import Tracking
from trivet_testing.waiting import wait_until
from trivet_tracking.domain.rules import Look, Reading, WantedRun
from trivet_tracking.domain.watches import Position
from trivet_tracking.judging import Judging
from trivet_tracking.store import tables
from trivet_tracking.store.folding import Folding
from trivet_tracking.store.judged import SqlJudged

log, run_table = tables.metric_log, tables.run


@pytest.fixture
def rules(tracking: Tracking) -> Rules:
    return Rules(tracking)


def key_of(database: Database, run: str) -> int:
    with database.transaction("read") as connection:
        statement = sa.select(run_table.c.run_pk).where(run_table.c.run_id == run.rpartition("/")[2])
        return int(connection.execute(statement).scalar_one())


def test_a_run_that_cannot_be_judged_keeps_no_other_from_it(
    tracking: Tracking, rules: Rules, database: Database
) -> None:
    experiment = create_experiment(tracking).name
    bad, good = (create_run(tracking, experiment=experiment).name for _ in range(2))
    write(tracking, bad, metrics=metric("loss", (0, 0, math.nan)))
    of_bad = log.c.run_pk == key_of(database, bad)
    with database.transaction("write") as connection:
        data = connection.execute(sa.select(log.c.data).where(of_bad)).scalar_one()
        connection.execute(sa.update(log).where(of_bad).values(data=b"\xff" * 32))
    try:
        rule = rules.create("nan", experiment=experiment)
        for step in range(2):
            write(tracking, good, metrics=metric("loss", (step, step, math.nan)))
            assert rules.event(rule).run == good
    finally:
        with database.transaction("write") as connection:
            connection.execute(sa.update(log).where(of_bad).values(data=data))
    wait_until(lambda: {event.run for event in rules.events(rule=rule.name)} == {good, bad})


def test_a_late_point_is_found_where_a_fold_has_lowered_the_count_as_it_raises_it(
    tracking: Tracking, rules: Rules, database: Database, folding: Folding
) -> None:
    run = create_run(tracking).name
    rule = rules.create("nan", run=run, not_a_number=rule_pb2.NotANumber(metric="loss"))
    write(tracking, run, metrics=metric("loss", *((step, step, 1.0) for step in range(10))))
    write(tracking, run, metrics=metric("loss", (9, 9, 1.0)))
    rules.judged(run)
    folding.fold(key_of(database, run))
    write(tracking, run, metrics=metric("loss", (5, 6, math.nan)))
    assert rules.event(rule).step == 5


def test_ranks_that_are_out_of_step_are_judged_as_one(
    tracking: Tracking, rules: Rules, database: Database, folding: Folding
) -> None:
    run = create_run(tracking).name
    stuck = rule_pb2.NoImprovement(metric="loss", direction=rule_pb2.METRIC_DIRECTION_MINIMIZE, steps=8)
    rule = rules.create("stuck", run=run, no_improvement=stuck)
    for step in range(8):
        write(tracking, run, metrics=metric("loss", (step, 10 * step, 5.0)))
    rules.judged(run)
    folding.fold(key_of(database, run))
    # What is better came late, so that the next point is no breach.
    write(tracking, run, metrics=metric("loss", (4, 41, 1.0)))
    write(tracking, run, metrics=metric("loss", (9, 90, 5.0)))
    rules.judged(run)
    write(tracking, run, metrics=metric("loss", (12, 120, 5.0)))
    assert rules.event(rule).reason == "loss did not improve for 8 steps up to step 12, and was 1 at best"


class _Watched(SqlJudged):
    """Says what it was asked."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, lambda: int(time.time() * 1000))
        self.looks: list[tuple[Position | None, frozenset[str]]] = []
        self.reads: list[WantedRun] = []
        self.is_expired = False

    def look(self, position: Position | None, known: frozenset[str], heard_millis: int) -> Look:
        self.looks.append((position, known))
        if self.is_expired:
            self.is_expired = False
            raise ResumeTokenExpired
        return super().look(position, known, heard_millis)

    def read(self, wanted: Sequence[WantedRun]) -> dict[int, Reading]:
        self.reads.extend(wanted)
        return super().read(wanted)


def test_after_changes_were_lost_all_rules_are_new(tracking: Tracking, rules: Rules, database: Database) -> None:
    rules.create("nan", run=create_run(tracking).name)
    judged = _Watched(database)
    judging = Judging(judged, look_seconds=0.05)
    try:
        wait_until(lambda: any(position is not None and known for position, known in judged.looks))
        judged.is_expired = True
        wait_until(lambda: (None, frozenset()) in judged.looks[1:])
    finally:
        judging.close()


def test_more_series_than_are_remembered_leave_those_alone_that_are(
    tracking: Tracking, rules: Rules, database: Database
) -> None:
    run = create_run(tracking).name
    rules.create("nan", run=run)
    judged = _Watched(database)
    judging = Judging(judged, look_seconds=0.05, max_remembered=1)
    run_key = key_of(database, run)

    def read_after() -> list[Mapping[str, object]]:
        return [wanted.after for wanted in judged.reads if wanted.run_key == run_key]

    def has_read(keys: set[str], begin: int) -> bool:
        return keys <= {key for after in read_after()[begin:] for key in after}

    try:
        for step in range(4):
            before = len(read_after())
            for key in ("a", "b"):
                write(tracking, run, metrics=metric(key, (step, step, 1.0)))
            wait_until(partial(has_read, {"a", "b"}, before))
    finally:
        judging.close()
    known = {key for after in read_after() for key, moment in after.items() if moment is not None}
    assert len(known) == 1
    (remembered,) = known
    assert [after[remembered] for after in read_after() if remembered in after][-1] is not None
