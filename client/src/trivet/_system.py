"""What the servers say about themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from trivet._connection import Connection
from trivet._entities import ServiceStatus
from trivet._errors import TrivetError
from trivet._names import last_segment
from trivet._target import Service
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
        if workspace not in _workspaces(connection, timeout_seconds):
            return replace(
                status,
                problem=f"There is no workspace {workspace!r} at {connection.address}, or you may not use it. Another "
                "one is set by TRIVET_WORKSPACE, or in the address.",
            )
    except TrivetError as error:
        return replace(status, problem=error.message)
    return status


def _workspaces(connection: Connection, timeout_seconds: float) -> Iterator[str]:
    stub = connection.stub(SystemServiceStub)
    token = ""
    while True:
        request = pb.ListWorkspacesRequest(page_size=1000, page_token=token)
        page = connection.call(stub.ListWorkspaces, request, repeatable=False, timeout_seconds=timeout_seconds)
        yield from (last_segment(workspace.name) for workspace in page.workspaces)
        token = page.next_page_token
        if not token:
            return
