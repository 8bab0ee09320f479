"""Servers that this user logged in to: addresses with workspaces and tokens, in a file that nobody else can read."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from trivet._errors import TargetInvalid
from trivet._oauth_values import Grant

_FILE: Final = "logins.json"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Login:
    """A server, and as whom it is used."""

    url: str
    """Without a workspace."""
    workspace: str = ""
    """The one that is used where nothing else says one; empty: `default`."""
    token: str = field(default="", repr=False)
    token_file: str = ""
    """In place of a token: where it is read anew when it changes."""
    grant: Grant | None = None
    """How the token is renewed; None: it is as somebody gave it."""
    in_keyring: bool = False
    """Whether the tokens are in the keyring of the operating system, and not in the file."""

    @property
    def is_renewed(self) -> bool:
        """Whether the token is to be looked up for each call."""
        return self.grant is not None or self.in_keyring

    def with_secrets(self, secrets: Mapping[str, str]) -> Login:
        """With tokens that are kept elsewhere."""
        refresh_token = secrets.get("refresh_token", "")
        grant = None if self.grant is None else replace(self.grant, refresh_token=refresh_token)
        return replace(self, token=secrets.get("token", ""), grant=grant)


@dataclass(frozen=True)
class Logins:
    """What the file says."""

    current: str = ""
    """The address that is used where nothing else says one; empty: none."""
    by_url: Mapping[str, Login] = field(default_factory=dict)

    def at(self, url: str) -> Login | None:
        """The login of an address."""
        return self.by_url.get(url)

    @property
    def now(self) -> Login | None:
        """The login of the current address."""
        return self.at(self.current) if self.current else None

    def having(self, login: Login) -> Logins:
        """With a login, which is the current one from then on."""
        return Logins(login.url, {**self.by_url, login.url: login})

    def with_changed(self, login: Login) -> Logins:
        """With a login in place of what is at its address; the current one stays."""
        return replace(self, by_url={**self.by_url, login.url: login})

    def without(self, url: str) -> Logins:
        """Without the login of an address."""
        rest = {each: login for each, login in self.by_url.items() if each != url}
        return replace(self, by_url=rest, current="" if self.current == url else self.current)


def logins_file() -> Path:
    """Where the file is, whether or not it is there."""
    try:
        configuration = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    except RuntimeError:  # a user without a home
        configuration = Path(tempfile.gettempdir(), f"trivet-{os.getuid()}")
    return configuration / "trivet" / _FILE


def read_logins() -> Logins:
    """What the file says; nothing where there is none.

    Raises:
        TargetInvalid: others can read it, or it is damaged.
    """
    file = logins_file()
    try:
        with file.open(encoding="utf-8") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            content = json.load(stream)
        if mode & _OTHERS and sys.platform != "win32":
            raise TargetInvalid(f"{file} holds tokens, and others may read or write it: chmod 600 {file}")
        return Logins(
            current=content["current"],
            by_url={url: _login(url, login) for url, login in content["logins"].items()},
        )
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return Logins()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TargetInvalid(f"{file} is damaged: remove it, and log in again by `trivet login`.") from None


def _login(url: str, content: Mapping[str, Any]) -> Login:
    grant = content.get("grant")
    return Login(url, **{**content, "grant": None if grant is None else Grant(**grant)})


def _content(login: Login) -> dict[str, Any]:
    kept = login.with_secrets({}) if login.in_keyring else login
    return {name: value for name, value in asdict(kept).items() if name != "url" and value}


def write_logins(logins: Logins) -> None:
    """Writes the file, all or nothing. Raises OSError."""
    file = logins_file()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = {
        "current": logins.current,
        "logins": {url: _content(login) for url, login in logins.by_url.items()},
    }
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=_FILE)  # for its owner alone
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(content, stream, indent=2)
        Path(name).replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
