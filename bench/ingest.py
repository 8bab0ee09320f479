"""How fast points become durable, and what that costs."""

from __future__ import annotations

import asyncio
import secrets
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, cast

import grpc
import psycopg2
from backlog import watched
from flood import Shape, Writer, by_calls, by_stream
from harness import PARENT, Cell, Report, Setting, Side, millis
from processes import cpu_seconds, memory_mib, memory_of_children_mib, postmaster
from psycopg2.extras import execute_values

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_tracking.commits import MAX_GROUP_BYTES, MAX_WAITING_BYTES

if TYPE_CHECKING:
    from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceAsyncStub  # of the types alone

SECONDS = 5.0
MEMORY_BOUND_MIB = 4 * (MAX_WAITING_BYTES + MAX_GROUP_BYTES) / 2**20
"""By how much the service's memory may grow, whatever is sent to it: tests/faults/test_overload.py holds it to that."""

_POINT_BYTES = 24  # step, time and value
_BENCH_ROW = "CREATE TABLE IF NOT EXISTS bench_row (id bigserial PRIMARY KEY, data bytea NOT NULL)"
_WINDOW = 32
_LIMIT = f"the same bytes, {_WINDOW} messages a commit, by one connection"
_LIVE_RUNS, _LIVE_SERIES = 200, 20
# A log that the folder empties in turns is never quite as long as a moment ago.
_FLAT = 1.25

_BURSTS = ((Shape(1, 1000), 1_500_000), (Shape(10, 10), 200_000), (Shape(100, 10), 800_000), (Shape(1000, 1), 300_000))
_SUSTAINED = ((Shape(1, 1000), 1_000_000), (Shape(10, 10), None), (Shape(100, 10), 500_000))


def cells(setting: Setting, report: Report, sustained_seconds: float) -> Iterator[Cell]:
    """Floods from one client, single points, and many runs that write slowly."""
    idle_mib = memory_mib(setting.service_pid)
    for shape, reach in _BURSTS:
        yield Cell(
            f"one stream, {shape}, for {SECONDS:g} s",
            "points/s",
            partial(by_stream, setting.address, shape, SECONDS),
            reach,
            limit=Side(_LIMIT, partial(_raw_points_per_second, setting, shape)),
        )
    for shape, _ in _BURSTS[:3]:
        yield Cell(
            f"one client, {_WINDOW} writers, {shape} a call",
            "points/s",
            partial(by_calls, setting.address, shape, _WINDOW, SECONDS),
            limit=Side(_LIMIT, partial(_raw_points_per_second, setting, shape)),
        )
    yield from _single_points(setting)
    yield Cell(
        f"{_LIVE_RUNS} runs x {_LIVE_SERIES} series x 1 point a second: service, folder and PostgreSQL",
        "cores",
        partial(_cores, setting),
        0.8,
        less_is_better=True,
        limit=Side(
            "a row a point, INSERT of 1,000 a commit, PostgreSQL alone", partial(_cores_of_rows, setting.database_url)
        ),
        rounds=1,
    )
    for shape, least in _SUSTAINED:
        yield from _sustained(setting, report, shape, least, sustained_seconds)
    yield from memory_cells(setting, idle_mib)


def memory_cells(setting: Setting, before_mib: float) -> Iterator[Cell]:
    """What was held at the most since the service started."""
    yield Cell(
        f"memory of the service at the most, above the {before_mib:.0f} MiB of before",
        "MiB",
        lambda: memory_mib(setting.service_pid, "VmHWM") - before_mib,
        MEMORY_BOUND_MIB,
        less_is_better=True,
        rounds=1,
    )
    yield Cell(
        "memory of its folder at the most, all of it",
        "MiB",
        lambda: memory_of_children_mib(setting.service_pid, "VmHWM"),
        less_is_better=True,
        rounds=1,
    )


def _single_points(setting: Setting) -> Iterator[Cell]:
    yield Cell(
        "one point a call, 64 callers",
        "calls/s",
        partial(_calls_per_second, setting, 64),
        1500,
        limit=Side(
            "one row a commit, one connection", partial(_commits_per_second, setting.database_url, _POINT_BYTES)
        ),
    )
    yield Cell(
        "one point a call, one caller: p50 above that of a commit of one row by psycopg2",
        "ms",
        partial(_millis_above_a_commit, setting),
        3,
        less_is_better=True,
    )


