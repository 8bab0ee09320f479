"""Who calls, and what they may do: the seam through which every call goes.

A server has one `Authenticator`, which makes a verified `Principal` of a call's metadata, and one `Policy`, which says
what a principal may do where. Nothing is allowed unless the policy says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from trivet_proto.common.v1 import options_pb2

# In quotes: `ValueType` exists for type checkers only.
PermissionValue: TypeAlias = "options_pb2.Permission.ValueType"


@dataclass(frozen=True)
class Principal:
    """A caller, as verified."""

    subject: str
    """The caller's stable name; goes into `created_by` and the access log."""
    authenticated: bool
    """Whether credentials were verified."""


ANONYMOUS = Principal(subject="anonymous", authenticated=False)


class Authenticator(Protocol):
    """Verifies credentials."""

    @property
    def required(self) -> bool:
        """Whether callers must present credentials."""
        ...

    def authenticate(self, metadata: Mapping[str, str | bytes]) -> Principal:
        """The principal behind a call, from the call's metadata, whose keys are in lower case.

        Raises:
            CredentialsInvalid: none where they are required, or some that do not verify.
        """
        ...


class Policy(Protocol):
    """Says what principals may do."""

    def workspaces(self, principal: Principal) -> frozenset[str]:
        """Ids of the workspaces that the principal may see. All others answer it as if they did not exist."""
        ...

    def permits(self, principal: Principal, permission: PermissionValue, workspace: str | None) -> bool:
        """Whether the principal has a permission in a workspace that it may see, or, for None, on the server."""
        ...


class NoAuthentication:
    """Takes everybody for `anonymous`: for loopback, and elsewhere where the operator insists."""

    required = False

    def authenticate(self, metadata: Mapping[str, str | bytes]) -> Principal:  # noqa: ARG002 - it asks for nothing
        """Returns ANONYMOUS."""
        return ANONYMOUS


class OpenPolicy:
    """Permits everything in the workspaces that exist, and operating the server; without a policy file."""

    def __init__(self, workspaces: frozenset[str]) -> None:
        self._workspaces = workspaces

    def workspaces(self, principal: Principal) -> frozenset[str]:  # noqa: ARG002 - all see the same
        """All workspaces that exist."""
        return self._workspaces

    def permits(self, principal: Principal, permission: PermissionValue, workspace: str | None) -> bool:  # noqa: ARG002 - open to all
        """True for the server, and for the workspaces that exist."""
        return workspace is None or workspace in self._workspaces
