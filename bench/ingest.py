"""How fast points become durable, and what that costs."""

from __future__ import annotations

import secrets
import threading
import time
from functools import partial

import grpc
import psycopg2
from flood import Shape, Writer, by_calls, by_stream
from harness import PARENT, Comparison, Setting
from processes import cpu_seconds, postmaster
from psycopg2.extras import execute_values

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub

SECONDS = 5.0
_POINT_BYTES = 24  # step, time and value
_SHAPES = (Shape(1, 1000), Shape(10, 10), Shape(100, 10), Shape(1000, 1))
_WINDOW = 32
_LIMIT = f"the same bytes, {_WINDOW} messages a commit, by one connection"
_LIVE_RUNS, _LIVE_SERIES = 200, 20


def comparisons(setting: Setting, sustained_seconds: float) -> list[Comparison]:
    """Floods from one client, single points, and many runs that write slowly."""
    floods = [
        Comparison(
            f"one stream, {shape}, for {seconds:g} s",
            "points/s",
            partial(by_stream, setting.address, shape, seconds),
            _LIMIT,
            partial(_raw_points_per_second, setting, shape),
        )
        for shape, seconds in (
            *((shape, SECONDS) for shape in _SHAPES),
            (_SHAPES[0], sustained_seconds),
            (_SHAPES[2], sustained_seconds),
        )
    ]
    calls = [
        Comparison(
            f"one client, {_WINDOW} writers, {shape} a call",
            "points/s",
            partial(by_calls, setting.address, shape, _WINDOW, SECONDS),
            _LIMIT,
            partial(_raw_points_per_second, setting, shape),
        )
        for shape in _SHAPES[:3]
    ]
    single = [
        Comparison(
            f"one point a call, {callers} callers",
            "calls/s",
            partial(_calls_per_second, setting, callers),
            "one row a commit, one connection",
            partial(_commits_per_second, setting.database_url, _POINT_BYTES),
        )
        for callers in (1, 64)
    ]
    live = Comparison(
        f"{_LIVE_RUNS} runs x {_LIVE_SERIES} series x 1 point a second: service, folder and PostgreSQL",
        "points a CPU second",
        partial(_points_per_cpu_second, setting),
        "a row a point, INSERT of 1,000 a commit, PostgreSQL alone",
        partial(_rows_per_cpu_second, setting.database_url),
    )
    return [*floods, *calls, *single, live]


def _raw_points_per_second(setting: Setting, shape: Shape) -> float:
    points = shape.total * _WINDOW
    return points * _commits_per_second(setting.database_url, points * _POINT_BYTES)


def _calls_per_second(setting: Setting, callers: int) -> float:
    done = [0] * callers
    end = time.monotonic() + SECONDS

    def call(number: int) -> None:
        with grpc.insecure_channel(setting.address, (("grpc.use_local_subchannel_pool", 1),)) as channel:
            stub = TrackingServiceStub(channel)
            writer = Writer(stub.CreateRun(pb.CreateRunRequest(parent=PARENT)).name, Shape(1, 1), "loss")
            while time.monotonic() < end:
                stub.WriteRun(writer.next())
                done[number] += 1

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / SECONDS


def _points_per_cpu_second(setting: Setting) -> float:
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
    used = cpu_seconds(processes) - before
    return seconds * _LIVE_RUNS * _LIVE_SERIES / used


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
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_row (id bigserial PRIMARY KEY, data bytea NOT NULL)")
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
