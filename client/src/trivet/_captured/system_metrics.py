"""How busy the machine and this process are, under the names that MLflow gives such metrics.

The kernel's own files are read, which takes less than a millisecond. Other systems than Linux do not have them: there
only the disk and this process's share of the processors are known.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

_MEGABYTE: Final = 1024 * 1024
_SECTOR_BYTES: Final = 512  # of /proc/diskstats, whatever the disk's own are
_PROC: Final = Path("/proc")


class SystemMetrics:
    """Takes samples; rates are between two of them, and amounts of traffic since the first."""

    def __init__(self, gpus: Callable[[], Mapping[str, float]]) -> None:
        """Takes the first sample.

        Args:
            gpus: Gives the metrics of the graphics cards.
        """
        self._gpus = gpus
        self._processors = _processor_times()
        self._process = _process_seconds()
        self._at = time.monotonic()
        self._traffic_before = _traffic()

    def sample(self) -> dict[str, float]:
        """What can be found out now, by the names of metrics."""
        found: dict[str, float] = {}
        for part in (self._cpu, _memory, _process_memory, _disk, self._traffic, lambda: self._gpus().items()):
            try:
                found.update(part())
            except (OSError, ValueError, LookupError):  # not on this system, or not in this container
                continue
        return {f"system/{name}": value for name, value in found.items()}

    def _cpu(self) -> Iterator[tuple[str, float]]:
        now, process = time.monotonic(), _process_seconds()
        if now > self._at:
            # 100 is one processor wholly used.
            yield "process_cpu_percentage", 100 * (process - self._process) / (now - self._at)
        self._at, self._process = now, process
        before, self._processors = self._processors, _processor_times()
        if before and self._processors and self._processors[1] > before[1]:
            busy, total = (after - former for after, former in zip(self._processors, before, strict=True))
            yield "cpu_utilization_percentage", 100 * busy / total

    def _traffic(self) -> Iterator[tuple[str, float]]:
        for name, amount in _traffic().items():
            yield f"{name}_megabytes", max(0, amount - self._traffic_before.get(name, 0)) / _MEGABYTE


def _process_seconds() -> float:
    times = os.times()
    return times.user + times.system


def _processor_times() -> tuple[int, int] | None:
    """Ticks in which the processors were busy, and all; None where that is not known."""
    try:
        _, *ticks = _read("stat").partition("\n")[0].split()
        user_to_steal = [int(tick) for tick in ticks[:8]]
        idle = user_to_steal[3] + user_to_steal[4]  # idle, and waiting for the disk
    except (OSError, ValueError, LookupError):
        return None
    return sum(user_to_steal) - idle, sum(user_to_steal)


def _memory() -> Iterator[tuple[str, float]]:
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in _fields("meminfo")}
    total, available = kilobytes["MemTotal"], kilobytes["MemAvailable"]
    yield "system_memory_usage_megabytes", (total - available) / 1024
    yield "system_memory_usage_percentage", 100 * (total - available) / total


def _process_memory() -> Iterator[tuple[str, float]]:
    resident_pages = int(_read("self/statm").split()[1])
    yield "process_memory_usage_megabytes", resident_pages * os.sysconf("SC_PAGE_SIZE") / _MEGABYTE


def _disk() -> Iterator[tuple[str, float]]:
    """Of the disk that has the working folder."""
    usage = shutil.disk_usage(Path.cwd())
    yield "disk_usage_megabytes", usage.used / _MEGABYTE
    yield "disk_available_megabytes", usage.free / _MEGABYTE
    if usage.used + usage.free:
        yield "disk_usage_percentage", 100 * usage.used / (usage.used + usage.free)


def _traffic() -> dict[str, int]:
    """Bytes since the machine started: of the network, without what stays on the machine, and of whole disks."""
    found: dict[str, int] = {}
    try:
        for name, _, numbers in _fields("net/dev"):
            counters = numbers.split()
            if len(counters) == 16 and name != "lo":
                _add(found, network_receive=int(counters[0]), network_transmit=int(counters[8]))
    except (OSError, ValueError):
        found = {}
    try:
        disks = {entry.name.replace("!", "/") for entry in Path("/sys/block").iterdir()}
        for line in _read("diskstats").splitlines():
            _, _, name, _, _, read, _, _, _, written, *_ = line.split()
            if name in disks and not name.startswith(("loop", "ram", "dm-", "md")):  # what lies on other disks
                _add(found, disk_read=int(read) * _SECTOR_BYTES, disk_write=int(written) * _SECTOR_BYTES)
    except (OSError, ValueError):
        pass
    return found


def _add(found: dict[str, int], **amounts: int) -> None:
    for name, amount in amounts.items():
        found[name] = found.get(name, 0) + amount


def _read(name: str) -> str:
    return (_PROC / name).read_text(encoding="ascii", errors="replace")


def _fields(name: str) -> Iterator[tuple[str, str, str]]:
    """The lines of a file that are `NAME: REST`."""
    return (line.strip().partition(":") for line in _read(name).splitlines() if ":" in line)
