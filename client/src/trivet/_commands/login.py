"""`trivet login` and `trivet logout`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

import trivet
from trivet._commands.answers import Answer, Done, Field, Listing
from trivet._commands.declaring import command
from trivet._commands.kinds import ID, MARK
from trivet._commands.options import WorkspaceOption
from trivet._logins import Login, Logins, logins_file, read_logins
from trivet._oauth_values import SignInWay
from trivet._target import canonical

app = typer.Typer()

_LOGIN: Final[Sequence[Field[tuple[Logins, Login]]]] = (
    Field("url", "Server", ID, lambda each: each[1].url),
    Field("workspace", "Workspace", read=lambda each: each[1].workspace or "default"),
    Field("current", "Used", MARK, lambda each: each[1].url == each[0].current),
    Field("token", "Token", read=lambda each: _kept_where(each[1])),
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
    issuer: Annotated[
        str, typer.Option(metavar="NAME", help="Sign in with this issuer, of several.", show_default=False)
    ] = "",
    browser: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--browser/--no-browser", help="Open a browser, or only say what to open in one.")
    ] = True,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where the browser comes back to, on 127.0.0.1; 0 is any free port.")
    ] = 0,
    keyring: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--keyring/--file", help="Keep tokens in the keyring of the system, where there is one.")
    ] = True,
) -> Answer:
    """Use a server from now on, where neither `--url` nor TRIVET_URL names one; signs in by a browser.

    Where the server names nobody to sign in with, it asks for a token. The server is asked whether the token is good
    before anything is kept. Tokens are kept in the keyring (`pip install 'trivet[keyring]'`), or else in a file that
    only you can read, are sent to that server alone, and are renewed. TRIVET_TOKEN and TRIVET_TOKEN_FILE count more.
    """
    logins = read_logins()
    if not url:
        kept = [(logins, each) for each in logins.by_url.values()]
        return Listing(_LOGIN, kept, "You are not logged in. Give the address of a server: trivet login URL")
    address, named = canonical(url)
    from trivet._login_tokens import keep_given_login, keep_login  # noqa: PLC0415 - other commands start without it

    given = bool(token_file) or token_stdin or no_token
    way = None if given else _way(address, issuer)
    if way is not None:
        from trivet._browser_sign_in import sign_in  # noqa: PLC0415 - other commands start without it

        tokens = sign_in(way, partial(typer.echo, err=True), port=port, opens_browser=browser)
        new = Login(address, workspace or named, tokens.token)
        user, _ = _checked(new)
        keep_login(address, new.workspace, tokens, in_file=not keyring)
        return _done(new, user)
    new = Login(
        address,
        workspace or named,
        token="" if token_file else _token(is_wanted=not no_token, from_stdin=token_stdin),
        token_file=str(token_file.absolute()) if token_file else "",
    )
    user, is_authenticated = _checked(new)
    keep_given_login(new)
    has_token = bool(new.token or new.token_file)
    unasked = " It asks for no token, and looked at none." if has_token and not is_authenticated else ""
    return _done(new, user, unasked)


@command(app, "logout", example="trivet logout")
def logout(
    url: Annotated[
        str, typer.Argument(metavar="[URL]", help="The server. Default: the one that is used.", show_default=False)
    ] = "",
) -> Answer:
    """Forget a server and the tokens of it, which its issuer is asked to end."""
    from trivet._login_tokens import forget_login  # noqa: PLC0415 - other commands start without it

    logins = read_logins()
    address = canonical(url)[0] if url else logins.current
    login = logins.at(address)
    if login is None:
        return Done(f"There is no login at {address or 'any server'}.", {"url": address}, exit_code=1)
    problem = forget_login(login)
    said = f" {problem} Its tokens are good until they expire." if problem else ""
    return Done(f"The login at {address} is forgotten.{said}", {"url": address})


def _way(address: str, issuer: str) -> SignInWay | None:
    """With whom to sign in; None where the server names nobody. Raises TrivetError."""
    from trivet._system import ways_to_sign_in  # noqa: PLC0415 - other commands start without it

    ways = {way.issuer: way for way in ways_to_sign_in(address)}
    if not ways and not issuer:
        return None
    if issuer in ways or (len(ways) == 1 and not issuer):
        return ways[issuer] if issuer else next(iter(ways.values()))
    names = ", ".join(ways) or "nobody"
    raise trivet.TargetInvalid(f"Say with whom to sign in, by --issuer: {address} knows {names}.")


def _done(new: Login, user: str, unasked: str = "") -> Done:
    where = new.workspace or "default"
    return Done(
        f"You are {user} at {new.url}, workspace {where}.{unasked} Kept in {_kept_in(new.url)}.",
        {"url": new.url, "workspace": where, "user": user},
    )


def _kept_in(address: str) -> str:
    login = read_logins().at(address)
    return "the keyring" if login is not None and login.in_keyring else str(logins_file())


def _kept_where(login: Login) -> str:
    if login.in_keyring:
        return "in the keyring"
    return login.token_file or ("kept here" if login.token else "")


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
