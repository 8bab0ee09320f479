"""What the workers of a server measure, for Prometheus; any of them answers for all.

prometheus-client does that by files in a folder that all workers know, which is why it has to be set before it is
imported: see `environment_of_workers`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

# From what a small model takes for a row, to the time after which nobody waits.
_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
_SLOT: Final = "TRIVET_SERVING_SLOT"
_WORKERS: Final = "trivet_serving_workers"


def environment_of_workers(folder: Path, slot: int) -> Mapping[str, str]:
    """Variables that a worker has to be started with, so that it writes its metrics into a folder.

    Its files have the name of its slot, so that who takes its place counts on in them.
    """
    return {_FOLDER: str(folder), _SLOT: str(slot)}


def forget_worker(folder: Path, slot: int) -> None:
    """Takes what a worker that ended did at the moment out of the metrics; what it has done stays counted."""
    mark_process_dead(slot, str(folder))  # type: ignore[no-untyped-call] # of prometheus-client


class Metrics:
    """Those of one worker. One for each process."""

    def __init__(self) -> None:
        slot = os.environ.get(_SLOT)
        if slot is not None:  # else the process is no worker of a server, and has its metrics to itself
            values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call] # of prometheus-client
        self.requests = Counter(
            "trivet_serving_requests", "Requests for predictions, by the status of HTTP that they got.", ["status"]
        )
        self.seconds = Histogram(
            "trivet_serving_request_seconds",
            "From the head of a request for predictions to its answer.",
            buckets=_SECONDS,
        )
        self.in_flight = Gauge(
            "trivet_serving_requests_in_flight",
            "Requests for predictions that have no answer yet.",
            multiprocess_mode="livesum",
        )
        self.rows = Counter("trivet_serving_rows", "Rows that were predicted.")
        self.failures = Counter("trivet_serving_model_failures", "Requests at which the model itself failed.")
        self.workers = Gauge(
            _WORKERS,
            "Workers that predict with a version of a model.",
            ["model", "version"],
            multiprocess_mode="livesum",
        )
        self.loads = Counter("trivet_serving_loads", "Models that a worker loaded, or failed to load.", ["result"])
        for result in ("loaded", "failed"):
            self.loads.labels(result)

    @staticmethod
    def text() -> bytes:
        """Those of all workers, in the format of Prometheus."""
        registry = CollectorRegistry()
        registry.register(_Served(MultiProcessCollector(None, os.environ[_FOLDER])))  # type: ignore[no-untyped-call] # as above
        return generate_latest(registry)


class _Served(Collector):
    """Leaves out versions that no worker has any more: the files of the metrics keep them."""

    def __init__(self, all_of_them: Collector) -> None:
        self._all = all_of_them

    def collect(self) -> Iterator[Metric]:
        """As prometheus-client has it."""
        for metric in self._all.collect():
            if metric.name == _WORKERS:
                metric.samples = [sample for sample in metric.samples if sample.value]
            yield metric
