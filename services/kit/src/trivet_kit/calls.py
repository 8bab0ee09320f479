"""The way of every call: request id, size, parsing, authorisation, deadline, errors to status, access log.

Servicers are plain objects with one method an RPC, named as in the contract:

- `def Method(self, request, call) -> response` runs in the server's thread pool and may block;
- `async def Method(self, request, call) -> response` runs on the event loop and must not block;
- `async def Method(self, request, call)` with `yield` streams responses;
- `async def Method(self, requests, call)` with `yield` streams both; the first request is there when it is called.

A response of a stream may be its bytes instead of a message, where making that would cost more than what is in it.

They raise `CallerError` and know nothing of gRPC.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message

from trivet_kit.auth import ANONYMOUS, Authenticator, Policy, Principal
from trivet_kit.errors import (
    CallerError,
    Code,
    DeadlineExceeded,
    InternalError,
    MessageMalformed,
    MessageTooLarge,
    MethodUnknown,
    PermissionDenied,
    WorkspaceNotFound,
    WorkspacesMixed,
)
from trivet_kit.methods import ContractError, Method, methods_of
from trivet_kit.status import to_status
from trivet_proto.common.v1 import options_pb2

REQUEST_ID_HEADER = "x-request-id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# A call without a deadline of its own ends after this long, so that nothing is held for a client that went away.
DEFAULT_DEADLINE_SECONDS = 60.0

_log = logging.getLogger("trivet.calls")
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True)
class Call:
    """What a servicer may know of a call besides its request."""

    method: str
    """`/package.Service/Method`"""
    request_id: str
    """Of the client's `x-request-id` where it sent one, else made here; stands in the log and in the trailer."""
    principal: Principal = ANONYMOUS
    """The verified caller."""
    workspace: str | None = None
    """The workspace of the names in the request; None for methods that need none."""
    authorization: str = field(default="", repr=False)
    """The caller's `authorization` metadata, to be sent on in calls that this one makes to other services."""


