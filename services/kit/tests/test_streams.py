"""Methods that stream requests and responses: every message is checked, the first one opens the door."""

from __future__ import annotations

import queue
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import ServiceDescriptor

from trivet_kit.auth import NoAuthentication, OpenPolicy
from trivet_kit.calls import Call, Gate, service_handler
from trivet_kit.errors import FieldInvalid
from trivet_kit.methods import ContractError
from trivet_testing.audit import Notes
from trivet_testing.errors import error_of

MakeService = Callable[[str], ServiceDescriptor]
Serve = Callable[[ServiceDescriptor, object, Gate], grpc.Channel]

MAX_MESSAGE_BYTES = 1000
SERVICE = """
    message_type { name: "Start"
        field { name: "run" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING
            options { [trivet.common.v1.resource] { kind: RESOURCE_KIND_RUN } } } }
    message_type { name: "Request"
        field { name: "start" number: 1 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: "PACKAGE.Start" }
        field { name: "text" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING } }
    service { name: "TalkService" method { name: "Talk" input_type: "PACKAGE.Request" output_type: "PACKAGE.Request"
        client_streaming: true server_streaming: true
        options { [trivet.common.v1.permission]: PERMISSION_WRITE } } }
"""


@dataclass
class Talk:
    """Says back what it hears."""

    before_the_end: Callable[[], None] = lambda: None
    calls: list[Call] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    async def Talk(self, requests: AsyncIterator[Any], call: Call) -> AsyncIterator[Any]:  # noqa: N802 - as in the contract
        self.calls.append(call)
        try:
            async for request in requests:
                yield request
            self.before_the_end()
        finally:
            self.ended.set()


@dataclass(frozen=True)
class Server:
    kind: Any
    servicer: Talk
    method: Any
    """A method of a grpc.Channel; its types know nothing of calls in plain bytes."""

    def message(self, run: str | None = None, text: str = "") -> bytes:
        start = None if run is None else {"run": run}
        data: bytes = self.kind(start=start, text=text).SerializeToString()
        return data

    def talk(self, *sent: bytes) -> list[bytes]:
        return list(self.method(iter(sent), timeout=30))


@pytest.fixture(scope="module")
def service(make_service: MakeService) -> ServiceDescriptor:
    return make_service(SERVICE)


@pytest.fixture
def server(service: ServiceDescriptor, serve: Serve) -> Server:
    servicer = Talk()
    gate = Gate(NoAuthentication(), OpenPolicy(frozenset({"default", "team-a"})), MAX_MESSAGE_BYTES)
    channel: Any = serve(service, servicer, gate)
    method = service.methods_by_name["Talk"]
    return Server(
        message_factory.GetMessageClass(method.input_type),
        servicer,
        channel.stream_stream(f"/{service.full_name}/Talk"),
    )


RUN = "workspaces/default/runs/x"


def test_messages_go_both_ways_and_the_workspace_is_that_of_the_first(server: Server) -> None:
    sent = [server.message(RUN), server.message(text="a"), server.message("workspaces/default/runs/y", "b")]
    assert server.talk(*sent) == sent
    (call,) = server.servicer.calls
    assert (call.workspace, call.principal.subject) == ("default", "anonymous")


def test_answers_come_before_the_last_message_is_sent(server: Server) -> None:
    waiting: queue.Queue[bytes | None] = queue.Queue()
    stream = server.method(iter(waiting.get, None), timeout=30)
    for text in ("a", "b", "c"):
        waiting.put(server.message(RUN, text))
        assert next(stream) == server.message(RUN, text)
    waiting.put(None)
    assert list(stream) == []


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ([], "FIELD_REQUIRED"),
        ([(None, "text")], "FIELD_REQUIRED"),
        ([("", "text")], "FIELD_REQUIRED"),
        ([("runs/x", "")], "RESOURCE_NAME_INVALID"),
        ([("workspaces/team-b/runs/x", "")], "WORKSPACE_NOT_FOUND"),
    ],
)
def test_stream_whose_first_message_names_nothing_good_is_refused(
    server: Server, first: list[tuple[str | None, str]], reason: str
) -> None:
    later = [server.message(RUN)] if first else []
    assert error_of(lambda: server.talk(*(server.message(*fields) for fields in first), *later)).reason == reason
    assert server.servicer.calls == []


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ("workspaces/team-a/runs/x", "WORKSPACES_MIXED"),
        ("workspaces/team-b/runs/x", "WORKSPACES_MIXED"),
        ("x", "RESOURCE_NAME_INVALID"),
    ],
)
def test_later_message_is_checked_too(server: Server, run: str, reason: str) -> None:
    heard: list[bytes] = []
    sent = [server.message(RUN), server.message(text="a"), server.message(run)]
    assert error_of(lambda: heard.extend(server.method(iter(sent), timeout=30))).reason == reason
    assert heard == sent[:2]
    assert server.servicer.ended.wait(30)


def test_every_message_is_measured_and_parsed(server: Server) -> None:
    long = server.message(text="x" * MAX_MESSAGE_BYTES)
    assert error_of(lambda: server.talk(long)).reason == "MESSAGE_TOO_LARGE"
    assert error_of(lambda: server.talk(server.message(RUN), long)).reason == "MESSAGE_TOO_LARGE"
    assert error_of(lambda: server.talk(b"\xff")).reason == "MESSAGE_MALFORMED"
    assert error_of(lambda: server.talk(server.message(RUN), b"\xff")).reason == "MESSAGE_MALFORMED"


def test_errors_become_a_status(server: Server) -> None:
    def refuse() -> None:
        raise FieldInvalid("text", "must rhyme")

    server.servicer.before_the_end = refuse
    assert error_of(lambda: server.talk(server.message(RUN))).fields == ("text",)

    def fail() -> None:
        raise RuntimeError

    server.servicer.before_the_end = fail
    assert error_of(lambda: server.talk(server.message(RUN))).reason == "INTERNAL"


def test_stream_that_its_caller_leaves_is_ended(server: Server) -> None:
    waiting: queue.Queue[bytes | None] = queue.Queue()
    stream = server.method(iter(waiting.get, None), timeout=30)
    waiting.put(server.message(RUN))
    next(stream)
    stream.cancel()
    assert server.servicer.ended.wait(30)
    waiting.put(None)


def test_servicer_that_does_not_stream_is_refused(service: ServiceDescriptor, notes: Notes) -> None:
    class Mute:
        async def Talk(self, requests: Any, call: Call) -> None:  # noqa: N802 - as in the contract
            """Answers nothing."""

    gate = Gate(NoAuthentication(), OpenPolicy(frozenset({"default"})), MAX_MESSAGE_BYTES)
    threads: Any = None
    with pytest.raises(ContractError, match="must be an async generator"):
        service_handler(service, (Mute(),), gate, threads, notes)
