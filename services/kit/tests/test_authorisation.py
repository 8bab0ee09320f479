"""The seam through which every call goes: who calls, what they may do, and what they are told when they may not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, message_factory
from google.protobuf.descriptor import ServiceDescriptor

from trivet_kit.auth import ANONYMOUS, NoAuthentication, OpenPolicy, Policy, Principal
from trivet_kit.calls import Call, Gate, service_handler
from trivet_kit.errors import CredentialsInvalid
from trivet_kit.methods import ContractError
from trivet_kit.roles import PERMISSIONS, PermissionValue, Role
from trivet_kit.workspace_rules import NO_RULES, WorkspaceRules
from trivet_proto.common.v1 import options_pb2
from trivet_testing.audit import Notes
from trivet_testing.errors import error_of, rpc_error_of

MakeService = Callable[[str], ServiceDescriptor]
Serve = Callable[[ServiceDescriptor, object, Gate], grpc.Channel]

LEVELS = ("READ", "WRITE", "MAINTAIN", "APPROVE", "ADMIN")
EMPTY = empty_pb2.Empty()


def method_text(name: str, permission: str, more: str = "", server_scope: str = "false") -> str:
    return f"""method {{ name: "{name}" input_type: "PACKAGE.Request" output_type: ".google.protobuf.Empty" {more}
        options {{ [trivet.common.v1.permission]: PERMISSION_{permission}
                   [trivet.common.v1.server_scope]: {server_scope} }} }}"""


GUARDED = f"""
    message_type {{ name: "Request" field {{ name: "runs" number: 1 label: LABEL_REPEATED type: TYPE_STRING
        options {{ [trivet.common.v1.resource] {{ kind: RESOURCE_KIND_RUN }} }} }} }}
    service {{ name: "GuardedService"
        {" ".join(method_text(level.title(), level) for level in LEVELS)}
        {method_text("Public", "PUBLIC")}
        {method_text("Authenticated", "AUTHENTICATED")}
        {method_text("Operate", "ADMIN", server_scope="true")}
        {method_text("Stream", "READ", "server_streaming: true")}
    }}
"""


@dataclass
class Guarded:
    """A servicer that notes the calls that reach it."""

    seen: list[Call] = field(default_factory=list)

    def _note(self, request: object, call: Call) -> empty_pb2.Empty:  # noqa: ARG002 - as a servicer has it
        self.seen.append(call)
        return EMPTY

    Read = Write = Maintain = Approve = Admin = Public = Operate = _note

    async def Authenticated(self, request: object, call: Call) -> empty_pb2.Empty:  # noqa: N802 - as in the contract
        return self._note(request, call)

    async def Stream(self, request: object, call: Call) -> AsyncIterator[empty_pb2.Empty]:  # noqa: N802 - as in the contract
        yield self._note(request, call)


class Tokens:
    """Takes the token for the caller's name, unless it is `forged`; verifies each once."""

    required = True

    def __init__(self) -> None:
        self._verified: set[str] = set()

    def known(self, metadata: Mapping[str, str | bytes]) -> Principal | None:
        token = str(metadata.get("authorization", "")).removeprefix("Bearer ")
        return Principal(subject=token, authenticated=True) if token in self._verified else None

    async def verify(self, metadata: Mapping[str, str | bytes]) -> Principal:
        scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
        if scheme != "Bearer" or not token or token == "forged":
            raise CredentialsInvalid
        self._verified.add(token)
        return Principal(subject=token, authenticated=True)

    async def verify_again(self, metadata: Mapping[str, str | bytes], since: float) -> Principal:  # noqa: ARG002 - none expires
        return await self.verify(metadata)


@dataclass(frozen=True)
class Teams:
    """Who may do what where, line by line; a workspace is visible to those who have a line in it."""

    lines: frozenset[tuple[str, str | None, PermissionValue]] = frozenset()
    guests: frozenset[tuple[str, str]] = frozenset()

    def workspaces(self, principal: Principal) -> frozenset[str]:
        own = {place for subject, place, _ in self.lines if subject == principal.subject and place}
        return frozenset(own | {place for subject, place in self.guests if subject == principal.subject})

    def roles(self, principal: Principal, workspace: str | None) -> frozenset[Role]:
        return frozenset(role for role in Role if PERMISSIONS[role] <= self._permissions(principal, workspace))

    def permits(self, principal: Principal, permission: PermissionValue, workspace: str | None) -> bool:
        return permission in self._permissions(principal, workspace)

    def rules(self, workspace: str) -> WorkspaceRules:  # noqa: ARG002 - the same for all
        return NO_RULES

    def _permissions(self, principal: Principal, workspace: str | None) -> set[PermissionValue]:
        return {each for subject, place, each in self.lines if (subject, place) == (principal.subject, workspace)}


