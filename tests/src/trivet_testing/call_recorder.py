"""A proxy of gRPC that passes calls on as they are, and keeps what deadline each had."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

# gRPC says itself who calls.
_OWN = "user-agent"
# A call without a deadline has one in some other century.
_NO_DEADLINE_SECONDS = 10 * 365 * 24 * 3600


@dataclass(frozen=True)
class CallRecorder:
    """What passed."""

    address: str
    deadlines: list[tuple[str, float | None]] = field(default_factory=list)
    """The method of each call, and the seconds that it had left when it came; None: no deadline."""


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, channel: grpc.Channel, deadlines: list[tuple[str, float | None]]) -> None:
        self._channel = channel
        self._deadlines = deadlines

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler[Any, Any]:
        method = handler_call_details.method

        def forward(requests: Any, context: Any) -> Iterator[bytes]:
            remaining: float | None = context.time_remaining()
            left = None if remaining is None or remaining > _NO_DEADLINE_SECONDS else remaining
            self._deadlines.append((method, left))
            call: Any = self._channel.stream_stream(method)(
                requests,
                timeout=left,
                metadata=tuple(pair for pair in context.invocation_metadata() if pair[0] != _OWN),
            )
            context.add_callback(call.cancel)
            try:
                yield from call
            except grpc.RpcError as error:
                context.set_trailing_metadata(error.trailing_metadata() or ())
                context.abort(error.code(), error.details())

        return grpc.stream_stream_rpc_method_handler(forward)


@contextmanager
def recorded_calls(address: str) -> Iterator[CallRecorder]:
    """Stands before a server at `host:port`."""
    pool = ThreadPoolExecutor(32)
    server = grpc.server(pool)
    with grpc.insecure_channel(address) as channel:
        deadlines: list[tuple[str, float | None]] = []
        server.add_generic_rpc_handlers((_Handler(channel, deadlines),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield CallRecorder(f"127.0.0.1:{port}", deadlines)
        finally:
            server.stop(None).wait()
            pool.shutdown()
