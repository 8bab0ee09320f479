"""The token that a target sends, read anew for every call."""

from __future__ import annotations

from pathlib import Path

from trivet._errors import CredentialsInvalid
from trivet._target import Target


def token_of(target: Target) -> str:
    """The token that counts most; empty where there is none.

    Raises:
        CredentialsInvalid: the file cannot be read, what is set can be no token, or the login has ended.
    """
    if target.token:
        return _sendable(target.token, "TRIVET_TOKEN")
    if target.token_file:
        # Read for every call: Kubernetes renews the file, and a read costs less than a hundredth of a call.
        try:
            return _sendable(Path(target.token_file).read_text(encoding="utf-8"), f"the file {target.token_file}")
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise CredentialsInvalid(f"No token can be read from {target.token_file}: {why}.") from error
        except UnicodeDecodeError:
            raise CredentialsInvalid(f"No token can be read from {target.token_file}: it is not a text.") from None
    if target.login_url:
        from trivet._login_tokens import token_of_login  # noqa: PLC0415 - of people alone

        return token_of_login(target.login_url)
    return ""


def source_of(target: Target) -> str:
    """A sentence for somebody whose credentials a server refused: what was sent, or what can be set."""
    if target.token:
        return "The token that was sent is that of TRIVET_TOKEN, or was given to the client."
    if target.token_file:
        return f"The token that was sent is that of the file {target.token_file}."
    if target.login_url:
        return f"The token that was sent is that of `trivet login {target.login_url}`."
    return "No token was sent: set TRIVET_TOKEN or TRIVET_TOKEN_FILE, or use `trivet login`."


def _sendable(text: str, source: str) -> str:
    """A token without the end of its line, which secrets often have. The error never has it in it."""
    token = text.strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise CredentialsInvalid(f"What {source} holds is no token: it has characters that none has.")
    return token
