"""Measures how long runs of a million points take to fork, rewind, clear and purge; a program of its own.

Writers to a run wait while it is rewound or cleared, and so do those that were committed with them, so these must be
short; a fork holds up nobody.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable

import grpc
import numpy as np
from google.protobuf.duration_pb2 import Duration

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns
from trivet_proto.tracking.v1.purge_pb2 import PurgeRunsRequest
from trivet_proto.tracking.v1.rewrite_pb2 import DeleteMetricsRequest, ForkRunRequest, RewindRunRequest
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing import postgres
from trivet_testing.tracking import migrate, start_server

_PARENT = "workspaces/default"
_POINTS = 1_000_000
_BATCH = 100_000


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is done (default 5)")
    options = parser.parse_args()
    # Not one in a container: its network would be measured too.
    server = postgres.start_own()
    try:
        url = server.create_database()
        migrate(url)
        with start_server(url) as tracking, grpc.insecure_channel(tracking.address) as channel:
            print(f"{platform.machine()}, Python {platform.python_version()}, PostgreSQL: {server.origin}")
            print(
                f"Medians [range] of {options.rounds} rounds; load of the machine before: {os.getloadavg()[0]:.1f}.\n"
            )
            print("| 1,000,000 points in | fork half | rewind to half | delete all series | purge |")
            print("|---|---|---|---|---|")
            stub = TrackingServiceStub(channel)
            for series in (1, 100):
                print(f"| {series} series | {' | '.join(_measured(stub, series, options.rounds))} |", flush=True)
    finally:
        server.stop()


def _measured(stub: TrackingServiceStub, series: int, rounds: int) -> list[str]:
    source = _make_run(stub, series)
    half = _POINTS // series // 2 - 1
    keys = [f"loss {number}" for number in range(series)]
    forks, rewinds, deletions, purges = [], [], [], []
    for _ in range(rounds):
        forks.append(_millis(lambda: stub.ForkRun(ForkRunRequest(name=source, step=half))))
        # Whole copies, to be rewound, cleared and purged.
        first, second, third = (stub.ForkRun(ForkRunRequest(name=source, step=_POINTS)).name for _ in range(3))
        rewinds.append(_millis(lambda name=first: stub.RewindRun(RewindRunRequest(name=name, step=half))))  # type: ignore[misc]
        deletions.append(_millis(lambda name=second: stub.DeleteMetrics(DeleteMetricsRequest(run=name, keys=keys))))  # type: ignore[misc]
        stub.DeleteRun(pb.DeleteRunRequest(name=third))
        request = PurgeRunsRequest(parent=_PARENT, older_than=Duration(), runs=[third])
        purges.append(_millis(lambda request=request: stub.PurgeRuns(request)))  # type: ignore[misc]
    return [_shown(figures) for figures in (forks, rewinds, deletions, purges)]


def _make_run(stub: TrackingServiceStub, series: int) -> str:
    """A run with a million noisy points, as many in each series."""
    run = stub.CreateRun(pb.CreateRunRequest(parent=_PARENT)).name
    random = np.random.default_rng(0)
    length = _POINTS // series
    for number in range(series):
        for begin in range(0, length, _BATCH):
            steps = np.arange(begin, min(begin + _BATCH, length))
            columns = MetricColumns(
                keys=[f"loss {number}"],
                counts=[len(steps)],
                steps=steps.tolist(),
                times_millis=(1_700_000_000_000 + 100 * steps).tolist(),
                values=random.normal(0.0, 0.05, len(steps)).astype(np.float32).tolist(),
            )
            stub.WriteRun(pb.WriteRunRequest(run=run, metrics=columns))
    return run


def _millis(call: Callable[[], object]) -> float:
    begin = time.monotonic()
    call()
    return 1000 * (time.monotonic() - begin)


def _shown(figures: list[float]) -> str:
    return f"{statistics.median(figures):,.0f} [{min(figures):,.0f}-{max(figures):,.0f}] ms"


if __name__ == "__main__":
    main()
