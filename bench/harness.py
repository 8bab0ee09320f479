"""What is measured, and the rows of the tables that say so."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from peer import Answer

from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.postgres import PostgresServer
from trivet_testing.tracking import migrate, start_server

PARENT = "workspaces/default"

_HEAD = (
    "| what | Trivet | reach | met | limit | of the limit | MLflow | times MLflow |\n|---|---|---|---|---|---|---|---|"
)
_NONE = "-"


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
class Side:
    """Something to compare with, in the unit of the cell."""

    name: str
    measure: Callable[[], float]


@dataclass(frozen=True)
class Cell:
    """One figure: how it is taken, what it is to reach, and what it is compared with."""

    name: str
    unit: str
    measure: Callable[[], float]
    reach: float | None = None
    """The least figure that will do, or the greatest where less is better. None: nobody asked for one."""
    less_is_better: bool = False
    limit: Side | None = None
    """What the machine can do at best; measured in turn with ours."""
    limit_reach: float | None = None
    """The share of the limit that is the least that will do."""
    peer: Callable[[], Answer] | None = None
    """MLflow's figure; measured once, for it takes its time."""
    peer_reach: float | None = None
    """How many times MLflow's figure is the least that will do."""
    rounds: int | None = None
    """How often to measure. None: as often as the person asked for."""


@dataclass
class Report:
    """Prints rows as they are measured, and knows at the end which of them were met."""

    rounds: int
    notes: list[str] = field(default_factory=list)
    """What a cell has to say besides its figure; printed after its table."""
    _met: list[str] = field(default_factory=list)
    _missed: list[str] = field(default_factory=list)

    def table(self, title: str, cells: Iterator[Cell] | Sequence[Cell]) -> None:
        """Measures cells one after the other and prints their table, with the notes below."""
        print(f"\n## {title}\n\n{_HEAD}", flush=True)
        for cell in cells:
            print(self._row(cell), flush=True)
        for note in self.notes:
            print(f"\n{note}")
        self.notes.clear()

    def summary(self) -> None:
        """Prints what was reached and what was not."""
        print(f"\nReached: {len(self._met)} of {len(self._met) + len(self._missed)}.")
        for missed in self._missed:
            print(f"- not reached: {missed}")

    def _row(self, cell: Cell) -> str:
        ours: list[float] = []
        limits: list[float] = []
        for _ in range(cell.rounds or self.rounds):
            ours.append(cell.measure())
            if cell.limit is not None:
                limits.append(cell.limit.measure())
        figure = statistics.median(ours)
        limit, of_limit, share = _NONE, _NONE, None
        if cell.limit is not None:
            limit = f"{cell.limit.name}: {_shown(limits)}"
            share = _times(cell, figure, statistics.median(limits))
            of_limit = f"{share:.2f}"
        answer = cell.peer() if cell.peer is not None else None
        peer, times = _NONE, _NONE
        if answer is not None:
            workers = "1 worker" if answer.workers == 1 else f"{answer.workers} workers"
            peer = f"{_shown([answer.figure])} ({workers}, {answer.way})"
            times = f"{_times(cell, figure, answer.figure):,.1f}"
            if limits:
                # Where that is less than what is to be reached, nobody can.
                times += f" (the limit: {_times(cell, statistics.median(limits), answer.figure):,.1f})"
        verdict = self._verdict(cell, figure, answer, share)
        return (
            f"| {cell.name} | {_shown(ours)} {cell.unit} | {_reach(cell)} | {verdict} "
            f"| {limit} | {of_limit} | {peer} | {times} |"
        )

    def _verdict(self, cell: Cell, figure: float, answer: Answer | None, share_of_limit: float | None) -> str:
        shares = []
        if cell.limit_reach is not None and share_of_limit is not None:
            shares.append(share_of_limit / cell.limit_reach)
        if cell.reach is not None:
            shares.append(_times(cell, figure, cell.reach))
        if cell.peer_reach is not None and answer is not None:
            shares.append(_times(cell, figure, answer.figure) / cell.peer_reach)
        if not shares:
            return _NONE
        if min(shares) >= 1:
            self._met.append(cell.name)
            return "yes"
        self._missed.append(f"{cell.name}: {_shown([figure])} {cell.unit}, to reach {_reach(cell)}")
        return "**no**" if min(shares) >= 0.5 else "**no, not half**"


@contextmanager
def tracking_on(postgres: PostgresServer) -> Iterator[Setting]:
    """A tracking server on a fresh database."""
    url = postgres.create_database()
    migrate(url)
    with served(url) as setting:
        yield setting


@contextmanager
def served(database_url: str) -> Iterator[Setting]:
    """A tracking server on a migrated database."""
    with start_server(database_url) as server, grpc.insecure_channel(server.address) as channel:
        yield Setting(TrackingServiceStub(channel), server.address, database_url, server.pid)


def per_second(read: Callable[[], object], seconds: float = 3.0) -> float:
    """How often something can be done in a second, one after the other."""
    done = 0
    begin = time.monotonic()
    while time.monotonic() < begin + seconds:
        read()
        done += 1
    return done / (time.monotonic() - begin)


def millis(act: Callable[[], object]) -> float:
    """How long something takes."""
    begin = time.perf_counter()
    act()
    return (time.perf_counter() - begin) * 1000


def median_millis(act: Callable[[], object], times: int = 10) -> float:
    """How long something takes, as a rule."""
    return statistics.median(millis(act) for _ in range(times))


def percentile(figures: Sequence[float], percent: int) -> float:
    """The value below which so many of a hundred are."""
    return statistics.quantiles(figures, n=100, method="inclusive")[percent - 1]


def _times(cell: Cell, figure: float, other: float) -> float:
    """How many times better a figure is than another."""
    better, worse = (other, figure) if cell.less_is_better else (figure, other)
    return better / worse if worse else math.inf


def _reach(cell: Cell) -> str:
    parts = []
    if cell.reach is not None:
        parts.append(f"{'≤' if cell.less_is_better else '≥'} {cell.reach:,.10g}")
    if cell.limit_reach is not None:
        parts.append(f"≥ {cell.limit_reach:g} x the limit")
    if cell.peer_reach is not None:
        parts.append(f"≥ {cell.peer_reach:g} x MLflow")
    return ", ".join(parts) or _NONE


def _shown(figures: list[float]) -> str:
    median = statistics.median(figures)
    digits = 0 if median >= 100 else 1 if median >= 10 else 2
    if len(figures) == 1:
        return f"{median:,.{digits}f}"
    return f"{median:,.{digits}f} [{min(figures):,.{digits}f}-{max(figures):,.{digits}f}]"
