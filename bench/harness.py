"""Rounds, medians and ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc

from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.postgres import PostgresServer
from trivet_testing.tracking import migrate, start_server

PARENT = "workspaces/default"


@dataclass(frozen=True)
class Setting:
    """What is measured, and where."""

    stub: TrackingServiceStub
    address: str
    database_url: str
    """Of the same server that the service uses, for the limits."""
    service_pid: int
    """The folder is its child."""


@dataclass(frozen=True)
class Comparison:
    """A measurement and its limit: functions that return a figure, more being better."""

    name: str
    unit: str
    ours: Callable[[], float]
    limit_name: str
    limit: Callable[[], float]


@contextmanager
def tracking_on(postgres: PostgresServer) -> Iterator[Setting]:
    """A tracking server on a fresh database."""
    url = postgres.create_database()
    migrate(url)
    with start_server(url) as server, grpc.insecure_channel(server.address) as channel:
        yield Setting(TrackingServiceStub(channel), server.address, url, server.pid)


def measure(comparison: Comparison, rounds: int) -> str:
    """Runs both sides in turn and returns a row of a Markdown table: medians, ranges, the ratio of the medians."""
    ours, limits = [], []
    for _ in range(rounds):
        ours.append(comparison.ours())
        limits.append(comparison.limit())
    ratio = statistics.median(ours) / statistics.median(limits)
    return (
        f"| {comparison.name} | {_shown(ours)} {comparison.unit} "
        f"| {comparison.limit_name}: {_shown(limits)} {comparison.unit} | {ratio:.2f} |"
    )


def per_second(read: Callable[[], object], seconds: float = 3.0) -> float:
    """How often something can be done in a second, one after the other."""
    done = 0
    begin = time.monotonic()
    while time.monotonic() < begin + seconds:
        read()
        done += 1
    return done / (time.monotonic() - begin)


def _shown(figures: list[float]) -> str:
    digits = 0 if statistics.median(figures) >= 100 else 1
    return f"{statistics.median(figures):,.{digits}f} [{min(figures):,.{digits}f}-{max(figures):,.{digits}f}]"
