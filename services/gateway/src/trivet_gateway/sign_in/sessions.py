"""What the cookies hold: an attempt to sign in, and the session that comes of it."""

from __future__ import annotations

import secrets
import time
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Self

import orjson

from trivet_gateway.sign_in.cookies import Cookie
from trivet_gateway.sign_in.sealing import Seal

ATTEMPT_SECONDS: Final = 600
"""How long somebody may take at the provider."""
SESSION_SECONDS: Final = 7 * 24 * 3600
"""After which people sign in anew, however often the session was refreshed."""
EARLY_SECONDS: Final = 60
"""How long before its end a token is replaced."""


def attempt_cookie(*, is_secure: bool) -> Cookie:
    """Of an attempt. The provider's redirect must bring it along, so it is not strict."""
    return Cookie("trivet-attempt", "Lax", is_secure, ATTEMPT_SECONDS)


def session_cookie(*, is_secure: bool) -> Cookie:
    """Of a session. No link and no form of another site brings it along."""
    return Cookie("trivet-session", "Strict", is_secure, SESSION_SECONDS)


@dataclass(frozen=True)
class Attempt:
    """Somebody was sent to a provider. Only the browser that was may come back."""

    issuer: str
    return_path: str
    redirect_uri: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    """Of PKCE (RFC 7636): 64 characters."""

    def sealed(self, seal: Seal) -> str:
        """For the cookie."""
        return _sealed(seal, self)

    @classmethod
    def opened(cls, seal: Seal, sealed: str) -> Self | None:
        """Of the cookie; None where it is none of ours, or too old."""
        said = _opened(seal, sealed, cls.__name__, ATTEMPT_SECONDS)
        return None if said is None else cls(**said)


@dataclass(frozen=True)
class Session:
    """Somebody has signed in."""

    issuer: str
    token: str = field(repr=False)
    """For the services."""
    expires: float
    """When the token does, in seconds since 1970."""
    refresh_token: str = field(default="", repr=False)
    """Empty: it ends with the token."""
    began: float = field(default_factory=time.time)
    """When somebody signed in, in seconds since 1970."""

    @property
    def is_over(self) -> bool:
        """Whether the token is of no use any more, or people are to sign in anew."""
        return min(self.expires, self.began + SESSION_SECONDS) <= time.time()

    @property
    def is_due(self) -> bool:
        """Whether the token is to be replaced, and can be."""
        return bool(self.refresh_token) and self.expires - EARLY_SECONDS <= time.time() < self.began + SESSION_SECONDS

    def without_refresh(self) -> Session:
        """The same, until its token ends."""
        return replace(self, refresh_token="")

    def sealed(self, seal: Seal) -> str:
        """For the cookie."""
        return _sealed(seal, self)

    @classmethod
    def opened(cls, seal: Seal, sealed: str) -> Self | None:
        """Of the cookie; None where it is none of ours, or too old."""
        said = _opened(seal, sealed, cls.__name__, SESSION_SECONDS)
        return None if said is None else cls(**said)


def _sealed(seal: Seal, content: Attempt | Session) -> str:
    return seal.close(orjson.dumps({"kind": type(content).__name__, **asdict(content)}))


def _opened(seal: Seal, sealed: str, kind: str, max_age_seconds: int) -> dict[str, Any] | None:
    content = seal.open(sealed, max_age_seconds) if sealed else None
    if content is None:
        return None
    said: dict[str, Any] = orjson.loads(content)
    # Both are sealed by the same keys: one is not to be taken for the other.
    return said if said.pop("kind") == kind else None
