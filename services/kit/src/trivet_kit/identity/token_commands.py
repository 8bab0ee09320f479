"""`trivet token`: makes Trivet's own tokens, and the keys that they are signed by."""

from __future__ import annotations

import base64
import os
import re
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from trivet_kit.auth import Grant
from trivet_kit.identity.claims import is_name
from trivet_kit.identity.own_tokens import GRANTABLE, NewToken, SigningKey, SigningKeyInvalid
from trivet_kit.resources import WORKSPACE_ID
from trivet_kit.roles import Role
from trivet_kit.settings import StartupError

_SECONDS: Final = {"m": 60, "h": 3600, "d": 86_400}
_LONGEST_DAYS: Final = 366
_ROLES: Final = tuple(role.value for role in Role if role in GRANTABLE)

app = typer.Typer(no_args_is_help=True, help="Make Trivet's own tokens, and the keys that they are signed by.")
key_app = typer.Typer(no_args_is_help=True, help="Keys that tokens are signed by.")
app.add_typer(key_app, name="key")


@app.command()
def create(
    key: Annotated[Path, typer.Option(metavar="FILE", help="The signing key, as `trivet token key create` makes it.")],
    subject: Annotated[str, typer.Option(metavar="NAME", help="Whose token it is: its bearer is trivet/NAME.")],
    expires: Annotated[str, typer.Option(metavar="30d", help="How long it is good, in d, h or m; 366d at most.")],
    workspace: Annotated[str, typer.Option(help="What it is for; the policy file says so where it is left out.")] = "",
    role: Annotated[str, typer.Option(help=f"What its bearer may do there: {', '.join(_ROLES)}.")] = "",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there, for nobody else to read.")] = None,
    force: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--force", help="Replace the file, at once, where there is one.")
    ] = False,
) -> None:
    """Print a new token. It is shown once; its id, by which it can be revoked, goes to standard error."""
    if not is_name(subject):
        raise StartupError(f"--subject is {subject!r}; it must be 1 to 250 characters that can be seen.")
    if force and out is None:
        raise StartupError("--force needs --out, which names the file.")
    now = int(time.time())
    new = NewToken(subject, now, now + _seconds(expires), _grant(workspace, role))
    token, token_id = new.sign(_read_key(key))
    if out is None:
        typer.echo(token)
    elif force:
        _replace_secret(out, f"{token}\n")
    else:
        _write_secret(out, f"{token}\n")
    until = datetime.fromtimestamp(new.expires, UTC).isoformat()
    typer.echo(f"Token {token_id} of trivet/{subject} is good until {until}.", err=True)


@key_app.command("create")
def create_key(
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where it is written, for nobody else to read.")],
    key_id: Annotated[str, typer.Option("--id", metavar="ID", help="What it is called; today's date by default.")] = "",
) -> None:
    """Make a signing key, and print its public half as the policy file has it below `token_keys`."""
    name = key_id or datetime.now(UTC).date().isoformat()
    if not is_name(name) or '"' in name or "\\" in name:
        raise StartupError(f"--id is {name!r}; it must be 1 to 250 characters that can be seen, without quotes.")
    key = SigningKey.create(name)
    _write_secret(out, f"{key.text()}\n")
    public = base64.b64encode(key.public.public_key).decode()
    typer.echo(f'- {{id: "{name}", public_key: "{public}"}}')


def _seconds(expires: str) -> int:
    match = re.fullmatch(r"([1-9][0-9]{0,6})([mhd])", expires)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < seconds <= _LONGEST_DAYS * _SECONDS["d"]:
        raise StartupError(f"--expires is {expires!r}; it must be such as 30d, 12h or 90m, at most {_LONGEST_DAYS}d.")
    return seconds


def _grant(workspace: str, role: str) -> Grant | None:
    if not workspace and not role:
        return None
    if not workspace or not role:
        raise StartupError("--workspace and --role go together.")
    if not WORKSPACE_ID.fullmatch(workspace):
        raise StartupError(f"--workspace is {workspace!r}; an id must match {WORKSPACE_ID.pattern}.")
    if role not in _ROLES:
        raise StartupError(f"--role is {role!r}; it must be one of {', '.join(_ROLES)}.")
    return Grant(workspace, Role(role))


def _read_key(path: Path) -> SigningKey:
    try:
        return SigningKey.parse(path.read_text())
    except OSError as error:
        raise StartupError(f"Cannot read {path}: {(error.strerror or str(error)).lower()}.") from None
    except (SigningKeyInvalid, UnicodeDecodeError):
        raise StartupError(f"{path} is not a signing key, as `trivet token key create` makes it.") from None


def _write_secret(path: Path, text: str) -> None:
    """Writes a file that nobody else may read; one that is there already stays as it is."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    except OSError as error:
        raise StartupError(f"Cannot write {path}: {(error.strerror or str(error)).lower()}.") from None


def _replace_secret(path: Path, text: str) -> None:
    """Writes such a file in the place of one: who reads it meanwhile finds the old one or the new one, whole."""
    # Beside it, because files are moved at once only within a file system.
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    _write_secret(new, text)
    try:
        new.replace(path)
    except OSError as error:
        new.unlink()
        raise StartupError(f"Cannot replace {path}: {(error.strerror or str(error)).lower()}.") from None
