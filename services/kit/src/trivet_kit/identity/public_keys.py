"""Public keys, and which algorithms each of them may verify."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from trivet_kit.identity.encoded import EncodedToken, TokenRefused
from trivet_kit.identity.issuers import ALGORITHMS, TokenKey

PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
Keys: TypeAlias = Mapping[tuple[str, str], PublicKey]
"""By (`kid`, `alg`): a key that is asked for by another algorithm than its own is not found at all."""

NO_KEYS: Final[Keys] = MappingProxyType({})
MIN_RSA_BITS: Final = 2048
"""NIST SP 800-131A, revision 2."""
MAX_RSA_BITS: Final = 8192
"""The time of a verification grows with it."""

_VERIFIERS: Final = {name: jwt.get_algorithm_by_name(name) for name in ALGORITHMS}
_log = logging.getLogger("trivet.identity")


def keys_of_set(document: Mapping[str, Any], algorithms: Iterable[str]) -> Keys:
    """The keys of a JWK set (RFC 7517) that tokens may be signed by; what else is in it is left out.

    Raises:
        ValueError: it is not a JWK set.
    """
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ValueError("it has no list of keys")  # noqa: TRY004 - of a document, not of an argument
    keys: dict[tuple[str, str], PublicKey] = {}
    for entry in entries:
        for name, key in _entries(entry, frozenset(algorithms)):
            keys.setdefault(name, key)
    return MappingProxyType(keys)


def keys_of_own(token_keys: Iterable[TokenKey]) -> Keys:
    """The keys of Trivet's own tokens."""
    return MappingProxyType(
        {(key.id, "EdDSA"): Ed25519PublicKey.from_public_bytes(key.public_key) for key in token_keys}
    )


def name_of_key(token: EncodedToken) -> tuple[str, str]:
    """Which key a token says that it is signed by, as in `Keys`.

    Raises:
        TokenRefused: its header says what nobody here understands, or does not say it.
    """
    header = token.header
    if "crit" in header or "b64" in header:
        raise TokenRefused("its header asks for what is not known here")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in {"jwt", "at+jwt"}:
        raise TokenRefused("its header says that it is something else")
    if "cty" in header or "enc" in header or "zip" in header:
        raise TokenRefused("its header says that something else is in it")
    key_id, algorithm = header.get("kid"), header.get("alg")
    if not isinstance(key_id, str) or not isinstance(algorithm, str):
        raise TokenRefused("its header names no key and algorithm")
    return key_id, algorithm


def check_signature(token: EncodedToken, keys: Keys) -> None:
    """Checks that a token was signed by the private half of the key that it names.

    Raises:
        TokenRefused: it was not, or names none of the keys.
    """
    name = name_of_key(token)
    if name not in keys:
        raise TokenRefused("it names no key and algorithm of its issuer")
    if not _VERIFIERS[name[1]].verify(token.signed, keys[name], token.signature):
        raise TokenRefused("its signature is not of what it says")


def _entries(entry: object, algorithms: frozenset[str]) -> Iterator[tuple[tuple[str, str], PublicKey]]:
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
        return
    if entry.get("use", "sig") != "sig" or "verify" not in entry.get("key_ops", ["verify"]):
        return
    try:
        key = jwt.PyJWK({name: value for name, value in entry.items() if name != "alg"}).key
    except (jwt.PyJWTError, ValueError, TypeError):
        _log.warning("a key of an issuer cannot be read", extra={"key_id": entry["kid"]})
        return
    for algorithm in _algorithms(key):
        if algorithm in algorithms and entry.get("alg", algorithm) == algorithm:
            yield (entry["kid"], algorithm), key


def _algorithms(key: object) -> tuple[str, ...]:
    """What a key may verify: nothing for one that is weak, secret or of a kind that is not used here."""
    if isinstance(key, RSAPublicKey):
        return ("RS256", "PS256") if MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS else ()
    if isinstance(key, EllipticCurvePublicKey):
        return ("ES256",) if isinstance(key.curve, SECP256R1) else ()
    return ("EdDSA",) if isinstance(key, Ed25519PublicKey) else ()
