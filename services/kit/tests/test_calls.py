"""The way of every call: request id, limits, deadline, errors to status, access log."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, message_factory
from google.protobuf.descriptor import ServiceDescriptor

from trivet_kit import calls
from trivet_kit.auth import NoAuthentication, OpenPolicy
from trivet_kit.calls import Call, Gate
from trivet_kit.errors import FieldInvalid
from trivet_kit.logs import JsonLines
from trivet_testing.errors import error_of, rpc_error_of

MakeService = Callable[[str], ServiceDescriptor]
Serve = Callable[[ServiceDescriptor, object, Gate], grpc.Channel]

MAX_MESSAGE_BYTES = 1000
SECRET = "the words of a driver"


def method_text(name: str, more: str = "") -> str:
    return f"""method {{ name: "{name}" input_type: "PACKAGE.Request" output_type: "PACKAGE.Request" {more}
        options {{ [trivet.common.v1.permission]: PERMISSION_READ }} }}"""


SERVICE = f"""
    message_type {{ name: "Request"
        field {{ name: "run" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING
            options {{ [trivet.common.v1.resource] {{ kind: RESOURCE_KIND_RUN }} }} }}
        field {{ name: "text" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING }} }}
    service {{ name: "EchoService" {method_text("Block")} {method_text("Await")}
        {method_text("Stream", "server_streaming: true")} }}