@dataclass(frozen=True)
class Caller:
    """Calls the guarded service with a token, or without one."""

    service: ServiceDescriptor
    channel: Any
    """A grpc.Channel; its types know nothing of calls in plain bytes."""
    token: str | None

    def __call__(self, method: str, *runs: str) -> bytes:
        request: Any = message_factory.GetMessageClass(self.service.methods_by_name[method].input_type)(runs=runs)
        path = f"/{self.service.full_name}/{method}"
        metadata = (("authorization", f"Bearer {self.token}"),) if self.token is not None else ()
        data = request.SerializeToString()
        if method == "Stream":
            return b"".join(self.channel.unary_stream(path)(data, metadata=metadata, timeout=30))
        answer: bytes = self.channel.unary_unary(path)(data, metadata=metadata, timeout=30)
        return answer


@pytest.fixture(scope="module")
def guarded(make_service: MakeService) -> ServiceDescriptor:
    return make_service(GUARDED)


@dataclass(frozen=True)
class House:
    """A guarded service and its doors."""

    service: ServiceDescriptor
    servicer: Guarded
    channel: grpc.Channel

    def caller(self, token: str | None) -> Caller:
        return Caller(self.service, self.channel, token)


@pytest.fixture
def house(guarded: ServiceDescriptor, serve: Serve) -> Callable[[Policy], House]:
    def build(policy: Policy) -> House:
        servicer = Guarded()
        return House(guarded, servicer, serve(guarded, servicer, Gate(Tokens(), policy, 1024)))

    return build


ALL_METHODS = (*(level.title() for level in LEVELS), "Public", "Authenticated", "Operate", "Stream")
READ = options_pb2.PERMISSION_READ
ADMIN = options_pb2.PERMISSION_ADMIN


