"""Calls a second of 1, 2 and 4 replicas of each service on one PostgreSQL, and what of the machine each call takes.

    .venv/bin/python bench/scaling.py [--full] [--to build/scaling]

Everything runs on this machine, and the clients too, so that replicas share its processors: where those are the limit,
more replicas give no more calls. What goes with a call to other machines is the time of a processor that it takes in
each part. From that follows how many replicas a PostgreSQL of so many processors carries, and which part is the first
limit. Besides the table, it writes `scaling.json` and the plots `scaling-calls.svg` and `scaling-cost.svg`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import dataset
import matplotlib as mpl
from matplotlib.figure import Figure
from processes import cpu_seconds, postmaster
from scaling_clients import FILE_BYTES, FLOOD, PAGE, Stretch

from trivet_testing import artifacts, minio, pgbouncer, postgres, registry, tools, tracking
from trivet_testing.artifacts import Place
from trivet_testing.postgres import PostgresServer
from trivet_testing.servers import ServerProcess

FOLDER: Final = Path("build/scaling")
REPLICAS: Final = (1, 2, 4)
_PROCESSES: Final = 4
_CALLERS: Final = 4
"""Threads of each client process, with one call at a time each."""
_RUNS: Final = 10_000
"""To be searched."""
_BUSY: Final = 0.85
"""The share of what a process, or the machine, can do at most from which on it is called the limit."""


@dataclass(frozen=True)
class Work:
    """What clients do."""

    name: str
    """As `scaling_clients.py` knows it."""
    said: str
    service: str
    unit: str = "calls/s"
    per_call: int = 1


_WORKS: Final = (
    Work("floods", f"points, {FLOOD.total:,} a message", "tracking", "points/s", FLOOD.total),
    Work("points", "points, one a message", "tracking"),
    Work("runs", "runs created, with 5 params", "tracking"),
    Work("searches", f"pages of {PAGE} of {_RUNS:,} runs, by a metric", "tracking"),
    Work("uploads", f"files of {FILE_BYTES // 1024} KiB uploaded", "artifacts"),
    Work("downloads", f"files of {FILE_BYTES // 1024} KiB downloaded", "artifacts"),
    Work("models", "models created", "registry"),
    Work("versions", "versions created, of outside files", "registry"),
    Work("aliases", "aliases resolved", "registry"),
)
_STORE: Final = "store"
_POOLED: Final = ("points", "runs", "searches")
_READ: Final = ("searches",)


@dataclass(frozen=True)
class Measured:
    """What one stretch of time has shown."""

    work: str
    way: str
    """How the database is reached: `direct`, by `PgBouncer`, or with a `standby`."""
    replicas: int
    calls_per_second: float
    cpu_millis: Mapping[str, float]
    """Of each call, by part of the system."""
    cores: Mapping[str, float]
    """In use, by part of the system."""

    @property
    def limit(self) -> str:
        """What keeps it from being more."""
        total = sum(self.cores.values())
        if total >= _BUSY * _cores():
            most = max(self.cores, key=lambda part: self.cores[part])
            return f"the processors, {self.cores[most] / total:.0%} of which {most}"
        if self.cores["service"] >= _BUSY * self.replicas:
            return "the replicas, a core each"
        return "waiting: for the disk, locks, the way"


@dataclass(frozen=True)
class _Servers:
    """The replicas of a service."""

    addresses: Sequence[str]
    pids: Sequence[int]


@dataclass(frozen=True)
class _System:
    """All that takes part in what is measured."""

    servers: _Servers
    others: Mapping[str, Sequence[int]]
    """By process id."""
    clients: Sequence[subprocess.Popen[str]]
    way: str


def main() -> None:
    """Measures all, prints the tables and writes the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="three rounds of 10 s each, not one of 3 s")
    parser.add_argument("--to", type=Path, default=FOLDER, help=f"folder of the files (default {FOLDER})")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are cleared away then too
    server = postgres.start_own()
    try:
        report_on(server, options.to, is_long=options.full)
    finally:
        server.stop()


def report_on(server: PostgresServer, folder: Path = FOLDER, *, is_long: bool = False) -> None:
    """Measures, prints the tables and writes the files; in three minutes, or some twenty."""
    measured = measure(server, rounds=3, seconds=10) if is_long else measure(server, rounds=1, seconds=3)
    report(measured)
    write(folder, measured)


