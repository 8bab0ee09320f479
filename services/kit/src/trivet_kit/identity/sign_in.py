"""How people sign in with an issuer."""

from __future__ import annotations

from dataclasses import dataclass

from trivet_kit.identity.issuers import Issuer


@dataclass(frozen=True)
class SignIn:
    """What Trivet is to an OpenID issuer that people sign in with."""

    client_id: str
    """Trivet's own id there."""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    """What it asks for."""
    token: str = "id_token"  # noqa: S105 - the name of a kind
    """Which token goes on to the services: `id_token` or `access_token`."""
    client_secret_file: str = ""
    """A file with the secret of a confidential client; empty for a public one."""
    command_line_client_id: str = ""
    """The id of a public client for programs of people, which can keep no secret; empty: `client_id` is one."""


@dataclass(frozen=True)
class SignInIssuer:
    """An issuer that people sign in with."""

    issuer: Issuer
    sign_in: SignIn
