"""What processes use, read from /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psycopg2

_SETTLED = 0.01
_SETTLING_SECONDS = 3
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(roots: list[int]) -> float:
    """What processes and all that they have started and that still run have used so far."""
    fields = _stats()
    # User and system time, its own and that of children that have ended and were waited for.
    wanted = [fields[pid] for pid in _family(roots, fields)]
    return sum(int(tick) for its in wanted for tick in its[11:15]) / _TICKS_PER_SECOND


def memory_mib(root: int, what: str = "VmRSS") -> float:
    """The resident memory of a process; `VmHWM` is the most that it had so far."""
    return _memory_mib([root], what)


def memory_of_children_mib(root: int, what: str = "VmRSS") -> float:
    """The same of all that it has started and that still runs."""
    return _memory_mib(_family([root], _stats()) - {root}, what)


def pss_mib(roots: list[int]) -> float:
    """The memory of processes and of all that they have started; what several share is counted once."""
    total = 0.0
    for pid in _family(roots, _stats()):
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue  # it has ended meanwhile
        total += int(rollup.split("Pss:")[1].split()[0]) / 1024
    return total


def _memory_mib(pids: Iterable[int], what: str) -> float:
    total = 0.0
    for pid in pids:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue  # it has ended meanwhile
        # One that has ended and was not waited for yet has no memory.
        if f"{what}:" in status:
            total += int(status.split(f"{what}:")[1].split()[0]) / 1024
    return total


def settled(measure: Callable[[], float]) -> float:
    """A figure that hardly changes any longer: what still starts is waited for."""
    before, now = 0.0, measure()
    while abs(now - before) > _SETTLED * now:
        time.sleep(_SETTLING_SECONDS)
        before, now = now, measure()
    return now


def postmaster(database_url: str) -> int:
    """The first process of a PostgreSQL server on this machine."""
    connection = psycopg2.connect(database_url)
    backend = Path(f"/proc/{connection.info.backend_pid}/stat").read_text()
    connection.close()
    return int(backend.rpartition(")")[2].split()[1])


def _stats() -> dict[int, list[str]]:
    fields = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in parentheses may hold anything; what follows are numbers (proc(5)).
            fields[int(file.parent.name)] = file.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
    return fields


def _family(roots: list[int], fields: dict[int, list[str]]) -> set[int]:
    wanted = set(roots)
    while more := {pid for pid, its in fields.items() if int(its[1]) in wanted and pid not in wanted}:
        wanted |= more
    return wanted & fields.keys()
