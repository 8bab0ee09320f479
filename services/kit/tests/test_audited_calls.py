"""Which calls are noted for audit, and what is noted of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import ServiceDescriptor

from trivet_kit.audit.events import CallFacts, Outcome
from trivet_kit.audit.facts import MAX_RESOURCES, MAX_TEXT_CHARACTERS, address_of
from trivet_kit.auth import OpenPolicy, Principal
from trivet_kit.calls import Call, Gate
from trivet_kit.errors import CredentialsInvalid, FieldInvalid, PermissionDenied
from trivet_proto.common.v1 import options_pb2
from trivet_testing.audit import Notes
from trivet_testing.errors import error_of, rpc_error_of

MakeService = Callable[[str], ServiceDescriptor]
Serve = Callable[[ServiceDescriptor, object, Gate], grpc.Channel]

RUN = "workspaces/team-a/runs/x"


def method_text(name: str, permission: str, more: str = "", output: str = "PACKAGE.Request", **options: str) -> str:
    said = " ".join(f"[trivet.common.v1.{option}]: {value}" for option, value in options.items())
    return f"""method {{ name: "{name}" input_type: "PACKAGE.Request" output_type: "{output}" {more}
        options {{ [trivet.common.v1.permission]: PERMISSION_{permission} {said} }} }}"""


SERVICE = f"""
    message_type {{ name: "Request" field {{ name: "runs" number: 1 label: LABEL_REPEATED type: TYPE_STRING
        options {{ [trivet.common.v1.resource] {{ kind: RESOURCE_KIND_RUN }} }} }} }}
    message_type {{ name: "Made" field {{ name: "name" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING
        options {{ [trivet.common.v1.resource] {{ kind: RESOURCE_KIND_RUN }} }} }} }}
    service {{ name: "NotedService"
        {method_text("Read", "READ")}
        {method_text("Write", "WRITE")}
        {method_text("Append", "WRITE", frequent="true")}
        {method_text("Wait", "WRITE")}
        {method_text("Create", "WRITE", output="PACKAGE.Made")}
        {method_text("Drain", "ADMIN", server_scope="true")}
        {method_text("Approve", "APPROVE")}
        {method_text("Say", "AUTHENTICATED")}
        {method_text("Stream", "WRITE", "client_streaming: true server_streaming: true")}
    }}
"""


class Tokens:
    """Takes the token for the caller's name; `forged` is none."""

    required = True

    def known(self, metadata: Mapping[str, str | bytes]) -> Principal:
        name = str(metadata.get("authorization", "")).removeprefix("Bearer ")
        if name in ("", "forged"):
            raise CredentialsInvalid
        return Principal(subject=f"people/{name}", authenticated=True, token_id=f"id-of-{name}")

    async def verify(self, metadata: Mapping[str, str | bytes]) -> Principal:
        return self.known(metadata)

    async def verify_again(self, metadata: Mapping[str, str | bytes], since: float) -> Principal:  # noqa: ARG002 - none expires
        return self.known(metadata)


class Readers(OpenPolicy):
    """`people/reader` may only read; others may do everything in team-a, but approve."""

    def permits(self, principal: Principal, permission: int, workspace: str | None) -> bool:  # noqa: ARG002 - alike in all
        if permission == options_pb2.PERMISSION_APPROVE:
            return False
        return principal.subject != "people/reader" or permission == options_pb2.PERMISSION_READ


class Servicer:
    """Does as it is told; `fails` raises."""

    def __init__(self, made: Callable[..., Any]) -> None:
        self._made = made
        self.fails: Exception | None = None
        self.waits = threading.Event()

    def Write(self, request: Any, call: Call) -> Any:  # noqa: ARG002, N802 - as in the contract
        if self.fails is not None:
            raise self.fails
        return request

    Read = Append = Drain = Approve = Say = Write

    def Create(self, request: Any, call: Call) -> Any:  # noqa: ARG002, N802 - as in the contract
        return self._made(name="workspaces/team-a/runs/made")

    async def Wait(self, request: Any, call: Call) -> Any:  # noqa: ARG002, N802 - as in the contract
        self.waits.set()
        await asyncio.Event().wait()

    async def Stream(self, requests: AsyncIterator[Any], call: Call) -> AsyncIterator[Any]:  # noqa: ARG002, N802 - as in the contract
        async for request in requests:
            yield request


