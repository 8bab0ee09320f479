"""What the servers say about themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from trivet._connection import DEFAULT_TIMEOUT_SECONDS, Connection
from trivet._entities import CallerAccess, QuotaUsage, ServiceStatus, WorkspaceAccess
from trivet._errors import TrivetError
from trivet._names import last_segment
from trivet._oauth_values import SignInWay
from trivet._target import Service, resolve
from trivet_proto.common.v1 import system_service_pb2 as pb
from trivet_proto.common.v1.system_service_pb2_grpc import SystemServiceStub

_FULL_NAMES: Final[dict[Service, str]] = {
    "tracking": "trivet.tracking.v1.TrackingService",
    "artifacts": "trivet.artifacts.v1.ArtifactService",
    "registry": "trivet.registry.v1.RegistryService",
}
SERVICES: Final = tuple(_FULL_NAMES)


def check_service(
    service: Service, connect: Callable[[Service], Connection], workspace: str, timeout_seconds: float
) -> ServiceStatus:
    """What a service answers, and why it cannot be used where that is so.

    Args:
        service: Which one.
        connect: Gets the connection of a service; may raise a TrivetError where it has no address.
        workspace: The one that is to be used.
        timeout_seconds: Of each call; none is repeated, because whoever asks wants to know about now.
    """
    status = ServiceStatus(service, address="")
    try:
        connection = connect(service)
        status = replace(status, address=str(connection.address))
        stub = connection.stub(SystemServiceStub)
        info = connection.call(
            stub.GetServerInfo, pb.GetServerInfoRequest(), repeatable=False, timeout_seconds=timeout_seconds
        )
        status = replace(status, version=info.version)
        if _FULL_NAMES[service] not in info.services:
            setting = f"TRIVET_{service.upper()}_URL"
            return replace(
                status, problem=f"The server at {connection.address} does not serve {service}: set {setting}."
            )
        caller = connection.call(stub.WhoAmI, pb.WhoAmIRequest(), repeatable=False, timeout_seconds=timeout_seconds)
        status = replace(status, user=caller.subject, is_authenticated=caller.authenticated)
        if workspace not in {each.workspace for each in _workspaces(connection, timeout_seconds)}:
            return replace(
                status,
                problem=f"There is no workspace {workspace!r} at {connection.address}, or you may not use it. Another "
                "one is set by TRIVET_WORKSPACE, or in the address.",
            )
    except TrivetError as error:
        return replace(status, problem=error.message)
    return status


def ways_to_sign_in(url: str) -> list[SignInWay]:
    """How people sign in to a server, which it says to everybody: no token is sent.

    Raises:
        TargetInvalid: the URL is not the address of a server.
        ServerUnavailable: it does not answer.
    """
    target = replace(resolve(url), token="", token_file="", login_url="")
    connection = Connection(target.address("tracking"), target, timeout_seconds=DEFAULT_TIMEOUT_SECONDS)
    try:
        stub = connection.stub(SystemServiceStub)
        info = connection.call(stub.GetServerInfo, pb.GetServerInfoRequest(), repeatable=True)
    finally:
        connection.close()
    return [
        SignInWay(
            issuer=each.issuer,
            url=each.url,
            client_id=each.client_id,
            scopes=tuple(each.scopes),
            token="access_token" if each.token == pb.SignIn.TOKEN_ACCESS_TOKEN else "id_token",
        )
        for each in info.sign_in
    ]


def access_of_caller(connection: Connection) -> CallerAccess:
    """Whom a server takes the caller for, and what it lets them do. Raises TrivetError."""
    caller = connection.call(connection.stub(SystemServiceStub).WhoAmI, pb.WhoAmIRequest(), repeatable=True)
    return CallerAccess(
        user=caller.subject,
        is_authenticated=caller.authenticated,
        groups=tuple(caller.groups),
        token_id=caller.token_id,
        server_roles=tuple(caller.server_roles),
        workspaces=tuple(_workspaces(connection, None, repeatable=True)),
    )


def usage_of(connection: Connection, workspace: str) -> Iterator[QuotaUsage]:
    """How much a workspace uses of what a server counts. Raises TrivetError."""
    request = pb.GetWorkspaceUsageRequest(workspace=f"workspaces/{workspace}")
    answer = connection.call(connection.stub(SystemServiceStub).GetWorkspaceUsage, request, repeatable=True)
    for each in answer.quotas:
        limit = each.limit if each.HasField("limit") else None
        yield QuotaUsage(each.quota, each.used, limit, str(connection.address))


def _workspaces(
    connection: Connection, timeout_seconds: float | None, *, repeatable: bool = False
) -> Iterator[WorkspaceAccess]:
    stub = connection.stub(SystemServiceStub)
    token = ""
    while True:
        request = pb.ListWorkspacesRequest(page_size=1000, page_token=token)
        page = connection.call(stub.ListWorkspaces, request, repeatable=repeatable, timeout_seconds=timeout_seconds)
        for each in page.workspaces:
            yield WorkspaceAccess(
                last_segment(each.name), tuple(each.roles), tuple(each.permissions), each.deleted_days or None
            )
        token = page.next_page_token
        if not token:
            return
