"""An OpenID provider on loopback: keys that come and go, tokens, and what a relying server reads about them."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key

from trivet_testing.http_answers import serving

PrivateKey: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey

_KEY_ID: Final = "key"
_OF_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_DISCOVERY: Final = "/.well-known/openid-configuration"


@dataclass
class OpenIdProvider:
    """Gives tokens for one client. What is set here is what it answers from then on."""

    client_id: str
    keys: dict[str, PrivateKey]
    """By their ids; the first one signs."""
    issuer: str = ""
    is_away: bool = False
    said: dict[str, object] = field(default_factory=dict)
    """What it says of itself instead of the truth, in its discovery document."""
    published: list[Mapping[str, object]] | None = None
    """Its set of keys; None: all of `keys`."""
    keys_path: str = "/jwks"
    """Where its keys are."""
    requests: list[str] = field(default_factory=list)
    """Each as `METHOD PATH`."""

    @property
    def discovery_url(self) -> str:
        """Where a server learns of the keys."""
        return f"{self.issuer}{_DISCOVERY}"

    def claims(self, subject: str, expires: float | None = None) -> dict[str, Any]:
        """What a token says; `expires` in seconds since 1970, by default in an hour."""
        now = int(time.time())
        return {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": subject,
            "iat": now,
            "exp": now + 3600 if expires is None else int(expires),
        }

    def token(self, subject: str, expires: float | None = None, **more: object) -> str:
        """A token, with more claims."""
        return self.sign(self.claims(subject, expires) | more)

    def sign(self, claims: Mapping[str, object]) -> str:
        """A token by the first key."""
        key_id, key = next(iter(self.keys.items()))
        return signed({"alg": algorithm_of(key), "typ": "JWT", "kid": key_id}, claims, key)

    def answer(self, request: str, _headers: Mapping[str, str]) -> bytes | None:
        """Answers, unless it is away."""
        self.requests.append(request)
        if self.is_away:
            return None
        published = [jwk_of(key_id, key) for key_id, key in self.keys.items()]
        documents: dict[str, object] = {
            f"GET {_DISCOVERY}": {"issuer": self.issuer, "jwks_uri": f"{self.issuer}{self.keys_path}", **self.said},
            f"GET {self.keys_path}": {"keys": published if self.published is None else self.published},
        }
        return json.dumps(documents[request]).encode() if request in documents else None


@contextmanager
def openid_provider(
    client_id: str, keys: Mapping[str, PrivateKey] | None = None, tls: tuple[Path, Path] | None = None
) -> Iterator[OpenIdProvider]:
    """A provider until the end of the block.

    Args:
        client_id: For whom its tokens are.
        keys: By their ids; the first one signs. Default: one of RSA.
        tls: A certificate and its key.
    """
    provider = OpenIdProvider(client_id, dict(keys or {_KEY_ID: rsa_key(_KEY_ID)}))
    with serving(provider.answer, tls) as url:
        provider.issuer = url
        yield provider


@cache
def rsa_key(_name: str, bits: int = 2048) -> RSAPrivateKey:
    """A key of RSA, the same for a name; making one takes long."""
    return generate_rsa_key(65537, bits)


def ec_key() -> EllipticCurvePrivateKey:
    """A new key on the curve P-256."""
    return generate_private_key(SECP256R1())


def algorithm_of(key: PrivateKey) -> str:
    """What a key signs by, as a rule."""
    if isinstance(key, RSAPrivateKey):
        return "RS256"
    return "EdDSA" if isinstance(key, Ed25519PrivateKey) else "ES256"


def jwk_of(key_id: str, key: PrivateKey) -> dict[str, object]:
    """The public half, as in a set of keys."""
    jwk = jwt.get_algorithm_by_name(algorithm_of(key)).to_jwk(key.public_key(), as_dict=True)
    return {name: value for name, value in jwk.items() if name != "key_ops"} | {"kid": key_id, "use": "sig"}


def signed(header: Mapping[str, object] | bytes, claims: Mapping[str, object] | bytes, key: object) -> str:
    """A token of any header and claims, as they are given, signed as its `alg` says or else as the key does.

    A key that is bytes is the secret of HS256.
    """
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    said = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    text = f"{base64url(head)}.{base64url(said)}"
    algorithm = "HS256" if isinstance(key, bytes) else _algorithm(header, key)
    return f"{text}.{base64url(jwt.get_algorithm_by_name(algorithm).sign(text.encode(), key))}"


def base64url(data: bytes) -> str:
    """As in tokens: without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _algorithm(header: Mapping[str, object] | bytes, key: object) -> str:
    assert isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey)
    wanted = "" if isinstance(header, bytes) else str(header.get("alg"))
    return wanted if isinstance(key, RSAPrivateKey) and wanted in _OF_RSA else algorithm_of(key)