def _sustained(setting: Setting, report: Report, shape: Shape, reach: float | None, seconds: float) -> Iterator[Cell]:
    growth = 0.0

    def flood() -> float:
        nonlocal growth
        with watched(setting, seconds) as backlog:
            figure = by_stream(setting.address, shape, seconds)
        growth = backlog.growth()
        report.notes.append(f"The log during the flood of {shape}, and memory of service and folder: {backlog}.")
        return figure

    yield Cell(f"one stream, {shape}, for {seconds:g} s", "points/s", flood, reach, rounds=1)
    yield Cell(
        f"its log, last third beside the middle third of the {seconds:g} s",
        "times",
        lambda: growth,
        _FLAT,
        less_is_better=True,
        rounds=1,
    )


def _raw_points_per_second(setting: Setting, shape: Shape) -> float:
    points = shape.total * _WINDOW
    return points * _commits_per_second(setting.database_url, points * _POINT_BYTES)


def _calls_per_second(setting: Setting, callers: int) -> float:
    """Callers with a connection each, who wait for each answer. Tasks: threads would fight for one interpreter."""

    async def call(began: asyncio.Event) -> int:
        options = (("grpc.use_local_subchannel_pool", 1),)
        async with grpc.aio.insecure_channel(setting.address, options) as channel:
            stub = cast("TrackingServiceAsyncStub", TrackingServiceStub(channel))
            run = await stub.CreateRun(pb.CreateRunRequest(parent=PARENT))
            writer = Writer(run.name, Shape(1, 1), "loss")
            done = 0
            await began.wait()
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                await stub.WriteRun(writer.next())
                done += 1
            return done

    async def all_at_once() -> float:
        began = asyncio.Event()
        calls = [asyncio.create_task(call(began)) for _ in range(callers)]
        await asyncio.sleep(1)  # they connect meanwhile
        began.set()
        return sum(await asyncio.gather(*calls)) / SECONDS

    return asyncio.run(all_at_once())


def _millis_above_a_commit(setting: Setting) -> float:
    writer = Writer(setting.stub.CreateRun(pb.CreateRunRequest(parent=PARENT)).name, Shape(1, 1), "loss")
    calls, commits = [], []
    with closing(psycopg2.connect(setting.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(_BENCH_ROW)
        connection.commit()

        def commit() -> None:
            cursor.execute("INSERT INTO bench_row (data) VALUES ('')")
            connection.commit()

        # In turns, so that both see the same machine.
        for _ in range(1000):
            calls.append(millis(lambda: setting.stub.WriteRun(writer.next())))
            commits.append(millis(commit))
    return statistics.median(calls) - statistics.median(commits)


def _cores(setting: Setting) -> float:
    """Each run writes once a second for as long as the folder needs to come to each of them."""
    seconds = 25
    writers = [
        Writer(setting.stub.CreateRun(pb.CreateRunRequest(parent=PARENT)).name, Shape(_LIVE_SERIES, 1), "m")
        for _ in range(_LIVE_RUNS)
    ]
    processes = [setting.service_pid, postmaster(setting.database_url)]
    before = cpu_seconds(processes)
    begin = time.monotonic()
    for number in range(seconds * _LIVE_RUNS):
        time.sleep(max(0.0, begin + number / _LIVE_RUNS - time.monotonic()))
        setting.stub.WriteRun(writers[number % _LIVE_RUNS].next())
    return (cpu_seconds(processes) - before) / (time.monotonic() - begin)


def _cores_of_rows(database_url: str) -> float:
    """What PostgreSQL alone would use for as many points a second, each a row."""
    return _LIVE_RUNS * _LIVE_SERIES / _rows_per_cpu_second(database_url)


def _rows_per_cpu_second(database_url: str) -> float:
    connection = psycopg2.connect(database_url)
    server = [postmaster(database_url)]
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS bench_point (run bigint, key text, step bigint, time bigint, "
            "value double precision, PRIMARY KEY (run, key, step, time))"
        )
        cursor.execute("TRUNCATE bench_point")
        connection.commit()
        before = cpu_seconds(server)
        for step in range(100):
            rows = [(run, f"metric {key}", step, step, 0.5) for run in range(50) for key in range(20)]
            execute_values(cursor, "INSERT INTO bench_point VALUES %s", rows, page_size=1000)
            connection.commit()
        used = cpu_seconds(server) - before
    connection.close()
    return 100_000 / used


def _commits_per_second(database_url: str, size: int) -> float:
    """How often one connection can commit one row of `size` bytes."""
    connection = psycopg2.connect(database_url)
    data = secrets.token_bytes(size)
    with connection.cursor() as cursor:
        cursor.execute(_BENCH_ROW)
        cursor.execute("ALTER TABLE bench_row ALTER COLUMN data SET STORAGE EXTERNAL")
        connection.commit()
        done = 0
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            cursor.execute("INSERT INTO bench_row (data) VALUES (%s)", (data,))
            connection.commit()
            done += 1
        cursor.execute("TRUNCATE bench_row")
        connection.commit()
    connection.close()
    return done / SECONDS
