"""Where the tokens of a login are: in the keyring of the operating system where there is one, else in the file."""

from __future__ import annotations

import json
from typing import Any, Final

from trivet._errors import CredentialsInvalid

_SERVICE: Final = "trivet"


def keep(url: str, secrets: dict[str, str]) -> bool:
    """Puts the tokens of a server into the keyring, in place of those before; False where there is none."""
    keyring = _keyring()
    if keyring is None:
        return False
    try:
        keyring.set_password(_SERVICE, url, json.dumps(secrets))
    except keyring.errors.KeyringError:
        return False
    return True


def look_up(url: str) -> dict[str, str]:
    """The tokens of a server that are in the keyring.

    Raises:
        CredentialsInvalid: they are not, or it is locked.
    """
    keyring = _keyring()
    try:
        kept = None if keyring is None else keyring.get_password(_SERVICE, url)
        secrets: dict[str, str] = json.loads(kept or "null")
    except Exception as error:  # noqa: BLE001 - of whichever keyring this is
        raise CredentialsInvalid(f"The keyring cannot be asked: {type(error).__name__}. Unlock it.") from None
    if not isinstance(secrets, dict):
        raise CredentialsInvalid(f"The keyring has no token for {url}. Log in again: trivet login {url}")
    return secrets


def forget(url: str) -> None:
    """Takes the tokens of a server out of the keyring, where they are there."""
    keyring = _keyring()
    if keyring is None:
        return
    try:
        keyring.delete_password(_SERVICE, url)
    except keyring.errors.KeyringError:
        return


def _keyring() -> Any:
    """The package, where it is installed (`trivet[keyring]`) and there is a keyring that keeps anything."""
    try:
        import keyring  # noqa: PLC0415 - an extra
        import keyring.errors  # noqa: PLC0415 - as above
    except ImportError:
        return None
    try:
        return keyring if keyring.get_keyring().priority > 0 else None
    except Exception:  # noqa: BLE001 - of whichever keyring this is
        return None
