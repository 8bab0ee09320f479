"""The token of a login as it is now: renewed before it ends, by one process for all, and read anew when it changes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet import _secret_store
from trivet._errors import CredentialsInvalid, ServerUnavailable, TrivetError
from trivet._locks import lock
from trivet._logins import Login, logins_file, read_logins, write_logins
from trivet._oauth import Tokens, renewed, revoke

EARLY_SECONDS: Final = 60.0
"""How long before its end a token is renewed."""
_PAUSE_SECONDS: Final = 5.0
"""How long an issuer that is away is not asked again, while the token is still good."""
_LOCK_PATIENCE_SECONDS: Final = 30.0
"""Longer than an issuer is waited for."""
_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True)
class _Known:
    """A login as it was read, with what identifies the file then."""

    stamp: tuple[int, int, int]
    login: Login


@dataclass(frozen=True)
class _Pause:
    """That a login could not be renewed a moment ago."""

    login: Login
    end: float
    """By the monotonic clock."""


class _State:
    """What this process knows. One a process: a child of a fork begins anew, for its parent's threads hold the lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: dict[str, _Known] = {}
        self.pauses: dict[str, _Pause] = {}


_state = _State()


def _begin_anew() -> None:
    global _state  # noqa: PLW0603 - of this process
    _state = _State()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_begin_anew)


def token_of_login(url: str) -> str:
    """The token for a server. Thread-safe.

    Raises:
        CredentialsInvalid: there is no login there any more, or somebody has to log in again.
        TargetInvalid: what is kept of logins is damaged.
    """
    state = _state
    with state.lock:
        login = _read(state, url)
        if _is_good(login, EARLY_SECONDS):
            return login.token
        # While its token is good, an issuer that is away is not asked for each call.
        if not _is_good(login, 0.0) or not _is_paused(state, login):
            try:
                login = _renew(url)
            except TrivetError as error:
                state.pauses[url] = _Pause(login, time.monotonic() + _PAUSE_SECONDS)
                if not _is_good(login, 0.0):
                    raise CredentialsInvalid(
                        f"The login at {url} has ended. {error.message} Log in again: trivet login {url}"
                    ) from error
            else:
                state.known.clear()
        return login.token


def keep_login(url: str, workspace: str, tokens: Tokens, *, in_file: bool = False) -> None:
    """Keeps what somebody got by signing in, which is the current login from then on.

    Args:
        url: Of the server, as `canonical` gives it.
        workspace: The one that is used where nothing else says one.
        tokens: What the issuer gave.
        in_file: Whether to keep tokens in the file also where there is a keyring.
    """
    secrets = {"token": tokens.token, "refresh_token": tokens.grant.refresh_token}
    with _replaced(url):
        in_keyring = not in_file and _secret_store.keep(url, secrets)
        login = Login(url, workspace, tokens.token, grant=tokens.grant, in_keyring=in_keyring)
        write_logins(read_logins().having(login))


def keep_given_login(login: Login) -> None:
    """Keeps a login whose token somebody gave, which is the current one from then on."""
    with _replaced(login.url):
        write_logins(read_logins().having(login))


@contextmanager
def _replaced(url: str) -> Iterator[None]:
    """Locks the logins while that of a server is replaced; what renewed the one before is forgotten, and ended."""
    with _locked():
        before = read_logins().at(url)
        grant = None
        if before is not None:
            with suppress(CredentialsInvalid):  # a keyring that is locked, or has it no more
                grant = whole(before).grant
            if before.in_keyring:
                _secret_store.forget(url)
        yield
    if grant is not None and grant.refresh_token:
        with suppress(TrivetError):  # the new login is good, whether or not the issuer can be asked
            revoke(grant)


def forget_login(login: Login) -> str:
    """Forgets a login, and has its issuer end what renews its token; returns why that could not be, or ""."""
    problem = ""
    try:
        grant = whole(login).grant
        if grant is not None and grant.refresh_token:
            revoke(grant)
    except TrivetError as error:
        problem = error.message
    with _locked():
        write_logins(read_logins().without(login.url))
    if login.in_keyring:
        _secret_store.forget(login.url)
    return problem


def whole(login: Login) -> Login:
    """A login with the tokens of it, wherever they are. Raises CredentialsInvalid."""
    return login.with_secrets(_secret_store.look_up(login.url)) if login.in_keyring else login


def _read(state: _State, url: str) -> Login:
    try:
        found = logins_file().stat()
        stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
    except OSError:
        stamp = (0, 0, 0)
    known = state.known.get(url)
    if known is None or known.stamp != stamp:
        login = read_logins().at(url)
        if login is None:
            raise CredentialsInvalid(f"There is no login at {url} any more. Log in again: trivet login {url}")
        known = state.known[url] = _Known(stamp, whole(login))
    return known.login


def _is_paused(state: _State, login: Login) -> bool:
    """Whether the issuer of a login is not asked now; one that somebody made anew since has nothing to wait for."""
    pause = state.pauses.get(login.url)
    return pause is not None and pause.login == login and time.monotonic() < pause.end


def _renew(url: str) -> Login:
    with _locked():
        logins = read_logins()
        kept = logins.at(url)
        if kept is None:
            raise CredentialsInvalid(f"There is no login at {url} any more.")
        login = whole(kept)
        if login.grant is None or login.grant.expires - EARLY_SECONDS > time.time():
            return login  # another process was first: an issuer may take a refresh token only once
        if not login.grant.refresh_token:
            raise CredentialsInvalid("The issuer gave nothing to renew it by.")
        tokens = renewed(login.grant)
        secrets = {"token": tokens.token, "refresh_token": tokens.grant.refresh_token}
        in_keyring = login.in_keyring and _secret_store.keep(url, secrets)
        new = Login(url, login.workspace, tokens.token, grant=tokens.grant, in_keyring=in_keyring)
        write_logins(logins.with_changed(new))
        return new


@contextmanager
def _locked() -> Iterator[None]:
    """Lets one process at a time change logins. Raises ServerUnavailable where another one takes too long."""
    file = logins_file()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    end = time.monotonic() + _LOCK_PATIENCE_SECONDS
    with Path(f"{file}.lock").open("ab") as opened:
        while True:
            try:
                lock(opened.fileno())
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise ServerUnavailable("Another process has been renewing the login for too long.") from None
                time.sleep(_LOOK_SECONDS)
            except OSError:
                break  # no locks on this file system: the worst is a login that has to be made again
        yield


def _is_good(login: Login, early_seconds: float) -> bool:
    return login.grant is None or login.grant.expires - early_seconds > time.time()
