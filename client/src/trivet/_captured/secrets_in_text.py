"""Takes secrets out of what is noted: arguments by their names, and the passwords of URLs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

REDACTED: Final = "***"
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS: Final = frozenset(
    {
        *("password", "passwd", "pwd", "passphrase", "secret", "secrets", "token", "credential", "credentials"),
        *("apikey", "authorization", "auth", "bearer", "signature", "cookie", "pin", "dsn"),
    }
)
# `--key` alone is the name of many things.
_KEYS_OF: Final = frozenset({"api", "access", "private", "signing", "encryption", "license", "account", "ssh"})
_URL_USER: Final = re.compile(r"(?<=://)[^/\s@]+(?=@)")
# NAME=VALUE, with or without hyphens and a plus before it.
_ASSIGNMENT: Final = re.compile(r"([-+]*[A-Za-z_][\w.\-/]*)=(.*)", re.DOTALL)
_OPTION: Final = re.compile(r"--?[A-Za-z_][\w.\-]*")


def is_secret_name(name: str) -> bool:
    """Whether what is called so looks like a secret: `--hf-token`, `DB_PASSWORD`, `apiKey`; not `--max-tokens`."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if any(word in _SECRET_WORDS for word in words):
        return True
    return any(before in _KEYS_OF and word in ("key", "keys") for before, word in pairwise(words))


def without_passwords(text: str) -> str:
    """A text whose URLs have no user and password."""
    return _URL_USER.sub(REDACTED, text) if "@" in text else text


def redacted(arguments: Sequence[str]) -> Iterable[str]:
    """The arguments of a command, those that look like secrets replaced."""
    hides_next = False
    for argument in arguments:
        if hides_next and not _OPTION.fullmatch(argument):
            hides_next = False
            yield REDACTED
            continue
        assigned = _ASSIGNMENT.fullmatch(argument)
        if assigned is not None and is_secret_name(assigned[1]):
            hides_next = False
            yield f"{assigned[1]}={REDACTED}"
            continue
        hides_next = bool(_OPTION.fullmatch(argument)) and is_secret_name(argument)
        yield without_passwords(argument)
