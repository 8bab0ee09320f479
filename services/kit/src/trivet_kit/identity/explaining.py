"""Why a caller may do something, or not: what `trivet policy check` says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import ServiceDescriptor

from trivet_kit.auth import Principal
from trivet_kit.identity.policy import FilePolicy, RoleGiven
from trivet_kit.methods import Method, methods_of
from trivet_kit.roles import PERMISSIONS
from trivet_proto.artifacts.v1 import artifact_service_pb2
from trivet_proto.common.v1 import options_pb2, system_service_pb2
from trivet_proto.registry.v1 import registry_service_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2

SERVICES: tuple[ServiceDescriptor, ...] = tuple(
    service
    for contract in (tracking_service_pb2, artifact_service_pb2, registry_service_pb2, system_service_pb2)
    for service in contract.DESCRIPTOR.services_by_name.values()
)


class MethodNotFound(Exception):
    """No contract has a method of this name."""


@dataclass(frozen=True)
class Decision:
    """Whether a caller may call a method, and why."""

    allowed: bool
    answer: str
    """What a server answers: `OK`, `NOT_FOUND`, `PERMISSION_DENIED`, `UNAUTHENTICATED`."""
    reasons: tuple[str, ...]
    """Sentences, the deciding one last."""


def method_named(name: str) -> Method:
    """The method of a name, `CreateRun`, `TrackingService/CreateRun` or with its package before that.

    Raises:
        MethodNotFound: there is none.
    """
    wanted = name.strip("/")
    for service in SERVICES:
        for method in methods_of(service):
            path = method.path.strip("/")
            if wanted in (path, path.rpartition("/")[2], path.removeprefix(f"{service.file.package}.")):
                return method
    raise MethodNotFound(f"There is no method {name}; `grpcurl … list` and the website name them.")


def explain(policy: FilePolicy, caller: Principal, method: Method, workspace: str | None) -> Decision:
    """What a server with this policy answers when a caller calls a method.

    Args:
        policy: The policy.
        caller: As verified.
        method: What is called.
        workspace: Of what the request names; None for the server as a whole.
    """
    permission = options_pb2.Permission.Name(method.permission).removeprefix("PERMISSION_")
    if method.permission == options_pb2.PERMISSION_PUBLIC:
        return Decision(allowed=True, answer="OK", reasons=(f"{method.path} is open to all.",))
    denial = policy.denial(caller)
    if denial is not None:
        return Decision(allowed=False, answer="UNAUTHENTICATED", reasons=(f"The policy file says: {denial}.",))
    if method.permission == options_pb2.PERMISSION_AUTHENTICATED:
        return Decision(allowed=True, answer="OK", reasons=(f"{method.path} is open to all who are verified.",))
    place = None if method.server_scope else workspace
    where = "on the server" if place is None else f"in workspace {place}"
    needs = f"{method.path} needs {permission} {where}."
    if place is not None and place not in policy.file.workspaces:
        return _refused(place, needs, f"There is no workspace {place}.")
    given = tuple(_given(policy, caller, place))
    told = tuple(f"{caller.subject} is {each.role} {_over(each)}, by {each.line}." for each in given)
    if any(method.permission in PERMISSIONS[each.role] for each in given):
        return Decision(allowed=True, answer="OK", reasons=(needs, *told))
    if place is not None and not given:
        return _refused(place, needs, f"{caller.subject} has no role {where}, and is told that there is none.")
    lacks = f"{caller.subject} has no role {where} that permits it."
    return Decision(allowed=False, answer="PERMISSION_DENIED", reasons=(needs, *told, lacks))


def _refused(place: str | None, *reasons: str) -> Decision:
    """A refusal of somebody who has no role at all; a workspace answers as if there were none."""
    return Decision(allowed=False, answer="PERMISSION_DENIED" if place is None else "NOT_FOUND", reasons=reasons)


def _given(policy: FilePolicy, caller: Principal, place: str | None) -> Iterator[RoleGiven]:
    for each in policy.given(caller):
        if each.workspace is None or each.workspace == place:
            yield each


def _over(given: RoleGiven) -> str:
    return "over all workspaces" if given.workspace is None else f"in {given.workspace}"