@pytest.mark.parametrize("token", [None, "", "forged"])
def test_call_without_valid_credentials_is_unauthenticated_and_reaches_nothing(
    house: Callable[[Policy], House], token: str | None
) -> None:
    open_to_all = house(OpenPolicy(frozenset({"team-a"})))
    call = open_to_all.caller(token)
    for method in set(ALL_METHODS) - {"Public"}:
        failure = error_of(lambda method=method: call(method, "workspaces/team-a/runs/x"))  # type: ignore[misc]
        assert (failure.code, failure.reason) == (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_INVALID")
        # Nor is it told what would be wrong besides.
        failure = error_of(lambda method=method: call(method, "nonsense"))  # type: ignore[misc]
        assert failure.reason == "CREDENTIALS_INVALID"
    assert open_to_all.servicer.seen == []


def test_public_method_takes_everybody(house: Callable[[Policy], House]) -> None:
    closed = house(Teams())
    for token in (None, "forged", "alice"):
        assert closed.caller(token)("Public") == b""
    assert [call.principal for call in closed.servicer.seen] == [ANONYMOUS] * 3


def test_authenticated_method_takes_every_verified_caller(house: Callable[[Policy], House]) -> None:
    closed = house(Teams())
    assert closed.caller("alice")("Authenticated") == b""
    (call,) = closed.servicer.seen
    assert (call.principal, call.workspace) == (Principal("alice", authenticated=True), None)


def test_caller_with_no_line_in_the_policy_may_do_nothing(house: Callable[[Policy], House]) -> None:
    closed = house(Teams())
    for method in (*(level.title() for level in LEVELS), "Stream"):
        failure = error_of(lambda method=method: closed.caller("alice")(method, "workspaces/team-a/runs/x"))  # type: ignore[misc]
        assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "WORKSPACE_NOT_FOUND")
    failure = error_of(lambda: closed.caller("alice")("Operate"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    assert failure.metadata == {"permission": "ADMIN"}
    assert closed.servicer.seen == []


@pytest.mark.parametrize("held", LEVELS)
def test_permission_opens_its_own_methods_alone(house: Callable[[Policy], House], held: str) -> None:
    permission = options_pb2.Permission.Value(f"PERMISSION_{held}")
    opened = house(Teams(lines=frozenset({("alice", "team-a", permission)})))
    call = opened.caller("alice")
    for level in LEVELS:
        if level == held:
            assert call(level.title(), "workspaces/team-a/runs/x") == b""
            continue
        failure = error_of(lambda level=level: call(level.title(), "workspaces/team-a/runs/x"))  # type: ignore[misc]
        assert (failure.code, failure.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
        assert failure.metadata == {"permission": level, "workspace": "team-a"}
        assert failure.message == f"You lack the permission {level} in workspace team-a. Ask an administrator for it."
    (seen,) = opened.servicer.seen
    assert (seen.principal.subject, seen.workspace) == ("alice", "team-a")


def test_stream_is_guarded_as_all_other_methods_are(house: Callable[[Policy], House]) -> None:
    opened = house(Teams(lines=frozenset({("alice", "team-a", READ)}), guests=frozenset({("bob", "team-a")})))
    assert opened.caller("alice")("Stream", "workspaces/team-a/runs/x") == b""
    failure = error_of(lambda: opened.caller("bob")("Stream", "workspaces/team-a/runs/x"))
    assert failure.reason == "PERMISSION_DENIED"
    assert [call.principal.subject for call in opened.servicer.seen] == ["alice"]


@pytest.mark.parametrize("method", [*(level.title() for level in LEVELS), "Stream", "Public", "Authenticated"])
def test_hidden_workspace_answers_exactly_as_an_unknown_one(house: Callable[[Policy], House], method: str) -> None:
    # team-b exists, with everything in it open to bob; team-z does not. The names have one length, so do the answers.
    lines = {("bob", "team-b", options_pb2.Permission.Value(f"PERMISSION_{level}")) for level in LEVELS}
    lines.add(("alice", "team-a", READ))
    call = house(Teams(lines=frozenset(lines))).caller("alice")
    answers = []
    for workspace in ("team-b", "team-z"):
        error = rpc_error_of(lambda workspace=workspace: call(method, f"workspaces/{workspace}/runs/x"))  # type: ignore[misc]
        trailer = [
            (key, value if isinstance(value, bytes) else value.encode())
            for key, value in error.trailing_metadata() or ()
            if key != "x-request-id"
        ]
        described = [(key, value.replace(workspace.encode(), b"team-?")) for key, value in trailer]
        answers.append((error.code(), str(error.details()).replace(workspace, "team-?"), described))
    assert answers[0] == answers[1]
    assert answers[0][0] == grpc.StatusCode.NOT_FOUND


def test_one_foreign_name_among_own_ones_is_refused(house: Callable[[Policy], House]) -> None:
    lines = frozenset({("alice", "team-a", READ), ("alice", "team-c", READ)})
    opened = house(Teams(lines=lines))
    for other in ("team-b", "team-c"):  # also one that is hers as well
        names = ("workspaces/team-a/runs/x", "workspaces/team-a/runs/y", f"workspaces/{other}/runs/z")
        failure = error_of(lambda names=names: opened.caller("alice")("Read", *names))  # type: ignore[misc]
        assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "WORKSPACES_MIXED")
    assert opened.servicer.seen == []


def test_call_that_names_nothing_is_refused_however_much_its_caller_may(house: Callable[[Policy], House]) -> None:
    opened = house(OpenPolicy(frozenset({"team-a"})))
    for method in (*(level.title() for level in LEVELS), "Stream"):
        failure = error_of(lambda method=method: opened.caller("alice")(method))  # type: ignore[misc]
        assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_REQUIRED")
    assert opened.servicer.seen == []


def test_permission_for_the_server_is_not_had_by_one_for_a_workspace(house: Callable[[Policy], House]) -> None:
    opened = house(Teams(lines=frozenset({("alice", "team-a", ADMIN), ("root", None, ADMIN)})))
    assert opened.caller("root")("Operate") == b""
    for names in ((), ("workspaces/team-a/runs/x",)):
        failure = error_of(lambda names=names: opened.caller("alice")("Operate", *names))  # type: ignore[misc]
        assert failure.reason == "PERMISSION_DENIED"
        assert failure.metadata == {"permission": "ADMIN"}
    assert [call.principal.subject for call in opened.servicer.seen] == ["root"]


def test_policy_that_fails_lets_nobody_in(house: Callable[[Policy], House]) -> None:
    class Broken(OpenPolicy):
        def permits(self, *_: object) -> bool:
            raise KeyError("roles")

    broken = house(Broken(frozenset({"team-a"})))
    failure = error_of(lambda: broken.caller("alice")("Read", "workspaces/team-a/runs/x"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert broken.servicer.seen == []


def test_servicer_that_lacks_a_method_does_not_start(guarded: ServiceDescriptor, notes: Notes) -> None:
    class Incomplete:
        Read = Write = Maintain = Approve = Admin = Public = Operate = Guarded._note
        Authenticated = Guarded.Authenticated

    gate = Gate(NoAuthentication(), OpenPolicy(frozenset()), 1024)
    with (
        ThreadPoolExecutor(1) as threads,
        pytest.raises(ContractError, match=r"No .*/Stream: Incomplete do not implement it"),
    ):
        service_handler(guarded, (Incomplete(),), gate, threads, notes)


def test_method_that_two_servicers_have_does_not_start(guarded: ServiceDescriptor, notes: Notes) -> None:
    gate = Gate(NoAuthentication(), OpenPolicy(frozenset()), 1024)
    with ThreadPoolExecutor(1) as threads, pytest.raises(ContractError, match="is in both Guarded and Guarded"):
        service_handler(guarded, (Guarded(), Guarded()), gate, threads, notes)


def test_servicer_whose_stream_is_none_does_not_start(guarded: ServiceDescriptor, notes: Notes) -> None:
    class Plain(Guarded):
        Stream = Guarded._note  # type: ignore[assignment]

    gate = Gate(NoAuthentication(), OpenPolicy(frozenset()), 1024)
    with ThreadPoolExecutor(1) as threads, pytest.raises(ContractError, match="/Stream streams responses"):
        service_handler(guarded, (Plain(),), gate, threads, notes)


def test_service_without_a_permission_does_not_start(make_service: MakeService, notes: Notes) -> None:
    undeclared = make_service(GUARDED.replace("PERMISSION_MAINTAIN", "PERMISSION_UNSPECIFIED"))
    gate = Gate(NoAuthentication(), OpenPolicy(frozenset()), 1024)
    with ThreadPoolExecutor(1) as threads, pytest.raises(ContractError, match="/Maintain declares no permission"):
        service_handler(undeclared, (Guarded(),), gate, threads, notes)