def measure(server: PostgresServer, rounds: int, seconds: float) -> list[Measured]:
    """Everything, the replicas of each kind in turn; the median of the rounds."""
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory(dir=os.environ.get("TRIVET_BENCH_DIR")) as folder, ExitStack() as stack:
        url = _database(server)
        store = stack.enter_context(minio.start(tools.find_minio().path, Path(folder) / "minio"))
        assert store.process is not None
        place = Place(url, store.store(store.create_bucket()), store.credentials)
        database = {"PostgreSQL": [postmaster(url)]}
        clients = stack.enter_context(_clients())
        # One service after the other: all of them at once want more connections than PostgreSQL has by default.
        for service in dict.fromkeys(work.service for work in _WORKS):
            with _started(service, place, max(REPLICAS)) as servers:
                system = _System(servers, {**database, _STORE: [store.process.pid]}, clients, "direct")
                for work in _WORKS:
                    if work.service == service:
                        measured += _in_turn(system, work, REPLICAS, rounds, seconds)
        pooler = stack.enter_context(pgbouncer.started(tools.find_pgbouncer().path, server, {}))
        with _started("tracking", replace(place, database_url=pooler.url(url)), 2) as servers:
            system = _System(servers, {**database, "PgBouncer": [pooler.process.pid]}, clients, "PgBouncer")
            for work in _WORKS:
                if work.name in _POOLED:
                    measured += _in_turn(system, work, [2], rounds, seconds)
        standby = server.start_standby()
        stack.callback(standby.stop)
        read_url = standby.url(url.rpartition("/")[2])
        with _started("tracking", place, 2, TRIVET_DATABASE_READ_URL=read_url) as servers:
            system = _System(servers, {**database, "standby": [postmaster(read_url)]}, clients, "standby")
            for work in _WORKS:
                if work.name in _READ:
                    measured += _in_turn(system, work, [2], rounds, seconds)
    return measured


def _database(server: PostgresServer) -> str:
    url = server.create_database()
    for service in (tracking, artifacts, registry):
        service.migrate(url)
    dataset.load(url, _RUNS)
    return url


@contextmanager
def _started(service: str, place: Place, replicas: int, **settings: str) -> Iterator[_Servers]:
    """Replicas; settings are for tracking. Those of the registry know one artifact server, which nobody asks."""
    with ExitStack() as stack:

        def start() -> ServerProcess:
            if service == "tracking":
                return tracking.start_server(place.database_url, **settings)
            if service == "artifacts":
                return artifacts.start_server(place)
            return registry.start_server(place.database_url, artifacts_url=artifacts_url)

        artifacts_url = ""
        if service == "registry":
            artifacts_url = f"grpc://{stack.enter_context(artifacts.start_server(place)).address}"
        servers = [stack.enter_context(start()) for _ in range(replicas)]
        yield _Servers([server.address for server in servers], [server.pid for server in servers])


