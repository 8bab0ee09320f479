"""Who calls, and what they may do: the seam through which every call goes.

A server has one `Authenticator`, which makes a verified `Principal` of a call's metadata, and one `Policy`, which says
what a principal may do where. Nothing is allowed unless the policy says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from trivet_kit.roles import PermissionValue, Role
from trivet_kit.workspace_rules import NO_RULES, WorkspaceRules
from trivet_proto.common.v1 import options_pb2


@dataclass(frozen=True)
class Grant:
    """A role in a workspace that a token carries itself."""

    workspace: str
    role: Role


@dataclass(frozen=True)
class Principal:
    """A caller, as verified."""

    subject: str
    """The caller's stable name, `ISSUER/NAME`; goes into `created_by` and the access log."""
    authenticated: bool
    """Whether credentials were verified."""
    groups: frozenset[str] = frozenset()
    """Of the caller, as its issuer says: each `ISSUER/NAME`."""
    token_id: str = ""
    """The token's own id (`jti`), by which it can be revoked; empty for none."""
    grants: tuple[Grant, ...] | None = None
    """What one of Trivet's own tokens lets its bearer do, and no more; None: what the policy says of the subject."""


ANONYMOUS = Principal(subject="anonymous", authenticated=False)


class Authenticator(Protocol):
    """Verifies credentials."""

    @property
    def required(self) -> bool:
        """Whether callers must present credentials."""
        ...

    def known(self, metadata: Mapping[str, str | bytes]) -> Principal | None:
        """The principal behind a call, at once: one whose credentials were verified before, or ANONYMOUS.

        None where they have to be verified. The keys of the call's metadata are in lower case.

        Raises:
            CredentialsInvalid: none where they are required, or some that cannot verify.
        """
        ...

    async def verify(self, metadata: Mapping[str, str | bytes]) -> Principal:
        """The principal behind a call that is not known yet. May wait, for the keys of an issuer.

        Raises:
            CredentialsInvalid: they do not verify.
        """
        ...

    async def verify_again(self, metadata: Mapping[str, str | bytes], since: float) -> Principal:
        """The principal behind a stream that was let in at a time, in seconds since 1970, and goes on.

        As `verify`, but what has only expired since then still counts. Cheap where nothing has changed.

        Raises:
            CredentialsInvalid: they do not verify any more.
        """
        ...


class Policy(Protocol):
    """Says what principals may do."""

    def workspaces(self, principal: Principal) -> frozenset[str]:
        """Ids of the workspaces that the principal may see. All others answer it as if they did not exist."""
        ...

    def roles(self, principal: Principal, workspace: str | None) -> frozenset[Role]:
        """The roles of a principal in a workspace, or, for None, on the server."""
        ...

    def permits(self, principal: Principal, permission: PermissionValue, workspace: str | None) -> bool:
        """Whether the principal has a permission in a workspace that it may see, or, for None, on the server."""
        ...

    def rules(self, workspace: str) -> WorkspaceRules:
        """What else is set for a workspace, at this moment; nothing for one that does not exist."""
        ...


class NoAuthentication:
    """Takes everybody for `anonymous`: for loopback, and elsewhere where the operator insists."""

    required = False

    def known(self, metadata: Mapping[str, str | bytes]) -> Principal:  # noqa: ARG002 - it asks for nothing
        """Returns ANONYMOUS."""
        return ANONYMOUS

    async def verify(self, metadata: Mapping[str, str | bytes]) -> Principal:
        """Returns ANONYMOUS."""
        return self.known(metadata)

    async def verify_again(self, metadata: Mapping[str, str | bytes], since: float) -> Principal:  # noqa: ARG002 - as above
        """Returns ANONYMOUS."""
        return self.known(metadata)


class OpenPolicy:
    """Permits everything in the workspaces that exist, and operating the server; without a policy file."""

    def __init__(self, workspaces: frozenset[str]) -> None:
        self._workspaces = workspaces

    def workspaces(self, principal: Principal) -> frozenset[str]:  # noqa: ARG002 - all see the same
        """All workspaces that exist."""
        return self._workspaces

    def roles(self, principal: Principal, workspace: str | None) -> frozenset[Role]:
        """Everybody is an administrator."""
        permitted = self.permits(principal, options_pb2.PERMISSION_ADMIN, workspace)
        return frozenset({Role.ADMIN}) if permitted else frozenset()

    def permits(self, principal: Principal, permission: PermissionValue, workspace: str | None) -> bool:  # noqa: ARG002 - open to all
        """True for the server, and for the workspaces that exist."""
        return workspace is None or workspace in self._workspaces

    def rules(self, workspace: str) -> WorkspaceRules:  # noqa: ARG002 - the same for all
        """Nothing is set."""
        return NO_RULES