class RunningCalls:
    """Counts the calls that run; a context manager around each. For one event loop."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    def __enter__(self) -> None:
        self._count += 1
        self._none.clear()

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if self._count == 0:
            self._none.set()

    async def wait_for_none(self) -> None:
        """Returns when no call runs."""
        await self._none.wait()


@dataclass(frozen=True)
class Gate:
    """What is asked of every call before a servicer sees it."""

    authenticator: Authenticator
    policy: Policy
    max_message_bytes: int
    running: RunningCalls = field(default_factory=RunningCalls)
    """The calls that have passed it and have not ended."""

    def parse(self, method: Method, data: bytes) -> Message:
        """The request in `data`.

        Raises:
            MessageTooLarge: more bytes than allowed.
            MessageMalformed: not a message of the method's type.
        """
        if len(data) > self.max_message_bytes:
            raise MessageTooLarge(len(data), self.max_message_bytes)
        request = method.request_type()
        try:
            request.ParseFromString(data)
        except DecodeError:
            raise MessageMalformed(request.DESCRIPTOR.full_name) from None
        return request

    def check_later(self, method: Method, request: Message, workspace: str | None) -> None:
        """Checks a message of a stream whose first one was authorised for a workspace.

        Raises:
            FieldRequired, ResourceNameInvalid: what it names is malformed.
            WorkspacesMixed: it names something in another workspace.
        """
        method.check_required(request)
        named = method.workspaces(request)
        if workspace is not None and not named <= {workspace}:
            raise WorkspacesMixed(named | {workspace})

    def authorise(
        self, method: Method, request: Message, metadata: dict[str, str | bytes]
    ) -> tuple[Principal, str | None]:
        """The verified caller and the workspace of the request, where the caller may do what it asks.

        Raises:
            CredentialsInvalid, WorkspaceNotFound, PermissionDenied: not allowed.
            FieldRequired, ResourceNameInvalid, WorkspacesMixed: what it names is malformed.
        """
        principal = ANONYMOUS
        if method.permission != options_pb2.PERMISSION_PUBLIC:
            principal = self.authenticator.authenticate(metadata)
        method.check_required(request)
        workspace = method.workspace(request)
        if workspace is not None and workspace not in self.policy.workspaces(principal):
            raise WorkspaceNotFound(workspace)
        if method.permission in (options_pb2.PERMISSION_PUBLIC, options_pb2.PERMISSION_AUTHENTICATED):
            return principal, workspace
        place = None if method.server_scope else workspace
        if not self.policy.permits(principal, method.permission, place):
            name = options_pb2.Permission.Name(method.permission).removeprefix("PERMISSION_")
            raise PermissionDenied(name, place)
        return principal, workspace


@dataclass
class _Outcome:
    """What the access log says of a call."""

    method: str
    peer: str
    metadata: dict[str, str | bytes]
    request_id: str
    started: float = field(default_factory=time.monotonic)
    principal: Principal = ANONYMOUS
    workspace: str | None = None
    code: str = "OK"
    reason: str | None = None

    def log(self, ended: float) -> None:
        """Writes the line of a call that has ended, at a time of the monotonic clock."""
        _log.info(
            "call",
            extra={
                "method": self.method,
                "code": self.code,
                "reason": self.reason,
                "duration_ms": round((ended - self.started) * 1000, 3),
                "request_id": self.request_id,
                "principal": self.principal.subject,
                "workspace": self.workspace,
                "peer": self.peer,
            },
        )


def service_handler(
    service: ServiceDescriptor, servicers: Sequence[object], gate: Gate, threads: Executor
) -> grpc.GenericRpcHandler:
    """The handler of a service, for `server.add_generic_rpc_handlers`.

    Raises:
        ContractError: a method is in none of the servicers or in several, or the contract cannot be served.
    """
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
    for method in methods_of(service):
        name = method.path.rsplit("/", 1)[1]
        behaviour = _behaviour(method, name, servicers)
        way = _Way(method, gate)
        if method.response_streaming:
            if not inspect.isasyncgenfunction(behaviour):
                raise ContractError(f"{method.path} streams responses and must be an async generator")
            handlers[name] = (
                grpc.stream_stream_rpc_method_handler(way.streaming_both(behaviour))
                if method.request_streaming
                else grpc.unary_stream_rpc_method_handler(way.streaming(behaviour))
            )
        else:
            unary = behaviour if inspect.iscoroutinefunction(behaviour) else _in_threads(behaviour, threads)
            handlers[name] = grpc.unary_unary_rpc_method_handler(way.unary(unary))
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def _behaviour(method: Method, name: str, servicers: Sequence[object]) -> Any:
    found = [servicer for servicer in servicers if hasattr(servicer, name)]
    if not found:
        names = " and ".join(type(servicer).__name__ for servicer in servicers)
        raise ContractError(f"No {method.path}: {names} do not implement it")
    if len(found) > 1:
        raise ContractError(f"{method.path} is in both {type(found[0]).__name__} and {type(found[1]).__name__}")
    return getattr(found[0], name)


def _in_threads(
    behaviour: Callable[[Any, Call], Message], threads: Executor
) -> Callable[[Any, Call], Awaitable[Message]]:
    async def run(request: Any, call: Call) -> Message:
        return await asyncio.get_running_loop().run_in_executor(threads, behaviour, request, call)

    return run


class _Way:
    """The way of the calls of one method; requests and responses cross it as bytes."""

    def __init__(self, method: Method, gate: Gate) -> None:
        self._method = method
        self._gate = gate

    def unary(self, behaviour: Callable[[Any, Call], Awaitable[Message]]) -> Callable[..., Awaitable[bytes]]:
        async def handle(data: bytes, context: Any) -> bytes:
            with self._running_call(context) as outcome:
                remaining = context.time_remaining()
                deadline = asyncio.timeout(DEFAULT_DEADLINE_SECONDS if remaining is None else remaining)
                try:
                    async with deadline:
                        # Not kept here: a behaviour that waits may let go of a large request meanwhile.
                        response = await behaviour(*self._admit(data, outcome))
                        return response.SerializeToString()
                except Exception as error:
                    passed = DeadlineExceeded(self._method.path) if deadline.expired() else error
                    await self._abort(context, passed, outcome)
                    raise

        return handle

    def streaming(
        self, behaviour: Callable[[Any, Call], AsyncGenerator[Message | bytes, None]]
    ) -> Callable[..., Awaitable[None]]:
        async def handle(data: bytes, context: Any) -> None:
            with self._running_call(context) as outcome:
                try:
                    request, call = self._admit(data, outcome)
                    await _write(context, behaviour(request, call))
                except Exception as error:  # noqa: BLE001 - the one place where every exception becomes a status
                    await self._abort(context, error, outcome)

        return handle

    def streaming_both(
        self, behaviour: Callable[[AsyncIterator[Any], Call], AsyncGenerator[Message, None]]
    ) -> Callable[..., Awaitable[None]]:
        async def handle(stream: AsyncIterator[bytes], context: Any) -> None:
            with self._running_call(context) as outcome:
                try:
                    # No message at all is taken for an empty one, so that nobody is let in who has named nothing.
                    first, call = self._admit(await anext(aiter(stream), b""), outcome)
                    requests = self._requests(first, stream, call)
                    await _write(context, behaviour(requests, call))
                except Exception as error:  # noqa: BLE001 - the one place where every exception becomes a status
                    await self._abort(context, error, outcome)

        return handle

    async def _requests(self, first: Message, stream: AsyncIterator[bytes], call: Call) -> AsyncIterator[Message]:
        """The messages of a stream, each checked."""
        yield first
        async for data in stream:
            request = self._gate.parse(self._method, data)
            self._gate.check_later(self._method, request, call.workspace)
            yield request

    @contextmanager
    def _running_call(self, context: Any) -> Iterator[_Outcome]:
        """Counts a call as running, and logs it when it has ended."""
        outcome = self._begin(context)
        try:
            with self._gate.running:
                yield outcome
        except (asyncio.CancelledError, GeneratorExit):
            outcome.code = "CANCELLED"
            raise
        finally:
            # After the answer, which is sent before the event loop comes to it: nobody waits for a line of the log.
            asyncio.get_running_loop().call_soon(outcome.log, time.monotonic())

    def _begin(self, context: Any) -> _Outcome:
        metadata = dict(context.invocation_metadata() or ())
        request_id = _request_id(metadata)
        context.set_trailing_metadata(((REQUEST_ID_HEADER, request_id),))
        return _Outcome(self._method.path, context.peer(), metadata, request_id)

    def _admit(self, data: bytes, outcome: _Outcome) -> tuple[Message, Call]:
        request = self._gate.parse(self._method, data)
        outcome.principal, outcome.workspace = self._gate.authorise(self._method, request, outcome.metadata)
        return request, Call(
            method=self._method.path,
            request_id=outcome.request_id,
            principal=outcome.principal,
            workspace=outcome.workspace,
            authorization=str(outcome.metadata.get("authorization", "")),
        )

    async def _abort(self, context: Any, error: Exception, outcome: _Outcome) -> None:
        shown = error if isinstance(error, CallerError) else InternalError(outcome.request_id)
        if shown.code == Code.INTERNAL:
            _log.error(
                "call failed", exc_info=error, extra={"method": outcome.method, "request_id": outcome.request_id}
            )
        elif shown.code == Code.UNAVAILABLE and error.__cause__ is not None:
            _log.warning("call refused: %s", error.__cause__, extra={"request_id": outcome.request_id})
        outcome.code, outcome.reason = shown.code.name, shown.reason
        await abort(context, shown, outcome.request_id)


async def _write(context: Any, responses: AsyncGenerator[Message | bytes, None]) -> None:
    """Sends the responses of a call, and ends their generator with it, however it ends.

    gRPC would take a generator itself; but where a call is cancelled while a response is being sent, it leaves that for
    the garbage collector, and what the generator holds stays held for as long as that takes.
    """
    async with aclosing(responses):
        async for response in responses:
            data = response if isinstance(response, bytes) else response.SerializeToString()
            try:
                await context.write(data)
            except grpc.aio.InternalError:
                # The connection broke before gRPC could tell that the call is cancelled.
                raise asyncio.CancelledError from None


def _request_id(metadata: Mapping[str, str | bytes]) -> str:
    """The caller's request id where it sent a good one, else a new one."""
    given = metadata.get(REQUEST_ID_HEADER, "")
    return given if isinstance(given, str) and _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


async def abort(context: Any, error: CallerError, request_id: str) -> None:
    """Ends a call with the status of an error, its details in the trailer as gRPC's richer error model has them."""
    status = to_status(error)
    trailer = ((REQUEST_ID_HEADER, request_id), ("grpc-status-details-bin", status.SerializeToString()))
    await context.abort(_STATUS_CODES[status.code], status.message, trailing_metadata=trailer)


class UnknownMethods(grpc.GenericRpcHandler):
    """Answers calls of methods that no handler before it has with the same kind of error as everything else.

    An interceptor could do that too, at the price of a coroutine for each call of all methods.
    """

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler[Any, Any]:
        """The handler that refuses."""

        async def refuse(_requests: Any, context: Any) -> None:
            request_id = _request_id(dict(context.invocation_metadata() or ()))
            await abort(context, MethodUnknown(handler_call_details.method), request_id)

        return grpc.stream_stream_rpc_method_handler(refuse)
