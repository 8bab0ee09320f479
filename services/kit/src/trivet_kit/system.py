"""SystemService: what every server says about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from google.protobuf.timestamp_pb2 import Timestamp

from trivet_kit import fingerprints, page_tokens
from trivet_kit.auth import Authenticator, Policy
from trivet_kit.calls import Call
from trivet_kit.errors import PageTokenInvalid
from trivet_kit.resources import WorkspaceName
from trivet_proto.common.v1 import system_service_pb2 as pb


@dataclass(frozen=True)
class ServerFacts:
    """What a server knows of itself when it starts."""

    services: tuple[str, ...]
    """Full names of its gRPC services."""
    started: Timestamp
    limits: pb.Limits


class SystemServicer:
    """Implements `trivet.common.v1.SystemService`."""

    def __init__(
        self, facts: ServerFacts, authenticator: Authenticator, policy: Policy, drain: Callable[[], None]
    ) -> None:
        self._facts = facts
        self._authenticator = authenticator
        self._policy = policy
        self._drain = drain

    async def GetServerInfo(self, request: pb.GetServerInfoRequest, call: Call) -> pb.ServerInfo:
        """Version, services and limits."""
        return pb.ServerInfo(
            version=version("trivet-kit"),
            services=sorted(self._facts.services),
            start_time=self._facts.started,
            authentication_required=self._authenticator.required,
            limits=self._facts.limits,
        )

    async def WhoAmI(self, request: pb.WhoAmIRequest, call: Call) -> pb.Principal:
        """The caller, as verified."""
        return pb.Principal(subject=call.principal.subject, authenticated=call.principal.authenticated)

    async def ListWorkspaces(self, request: pb.ListWorkspacesRequest, call: Call) -> pb.ListWorkspacesResponse:
        """A page of the workspaces that the caller may see."""
        size = page_tokens.page_size(request.page_size)
        bound_to = fingerprints.of_search(request)
        cursor = page_tokens.decode(bound_to, request.page_token)
        names = sorted(self._policy.workspaces(call.principal))
        if cursor is not None:
            match cursor:
                case [str(last)]:
                    names = [name for name in names if name > last]
                case _:
                    raise PageTokenInvalid
        page = names[:size]
        return pb.ListWorkspacesResponse(
            workspaces=[pb.Workspace(name=str(WorkspaceName(name))) for name in page],
            next_page_token=page_tokens.encode(bound_to, [page[-1]]) if len(names) > size else "",
        )

    async def Drain(self, request: pb.DrainRequest, call: Call) -> pb.DrainResponse:
        """Lets health answer NOT_SERVING."""
        self._drain()
        return pb.DrainResponse()
