"""`trivet login` and `trivet logout`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Done, Field, Listing
from trivet._commands.declaring import command
from trivet._commands.kinds import ID, MARK
from trivet._commands.options import WorkspaceOption
from trivet._logins import Login, Logins, logins_file, read_logins, write_logins
from trivet._target import canonical

app = typer.Typer()

_LOGIN: Final[Sequence[Field[tuple[Logins, Login]]]] = (
    Field("url", "Server", ID, lambda each: each[1].url),
    Field("workspace", "Workspace", read=lambda each: each[1].workspace or "default"),
    Field("current", "Used", MARK, lambda each: each[1].url == each[0].current),
    Field("token", "Token", read=lambda each: each[1].token_file or ("kept here" if each[1].token else "")),
)


@command(app, "login", example="trivet login grpcs://trivet.example.org:7330/team-a --token-stdin < token")
def login(
    url: Annotated[
        str, typer.Argument(metavar="[URL]", help="The server. Default: show the logins.", show_default=False)
    ] = "",
    workspace: WorkspaceOption = "",
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Read the token from this file, at each use.", show_default=False),
    ] = None,
    token_stdin: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--token-stdin", help="Keep the token that standard input has.", show_default=False)
    ] = False,
    no_token: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--no-token", help="Do not ask for a token: the server needs none.", show_default=False)
    ] = False,
) -> Answer:
    """Use a server from now on, where neither `--url` nor TRIVET_URL names one; asks for a token.

    The server is asked whether the token is good before anything is kept. The token is kept in a file that only you can
    read, and is sent to that server alone. TRIVET_TOKEN and TRIVET_TOKEN_FILE count more.
    """
    logins = read_logins()
    if not url:
        kept = [(logins, each) for each in logins.by_url.values()]
        return Listing(_LOGIN, kept, "You are not logged in. Give the address of a server: trivet login URL")
    address, named = canonical(url)
    new = Login(
        address,
        workspace or named,
        token="" if token_file else _token(is_wanted=not no_token, from_stdin=token_stdin),
        token_file=str(token_file.absolute()) if token_file else "",
    )
    user, is_authenticated = _checked(new)
    write_logins(logins.having(new))
    where = new.workspace or "default"
    has_token = bool(new.token or new.token_file)
    unasked = " It asks for no token, and looked at none." if has_token and not is_authenticated else ""
    return Done(
        f"You are {user} at {address}, workspace {where}.{unasked} Kept in {logins_file()}.",
        {"url": address, "workspace": where, "user": user},
    )


@command(app, "logout", example="trivet logout")
def logout(
    url: Annotated[
        str, typer.Argument(metavar="[URL]", help="The server. Default: the one that is used.", show_default=False)
    ] = "",
) -> Answer:
    """Forget a server and the token of it."""
    logins = read_logins()
    address = canonical(url)[0] if url else logins.current
    if logins.at(address) is None:
        return Done(f"There is no login at {address or 'any server'}.", {"url": address}, exit_code=1)
    write_logins(logins.without(address))
    return Done(f"The login at {address} is forgotten.", {"url": address})


def _token(*, is_wanted: bool, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.read().strip()
    if not is_wanted or not sys.stdin.isatty():
        return ""
    return str(typer.prompt("Token (empty for none)", default="", hide_input=True, show_default=False)).strip()


def _checked(new: Login) -> tuple[str, bool]:
    """Asks the server; returns as whom it knows the caller, and whether it looked at credentials.

    Raises TrivetError where the login would be of no use.
    """
    token = new.token or (Path(new.token_file).read_text(encoding="utf-8").strip() if new.token_file else "")
    with trivet.Client(new.url, workspace=new.workspace, token=token) as client:
        statuses = client.check_services()
    problems = [status.problem for status in statuses if status.problem]
    if problems:
        raise trivet.TargetInvalid(f"Nothing is kept: {problems[0]}")
    return statuses[0].user, statuses[0].is_authenticated
