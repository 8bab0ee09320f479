"""What browsers keep for this server, and cannot read or change: sealed by keys that all replicas share."""

from __future__ import annotations

import base64
import binascii
import time
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from trivet_kit.settings import StartupError

_KEY_BYTES = 32
SETTING = "TRIVET_SESSION_KEY_FILE"


class Seal:
    """Seals by its first key, and opens what any of them sealed: so a key is replaced without signing anybody out."""

    def __init__(self, keys: list[bytes]) -> None:
        """Takes keys of 32 bytes, at least one."""
        self._all = [Fernet(base64.urlsafe_b64encode(key)) for key in keys]
        self._fernet = MultiFernet(self._all)

    def close(self, content: bytes) -> str:
        """The sealed content, in characters that a cookie may have: a third longer, and some 75 more."""
        return self._fernet.encrypt(content).decode().rstrip("=")

    def open(self, sealed: str, max_age_seconds: int) -> bytes | None:
        """The content; None where these keys did not seal exactly this, or longer ago."""
        try:
            token = sealed.encode("ascii") + b"=" * (-len(sealed) % 4)
            content = self._fernet.decrypt(token)
            sealed_at = self._fernet.extract_timestamp(token)
        except (InvalidToken, UnicodeEncodeError):
            return None
        return content if time.time() - sealed_at <= max_age_seconds else None


def new_seal() -> Seal:
    """Of a key that nobody else has, and that is gone with this process."""
    return Seal([base64.urlsafe_b64decode(Fernet.generate_key())])


def read_seal(file: Path) -> Seal:
    """Of the keys in a file: 32 bytes each, in base64, one a line; the first one seals.

    Raises:
        StartupError: it cannot be read, or has something else. The message never has what is in it.
    """
    try:
        lines = file.read_text(encoding="ascii").split()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StartupError(f"{SETTING} is {file}, which cannot be read: {why}.") from None
    except UnicodeDecodeError:
        lines = []
    keys = [_key(line) for line in lines]
    if not keys or not all(len(key) == _KEY_BYTES for key in keys):
        raise StartupError(f"{SETTING} is {file}; it must have 32 bytes in base64 a line: openssl rand -base64 32")
    return Seal(keys)


def _key(line: str) -> bytes:
    try:
        return base64.b64decode(line.translate(str.maketrans("-_", "+/")), validate=True)
    except binascii.Error:
        return b""
