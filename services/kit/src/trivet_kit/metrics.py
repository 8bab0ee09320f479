"""What a server measures, for Prometheus, and the port that it says it at.

Metrics belong to the process, as its logs do, and stand as constants where something is measured; what can only be
looked up is a collector of the component that knows it. No name of a run, file or caller is a label: what has no bound
would fill the memory of whoever reads it, and nobody is asked for credentials here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, disable_created_metrics, start_http_server
from prometheus_client.registry import Collector

from trivet_kit.settings import Address, StartupError

# They would be half of all series, and nobody asks when a counter began.
disable_created_metrics()  # type: ignore[no-untyped-call] # of prometheus-client

CALL_SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""From what the quickest call takes, to the time after which calls without a deadline of their own are ended."""

UNKNOWN_METHOD: Final = "unknown"
"""Stands for all methods that are not there, whose names are the callers'."""

_CALLS: Final = Counter("trivet_calls", "Calls that have ended, by the code of their status.", ("method", "code"))
_CALL_SECONDS: Final = Histogram(
    "trivet_call_duration_seconds",
    "From the arrival of a call to its end; of a stream, to the end of that.",
    ("method",),
    buckets=CALL_SECONDS_BUCKETS,
)
_CALLS_IN_FLIGHT: Final = Gauge("trivet_calls_in_flight", "Calls that have not ended.")

_log = logging.getLogger("trivet.metrics")


class MethodMetrics:
    """Counts the calls of one method."""

    def __init__(self, method: str) -> None:
        """`method` is `/package.Service/Method`."""
        self._method = method
        # Zero from the start: Prometheus cannot tell the first one of a series from many.
        self._by_code = {"OK": _CALLS.labels(method, "OK")}
        self._seconds: Histogram | None = None
        """Of most methods nobody calls most, and each has as many series as there are buckets."""

    def ended(self, code: str, seconds: float) -> None:
        """Counts a call that has ended with a code of gRPC."""
        if code not in self._by_code:
            self._by_code[code] = _CALLS.labels(self._method, code)
        self._by_code[code].inc()
        if self._seconds is None:
            self._seconds = _CALL_SECONDS.labels(self._method)
        self._seconds.observe(seconds)


def count_in_flight(count: Callable[[], int]) -> None:
    """Says how many calls of this process run: asked whenever somebody reads the metrics, in a thread of its own."""
    _CALLS_IN_FLIGHT.set_function(count)


@contextmanager
def collected(collectors: Iterable[Collector]) -> Iterator[None]:
    """Has collectors asked, until the end of the block, whenever somebody reads the metrics."""
    with ExitStack() as stack:
        for each in collectors:
            REGISTRY.register(each)
            stack.callback(REGISTRY.unregister, each)
        yield


@contextmanager
def serving_metrics(address: Address | None) -> Iterator[None]:
    """Answers `GET /metrics` by HTTP at an address until the end of the block; None: nowhere.

    Raises:
        StartupError: the address cannot be listened on.
    """
    if address is None:
        yield
        return
    try:
        server, thread = start_http_server(address.port, address.host)
    except OSError as error:
        why = error.strerror or str(error)
        raise StartupError(f"Cannot listen on {address} (TRIVET_METRICS_LISTEN): {why.lower()}.") from None
    listened = Address(address.host, server.server_port)
    _log.info("metrics are at http://%s/metrics", listened)
    if not address.is_local:
        _log.warning("whoever reaches %s may read the metrics, with the names of workspaces", listened)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
