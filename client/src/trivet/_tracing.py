"""Joins calls to the trace that the program is in, and makes spans of them where a platform collects them.

A program that OpenTelemetry traces is in a span of its own, and one that something traced has started is in that of
TRACEPARENT. Calls have spans themselves where OTEL_EXPORTER_OTLP_ENDPOINT is set and the extra `trivet[tracing]` is
installed. OpenTelemetry is imported then alone.
"""

from __future__ import annotations

import functools
import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

TRACEPARENT: Final = "traceparent"
"""The metadata of calls (https://www.w3.org/TR/trace-context/)."""
_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_OF_PROCESS: Final = "TRACEPARENT"
_API: Final = "opentelemetry.trace"
_FORM: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

_making = threading.Lock()


def spanned(method: Any) -> AbstractContextManager[None]:
    """A span around a call, where spans are made; `method` is one of a stub of gRPC."""
    tracer = _tracer()
    return nullcontext() if tracer is None else _span(tracer, method)


def traceparent() -> str:
    """What calls go on with: the span that the program is in, else that of who started it, else nothing."""
    if _API in sys.modules:
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - it is imported already
            TraceContextTextMapPropagator,
        )

        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)
        if TRACEPARENT in carrier:
            return carrier[TRACEPARENT]
    given = os.environ.get(_OF_PROCESS, "")
    # gRPC refuses calls with what it cannot send, and tracing is no reason for that.
    return given if _FORM.fullmatch(given) else ""


def _tracer() -> Tracer | None:
    with _making:  # several threads may come first
        return _made()


@functools.cache
def _made() -> Tracer | None:
    if not os.environ.get(_ENDPOINT):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415 - as the other
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as the other
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as the other
    except ImportError:
        warnings.warn(
            f"{_ENDPOINT} is set, and calls have no spans without: pip install 'trivet[tracing]'", stacklevel=2
        )
        return None
    named = os.environ.get("OTEL_SERVICE_NAME") or "trivet-client"
    # Not the program's: what that traces by itself goes where it says.
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: named}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer("trivet", version("trivet"))


@contextmanager
def _span(tracer: Tracer, method: Any) -> Iterator[None]:
    from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415 - an extra
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - as above

    name = method._method.decode().removeprefix("/")  # noqa: SLF001 - stubs say it in no other way
    outer = TraceContextTextMapPropagator().extract({TRACEPARENT: traceparent()})
    with tracer.start_as_current_span(
        name, context=outer, kind=SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
    ) as span:
        span.set_attribute("rpc.system", "grpc")
        try:
            yield
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
