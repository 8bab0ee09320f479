"""A team's calls beside another team's flood, on the same server: what the flood's quota leaves of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import fairness_flood
import grpc
from flood import Shape, Writer, async_stub
from harness import Cell, Report, percentile

from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_testing.limited_server import start_limited, write_quotas
from trivet_testing.postgres import PostgresServer
from trivet_testing.tracking import migrate

_FLOODING, _QUIET = "test-1", "test-2"
# So little that nearly all of the flood is over it, and so the cost of refusing is what is measured.
_POINTS_PER_SECOND = 20_000
_CALL = Shape(series=10, points=1)
_CALLERS = 4
_PAUSE_SECONDS = 0.02
_SECONDS = 5.0
_ROUNDS = 4


@dataclass(frozen=True)
class _Side:
    """What one stretch of time has shown."""

    p99_millis: float
    refused: float
    """Calls of the flood a second."""
    points: float
    """That the flood got stored a second."""


def report_on(report: Report, server: PostgresServer) -> None:
    """Measures both in turn, alone and beside the flood, and prints the rows."""
    sides: dict[bool, list[_Side]] = {True: [], False: []}
    for obedient in (False, True):
        sides = {True: [], False: []}
        with _limited(server) as address:
            asyncio.run(_stretch(address, flooded=False, obedient=obedient))  # warms up what is made once
            for _ in range(_ROUNDS):
                for flooded in (False, True):
                    sides[flooded].append(asyncio.run(_stretch(address, flooded=flooded, obedient=obedient)))
        _table(report, sides[False], sides[True], obedient=obedient)


def _table(report: Report, alone: list[_Side], beside: list[_Side], *, obedient: bool) -> None:
    ratios = iter([b.p99_millis / a.p99_millis for a, b in zip(alone, beside, strict=True)])
    figures = iter([side.p99_millis for side in alone])
    kind = "that waits as it is told" if obedient else "that asks again at once"
    report.notes.append(
        f"The flood: {fairness_flood.WRITERS} writers, of {fairness_flood.SHAPE} a message, with a quota of "
        f"{_POINTS_PER_SECOND:,} points/s; {mean([side.points for side in beside]):,.0f} points/s stored and "
        f"{mean([side.refused for side in beside]):,.0f} calls/s refused."
    )
    report.table(
        f"One team's calls beside another team's flood {kind}",
        [
            Cell(f"p99 of WriteRun, {_CALLERS} callers, alone", "ms", lambda: next(figures), rounds=_ROUNDS),
            Cell(
                f"p99 beside a flood {kind}, by that alone just before",
                "times",
                lambda: next(ratios),
                reach=1.2,
                less_is_better=True,
                rounds=_ROUNDS,
            ),
        ],
    )


@contextmanager
def _limited(server: PostgresServer) -> Iterator[str]:
    """The address of a server on a fresh database."""
    url = server.create_database()
    migrate(url)
    with tempfile.TemporaryDirectory() as folder:
        policy = Path(folder) / "policy.yaml"
        write_quotas(policy, {_FLOODING: {"points_per_second": _POINTS_PER_SECOND}})
        with start_limited("tracking", url, policy) as limited:
            yield limited.address


async def _stretch(address: str, *, flooded: bool, obedient: bool) -> _Side:
    with ExitStack() as stack:
        flood = stack.enter_context(_flood(address, obedient=obedient)) if flooded else None
        if flood is not None:
            assert flood.stdout is not None
            assert flood.stdout.readline() == "begun\n"
        async with grpc.aio.insecure_channel(address) as channel:
            run = (await async_stub(channel).CreateRun(pb.CreateRunRequest(parent=f"workspaces/{_QUIET}"))).name
            millis = await asyncio.gather(*(_calls(channel, Writer(run, _CALL, f"{n}/")) for n in range(_CALLERS)))
        refused, points = 0.0, 0.0
        if flood is not None:
            said, _ = flood.communicate("")
            refused, points = map(float, said.split())
    return _Side(percentile([one for each in millis for one in each], 99), refused, points)


@contextmanager
def _flood(address: str, *, obedient: bool) -> Iterator[subprocess.Popen[str]]:
    """A flood that has begun, until its input ends."""
    program = Path(__file__).with_name("fairness_flood.py")
    command = [sys.executable, str(program), address, _FLOODING, "obedient" if obedient else "at-once"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def _calls(channel: grpc.aio.Channel, writer: Writer) -> list[float]:
    """How long each call took, one after the other, with a pause between."""
    stub = async_stub(channel)
    taken: list[float] = []
    begin = time.perf_counter()
    while time.perf_counter() < begin + _SECONDS:
        request = writer.next()
        began = time.perf_counter()
        await stub.WriteRun(request)
        taken.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(_PAUSE_SECONDS)
    return taken
