"""Receives spans as a collector of OpenTelemetry does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


@dataclass(frozen=True)
class ReceivedSpan:
    """A span, and who sent it."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    """Empty for one that is in no other."""
    attributes: dict[str, str]
    failed: bool


@dataclass
class Receiver:
    """The spans that came. Safe for threads."""

    settings: dict[str, str] = field(default_factory=dict)
    """By which programs send theirs here, soon."""
    _spans: list[ReceivedSpan] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def spans(self, trace_id: str) -> list[ReceivedSpan]:
        """Of a trace, in the order in which they came."""
        with self._lock:
            return [span for span in self._spans if span.trace_id == trace_id]

    def export(self, request: ExportTraceServiceRequest, _: Any) -> ExportTraceServiceResponse:
        """As the contract has it."""
        came = [
            ReceivedSpan(
                _attributes(of_resource.resource.attributes).get("service.name", ""),
                span.name,
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                _attributes(span.attributes),
                span.status.code == span.status.STATUS_CODE_ERROR,
            )
            for of_resource in request.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        ]
        with self._lock:
            self._spans += came
        return ExportTraceServiceResponse()


@contextmanager
def receiving_spans() -> Iterator[Receiver]:
    """A collector, until the end of the block."""
    receiver = Receiver()
    export = grpc.unary_unary_rpc_method_handler(
        receiver.export, ExportTraceServiceRequest.FromString, ExportTraceServiceResponse.SerializeToString
    )
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Export": export}),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        receiver.settings |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",  # milliseconds between batches
        }
        try:
            yield receiver
        finally:
            server.stop(None).wait()


def _attributes(pairs: Any) -> dict[str, str]:
    return {pair.key: _text(pair) for pair in pairs}


def _text(pair: KeyValue) -> str:
    return str(getattr(pair.value, pair.value.WhichOneof("value") or "string_value"))
