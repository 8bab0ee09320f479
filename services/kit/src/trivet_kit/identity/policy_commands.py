"""The commands about policy files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from trivet_kit.auth import Grant, Principal
from trivet_kit.errors import ResourceNameInvalid
from trivet_kit.identity import explaining
from trivet_kit.identity.certificates import ISSUER as CERTIFICATES
from trivet_kit.identity.issuers import OWN
from trivet_kit.identity.policy import FilePolicy
from trivet_kit.identity.policy_file import PolicyFile, PolicyFileInvalid, parse, read, schema
from trivet_kit.resources import WORKSPACE_ID, workspace_of_any
from trivet_kit.roles import Role
from trivet_kit.settings import StartupError

app = typer.Typer(no_args_is_help=True, help="Policy files: who may do what in which workspace.")

_FileOption = Annotated[
    Path, typer.Option("--policy", envvar="TRIVET_POLICY", metavar="FILE", help="The policy file.", show_default=False)
]
_SERVER = "server"
_WITHOUT_GROUPS = {OWN: "Trivet's own tokens", CERTIFICATES: "client certificates"}


@app.command()
def lint(
    file: Annotated[
        Path, typer.Argument(envvar="TRIVET_POLICY", metavar="FILE", help="The policy file.", show_default=False)
    ],
) -> None:
    """Says what is wrong in a policy file, each fault with its line; ends with code 1 where anything is."""
    try:
        said = parse(read(file))
    except PolicyFileInvalid as error:
        for fault in error.faults:
            typer.echo(f"{file}: {fault}", err=True)
        raise typer.Exit(1) from None
    for name in _without_anybody(said):
        typer.echo(f"{file}: workspaces.{name}: nobody but the server's administrators has a role here")
    for line in _of_no_groups(said):
        typer.echo(f"{file}: {line}")
    count = len(said.workspaces)
    typer.echo(f"{file} is a policy file: {count} workspace{'' if count == 1 else 's'}.")


@app.command()
def check(
    method: Annotated[
        str, typer.Argument(metavar="METHOD", help="CreateRun, or trivet.tracking.v1.TrackingService/CreateRun.")
    ],
    resource: Annotated[
        str,
        typer.Argument(
            metavar="RESOURCE",
            help="A workspace, or a name such as workspaces/team-a/runs/RUN; `server` for the server.",
        ),
    ],
    policy: _FileOption,
    subject: Annotated[
        str,
        typer.Option("--as", metavar="USER", help="ISSUER/NAME, such as people/ann@example.org.", show_default=False),
    ],
    group: Annotated[list[str], typer.Option(metavar="GROUP", help="ISSUER/NAME of a group of the user.")] = [],  # noqa: B006 - typer's way
    grant: Annotated[list[str], typer.Option(metavar="WORKSPACE:ROLE", help="What the user's own token carries.")] = [],  # noqa: B006 - typer's way
    token_id: Annotated[str, typer.Option(metavar="ID", help="The id (jti) of the user's token.")] = "",
) -> None:
    """Explains what a server answers; ends with code 0 where it allows, and with 1 where it does not."""
    try:
        said = FilePolicy(parse(read(policy)))
        called = explaining.method_named(method)
    except PolicyFileInvalid as error:
        raise StartupError(f"{policy} is no policy file: {error}.") from None
    except explaining.MethodNotFound as error:
        raise StartupError(str(error)) from None
    grants = tuple(map(_grant, grant)) if grant else None
    caller = Principal(subject, authenticated=True, groups=frozenset(group), token_id=token_id, grants=grants)
    decision = explaining.explain(said, caller, called, _workspace(resource))
    typer.echo(f"{'Allowed' if decision.allowed else 'Denied'}: {decision.answer}")
    for reason in decision.reasons:
        typer.echo(f"  {reason}")
    if not decision.allowed:
        raise typer.Exit(1)


@app.command("schema")
def print_schema() -> None:
    """Prints the JSON Schema of policy files, for editors."""
    typer.echo(schema(), nl=False)


def _without_anybody(said: PolicyFile) -> list[str]:
    return [name for name, workspace in said.workspaces.items() if not any(map(bool, workspace.roles.values()))]


def _of_no_groups(said: PolicyFile) -> Iterator[str]:
    """What is to be said of lines that mean a group where callers have none."""
    places = {
        f"workspaces.{name}.roles.{role.value}": subjects
        for name, workspace in said.workspaces.items()
        for role, subjects in workspace.roles.items()
    }
    places |= {f"server.{role.value}": subjects for role, subjects in said.server.items()} | {"deny": said.deny}
    for place, subjects in places.items():
        for group in sorted({*subjects.groups, *(f"{beginning}*" for beginning in subjects.groups_that_begin)}):
            issuer = group.partition("/")[0]
            if issuer in _WITHOUT_GROUPS:
                yield f"{place}: group:{group} means nobody: {_WITHOUT_GROUPS[issuer]} have no groups"


def _grant(text: str) -> Grant:
    workspace, _, role = text.partition(":")
    if role not in set(Role):
        raise StartupError(f"--grant {text} is not WORKSPACE:ROLE, with a role of {', '.join(Role)}.")
    return Grant(workspace, Role(role))


def _workspace(resource: str) -> str | None:
    """The workspace of what is named; None for the server."""
    if resource == _SERVER:
        return None
    if WORKSPACE_ID.fullmatch(resource):
        return resource
    try:
        return workspace_of_any(resource, "RESOURCE")
    except ResourceNameInvalid as error:
        raise StartupError(error.message) from None
