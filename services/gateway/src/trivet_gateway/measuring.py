"""What is measured of requests: how many, how they ended, how long they took.

By the form of their path, and never by the path itself, which has names of runs and models in it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trivet_kit.metrics import CALL_SECONDS_BUCKETS
from trivet_kit.status import FAULTS
from trivet_kit.tracing import Span, span, traceparent_for, traceparent_in

_KEY: Final = "trivet_measured"
_NO_ROUTE: Final = "unknown"
"""Of what no route has, and of what was refused before one was looked for."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER_METHOD: Final = "other"
_GONE: Final = "gone"
"""The code where the caller went away before there was an answer."""

_REQUESTS: Final = Counter(
    "trivet_http_requests",
    "Requests that have ended, by the status of HTTP, or of gRPC where a page calls a service.",
    ("method", "route", "code"),
)
_SECONDS: Final = Histogram(
    "trivet_http_request_duration_seconds",
    "From the head of a request to the end of its answer.",
    ("method", "route"),
    buckets=CALL_SECONDS_BUCKETS,
)


@dataclass
class _Seen:
    """What parts of the application learn of a request."""

    route: str = _NO_ROUTE
    status: str = _GONE
    traceparent: str = ""
    """The trace context that goes on to the services; empty where nobody is traced."""
    rpc_code: str = ""
    """What a call of gRPC-web ended with, whose status of HTTP says nothing."""

    def say_to(self, traced: Span) -> None:
        """Says of its span how it ended."""
        traced.note(http_route=self.route, http_response_status=self.status, rpc_grpc_status=self.rpc_code or None)
        if self.status.startswith("5") or self.rpc_code in FAULTS:
            traced.fail(self.rpc_code or self.status)


@dataclass(frozen=True)
class Measured:
    """Counts requests, and takes their time. The outermost."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.monotonic()
        seen = _Seen()

        async def send_seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = str(message["status"])
            await send(message)

        method = scope["method"] if scope["method"] in _METHODS else _OTHER_METHOD
        received = traceparent_in(Headers(scope=scope))
        try:
            with span(f"HTTP {method}", "server", received, http_request_method=method) as traced:
                seen.traceparent = traceparent_for(received)
                try:
                    await self.app({**scope, _KEY: seen}, receive, send_seen)
                finally:
                    seen.say_to(traced)
        finally:
            _REQUESTS.labels(method, seen.route, seen.rpc_code or seen.status).inc()
            _SECONDS.labels(method, seen.route).observe(time.monotonic() - started)


@dataclass(frozen=True)
class Routed:
    """Takes note of the route that the application within it took."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        try:
            await self.app(scope, receive, send)
        finally:
            if scope["type"] == "http":
                # It is a Mount where a part of the API has no such path.
                route = scope.get("route")
                scope[_KEY].route = scope.get("root_path", "") + route.path if isinstance(route, Route) else _NO_ROUTE


def traceparent_of(scope: Scope) -> str:
    """The trace context that goes on to the services that a request needs; empty where there is none."""
    seen: Any = scope[_KEY]
    return str(seen.traceparent)


def note_rpc(scope: Scope, method: str, code: str) -> None:
    """Takes note of a method of a service that a page called, and of what it ended with."""
    seen: Any = scope[_KEY]
    seen.route, seen.rpc_code = method, code
