"""The log becomes chunks, and no reader can tell."""

from __future__ import annotations

import itertools
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from trivet_kit.db import Database
from trivet_proto.tracking.v1.metric_pb2 import MetricContext
from trivet_testing.records import Point, create_run, list_metrics, metric, read_history, write
from trivet_testing.tracking import Tracking
from trivet_tracking.store import tables
from trivet_tracking.store.chunks import CHUNK_POINTS
from trivet_tracking.store.folding import Folding

log, chunk, run_table = tables.metric_log, tables.metric_chunk, tables.run


@pytest.fixture
def run(tracking: Tracking) -> str:
    """The name of a fresh run."""
    return create_run(tracking).name


def key_of(database: Database, tracking: Tracking, run: str) -> int:
    with database.transaction("read") as connection:
        statement = sa.select(run_table.c.run_pk).where(
            run_table.c.workspace == tracking.workspace, run_table.c.run_id == run.rpartition("/")[2]
        )
        return int(connection.execute(statement).scalar_one())


def chunk_sizes(database: Database, run_pk: int) -> list[int]:
    """The points of each chunk, in order; checks that no two of a series overlap."""
    with database.transaction("read") as connection:
        rows = connection.execute(
            sa.select(chunk).where(chunk.c.run_pk == run_pk).order_by(chunk.c.key, chunk.c.context, chunk.c.first_step)
        ).all()
    for before, after in itertools.pairwise(rows):
        if (before.key, before.context) == (after.key, after.context):
            assert (before.last_step, before.last_time) < (after.first_step, after.first_time)
    return [row.points for row in rows]


def first_steps(database: Database, run_pk: int) -> list[int]:
    with database.transaction("read") as connection:
        return list(connection.execute(sa.select(chunk.c.first_step).where(chunk.c.run_pk == run_pk)).scalars())


def points(begin: int, end: int) -> list[Point]:
    return [(step, 7, float(step)) for step in range(begin, end)]


def test_many_points_go_into_chunks_at_once_and_few_into_the_log(
    tracking: Tracking, run: str, database: Database
) -> None:
    write(tracking, run, metrics=metric("many", *points(0, 2 * CHUNK_POINTS)))
    write(tracking, run, metrics=metric("few", *points(0, 10)))
    run_pk = key_of(database, tracking, run)
    assert chunk_sizes(database, run_pk) == [CHUNK_POINTS, CHUNK_POINTS]
    with database.transaction("read") as connection:
        assert connection.execute(sa.select(log.c.points).where(log.c.run_pk == run_pk)).scalars().all() == [10]


def test_many_points_that_do_not_come_after_all_others_wait_for_the_folder(
    tracking: Tracking, run: str, database: Database, folding: Folding
) -> None:
    write(tracking, run, metrics=metric("a", *points(0, 1000)))
    write(tracking, run, metrics=metric("a", *points(999, 2000)))
    write(tracking, run, metrics=metric("a", *points(2000, 3000)))
    run_pk = key_of(database, tracking, run)
    assert chunk_sizes(database, run_pk) == [1000]
    assert [found.point_count for found in list_metrics(tracking, run)] == [3000]
    assert folding.fold(run_pk) == 2
    assert chunk_sizes(database, run_pk) == [3000]
    write(tracking, run, metrics=metric("a", *points(3000, 4000)))
    assert chunk_sizes(database, run_pk) == [3000, 1000]
    assert [found.point_count for found in list_metrics(tracking, run)] == [4000]
    assert read_history(tracking, run, "a") == points(0, 4000)