"""


@dataclass
class Echo:
    """Does in each method what the test has set."""

    in_thread: Callable[[Any, Call], Any] = lambda request, _call: request
    on_loop: Callable[[], Any] = lambda: None
    before_the_third: Callable[[], Any] = lambda: None
    ended: threading.Event = field(default_factory=threading.Event)

    def Block(self, request: Any, call: Call) -> Any:  # noqa: N802 - as in the contract
        return self.in_thread(request, call)

    async def Await(self, request: Any, call: Call) -> Any:  # noqa: ARG002, N802 - as in the contract
        try:
            if (waiting := self.on_loop()) is not None:
                await waiting
            return request
        finally:
            self.ended.set()

    async def Stream(self, request: Any, call: Call) -> AsyncIterator[Any]:  # noqa: ARG002, N802 - as in the contract
        try:
            yield request
            yield request
            if (waiting := self.before_the_third()) is not None:
                await waiting
            yield request
        finally:
            self.ended.set()


@dataclass(frozen=True)
class Server:
    """The echo service on loopback, and what it logs."""

    service: ServiceDescriptor
    servicer: Echo
    channel: Any
    """A grpc.Channel; its types know nothing of calls in plain bytes."""
    records: queue.Queue[logging.LogRecord]

    def path(self, method: str) -> str:
        return f"/{self.service.full_name}/{method}"

    def request(self, text: str = "", run: str = "workspaces/default/runs/x") -> bytes:
        kind: Any = message_factory.GetMessageClass(self.service.methods_by_name["Block"].input_type)
        data: bytes = kind(run=run, text=text).SerializeToString()
        return data

    def call(
        self, method: str, data: bytes | None = None, *, timeout: float | None = 30, **metadata: str
    ) -> tuple[bytes, dict[str, str | bytes]]:
        """The response, those of a stream joined, and the trailer."""
        sent = tuple((key.replace("_", "-"), value) for key, value in metadata.items())
        data = self.request() if data is None else data
        if method == "Stream":
            stream = self.channel.unary_stream(self.path(method))(data, timeout=timeout, metadata=sent)
            return b"".join(stream), dict(stream.trailing_metadata() or ())
        answer, done = self.channel.unary_unary(self.path(method)).with_call(data, timeout=timeout, metadata=sent)
        return answer, dict(done.trailing_metadata() or ())

    def record(self, message: str) -> Any:
        """The next record that the server logs with this message."""
        while (record := self.records.get(timeout=30)).getMessage() != message:
            pass
        return record


@pytest.fixture
def records() -> Iterator[queue.Queue[logging.LogRecord]]:
    found: queue.Queue[logging.LogRecord] = queue.Queue()

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.put(record)

    logger, handler = logging.getLogger("trivet.calls"), Collect()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield found
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def service(make_service: MakeService) -> ServiceDescriptor:
    return make_service(SERVICE)


@pytest.fixture
def server(service: ServiceDescriptor, serve: Serve, records: queue.Queue[logging.LogRecord]) -> Server:
    servicer = Echo()
    gate = Gate(NoAuthentication(), OpenPolicy(frozenset({"default"})), MAX_MESSAGE_BYTES)
    return Server(service, servicer, serve(service, servicer, gate), records)


METHODS = ("Block", "Await", "Stream")


@pytest.mark.parametrize("method", METHODS)
def test_call_answers_and_is_logged(server: Server, method: str) -> None:
    answer, _ = server.call(method, x_request_id="mine")
    assert answer == server.request() * (3 if method == "Stream" else 1)
    record = server.record("call")
    assert (record.method, record.code, record.request_id) == (server.path(method), "OK", "mine")
    assert (record.principal, record.workspace) == ("anonymous", "default")
    assert record.duration_ms >= 0
    assert record.peer.startswith("ipv4:127.0.0.1")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("given", ["a", "0192f0c1-a7b2.X_y", "z" * 64])
def test_request_id_of_the_caller_is_taken_over(server: Server, method: str, given: str) -> None:
    assert server.call(method, x_request_id=given)[1]["x-request-id"] == given
    error = rpc_error_of(lambda: server.call(method, b"\xff", x_request_id=given))
    assert dict(error.trailing_metadata() or ())["x-request-id"] == given


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("given", [None, "", "a b", "z" * 65, "<script>", '{"a":1}'])
def test_request_id_is_made_up_where_the_caller_has_no_good_one(server: Server, method: str, given: str | None) -> None:
    def made_up() -> str:
        _, trailer = server.call(method) if given is None else server.call(method, x_request_id=given)
        return str(trailer["x-request-id"])

    first, second = made_up(), made_up()
    assert first != second
    assert {len(first), len(second)} == {16}
    assert given not in (first, second)


def test_servicer_knows_the_request_id_and_the_method(server: Server) -> None:
    seen: list[Call] = []

    def note(request: Any, call: Call) -> Any:
        seen.append(call)
        return request

    server.servicer.in_thread = note
    server.call("Block", x_request_id="mine")
    (call,) = seen
    assert (call.request_id, call.method, call.workspace) == ("mine", server.path("Block"), "default")


def test_call_ends_at_the_deadline_of_the_caller_and_the_work_is_cancelled(server: Server) -> None:
    server.servicer.on_loop = lambda: asyncio.Event().wait()
    error = rpc_error_of(lambda: server.call("Await", timeout=0.2))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert server.servicer.ended.wait(30)
    assert server.record("call").code in ("DEADLINE_EXCEEDED", "CANCELLED")  # whichever side is first


def test_call_without_a_deadline_ends_at_that_of_the_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "DEFAULT_DEADLINE_SECONDS", 0.1)
    server.servicer.on_loop = lambda: asyncio.Event().wait()
    failure = error_of(lambda: server.call("Await", timeout=None))
    assert (failure.code, failure.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    assert failure.metadata == {"what": server.path("Await")}
    assert server.servicer.ended.wait(30)
    assert server.record("call").code == "DEADLINE_EXCEEDED"


def test_call_that_blocks_a_thread_ends_at_the_deadline_and_holds_up_no_other(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "DEFAULT_DEADLINE_SECONDS", 0.1)
    free = threading.Event()
    server.servicer.in_thread = lambda request, _call: free.wait(60) and request
    failure = error_of(lambda: server.call("Block", timeout=None))
    assert failure.reason == "DEADLINE_EXCEEDED"
    assert server.call("Await")[0] == server.request()
    free.set()


@pytest.mark.parametrize("method", METHODS)
def test_unknown_exception_is_internal_and_only_the_log_says_what_it_was(server: Server, method: str) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(SECRET)

    server.servicer.in_thread = fail
    server.servicer.on_loop = server.servicer.before_the_third = fail
    error = rpc_error_of(lambda: server.call(method, x_request_id="mine"))
    failure = error_of(lambda: server.call(method, x_request_id="mine"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert failure.message == "The server failed. Its log has the cause under request id mine."
    assert failure.metadata == {"requestId": "mine"}
    for text in (str(error), error.details(), *(value for _, value in error.trailing_metadata() or ())):
        assert SECRET not in str(text)
    record = server.record("call failed")
    assert (record.request_id, record.method, record.levelname) == ("mine", server.path(method), "ERROR")
    line = JsonLines().format(record)
    assert "\n" not in line
    assert "Traceback (most recent call last)" in line
    assert f"RuntimeError: {SECRET}" in line
    assert server.record("call").reason == "INTERNAL"


@pytest.mark.parametrize("method", METHODS)
def test_error_for_the_caller_is_answered_as_it_is(server: Server, method: str) -> None:
    def fail(*_: object) -> None:
        raise FieldInvalid("text", "must rhyme")

    server.servicer.in_thread = fail
    server.servicer.on_loop = server.servicer.before_the_third = fail
    failure = error_of(lambda: server.call(method))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert (failure.message, failure.fields) == ("text must rhyme.", ("text",))
    record = server.record("call")
    assert (record.code, record.reason) == ("INVALID_ARGUMENT", "FIELD_INVALID")


def test_stream_that_fails_midway_has_given_what_came_before(server: Server) -> None:
    def fail() -> None:
        raise RuntimeError(SECRET)

    server.servicer.before_the_third = fail
    received: list[bytes] = []
    path, data = server.path("Stream"), server.request()
    failure = error_of(lambda: received.extend(server.channel.unary_stream(path)(data, timeout=30)))
    assert received == [data, data]
    assert failure.reason == "INTERNAL"


def test_stream_that_its_caller_leaves_is_ended_and_logged(server: Server) -> None:
    server.servicer.before_the_third = lambda: asyncio.Event().wait()
    stream = server.channel.unary_stream(server.path("Stream"))(server.request(), timeout=30)
    assert [next(stream), next(stream)] == [server.request()] * 2
    stream.cancel()
    assert server.servicer.ended.wait(30)
    assert server.record("call").code == "CANCELLED"


@pytest.mark.parametrize("path", ["/trivet.tracking.v1.TrackingService/Fly", "/SERVICE/Fly", "/fly.v1.Fly/Fly"])
def test_unknown_method_is_unimplemented(server: Server, path: str) -> None:
    path = path.replace("SERVICE", server.service.full_name)
    unary, stream = server.channel.unary_unary(path), server.channel.unary_stream(path)
    sent = (("x-request-id", "mine"),)
    for call in (lambda: unary(b"", timeout=30, metadata=sent), lambda: list(stream(b"", timeout=30, metadata=sent))):
        failure = error_of(call)
        assert (failure.code, failure.reason) == (grpc.StatusCode.UNIMPLEMENTED, "METHOD_UNKNOWN")
        assert failure.metadata == {"method": path}
        assert dict(rpc_error_of(call).trailing_metadata() or ())["x-request-id"] == "mine"


@pytest.mark.parametrize("method", METHODS)
def test_message_is_taken_up_to_the_limit_and_refused_beyond(server: Server, method: str) -> None:
    spare = MAX_MESSAGE_BYTES - len(server.request(text="")) - 3  # tag and length of the text
    at_limit, above = (server.request(text="x" * (spare + more)) for more in (0, 1))
    assert (len(at_limit), len(above)) == (MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES + 1)
    assert server.call(method, at_limit)[0].startswith(at_limit)
    failure = error_of(lambda: server.call(method, above))
    assert (failure.code, failure.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")
    assert failure.metadata == {"messageBytes": "1001", "maxMessageBytes": "1000"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05abc", b"\x12\x02\xff\xfe", b"\x0b", b"\x00"])
def test_bytes_that_are_no_message_are_refused(server: Server, method: str, data: bytes) -> None:
    failure = error_of(lambda: server.call(method, data))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MESSAGE_MALFORMED")
    assert failure.metadata == {"messageType": server.service.methods_by_name["Block"].input_type.full_name}
    assert server.record("call").code == "INVALID_ARGUMENT"


def test_answer_that_is_no_message_is_internal(server: Server) -> None:
    server.servicer.in_thread = lambda _request, _call: None
    assert error_of(lambda: server.call("Block")).reason == "INTERNAL"


def test_answer_is_that_of_the_servicer(server: Server) -> None:
    server.servicer.in_thread = lambda _request, _call: empty_pb2.Empty()
    assert server.call("Block")[0] == b""
