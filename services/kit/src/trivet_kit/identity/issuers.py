"""Whose tokens are believed: OpenID issuers, and the public keys of Trivet's own tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

ALGORITHMS = ("RS256", "ES256", "EdDSA", "PS256")
"""What issuers may sign by; never `none`, and never a secret that is shared (HS256 and its like)."""

OWN = "trivet"
"""The name, `iss` and `aud` of Trivet's own tokens; no issuer may be called so."""


@dataclass(frozen=True)
class Issuer:
    """An OpenID issuer whose tokens are believed."""

    name: str
    """What its subjects begin with: `people` in `people/ann@example.org`."""
    url: str
    """The `iss` of its tokens, compared character by character."""
    audiences: tuple[str, ...]
    """A token has to be meant for at least one of them; not empty."""
    subject_claim: str = "sub"
    """The claim that names the caller."""
    allow_unverified_email: bool = False
    """Whether a `subject_claim` of `email` counts though the token does not say that the email was verified."""
    groups_claim: str = "groups"
    """The claim that lists the caller's groups; tokens without it are of nobody's group."""
    algorithms: tuple[str, ...] = ALGORITHMS
    """A part of ALGORITHMS."""
    keys_url: str | None = None
    """Where its keys are; None: where its discovery document says."""
    ca_file: str | None = None
    """PEM file of the authorities that its certificates are checked against; None: those of the system."""
    refresh_seconds: float = 4.0
    """How long after it was asked for its keys it is asked again; > 0. A key that it withdraws is believed so long."""


@dataclass(frozen=True)
class TokenKey:
    """The public half of a key that Trivet's own tokens are signed by."""

    id: str
    """The `kid` of its tokens."""
    public_key: bytes
    """32 bytes, of Ed25519 (RFC 8032)."""


class Trust(Protocol):
    """Whose tokens are believed, at one moment: a policy file is one."""

    @property
    def issuers(self) -> tuple[Issuer, ...]:
        """With a name and a `url` each that no other has."""
        ...

    @property
    def token_keys(self) -> tuple[TokenKey, ...]:
        """With an id each that no other has."""
        ...