class House:
    """The service on loopback."""

    def __init__(self, service: ServiceDescriptor, serve: Serve) -> None:
        self.service = service
        self.servicer = Servicer(message_factory.GetMessageClass(service.methods_by_name["Create"].output_type))
        gate = Gate(Tokens(), Readers(frozenset({"team-a"})), 100_000)
        self._channel: Any = serve(service, self.servicer, gate)

    def path(self, method: str) -> str:
        return f"/{self.service.full_name}/{method}"

    def request(self, *runs: str) -> bytes:
        kind: Any = message_factory.GetMessageClass(self.service.methods_by_name["Write"].input_type)
        data: bytes = kind(runs=runs).SerializeToString()
        return data

    def call(self, method: str, *runs: str, token: str = "ann", **metadata: str) -> None:
        sent = [("authorization", f"Bearer {token}")] if token else []
        sent += [(key.replace("_", "-"), value) for key, value in metadata.items()]
        if method == "Stream":
            answers = self._channel.stream_stream(self.path(method))(
                iter([self.request(run) for run in runs]), metadata=sent, timeout=30
            )
            assert len(list(answers)) == len(runs)
            return
        self._channel.unary_unary(self.path(method))(self.request(*runs), metadata=sent, timeout=30)

    def give_up(self, method: str, run: str) -> Any:
        """Cancels a call when it runs."""
        metadata = [("authorization", "Bearer ann")]
        call = self._channel.unary_unary(self.path(method)).future(self.request(run), metadata=metadata, timeout=30)
        assert self.servicer.waits.wait(30)
        call.cancel()
        return call


@pytest.fixture(scope="module")
def service(make_service: MakeService) -> ServiceDescriptor:
    return make_service(SERVICE)


@pytest.fixture
def house(service: ServiceDescriptor, serve: Serve) -> House:
    return House(service, serve)


def test_a_change_is_noted_with_who_and_what_and_from_where(house: House, notes: Notes) -> None:
    house.call("Write", RUN, "workspaces/team-a/runs/y", x_forwarded_for="203.0.113.9", x_request_id="r-1")
    facts, request_id, frequent = notes.next()
    assert (request_id, frequent) == ("r-1", False)
    assert facts.user_agent.startswith("grpc-python/")
    assert facts == CallFacts(
        method=house.path("Write"),
        subject="people/ann",
        authenticated=True,
        token_id="id-of-ann",
        workspace="team-a",
        resources=(RUN, "workspaces/team-a/runs/y"),
        more_resources=0,
        outcome=Outcome.SUCCEEDED,
        code="OK",
        reason="",
        peer="127.0.0.1",
        claimed_forwarded_for="203.0.113.9",
        user_agent=facts.user_agent,
    )


def test_only_changes_and_denials_are_noted(house: House, notes: Notes) -> None:
    house.call("Read", RUN)
    house.call("Say")
    house.servicer.fails = FieldInvalid("runs", "must not be")
    assert error_of(lambda: house.call("Read", RUN)).reason == "FIELD_INVALID"
    house.servicer.fails = None
    house.call("Append", RUN)
    note = notes.next()
    assert (note.facts.method, note.frequent) == (house.path("Append"), True)
    house.call("Drain")
    facts = notes.next().facts
    assert (facts.method, facts.workspace, facts.resources) == (house.path("Drain"), "", ())
    assert notes.taken.empty()


def test_what_is_created_is_named_by_its_answer(house: House, notes: Notes) -> None:
    house.call("Create", RUN)
    assert notes.next().facts.resources == (RUN, "workspaces/team-a/runs/made")


def test_a_change_that_fails_is_noted_with_its_reason(house: House, notes: Notes) -> None:
    for failure, code, reason in (
        (FieldInvalid("runs", "must not be"), "INVALID_ARGUMENT", "FIELD_INVALID"),
        (RuntimeError("a fault of ours"), "INTERNAL", "INTERNAL"),
    ):
        house.servicer.fails = failure
        assert error_of(lambda: house.call("Write", RUN)).reason == reason
        facts = notes.next().facts
        assert (facts.outcome, facts.code, facts.reason, facts.resources) == (Outcome.FAILED, code, reason, (RUN,))
    # A name of the wrong form.
    assert error_of(lambda: house.call("Write", "team-a/x")).reason == "RESOURCE_NAME_INVALID"
    facts = notes.next().facts
    assert (facts.outcome, facts.workspace, facts.resources) == (Outcome.FAILED, "", ("team-a/x",))


