"""The way of every call: request id, size, parsing, authorisation, deadline, errors to status, access log.

Servicers are plain objects with one method an RPC, named as in the contract:

- `def Method(self, request, call) -> response` runs in the server's thread pool and may block;
- `async def Method(self, request, call) -> response` runs on the event loop and must not block;
- `async def Method(self, request, call)` with `yield` streams responses;
- `async def Method(self, requests, call)` with `yield` streams both; the first request is there when it is called.

A response may be its bytes instead of a message, where making that would cost more than what is in it; but not of a
method that changes something: names are taken from it.

They raise `CallerError` and know nothing of gRPC.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message

from trivet_kit.audit.facts import MAX_NAMES, facts_of, was_denied
from trivet_kit.audit.trail import Trail
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
    QuotaExceeded,
    WorkspaceNotFound,
    WorkspacesMixed,
)
from trivet_kit.held_refusals import HeldRefusals
from trivet_kit.identity import certificates
from trivet_kit.methods import ContractError, Method, methods_of
from trivet_kit.metrics import UNKNOWN_METHOD, MethodMetrics
from trivet_kit.rates import Rates
from trivet_kit.standing import Standing
from trivet_kit.status import FAULTS, to_status
from trivet_kit.tracing import Span, span, trace_id_in, traceparent_for, traceparent_in
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
    traceparent: str = ""
    """The trace context that goes on in such calls; empty where the caller is not traced."""


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

    def count(self) -> int:
        """How many run now. For any thread."""
        return self._count

    async def wait_for_none(self) -> None:
        """Returns when no call runs."""
        await self._none.wait()


@dataclass(frozen=True)
class Gate:
    """What is asked of every call before a servicer sees it."""

    authenticator: Authenticator
    policy: Policy
    max_message_bytes: int
    requests: Rates = field(default_factory=lambda: Rates("requests_per_second", lambda _: None))
    """How many calls of a workspace pass it."""
    refusals: HeldRefusals = field(default_factory=HeldRefusals)
    """Those that are answered late."""
    running: RunningCalls = field(default_factory=RunningCalls)
    """The calls that have passed it and have not ended."""
    with_certificates: bool = False
    """Whether the authenticator is told, beside the metadata, whose certificate the client presented."""

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

    async def caller(self, method: Method, metadata: dict[str, str | bytes]) -> Principal:
        """The verified caller of a method; ANONYMOUS of one that is open to all, whatever is presented.

        Raises:
            CredentialsInvalid: no credentials where they are required, or some that do not verify.
        """
        if method.permission == options_pb2.PERMISSION_PUBLIC:
            return ANONYMOUS
        return await self.verified(metadata)

    async def verified(self, metadata: dict[str, str | bytes]) -> Principal:
        """The verified caller. Raises CredentialsInvalid."""
        known = self.authenticator.known(metadata)
        return await self.authenticator.verify(metadata) if known is None else known

    def presented(self, context: Any) -> dict[str, str | bytes]:
        """What a caller presents: the metadata of a call, with the name of its certificate where that counts."""
        metadata = _metadata(context.invocation_metadata() or ())
        if self.with_certificates:
            metadata[certificates.NAME_KEY] = certificates.name_in(context.auth_context())
        return metadata

    def authorise(self, method: Method, request: Message, principal: Principal) -> str | None:
        """The workspace of the request, where the caller may do there what it asks.

        Raises:
            WorkspaceNotFound, PermissionDenied: not allowed.
            FieldRequired, ResourceNameInvalid, WorkspacesMixed: what it names is malformed.
        """
        method.check_required(request)
        workspace = method.workspace(request)
        self._check_permitted(method, principal, workspace)
        return workspace

    def standing(self, method: Method, workspace: str | None, metadata: dict[str, str | bytes]) -> Standing:
        """Whether the caller of a stream that is let in now may still, later."""
        if method.permission == options_pb2.PERMISSION_PUBLIC or not self.authenticator.required:
            return Standing(None)
        since = time.time()

        async def ask() -> None:
            principal = await self.authenticator.verify_again(metadata, since)
            self._check_permitted(method, principal, workspace)

        return Standing(ask)

    def _check_permitted(self, method: Method, principal: Principal, workspace: str | None) -> None:
        if workspace is not None and workspace not in self.policy.workspaces(principal):
            raise WorkspaceNotFound(workspace)
        if method.permission in (options_pb2.PERMISSION_PUBLIC, options_pb2.PERMISSION_AUTHENTICATED):
            return
        place = None if method.server_scope else workspace
        if not self.policy.permits(principal, method.permission, place):
            name = options_pb2.Permission.Name(method.permission).removeprefix("PERMISSION_")
            raise PermissionDenied(name, place)


@dataclass
class _Outcome:
    """What the access log, metrics and audit say of a call."""

    method: Method
    metrics: MethodMetrics
    trail: Trail
    peer: str
    metadata: dict[str, str | bytes]
    request_id: str
    traceparent: str = ""
    """Of the caller; then the one that goes on to those who are called for the call."""
    started: float = field(default_factory=time.monotonic)
    principal: Principal = ANONYMOUS
    workspace: str | None = None
    message_bytes: int = 0
    """Of the first message."""
    code: str = "OK"
    reason: str | None = None
    resources: dict[str, None] = field(default_factory=dict)
    """The names in its requests and of what it created, in order."""

    def add_names(self, names: Iterable[str]) -> None:
        """Takes note of what a message names."""
        for name in names:
            if len(self.resources) < MAX_NAMES:
                self.resources[name] = None

    def note(self, ended: float) -> None:
        """Writes what is kept of a call that has ended, at a time of the monotonic clock."""
        self._log(ended)
        self.metrics.ended(self.code, ended - self.started)
        if self.method.changes or was_denied(self.code, self.reason):
            facts = facts_of(
                method=self.method.path,
                principal=self.principal,
                workspace=self.workspace,
                resources=self.resources,
                code=self.code,
                reason=self.reason,
                peer=self.peer,
                metadata=self.metadata,
            )
            self.trail.note(facts, self.request_id, frequent=self.method.frequent)

    def say_to(self, traced: Span) -> None:
        """Says of its span how it ended."""
        traced.note(
            rpc_grpc_status=self.code,
            trivet_reason=self.reason,
            trivet_request_id=self.request_id,
            trivet_workspace=self.workspace,
        )
        if self.code in FAULTS:
            traced.fail(self.code)

    def _log(self, ended: float) -> None:
        _log.info(
            "call",
            extra={
                "method": self.method.path,
                "code": self.code,
                "reason": self.reason,
                "duration_ms": round((ended - self.started) * 1000, 3),
                "request_id": self.request_id,
                "trace_id": trace_id_in(self.traceparent),
                "principal": self.principal.subject,
                "workspace": self.workspace,
                "peer": self.peer,
            },
        )


def service_handler(
    service: ServiceDescriptor, servicers: Sequence[object], gate: Gate, threads: Executor, trail: Trail
) -> grpc.GenericRpcHandler:
    """The handler of a service, for `server.add_generic_rpc_handlers`.

    Raises:
        ContractError: a method is in none of the servicers or in several, or the contract cannot be served.
    """
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
    for method in methods_of(service):
        name = method.path.rsplit("/", 1)[1]
        behaviour = _behaviour(method, name, servicers)
        way = _Way(method, gate, trail)
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
    behaviour: Callable[[Any, Call], Message | bytes], threads: Executor
) -> Callable[[Any, Call], Awaitable[Message | bytes]]:
    async def run(request: Any, call: Call) -> Message | bytes:
        return await asyncio.get_running_loop().run_in_executor(threads, behaviour, request, call)

    return run


class _Way:
    """The way of the calls of one method; requests and responses cross it as bytes."""

    def __init__(self, method: Method, gate: Gate, trail: Trail) -> None:
        self._method = method
        self._metrics = MethodMetrics(method.path)
        self._gate = gate
        self._trail = trail

    def unary(self, behaviour: Callable[[Any, Call], Awaitable[Message | bytes]]) -> Callable[..., Awaitable[bytes]]:
        async def handle(data: bytes, context: Any) -> bytes:
            with self._running_call(context) as outcome:
                remaining = context.time_remaining()
                deadline = asyncio.timeout(DEFAULT_DEADLINE_SECONDS if remaining is None else remaining)
                try:
                    async with deadline:
                        # Not kept here: a behaviour that waits may let go of a large request meanwhile.
                        response = await behaviour(*await self._admit(data, outcome))
                        if isinstance(response, bytes):
                            return response
                        if self._method.changes:
                            outcome.add_names(self._method.names_made(response))
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
                    request, call = await self._admit(data, outcome)
                    async with self._standing(outcome) as standing:
                        await _write(context, behaviour(request, call), standing)
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
                    first, call = await self._admit(await anext(aiter(stream), b""), outcome)
                    async with self._standing(outcome) as standing:
                        requests = self._requests(first, stream, call, outcome, standing)
                        await _write(context, behaviour(requests, call), standing)
                except Exception as error:  # noqa: BLE001 - the one place where every exception becomes a status
                    await self._abort(context, error, outcome)

        return handle

    async def _requests(
        self, first: Message, stream: AsyncIterator[bytes], call: Call, outcome: _Outcome, standing: Standing
    ) -> AsyncIterator[Message]:
        """The messages of a stream, each checked."""
        yield first
        async for data in stream:
            await standing.check()
            request = self._gate.parse(self._method, data)
            self._gate.check_later(self._method, request, call.workspace)
            outcome.add_names(self._method.names(request))
            yield request

    def _standing(self, outcome: _Outcome) -> Standing:
        return self._gate.standing(self._method, outcome.workspace, outcome.metadata)

    @contextmanager
    def _running_call(self, context: Any) -> Iterator[_Outcome]:
        """Counts a call as running, and notes it when it has ended."""
        outcome = self._begin(context)
        with span(self._method.path.removeprefix("/"), "server", outcome.traceparent, rpc_system="grpc") as traced:
            outcome.traceparent = traceparent_for(outcome.traceparent)
            try:
                with self._gate.running:
                    yield outcome
            except (asyncio.CancelledError, GeneratorExit):
                outcome.code = "CANCELLED"
                raise
            finally:
                outcome.say_to(traced)
                # After the answer, which is sent before the event loop comes to it: nobody waits for a line of the log.
                asyncio.get_running_loop().call_soon(outcome.note, time.monotonic())

    def _begin(self, context: Any) -> _Outcome:
        metadata = self._gate.presented(context)
        request_id = request_id_of(metadata)
        context.set_trailing_metadata(((REQUEST_ID_HEADER, request_id),))
        return _Outcome(
            self._method, self._metrics, self._trail, context.peer(), metadata, request_id, traceparent_in(metadata)
        )

    async def _admit(self, data: bytes, outcome: _Outcome) -> tuple[Message, Call]:
        outcome.message_bytes = len(data)
        # First of all, so that who is nobody costs no more than that.
        outcome.principal = await self._gate.caller(self._method, outcome.metadata)
        request = self._gate.parse(self._method, data)
        outcome.add_names(self._method.names(request))
        outcome.workspace = self._gate.authorise(self._method, request, outcome.principal)
        if outcome.workspace is not None:
            self._gate.requests.take(outcome.workspace)
        return request, Call(
            method=self._method.path,
            request_id=outcome.request_id,
            principal=outcome.principal,
            workspace=outcome.workspace,
            authorization=str(outcome.metadata.get("authorization", "")),
            traceparent=outcome.traceparent,
        )

    async def _abort(self, context: Any, error: Exception, outcome: _Outcome) -> None:
        if isinstance(error, QuotaExceeded):
            error = await self._gate.refusals.hold(error, outcome.message_bytes, context.time_remaining())
        shown = error if isinstance(error, CallerError) else InternalError(outcome.request_id)
        if shown.code == Code.INTERNAL:
            _log.error(
                "call failed", exc_info=error, extra={"method": outcome.method.path, "request_id": outcome.request_id}
            )
        elif shown.code in (Code.UNAVAILABLE, Code.UNAUTHENTICATED) and error.__cause__ is not None:
            _log.warning("call refused: %s", error.__cause__, extra={"request_id": outcome.request_id})
        outcome.code, outcome.reason = shown.code.name, shown.reason
        if was_denied(outcome.code, outcome.reason):
            # The one that the caller named, and did not get into.
            outcome.workspace = outcome.workspace or shown.metadata.get("workspace")
        await abort(context, shown, outcome.request_id)


async def _write(context: Any, responses: AsyncGenerator[Message | bytes, None], standing: Standing) -> None:
    """Sends the responses of a call, and ends their generator with it, however it ends.

    gRPC would take a generator itself; but where a call is cancelled while a response is being sent, it leaves that for
    the garbage collector, and what the generator holds stays held for as long as that takes.
    """
    async with aclosing(responses):
        async for response in responses:
            data = response if isinstance(response, bytes) else response.SerializeToString()
            await standing.check()
            try:
                await context.write(data)
            except grpc.aio.InternalError:
                # The connection broke before gRPC could tell that the call is cancelled.
                raise asyncio.CancelledError from None


def _metadata(pairs: Sequence[tuple[str, str | bytes]]) -> dict[str, str | bytes]:
    """Metadata by key; a key that was sent several times has its values with commas between (RFC 9110, section 5.3)."""
    metadata = dict(pairs)
    if len(metadata) != len(pairs):
        for key in metadata:
            values = [value for name, value in pairs if name == key]
            if len(values) > 1:
                metadata[key] = ",".join(map(str, values))
    return metadata


def request_id_of(metadata: Mapping[str, str | bytes]) -> str:
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

    def __init__(self) -> None:
        self._metrics = MethodMetrics(UNKNOWN_METHOD)

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler[Any, Any]:
        """The handler that refuses."""

        async def refuse(_requests: Any, context: Any) -> None:
            self._metrics.ended(Code.UNIMPLEMENTED.name, 0)
            request_id = request_id_of(dict(context.invocation_metadata() or ()))
            await abort(context, MethodUnknown(handler_call_details.method), request_id)

        return grpc.stream_stream_rpc_method_handler(refuse)