def _in_turn(system: _System, work: Work, replicas: Sequence[int], rounds: int, seconds: float) -> Iterator[Measured]:
    found: dict[int, list[Measured]] = {count: [] for count in replicas}
    for _ in range(rounds):
        for count in replicas:
            found[count].append(_stretch(system, work, count, seconds))
    for those in found.values():
        those.sort(key=lambda each: each.calls_per_second)
        middle = those[len(those) // 2]
        print(f"{middle.way}, {middle.replicas} x {work.said}: {middle.calls_per_second:,.0f} calls/s", file=sys.stderr)
        yield middle


def _stretch(system: _System, work: Work, replicas: int, seconds: float) -> Measured:
    """Some seconds of work, by all clients."""
    addresses = system.servers.addresses[:replicas]
    for number, client in enumerate(system.clients):
        _say(client, json.dumps(asdict(Stretch(work.name, number, _CALLERS, seconds, list(addresses)))))
    for client in system.clients:
        said = _line_of(client)
        assert said == "ready", said
    parts = {
        "service": system.servers.pids,
        # Only files go there.
        **{part: pids for part, pids in system.others.items() if part != _STORE or work.service == "artifacts"},
        "clients": [client.pid for client in system.clients],
    }
    before = {part: cpu_seconds(list(pids)) for part, pids in parts.items()}
    begin = time.monotonic()
    for client in system.clients:
        _say(client, "go")
    calls = sum(int(_line_of(client)) for client in system.clients)
    took = time.monotonic() - begin
    used = {part: cpu_seconds(list(pids)) - before[part] for part, pids in parts.items()}
    return Measured(
        work.name,
        system.way,
        replicas,
        calls / took,
        {part: its * 1000 / calls for part, its in used.items()},
        {part: its / took for part, its in used.items()},
    )


@contextmanager
def _clients() -> Iterator[list[subprocess.Popen[str]]]:
    """Client processes."""
    command = [sys.executable, str(Path(__file__).with_name("scaling_clients.py"))]
    with ExitStack() as stack:
        clients = []
        for _ in range(_PROCESSES):
            client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            stack.enter_context(client)
            stack.callback(client.kill)
            clients.append(client)
        yield clients


def _say(client: subprocess.Popen[str], line: str) -> None:
    assert client.stdin is not None
    client.stdin.write(f"{line}\n")
    client.stdin.flush()


def _line_of(client: subprocess.Popen[str]) -> str:
    assert client.stdout is not None
    return client.stdout.readline().strip()


def report(measured: Sequence[Measured]) -> None:
    """Prints what was measured, as Markdown."""
    print(f"{_machine()}. {_PROCESSES} client processes with {_CALLERS} callers each, on the same machine.")
    print("\n## Replicas\n")
    print(f"| work | {' | '.join(_counted(count) for count in REPLICAS)} | times 1 replica | limit of the most |")
    print(f"|{'---|' * (len(REPLICAS) + 3)}")
    for work in _WORKS:
        those = [_of(measured, work.name, "direct", count) for count in REPLICAS]
        rates = [each.calls_per_second * work.per_call for each in those]
        times = ", ".join(f"{rate / rates[0]:.2f}" for rate in rates[1:])
        figures = " | ".join(f"{rate:,.0f}" for rate in rates)
        print(f"| {work.said}, {work.unit} | {figures} | {times} | {those[-1].limit} |")
    print("\n## Milliseconds of a processor that a call takes\n")
    parts = list(dict.fromkeys(part for each in measured for part in each.cpu_millis))
    print(
        f"| work | {' | '.join(parts)} | calls/s that a replica can do | replicas that a core of PostgreSQL carries |"
    )
    print(f"|{'---|' * (len(parts) + 3)}")
    for each in measured:
        if each.way != "direct" or each.replicas == REPLICAS[0]:
            print(_cost(each, parts))


def _cost(measured: Measured, parts: Sequence[str]) -> str:
    (work,) = (each for each in _WORKS if each.name == measured.work)
    said = work.said if measured.way == "direct" else f"{work.said}; {measured.replicas} replicas, {measured.way}"
    figures = " | ".join(f"{measured.cpu_millis[part]:.2f}" if part in measured.cpu_millis else "-" for part in parts)
    service, database = measured.cpu_millis["service"], measured.cpu_millis["PostgreSQL"]
    # A replica is a process of Python, which takes one core at most.
    return f"| {said} | {figures} | {1000 / service:,.0f} | {service / max(database, 0.001):.1f} |"


def write(folder: Path, measured: Sequence[Measured]) -> None:
    """Writes the files."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"machine": _machine(), "measured": [asdict(each) for each in measured]}
    (folder / "scaling.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    # Texts stay texts, and the same figures give the same file.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "trivet", "font.size": 9})
    _plot_calls(measured).savefig(folder / "scaling-calls.svg", metadata={"Date": None})
    _plot_cost(measured).savefig(folder / "scaling-cost.svg", metadata={"Date": None})
    print(f"\nWritten to {folder}: scaling.json, scaling-calls.svg, scaling-cost.svg.")


def _plot_calls(measured: Sequence[Measured]) -> Figure:
    """Calls a second by replicas, a panel for each service."""
    services = list(dict.fromkeys(work.service for work in _WORKS))
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    for axes, service in zip(figure.subplots(1, len(services)), services, strict=True):
        for work in _WORKS:
            if work.service == service:
                rates = [_of(measured, work.name, "direct", count).calls_per_second for count in REPLICAS]
                axes.plot(REPLICAS, rates, marker="o", label=work.said)
        axes.set(
            title=service, xlabel="replicas", ylabel="calls/s", xticks=REPLICAS, ylim=(0, axes.get_ylim()[1] * 1.4)
        )
        axes.grid(visible=True, alpha=0.3)
        axes.legend(fontsize=7, loc="upper left")
    return figure


def _plot_cost(measured: Sequence[Measured]) -> Figure:
    """What a call takes of a processor in each part, with one replica."""
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    axes = figure.subplots()
    ones = [_of(measured, work.name, "direct", REPLICAS[0]) for work in _WORKS]
    parts = dict.fromkeys(part for each in ones for part in each.cpu_millis)
    lefts = [0.0] * len(ones)
    for part in parts:
        widths = [each.cpu_millis.get(part, 0.0) for each in ones]
        axes.barh([work.said for work in _WORKS], widths, left=lefts, label=part)
        lefts = [left + width for left, width in zip(lefts, widths, strict=True)]
    axes.invert_yaxis()
    axes.set(xlabel="milliseconds of a processor, a call")
    axes.legend()
    return figure


def _of(measured: Sequence[Measured], work: str, way: str, replicas: int) -> Measured:
    (found,) = (each for each in measured if (each.work, each.way, each.replicas) == (work, way, replicas))
    return found


def _counted(replicas: int) -> str:
    return "1 replica" if replicas == 1 else f"{replicas} replicas"


def _cores() -> int:
    return os.cpu_count() or 1


def _machine() -> str:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{_cores()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
