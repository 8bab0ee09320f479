"""`trivet up`, `ui`, `status`, `whoami` and `version`: servers, and this program itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import typer

import trivet
from trivet._commands.answers import Answer, Details, Done, Field, Listing
from trivet._commands.becoming import AS_THE_PROGRAM, become
from trivet._commands.declaring import client_command, command
from trivet._commands.kinds import COUNT, FLAG, ID, NAMES, printable
from trivet._commands.spool import spool_listing

app = typer.Typer()

_TARGET: Final[Sequence[Field[trivet.Client]]] = (Field("workspace", "Workspace"),)
_SERVICE: Final[Sequence[Field[trivet.ServiceStatus]]] = (
    Field("service", "Service", ID),
    Field("address", "Address", ID),
    Field("reachable", "Answers", FLAG, lambda status: status.is_reachable),
    Field("version", "Version", ID),
    Field("user", "You are", ID),
    Field("authenticated", "Authenticated", FLAG, lambda status: status.is_authenticated, is_listed=False),
    Field("problem", "Problem", is_listed=False),
)

_CALLER: Final[Sequence[Field[trivet.CallerAccess]]] = (
    Field("user", "You are", ID),
    Field("authenticated", "Authenticated", FLAG, lambda caller: caller.is_authenticated),
    Field("groups", "Groups", NAMES, lambda caller: caller.groups),
    Field("token_id", "Token", ID),
    Field("server_roles", "On the server", NAMES, lambda caller: caller.server_roles),
)
_WORKSPACE: Final[Sequence[Field[trivet.WorkspaceAccess]]] = (
    Field("workspace", "Workspace", ID),
    Field("roles", "You are", NAMES, lambda access: access.roles),
    Field("permissions", "You may", NAMES, lambda access: access.permissions),
)


@app.command(context_settings=AS_THE_PROGRAM, add_help_option=False)
def up(context: typer.Context) -> None:
    """Run Trivet on this machine: one process, SQLite files and a folder (`trivet up --help`)."""
    become("up", context.args)


@app.command(context_settings=AS_THE_PROGRAM, add_help_option=False)
def ui(context: typer.Context) -> None:
    """The same as `trivet up`, for those who look for `ui`."""
    become("ui", context.args)


@dataclass(frozen=True)
class _Status:
    """Which services answer, and what to do about those that do not."""

    details: Details[trivet.Client]
    problems: Sequence[str]

    @property
    def exit_code(self) -> int:
        return 1 if self.problems else 0

    def to_json(self) -> object:
        return self.details.to_json()

    def show(self) -> None:
        self.details.show()
        for problem in self.problems:
            typer.echo(f"\n{printable(problem)}")


@client_command(app, "status", example="trivet status --url grpc://127.0.0.1:7330")
def status(client: trivet.Client) -> Answer:
    """Say which of the three services answer, where, as whom they know you, and what is not sent yet.

    The exit code is 0 if all of them can be used, and 1 if not.
    """
    statuses = client.check_services()
    services = Listing(_SERVICE, statuses, nothing="")
    # Services at one address have one problem.
    problems = dict.fromkeys(status.problem for status in statuses if status.problem)
    return _Status(Details(_TARGET, client, {"services": services, "spool": spool_listing()}), tuple(problems))


_USAGE: Final[Sequence[Field[trivet.QuotaUsage]]] = (
    Field("quota", "Quota", ID),
    Field("used", "Used", COUNT),
    Field("limit", "Limit", COUNT),
    Field("address", "Server", ID),
)


@client_command(app, "whoami", example="trivet whoami")
def whoami(client: trivet.Client) -> Answer:
    """Say whom the server takes you for, and what you may do in which workspace."""
    caller = client.whoami()
    nothing = "No workspace lets you in. Ask whoever keeps the policy file for a role."
    return Details(_CALLER, caller, {"workspaces": Listing(_WORKSPACE, caller.workspaces, nothing)})


@client_command(app, "usage", example="trivet usage --workspace team-a")
def usage(client: trivet.Client) -> Answer:
    """Say how much the workspace uses of its quotas."""
    return Listing(_USAGE, client.get_workspace_usage(), nothing="")


@command(app, "version", example="trivet version")
def version() -> Answer:
    """Print the version of this program."""
    return Done(trivet.__version__, {"version": trivet.__version__})
