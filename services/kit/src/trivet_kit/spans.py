"""Spans by OpenTelemetry; the only module that imports it, where the extra `tracing` is installed."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final, ParamSpec, TypeVar

from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from trivet_kit.tracing import TRACEPARENT, Attribute, Kind

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

_KINDS: Final[Mapping[Kind, SpanKind]] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
}
_propagator: Final = TraceContextTextMapPropagator()


class _Span:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def note(self, **attributes: Attribute | None) -> None:
        for name, value in attributes.items():
            if value is not None:
                self._span.set_attribute(name.replace("_", "."), value)

    def fail(self, why: str) -> None:
        self._span.set_status(Status(StatusCode.ERROR, why))


class OpenTelemetry:
    """Sends spans in batches, from a thread of its own, to where the settings of OpenTelemetry say."""

    def __init__(self, service: str) -> None:
        """`service` is the name that spans are under, where OTEL_SERVICE_NAME gives no other."""
        named = os.environ.get("OTEL_SERVICE_NAME") or service
        resource = Resource.create({SERVICE_NAME: named, SERVICE_VERSION: version("trivet-kit")})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("trivet")

    @contextmanager
    def span(self, name: str, kind: Kind, parent: str | object, attributes: Mapping[str, Attribute]) -> Iterator[_Span]:
        """As `tracing.span`."""
        context = parent if isinstance(parent, Context) else None
        if isinstance(parent, str) and parent:
            context = _propagator.extract({TRACEPARENT: parent})
        with self._tracer.start_as_current_span(
            name,
            context=context,
            kind=_KINDS[kind],
            attributes={key.replace("_", "."): value for key, value in attributes.items()},
            record_exception=False,  # its text may have anything in it
            set_status_on_exception=False,
        ) as span:
            made = _Span(span)
            try:
                yield made
            except BaseException as error:
                # Whoever answers a call says itself how it ended: most errors are the caller's own.
                if kind != "server":
                    made.fail(type(error).__name__)
                raise

    def here(self) -> object:
        """As `tracing.here`."""
        return get_current()

    def traceparent(self) -> str:
        """As `Tracer` has it."""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return carrier.get(TRACEPARENT, "")

    def carried(self, function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
        """As `tracing.carried`."""
        context = contextvars.copy_context()

        def run(*args: _Parameters.args, **options: _Parameters.kwargs) -> _Result:
            return context.run(function, *args, **options)

        return run