def test_a_change_that_its_caller_gives_up_is_noted(house: House, notes: Notes) -> None:
    call = house.give_up("Wait", RUN)
    assert call.code() == grpc.StatusCode.CANCELLED
    facts = notes.next().facts
    assert (facts.outcome, facts.code, facts.reason, facts.resources) == (Outcome.FAILED, "CANCELLED", "", (RUN,))


@pytest.mark.parametrize("method", ["Read", "Write", "Append", "Approve", "Say", "Drain", "Stream"])
def test_calls_without_valid_credentials_are_noted_without_what_they_claim(
    house: House, notes: Notes, method: str
) -> None:
    for token in ("", "forged"):
        error = rpc_error_of(lambda token=token: house.call(method, RUN, token=token, x_forwarded_for="1.2.3.4"))  # type: ignore[misc]
        assert error.code() == grpc.StatusCode.UNAUTHENTICATED
        facts = notes.next().facts
        assert (facts.outcome, facts.code, facts.reason) == (Outcome.DENIED, "UNAUTHENTICATED", "CREDENTIALS_INVALID")
        assert (facts.subject, facts.authenticated, facts.peer) == ("anonymous", False, "127.0.0.1")
        assert (facts.workspace, facts.resources, facts.claimed_forwarded_for, facts.user_agent) == ("", (), "", "")


def test_denials_are_noted_with_the_workspace_that_was_asked_for(house: House, notes: Notes) -> None:
    def facts_of_denial(method: str, *runs: str, token: str = "ann") -> tuple[str, str, str, tuple[str, ...]]:
        rpc_error_of(lambda: house.call(method, *runs, token=token))
        facts = notes.next().facts
        assert facts.outcome == Outcome.DENIED
        assert facts.subject == f"people/{token}"
        return facts.code, facts.reason, facts.workspace, facts.resources

    other = "workspaces/team-b/runs/x"
    for method in ("Read", "Write", "Stream"):
        assert facts_of_denial(method, other) == ("NOT_FOUND", "WORKSPACE_NOT_FOUND", "team-b", (other,))
    assert facts_of_denial("Approve", RUN) == ("PERMISSION_DENIED", "PERMISSION_DENIED", "team-a", (RUN,))
    assert facts_of_denial("Write", RUN, token="reader")[:3] == ("PERMISSION_DENIED", "PERMISSION_DENIED", "team-a")
    assert facts_of_denial("Drain", token="reader") == ("PERMISSION_DENIED", "PERMISSION_DENIED", "", ())
    # Of a servicer, which asked another service.
    house.servicer.fails = PermissionDenied("WRITE", "team-a")
    assert facts_of_denial("Read", RUN)[:3] == ("PERMISSION_DENIED", "PERMISSION_DENIED", "team-a")


def test_a_stream_is_noted_once_with_all_that_it_named(house: House, notes: Notes) -> None:
    house.call("Stream", RUN, "workspaces/team-a/runs/y", RUN)
    assert notes.next().facts.resources == (RUN, "workspaces/team-a/runs/y")
    assert notes.taken.empty()


def test_what_callers_say_is_bounded(house: House, notes: Notes) -> None:
    runs = [f"workspaces/team-a/runs/{number}" for number in range(2 * MAX_RESOURCES)]
    house.call("Write", *runs, x_forwarded_for="1" * 5000)
    facts = notes.next().facts
    assert facts.resources == tuple(runs[:MAX_RESOURCES])
    assert facts.more_resources == MAX_RESOURCES
    assert facts.claimed_forwarded_for == "1" * MAX_TEXT_CHARACTERS
    rpc_error_of(lambda: house.call("Write", "\0" * 5000))
    assert notes.next().facts.resources == ("\N{REPLACEMENT CHARACTER}" * MAX_TEXT_CHARACTERS,)


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.7:50432", "10.0.0.7"),
        ("ipv6:%5B::1%5D:50432", "::1"),
        ("ipv6:[2001:db8::7]:443", "2001:db8::7"),
        ("unix:", "unix"),
        ("unix:/run/trivet.sock", "unix"),
        ("something", "something"),
    ],
)
def test_an_address_has_no_port(peer: str, address: str) -> None:
    assert address_of(peer) == address
