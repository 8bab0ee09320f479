"""How fast points become durable."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable

import grpc
import numpy as np
import psycopg2
from harness import PARENT, Comparison, Setting

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub

BATCH_POINTS = 1000
SECONDS = 2.0


def comparisons(setting: Setting) -> list[Comparison]:
    """Batches from one client; single points from one caller and from 64."""
    packed = BATCH_POINTS * 24  # step, time and value, 8 bytes each
    return [
        Comparison(
            "one client, 1 series x 1,000 points a call",
            "points/s",
            lambda: BATCH_POINTS * _calls_per_second(setting, callers=1, points=BATCH_POINTS),
            "24 bytes a point in one row a commit",
            lambda: BATCH_POINTS * _commits_per_second(setting.database_url, packed),
        ),
        Comparison(
            "one point a call, 1 caller",
            "calls/s",
            lambda: _calls_per_second(setting, callers=1, points=1),
            "one row a commit",
            lambda: _commits_per_second(setting.database_url, 24),
        ),
        Comparison(
            "one point a call, 64 callers",
            "calls/s",
            lambda: _calls_per_second(setting, callers=64, points=1),
            "one row a commit, one connection",
            lambda: _commits_per_second(setting.database_url, 24),
        ),
    ]


def _calls_per_second(setting: Setting, callers: int, points: int) -> float:
    done = [0] * callers
    end = time.monotonic() + SECONDS

    def call(number: int) -> None:
        with grpc.insecure_channel(setting.address, (("grpc.use_local_subchannel_pool", 1),)) as channel:
            write = _writer(TrackingServiceStub(channel), points)
            while time.monotonic() < end:
                write()
                done[number] += 1

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / SECONDS


def _writer(stub: TrackingServiceStub, points: int) -> Callable[[], object]:
    """Writes the next points of a run of its own, by a writer with sequences, at each call."""
    run = stub.CreateRun(pb.CreateRunRequest(parent=PARENT)).name
    request = pb.WriteRunRequest(run=run, writer_id=secrets.randbits(63) | 1)
    request.metrics.keys.append("loss")
    request.metrics.counts.append(points)
    request.metrics.times_millis.append(time.time_ns() // 1_000_000)
    values = np.random.default_rng(0).random(points)

    def write() -> object:
        begin = request.sequence * points
        request.sequence += 1
        request.metrics.steps[:] = range(begin, begin + points)
        request.metrics.values[:] = values
        return stub.WriteRun(request)

    return write


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
    connection.close()
    return done / SECONDS
