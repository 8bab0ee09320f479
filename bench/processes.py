"""What processes use, read from /proc."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg2

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(roots: list[int]) -> float:
    """What processes and all that they have started and that still run have used so far."""
    fields = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in parentheses may hold anything; what follows are numbers (proc(5)).
            fields[int(file.parent.name)] = file.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
    wanted = set(roots)
    while more := {pid for pid, its in fields.items() if int(its[1]) in wanted and pid not in wanted}:
        wanted |= more
    # User and system time, its own and that of children that have ended and were waited for.
    return sum(int(tick) for pid in wanted if pid in fields for tick in fields[pid][11:15]) / _TICKS_PER_SECOND


def memory_mib(root: int) -> float:
    """The resident memory of a process."""
    status = Path(f"/proc/{root}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def postmaster(database_url: str) -> int:
    """The first process of a PostgreSQL server on this machine."""
    connection = psycopg2.connect(database_url)
    backend = Path(f"/proc/{connection.info.backend_pid}/stat").read_text()
    connection.close()
    return int(backend.rpartition(")")[2].split()[1])
