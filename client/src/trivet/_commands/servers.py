"""`trivet up`, `ui`, `status` and `version`: servers, and this program itself."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import typer

import trivet
from trivet._commands.answers import Answer, Details, Done, Field, Listing
from trivet._commands.declaring import client_command, command
from trivet._commands.kinds import FLAG, ID, printable
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

# The options are those of the server that they become, so that they are described, checked and defaulted in one place.
_AS_THE_SERVER: Final = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command(context_settings=_AS_THE_SERVER, add_help_option=False)
def up(context: typer.Context) -> None:
    """Run Trivet on this machine: one process, SQLite files and a folder (`trivet up --help`)."""
    _become_server("up", context.args)


@app.command(context_settings=_AS_THE_SERVER, add_help_option=False)
def ui(context: typer.Context) -> None:
    """The same as `trivet up`, for those who look for `ui`."""
    _become_server("ui", context.args)


def _become_server(name: str, arguments: Sequence[str]) -> None:
    if importlib.util.find_spec("trivet_standalone") is None:
        sys.exit(f"trivet {name}: a server on this machine needs an extra: pip install 'trivet[local]'")
    # Instead of a child: signals and exit code need no passing on.
    os.execv(sys.executable, [sys.executable, "-m", "trivet_standalone", *arguments])  # noqa: S606 - itself


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


@command(app, "version", example="trivet version")
def version() -> Answer:
    """Print the version of this program."""
    return Done(trivet.__version__, {"version": trivet.__version__})