def test_a_point_that_was_folded_long_ago_is_known_when_it_comes_again(
    tracking: Tracking, run: str, database: Database, folding: Folding
) -> None:
    run_pk = key_of(database, tracking, run)
    context = MetricContext(rank=1)
    for begin in range(0, 3 * CHUNK_POINTS, CHUNK_POINTS):
        write(tracking, run, metrics=metric("a", *points(begin, begin + CHUNK_POINTS), context=context))
    late = points(5, 9) + points(CHUNK_POINTS - 1, CHUNK_POINTS + 1) + [(6, 7, 0.5)]
    for _ in range(2):
        write(tracking, run, metrics=metric("a", *late, context=context))
        expected = sorted({*points(0, 3 * CHUNK_POINTS), (6, 7, 0.5)})
        for fold in (lambda: None, lambda: folding.fold(run_pk), lambda: folding.fold(run_pk)):
            fold()
            assert read_history(tracking, run, "a", context=context) == expected
            assert [found.point_count for found in list_metrics(tracking, run)] == [len(expected)] * 2
    # Those that the late points were not in are as they were.
    assert chunk_sizes(database, run_pk)[-1] == CHUNK_POINTS


def test_chunks_grow_as_a_run_goes_on_and_points_are_not_written_again_and_again(
    tracking: Tracking, run: str, database: Database, folding: Folding
) -> None:
    run_pk = key_of(database, tracking, run)
    for begin in range(0, 1200, 40):
        write(tracking, run, metrics=metric("a", *points(begin, begin + 40)))
        assert folding.fold(run_pk) == 1
    sizes = chunk_sizes(database, run_pk)
    assert sum(sizes) == 1200
    assert len(sizes) <= 6
    assert read_history(tracking, run, "a") == points(0, 1200)


def test_chunks_that_are_large_enough_are_not_written_again(
    tracking: Tracking, run: str, database: Database, folding: Folding
) -> None:
    run_pk = key_of(database, tracking, run)
    at_once = round(2.7 * CHUNK_POINTS)  # three chunks, each smaller than one that is full
    before: set[int] = set()
    for begin in range(0, 4 * at_once, at_once):
        for some in range(begin, begin + at_once, 200):
            write(tracking, run, metrics=metric("a", *points(some, min(some + 200, begin + at_once))))
        while folding.fold(run_pk):
            pass
        now = set(first_steps(database, run_pk))
        assert len(now) == len(before) + 3
        assert before < now
        before = now
    assert read_history(tracking, run, "a") == points(0, 4 * at_once)


def test_folders_and_writers_may_work_on_one_run_at_once(
    tracking: Tracking, run: str, database: Database, folding: Folding, seed: int
) -> None:
    run_pk = key_of(database, tracking, run)
    chance = random.Random(seed)
    sent = [[(chance.randrange(300), 1, float(chance.randrange(3))) for _ in range(60)] for _ in range(40)]
    ended = threading.Event()

    def fold() -> int:
        folded = 0
        while not ended.is_set():
            folded += folding.fold(run_pk)
        return folded

    with ThreadPoolExecutor(6) as pool:
        folders = [pool.submit(fold) for _ in range(2)]
        writers = [pool.submit(write, tracking, run, metrics=metric("a", *some)) for some in sent]
        try:
            for writer in writers:
                writer.result(60)
        finally:
            ended.set()
        folded = sum(folder.result(60) for folder in folders)
    folded += folding.fold(run_pk)
    expected = sorted({point for some in sent for point in some})
    assert 0 < folded <= len(sent)
    assert read_history(tracking, run, "a") == expected
    assert [found.point_count for found in list_metrics(tracking, run)] == [len(expected)]
    assert sum(chunk_sizes(database, run_pk)) == len(expected)


def test_what_is_due_is_what_is_old(tracking: Tracking, run: str, database: Database, folding: Folding) -> None:
    write(tracking, run, metrics=metric("a", (1, 1, 1.0)))
    run_pk = key_of(database, tracking, run)
    assert run_pk not in folding.due(age_millis=3_600_000)
    assert run_pk in folding.due(age_millis=-1000)
    folding.fold(run_pk)
    assert run_pk not in folding.due(age_millis=-1000)
    assert folding.fold(run_pk) == 0
