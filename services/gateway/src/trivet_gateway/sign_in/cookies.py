"""Cookies: which there are, and how a long value is cut into several.

Over TLS their names begin with `__Host-`: browsers take such a cookie from this host alone, for all its paths, and by
TLS, so that no neighbour below the same domain can put one there. HTTP on this machine has no such cookies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from starlette.requests import cookie_parser
from starlette.types import Scope

_CHUNK_CHARACTERS: Final = 3_800
"""Browsers keep 4,096 bytes of a cookie, with its name and attributes (RFC 6265, section 6.1)."""
_MOST_CHUNKS: Final = 8
"""More would be a head that many proxies refuse."""
SameSite = Literal["Strict", "Lax"]


@dataclass(frozen=True)
class Cookie:
    """A cookie of this server, which no script can read."""

    name: str
    same_site: SameSite
    is_secure: bool
    """Whether this server is reached by TLS."""
    max_age_seconds: int

    def value_in(self, scope: Scope) -> str:
        """What a request has; empty where it has none."""
        there = _cookies_in(scope)
        pieces = (there.get(self._name(number), "") for number in range(_MOST_CHUNKS))
        return "".join(_until_empty(pieces))

    def set(self, scope: Scope, value: str) -> list[tuple[bytes, bytes]]:
        """The headers that keep a value in place of what the request has.

        Raises:
            ValueError: it is longer than browsers and proxies carry.
        """
        pieces = [value[at : at + _CHUNK_CHARACTERS] for at in range(0, len(value), _CHUNK_CHARACTERS)]
        if len(pieces) > _MOST_CHUNKS:
            raise ValueError(f"{len(value)} characters are more than cookies hold")
        kept = [self._header(self._name(number), piece, self.max_age_seconds) for number, piece in enumerate(pieces)]
        return kept + self._without(scope, range(len(pieces), _MOST_CHUNKS))

    def delete(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """The headers that remove what the request has of it."""
        return self._without(scope, range(_MOST_CHUNKS))

    def _without(self, scope: Scope, numbers: Sequence[int]) -> list[tuple[bytes, bytes]]:
        there = _cookies_in(scope)
        return [self._header(name, "", 0) for name in map(self._name, numbers) if name in there]

    def _name(self, number: int) -> str:
        return f"{'__Host-' if self.is_secure else ''}{self.name}-{number}"

    def _header(self, name: str, value: str, max_age_seconds: int) -> tuple[bytes, bytes]:
        secure = "; Secure" if self.is_secure else ""
        said = f"{name}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite={self.same_site}{secure}"
        return b"set-cookie", said.encode("ascii")


def _cookies_in(scope: Scope) -> dict[str, str]:
    joined = "; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
    return cookie_parser(joined)


def _until_empty(pieces: Iterable[str]) -> Iterator[str]:
    for piece in pieces:
        if not piece:
            return
        yield piece
