"""A proxy of gRPC that passes calls on as they are, and keeps how each came, went and ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Queue
from threading import Event
from typing import Any

import grpc

# gRPC says itself who calls.
_OWN = "user-agent"
# What a client asks again and again to learn whether a server is up, whatever else it does.
_WATCH = "/grpc.health.v1.Health/Watch"
# A call without a deadline has one in some other century.
_NO_DEADLINE_SECONDS = 10 * 365 * 24 * 3600


@dataclass(frozen=True)
class CallRecorder:
    """What passed."""

    address: str
    deadlines: list[tuple[str, float | None]] = field(default_factory=list)
    """The method of each call, and the seconds that it had left when it came; None: no deadline."""
    metadata: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """The method of each call, and what came with it; without those that watch whether the server is up."""
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    """The method of each call, and what was asked: of a call with several messages, each of them."""
    passed: Counter[str] = field(default_factory=Counter)
    """How many bytes of answers each method has passed on."""
    ended: Queue[tuple[str, bool]] = field(default_factory=Queue)
    """The method of each call that has ended, and whether all of its answers had passed by then."""


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, channel: grpc.Channel, recorder: CallRecorder) -> None:
        self._channel = channel
        self._recorder = recorder

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler[Any, Any]:
        method = handler_call_details.method

        def forward(requests: Any, context: Any) -> Iterator[bytes]:
            remaining: float | None = context.time_remaining()
            left = None if remaining is None or remaining > _NO_DEADLINE_SECONDS else remaining
            self._recorder.deadlines.append((method, left))
            if method != _WATCH:
                self._recorder.metadata.append((method, dict(context.invocation_metadata())))
            whole = Event()

            def asked() -> Iterator[Any]:
                for request in requests:
                    self._recorder.requests.append((method, request))
                    yield request

            call: Any = self._channel.stream_stream(method)(
                asked(),
                timeout=left,
                metadata=tuple(pair for pair in context.invocation_metadata() if pair[0] != _OWN),
            )

            def end() -> None:
                call.cancel()
                self._recorder.ended.put((method, whole.is_set()))

            context.add_callback(end)
            try:
                for answer in call:
                    yield answer
                    self._recorder.passed[method] += len(answer)
                context.set_trailing_metadata(call.trailing_metadata() or ())
                whole.set()
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
        recorder = CallRecorder(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        server.add_generic_rpc_handlers((_Handler(channel, recorder),))
        server.start()
        try:
            yield recorder
        finally:
            server.stop(None).wait()
            pool.shutdown()
