"""What a policy file lets callers do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trivet_kit.auth import Principal
from trivet_kit.identity.policy_file import PolicyFile
from trivet_kit.roles import PermissionValue, Role, permissions_of
from trivet_kit.workspace_rules import NO_RULES, WorkspaceRules

# Callers whose rights are remembered. More than that at once are worked out again and again.
_REMEMBERED = 10_000


@dataclass(frozen=True)
class RoleGiven:
    """A role that a caller has, and why."""

    role: Role
    workspace: str | None
    """None: over all workspaces, and the server."""
    line: str
    """The line of the policy file that says so, `token` for a grant of the caller's own token."""


@dataclass(frozen=True)
class _Rights:
    """What a caller has, by workspace; None: over all workspaces, and the server."""

    roles: Mapping[str | None, frozenset[Role]]
    permissions: Mapping[str | None, frozenset[PermissionValue]]
    workspaces: frozenset[str]


class FilePolicy:
    """The decisions of one policy file. Everything is denied that it does not allow, and deny wins. Thread-safe."""

    def __init__(self, said: PolicyFile) -> None:
        self.file = said
        self._remembered: dict[Principal, _Rights] = {}

    def workspaces(self, principal: Principal) -> frozenset[str]:
        """Those in which the caller has a role."""
        return self._rights(principal).workspaces

    def roles(self, principal: Principal, workspace: str | None) -> frozenset[Role]:
        """The caller's roles in a workspace, or over all."""
        return self._rights(principal).roles.get(workspace, frozenset())

    def permits(self, principal: Principal, permission: PermissionValue, workspace: str | None) -> bool:
        """Whether one of the caller's roles permits it."""
        return permission in self._rights(principal).permissions.get(workspace, ())

    def rules(self, workspace: str) -> WorkspaceRules:
        """What the file sets for a workspace."""
        said = self.file.workspaces.get(workspace)
        return NO_RULES if said is None else said.rules

    def denial(self, principal: Principal) -> str | None:
        """The line by which a caller may do nothing at all; None where none does."""
        if not principal.authenticated:
            return "not authenticated"
        if principal.token_id in self.file.revoked_tokens:
            return f"revoked_tokens: {principal.token_id}"
        line = self.file.deny.line_of(principal)
        return None if line is None else f"deny: {line}"

    def given(self, principal: Principal) -> Iterator[RoleGiven]:
        """The roles of a caller, each with the line that gives it; none to whom all is denied."""
        if self.denial(principal) is not None:
            return
        if principal.grants is not None:
            for grant in principal.grants:
                if grant.workspace in self.file.workspaces:
                    yield RoleGiven(grant.role, grant.workspace, "token")
            return
        for role, subjects in self.file.server.items():
            if (line := subjects.line_of(principal)) is not None:
                yield RoleGiven(role, None, line)
        for name, workspace in self.file.workspaces.items():
            for role, subjects in workspace.roles.items():
                if (line := subjects.line_of(principal)) is not None:
                    yield RoleGiven(role, name, line)

    def _rights(self, principal: Principal) -> _Rights:
        remembered = self._remembered.get(principal)
        if remembered is None:
            remembered = self._worked_out(principal)
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[principal] = remembered
        return remembered

    def _worked_out(self, principal: Principal) -> _Rights:
        roles: dict[str | None, frozenset[Role]] = {}
        for given in self.given(principal):
            places = (given.workspace,) if given.workspace is not None else (None, *self.file.workspaces)
            for place in places:
                roles[place] = roles.get(place, frozenset()) | {given.role}
        return _Rights(
            roles,
            {place: permissions_of(there) for place, there in roles.items()},
            frozenset(place for place in roles if place is not None),
        )
