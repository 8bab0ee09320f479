"""Trivet's own tokens: signed by a key of the operator (Ed25519), for jobs that nobody else gives tokens to."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from trivet_kit.auth import Grant, Principal
from trivet_kit.identity import claims
from trivet_kit.identity.encoded import TokenRefused
from trivet_kit.identity.issuers import OWN, TokenKey
from trivet_kit.resources import WORKSPACE_ID
from trivet_kit.roles import Role

GRANTABLE: Final = frozenset(Role) - {Role.MAINTENANCE}
"""What a token can carry itself; who does the background work of services, the policy file says."""


class SigningKeyInvalid(Exception):
    """A text is not a signing key; says nothing of what is in it."""


@dataclass(frozen=True, repr=False)
class SigningKey:
    """The private half of a key that Trivet's own tokens are signed by."""

    id: str
    private: Ed25519PrivateKey

    @classmethod
    def create(cls, key_id: str) -> SigningKey:
        """Makes a new one."""
        return cls(key_id, Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """Reads what `text` gives. Raises SigningKeyInvalid."""
        try:
            content = json.loads(text)
            key, key_id = OKPAlgorithm.from_jwk(content), content["kid"]
        except (ValueError, TypeError, KeyError, jwt.PyJWTError):
            raise SigningKeyInvalid from None
        if not isinstance(key, Ed25519PrivateKey) or not isinstance(key_id, str):
            raise SigningKeyInvalid
        return cls(key_id, key)

    def text(self) -> str:
        """A JWK (RFC 8037) with the private half, to be kept where nobody else reads it."""
        return json.dumps({"kid": self.id, **OKPAlgorithm.to_jwk(self.private, as_dict=True)})

    @property
    def public(self) -> TokenKey:
        """The other half, for the policy file."""
        return TokenKey(self.id, self.private.public_key().public_bytes_raw())


@dataclass(frozen=True)
class NewToken:
    """What a new token is to say."""

    name: str
    """Its bearer is `trivet/NAME`."""
    issued: int
    """Seconds since 1970."""
    expires: int
    """Likewise."""
    grant: Grant | None = None
    """What its bearer may do, and nothing more; None: what the policy file says of the bearer."""

    def sign(self, key: SigningKey) -> tuple[str, str]:
        """The token, another one each time, and its id, by which it can be revoked."""
        token_id = uuid.uuid4().hex
        said: dict[str, Any] = {
            "iss": OWN,
            "aud": OWN,
            "sub": self.name,
            "jti": token_id,
            "iat": self.issued,
            "exp": self.expires,
        }
        if self.grant is not None:
            said |= {"workspace": self.grant.workspace, "role": self.grant.role.value}
        return jwt.encode(said, key.private, "EdDSA", headers={"kid": key.id}), token_id


def principal_of(said: Mapping[str, Any]) -> Principal:
    """The bearer of a token whose signature was verified.

    Raises:
        TokenRefused: it does not say what all of Trivet's own tokens say.
    """
    claims.check_audience(said, (OWN,))
    if "iat" not in said:
        raise TokenRefused("it does not say when it was made")
    return Principal(
        subject=f"{OWN}/{claims.name_in(said, 'sub')}",
        authenticated=True,
        token_id=claims.name_in(said, "jti"),
        grants=_grants(said),
    )


def _grants(said: Mapping[str, Any]) -> tuple[Grant, ...] | None:
    if "workspace" not in said and "role" not in said:
        return None
    workspace, role = claims.name_in(said, "workspace"), claims.name_in(said, "role")
    if not WORKSPACE_ID.fullmatch(workspace) or role not in GRANTABLE:
        raise TokenRefused("it grants what there is not")
    return (Grant(workspace, Role(role)),)
