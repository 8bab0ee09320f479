"""Calls of browsers, by gRPC-web, to the services: passed on as bytes, without knowing their messages.

Every server says about itself what SystemService has. A call of it goes to the server that the header `trivet-server`
names: `tracking`, which is also the one where nothing is said, `artifacts`, `registry`, or `gateway`, which answers
GetServerInfo alone, by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from trivet_gateway import grpc_web
from trivet_gateway.callers import metadata_of
from trivet_gateway.errors import DETAILS, MlflowError, from_rpc
from trivet_gateway.grpc_web import FrameError
from trivet_gateway.measuring import note_rpc
from trivet_gateway.requests import body_of
from trivet_gateway.upstream import SERVER_INFO, SERVICES, Upstream
from trivet_proto.common.v1 import options_pb2

SERVER_HEADER: Final = "trivet-server"
"""Names the server that is asked about itself."""
_BEGINNING: Final = "/trivet."
_MAX_MESSAGE_BYTES: Final = 8 << 20
"""Of a request; the services take less."""
_UNARY_TIMEOUT_SECONDS: Final = 60.0
"""Of a call that says nothing of it. A stream may go on: a watch ends with its page."""
_LAST_SECONDS: Final = 2.0
"""What streams have when the server ends: most are done by then, and a watch never is."""


@dataclass(frozen=True)
class _Method:
    service: str
    streams_requests: bool
    streams_answers: bool


def _methods_of(service: ServiceDescriptor) -> Mapping[str, _Method]:
    """The methods of a service that pages may call, by their path: not those for whoever operates a server."""
    return {
        f"/{service.full_name}/{method.name}": _Method(
            service.full_name, method.client_streaming, method.server_streaming
        )
        for method in service.methods
        if not method.GetOptions().Extensions[options_pb2.server_scope]
    }


METHODS: Final[Mapping[str, _Method]] = {
    path: method for service in SERVICES for path, method in _methods_of(service).items()
}
"""All that is passed on."""


@dataclass(frozen=True)
class Bridge:
    """Answers calls of gRPC-web; whatever else goes on to the application behind it."""

    app: ASGIApp
    upstream: Callable[[], Upstream]
    ending: asyncio.Event
    """Set when the server begins to end."""
    own_info: Callable[[], bytes]
    """What the gateway says about itself: a `ServerInfo`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(_BEGINNING):
            await self.app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        try:
            kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
            if kind not in grpc_web.CONTENT_TYPES:
                await answer.refuse_kind()
                return
            await self._answer(Request(scope, receive), answer)
        except FrameError as error:
            await answer.end(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except ClientDisconnect:
            return

    async def _answer(self, request: Request, answer: _Answer) -> None:
        # So it is, where the browser leaves before there is another end.
        answer.note(grpc.StatusCode.CANCELLED)
        path = request.scope["path"]
        method = METHODS.get(path)
        if method is None or method.streams_requests:
            why = "takes a stream, which browsers cannot send" if method else "is not there"
            await answer.end(grpc.StatusCode.UNIMPLEMENTED, f"{path[:200]} {why}.")
            return
        timeout = grpc_web.seconds_of(request.headers.get("grpc-timeout", ""))
        try:
            metadata = metadata_of(request.scope)
        except MlflowError as error:
            await answer.end(grpc.StatusCode.UNAUTHENTICATED, error.message)
            return
        try:
            body = await body_of(request, _MAX_MESSAGE_BYTES + grpc_web.PREFIX_BYTES)
        except MlflowError as error:
            await answer.end(grpc.StatusCode.RESOURCE_EXHAUSTED, error.message)
            return
        message = grpc_web.message_in(body)
        server = request.headers.get(SERVER_HEADER, "tracking")
        if server == "gateway" and path == SERVER_INFO:
            await answer.send(grpc_web.framed(self.own_info()))
            await answer.end(grpc.StatusCode.OK, "")
            return
        channel = self.upstream().channel_of(method.service, server)
        if channel is None:
            await answer.end(
                grpc.StatusCode.INVALID_ARGUMENT, f"{SERVER_HEADER} {server[:200]!a} says nothing of that."
            )
            return
        if timeout is None and not method.streams_answers:
            timeout = _UNARY_TIMEOUT_SECONDS
        start: Any = channel.unary_stream(path)
        call = start(message, timeout=timeout, metadata=metadata)
        try:
            async with _cancelled_with(request, call, self.ending):
                await _pass_on(call, answer)
        except _EndingError:
            await answer.end(grpc.StatusCode.UNAVAILABLE, "This server ends. Call again.")


async def _pass_on(call: Any, answer: _Answer) -> None:
    """Passes on one message after the other: the next one is read when the one before is on its way."""
    try:
        async for message in call:
            await answer.send(grpc_web.framed(message))
    except grpc.RpcError as error:
        await answer.end(error.code(), from_rpc(error).message, error.trailing_metadata() or ())
    else:
        await answer.end(grpc.StatusCode.OK, "", await call.trailing_metadata() or ())


class _Answer:
    """The answer to a call, of which nothing is sent before it is known."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._begun = False

    async def send(self, frame: bytes) -> None:
        """Sends a message. Waits where the browser does not read."""
        await self._begin()
        await self._send({"type": "http.response.body", "body": frame, "more_body": True})

    async def end(self, code: grpc.StatusCode, message: str, trailer: Any = ()) -> None:
        """Ends, with the details of a service's trailer."""
        self.note(code)
        further = [(name, value) for name, value in trailer if name == DETAILS]
        await self._begin()
        frame = grpc_web.trailers(code.value[0], message, further)
        await self._send({"type": "http.response.body", "body": frame})

    def note(self, code: grpc.StatusCode) -> None:
        """Says to who measures what the call ends with, as far as is known."""
        if self._scope["path"] in METHODS:
            note_rpc(self._scope, self._scope["path"], code.name)

    async def refuse_kind(self) -> None:
        """Says which form of a request is taken."""
        headers = [(b"accept-post", b"application/grpc-web+proto")]
        await self._send({"type": "http.response.start", "status": 415, "headers": headers})
        await self._send({"type": "http.response.body", "body": b""})

    async def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        headers = [
            (b"content-type", b"application/grpc-web+proto"),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})


class _EndingError(Exception):
    """The server ends, and a stream with it."""


@asynccontextmanager
async def _cancelled_with(request: Request, call: Any, ending: asyncio.Event) -> AsyncIterator[None]:
    """Cancels a call where the browser goes, where the server ends, and where the block does.

    Raises:
        _EndingError: the call was not done when the server ended.
    """

    async def browser_gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    async def server_gone() -> None:
        await ending.wait()
        await asyncio.sleep(_LAST_SECONDS)

    gone, ended = (asyncio.ensure_future(each()) for each in (browser_gone, server_gone))
    for each in (gone, ended):
        each.add_done_callback(lambda _: call.cancel())
    try:
        yield
    except asyncio.CancelledError:
        # A call that was cancelled looks to its reader like the reader's own end.
        if not gone.done() and ended.done():
            raise _EndingError from None
        if not gone.done():
            raise
    finally:
        gone.cancel()
        ended.cancel()
        call.cancel()
