"""Figures that a server has to look up when somebody measures it: what databases keep, and how their pools are used.

Who measures comes every few seconds, also when a database hangs, and then above all. So a database is asked in the
background, no more often than it bears, and who measures waits a moment and takes what there is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

# More often nobody measures.
_FRESH_SECONDS: Final = 5.0
# How much of the time may be spent on reading, where there is so much to read that it takes long.
_READING_SHARE: Final = 0.05
# Prometheus gives up after ten seconds by default, and a page of metrics without these is better than none.
_PATIENCE_SECONDS: Final = 2.0
OTHER_WORKSPACES: Final = "_other"
"""Stands for all that are not among those that the operator has named; no workspace can be called so."""

_log = logging.getLogger("trivet.metrics")


@dataclass(frozen=True)
class Figure:
    """A value at this moment."""

    name: str
    """As Prometheus has it, with the unit."""
    help: str
    value: float
    workspace: str | None = None
    """What it is of; None: of the whole service."""


class ReadFigures(Protocol):
    """Looks up figures. May read from a database, and raise what that raises."""

    def __call__(self) -> Iterable[Figure]:
        """The figures, each with another name or workspace."""
        ...


@dataclass(frozen=True)
class PoolUse:
    """How many connections of a pool are in use."""

    in_use: int
    most: int


class Readings(Collector):
    """Figures of a component, as old as is right. Safe for threads."""

    def __init__(self, read: ReadFigures, named: Callable[[], frozenset[str]]) -> None:
        """Reads nothing yet; `named` gives the workspaces that may be labels."""
        self._read = read
        self._named = named
        self._lock = threading.Lock()
        self._figures: Sequence[Figure] = ()
        self._read_at = -float("inf")
        self._fresh_seconds = 0.0
        self._done: threading.Event | None = None
        """Set when the reading that runs has ended; None: none runs."""

    def describe(self) -> list[Metric]:
        """Nothing: else who registers it would have it read."""
        return []

    def collect(self) -> Iterator[Metric]:
        """As prometheus-client has it. Nothing, while figures cannot be read: old ones would look like news."""
        self._refresh()
        families: dict[str, GaugeMetricFamily] = {}
        values: dict[tuple[str, str | None], float] = {}
        named = self._named()
        for figure in self._figures:
            labels = () if figure.workspace is None else ("workspace",)
            families.setdefault(figure.name, GaugeMetricFamily(figure.name, figure.help, labels=labels))
            hidden = figure.workspace is not None and figure.workspace not in named
            key = figure.name, OTHER_WORKSPACES if hidden else figure.workspace
            values[key] = values.get(key, 0) + figure.value
        for (name, workspace), value in values.items():
            families[name].add_metric([] if workspace is None else [workspace], value)
        yield from families.values()

    def _refresh(self) -> None:
        with self._lock:
            if self._done is None:
                if time.monotonic() - self._read_at < self._fresh_seconds:
                    return
                done = threading.Event()
                threading.Thread(target=self._run, args=(done,), name="readings", daemon=True).start()
                self._done = done
            done = self._done
        if not done.wait(_PATIENCE_SECONDS):
            with self._lock:
                if self._done is done:
                    self._figures = ()

    def _run(self, done: threading.Event) -> None:
        began = time.monotonic()
        figures: Sequence[Figure] = ()
        try:
            figures = tuple(self._read())
        except Exception as error:  # noqa: BLE001 - whatever it is, there is nothing to say then
            _log.warning("not measured: %s", error)
        with self._lock:
            self._figures = figures
            self._read_at = time.monotonic()
            self._fresh_seconds = max(_FRESH_SECONDS, (self._read_at - began) / _READING_SHARE)
            self._done = None
        done.set()


class Pools(Collector):
    """How the pools of connections of a process are used, each under the name of its service."""

    def __init__(self, pools: Sequence[tuple[str, Callable[[], PoolUse]]]) -> None:
        self._pools = pools

    def collect(self) -> Iterator[Metric]:
        """As prometheus-client has it."""
        in_use = GaugeMetricFamily(
            "trivet_database_connections_in_use", "Connections to the database that are in use.", labels=("service",)
        )
        most = GaugeMetricFamily(
            "trivet_database_connections_max",
            "As many may be in use at once; calls wait.",
            labels=("service",),
        )
        for service, use_of in self._pools:
            use = use_of()
            in_use.add_metric([service], use.in_use)
            most.add_metric([service], use.most)
        yield in_use
        yield most
