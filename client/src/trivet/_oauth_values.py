"""What is kept of signing in, besides the token."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Grant:
    """What an issuer gives new tokens for, without asking anybody."""

    issuer_url: str
    client_id: str
    kind: str
    """Which token servers are sent: `id_token` or `access_token`."""
    expires: float
    """When the token that there is does, in seconds since 1970."""
    refresh_token: str = field(default="", repr=False)
    """Empty: none; somebody has to sign in again."""


@dataclass(frozen=True)
class SignInWay:
    """How people sign in to a server: with an OpenID issuer, by authorization code and PKCE."""

    issuer: str
    """Its name, which users begin with: `people` in `people/ann@example.org`."""
    url: str
    client_id: str
    """Of a public client, which may redirect to `http://127.0.0.1:PORT/callback` at any port."""
    scopes: tuple[str, ...]
    """What to ask for."""
    token: str
    """Which of the tokens the server is sent: `id_token` or `access_token`."""
