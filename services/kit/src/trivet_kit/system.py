"""SystemService: what every server says about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from google.protobuf.timestamp_pb2 import Timestamp

from trivet_kit import fingerprints, page_tokens
from trivet_kit.audit.convert import from_event, to_query
from trivet_kit.audit.events import AuditQuery
from trivet_kit.audit.reading import read_page
from trivet_kit.audit.trail import AuditTrail
from trivet_kit.auth import Authenticator, Policy, Principal
from trivet_kit.calls import Call
from trivet_kit.errors import PageTokenInvalid
from trivet_kit.identity.access import SignInIssuers
from trivet_kit.identity.sign_in import SignInIssuer
from trivet_kit.resources import WorkspaceName, parse_workspace
from trivet_kit.roles import permissions_of
from trivet_proto.common.v1 import options_pb2
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
        self,
        facts: ServerFacts,
        authenticator: Authenticator,
        policy: Policy,
        sign_in: SignInIssuers,
        drain: Callable[[], None],
        trails: Sequence[AuditTrail],
    ) -> None:
        self._facts = facts
        self._authenticator = authenticator
        self._policy = policy
        self._sign_in = sign_in
        self._drain = drain
        self._trails = trails

    async def GetServerInfo(self, request: pb.GetServerInfoRequest, call: Call) -> pb.ServerInfo:
        """Version, services and limits."""
        return pb.ServerInfo(
            version=version("trivet-kit"),
            services=sorted(self._facts.services),
            start_time=self._facts.started,
            authentication_required=self._authenticator.required,
            limits=self._facts.limits,
            sign_in=sign_in_messages(self._sign_in()),
        )

    async def WhoAmI(self, request: pb.WhoAmIRequest, call: Call) -> pb.Principal:
        """The caller, as verified."""
        caller = call.principal
        return pb.Principal(
            subject=caller.subject,
            authenticated=caller.authenticated,
            groups=sorted(caller.groups),
            token_id=caller.token_id,
            server_roles=sorted(self._policy.roles(caller, None)),
        )

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
            workspaces=[self._workspace(name, call.principal) for name in page],
            next_page_token=page_tokens.encode(bound_to, [page[-1]]) if len(names) > size else "",
        )

    def _workspace(self, workspace: str, caller: Principal) -> pb.Workspace:
        roles = sorted(self._policy.roles(caller, workspace))
        permissions = (options_pb2.Permission.Name(each) for each in sorted(permissions_of(roles)))
        return pb.Workspace(
            name=str(WorkspaceName(workspace)),
            roles=roles,
            permissions=[name.removeprefix("PERMISSION_") for name in permissions],
            deleted_days=self._policy.rules(workspace).deleted_days or 0,
        )

    def ListAuditEvents(self, request: pb.ListAuditEventsRequest, call: Call) -> pb.ListAuditEventsResponse:
        """A page of what was done in a workspace, the newest first."""
        workspace = parse_workspace(request.parent, "parent").workspace
        found, token = self._audit_events(request, to_query(request.query, workspace))
        return pb.ListAuditEventsResponse(audit_events=found, next_page_token=token)

    def ListServerAuditEvents(
        self, request: pb.ListServerAuditEventsRequest, call: Call
    ) -> pb.ListServerAuditEventsResponse:
        """A page of what was done here, the newest first."""
        found, token = self._audit_events(request, to_query(request.query, None))
        return pb.ListServerAuditEventsResponse(
            audit_events=found,
            next_page_token=token,
            dropped_count=sum(trail.dropped_count for trail in self._trails),
        )

    def _audit_events(
        self, request: pb.ListAuditEventsRequest | pb.ListServerAuditEventsRequest, query: AuditQuery
    ) -> tuple[list[pb.AuditEvent], str]:
        """A page and the token of the next one."""
        size = page_tokens.page_size(request.page_size)
        bound_to = fingerprints.of_search(request)
        page = read_page(self._trails, query, page_tokens.decode(bound_to, request.page_token), size)
        return [from_event(event) for event in page.events], page_tokens.encode(bound_to, page.next_cursor)

    async def Drain(self, request: pb.DrainRequest, call: Call) -> pb.DrainResponse:
        """Lets health answer NOT_SERVING."""
        self._drain()
        return pb.DrainResponse()


def sign_in_messages(issuers: Mapping[str, SignInIssuer]) -> list[pb.SignIn]:
    """What programs of people need to know to sign in, by the names of issuers."""
    return [
        pb.SignIn(
            issuer=name,
            url=each.issuer.url,
            client_id=each.sign_in.command_line_client_id or each.sign_in.client_id,
            scopes=each.sign_in.scopes,
            token=pb.SignIn.Token.Value(f"TOKEN_{each.sign_in.token.upper()}"),
        )
        for name, each in sorted(issuers.items())
    ]
