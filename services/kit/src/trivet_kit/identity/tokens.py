"""Who calls, by the bearer token that a call presents, or by its client certificate where it presents none."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from trivet_kit.auth import Principal
from trivet_kit.errors import CredentialsInvalid
from trivet_kit.identity import certificates, claims, own_tokens
from trivet_kit.identity.encoded import EncodedToken, TokenRefused, parse
from trivet_kit.identity.issuers import OWN, Issuer, Trust
from trivet_kit.identity.key_sets import KeySet
from trivet_kit.identity.public_keys import Keys, check_signature, keys_of_own, name_of_key

_SCHEME: Final = "bearer"
_REMEMBERED: Final = 10_000
"""Verified tokens that are remembered, some hundred bytes each; of more than that at once some are verified anew."""
_THREADS: Final = 4
"""Verifying takes a processor, and waits for nothing."""


@dataclass(frozen=True)
class _Verified:
    """A token that was verified."""

    principal: Principal
    expires: float
    generation: object


@dataclass(frozen=True)
class _Believed:
    """Whose tokens are believed."""

    trust: Trust
    issuers: Mapping[str, tuple[Issuer, KeySet]]
    """By the `iss` of their tokens."""
    own: Keys


class _KeyUnknown(Exception):
    """A token names a key that its issuer has not told of."""

    def __init__(self, keys: KeySet) -> None:
        super().__init__()
        self.keys = keys


class TokenAuthenticator:
    """Verifies the tokens of issuers, and Trivet's own. An `Authenticator`; its methods are for one event loop.

    A token that was verified is remembered until it expires, or until any issuer or key becomes another.
    """

    required = True

    def __init__(
        self,
        trust: Callable[[], Trust],
        denial: Callable[[Principal], str | None],
        *,
        with_certificates: bool = False,
    ) -> None:
        """Starts to ask the issuers for their keys.

        Args:
            trust: gives whose tokens are believed now: another object after each change. Asked at every call.
            denial: why a caller whose token is good may do nothing, such as that it was revoked; None where it may.
                Asked at every call.
            with_certificates: whether calls bring what `certificates.name_in` says of them.
        """
        self._trust = trust
        self._denial = denial
        self._with_certificates = with_certificates
        self._remembered: dict[bytes, _Verified] = {}
        self._generation = object()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="verify")
        self._believed = self._believe(trust(), {})

    def known(self, metadata: Mapping[str, str | bytes]) -> Principal | None:
        """As an Authenticator has it; some microseconds."""
        if self._with_certificates and "authorization" not in metadata:
            return self._admit(certificates.principal_in(metadata))
        self._follow()
        verified = self._remembered.get(_digest(_token_in(metadata)))
        if verified is None or verified.generation is not self._generation or verified.expires <= time.time():
            return None
        return self._admit(verified.principal)

    async def verify(self, metadata: Mapping[str, str | bytes]) -> Principal:
        """As an Authenticator has it: in a thread, some tenths of a millisecond, and longer where a key is unknown."""
        return self._admit(await self._verify(_token_in(metadata), time.time()))

    async def verify_again(self, metadata: Mapping[str, str | bytes], since: float) -> Principal:
        """As an Authenticator has it: as fast as `known` where keys and issuers are what they were."""
        if self._with_certificates and "authorization" not in metadata:
            return self._admit(certificates.principal_in(metadata))
        self._follow()
        token = _token_in(metadata)
        verified = self._remembered.get(_digest(token))
        if verified is None or verified.generation is not self._generation:
            return self._admit(await self._verify(token, since))
        return self._admit(verified.principal)

    def close(self) -> None:
        """Asks the issuers no more."""
        for _, keys in self._believed.issuers.values():
            keys.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _admit(self, principal: Principal) -> Principal:
        denial = self._denial(principal)
        if denial is not None:
            raise CredentialsInvalid from TokenRefused(denial)
        return principal

    def _follow(self) -> None:
        """Believes whom the policy says to believe now."""
        trust = self._trust()
        if trust is not self._believed.trust:
            self._believed = self._believe(trust, self._believed.issuers)
            self._forget()

    def _believe(self, trust: Trust, before: Mapping[str, tuple[Issuer, KeySet]]) -> _Believed:
        """Starts to ask new issuers for their keys, and stops to ask those that are gone."""
        kept = {issuer: keys for issuer, keys in before.values() if issuer in trust.issuers}
        for issuer, keys in before.values():
            if issuer not in kept:
                keys.close()
        issuers = {
            issuer.url: (issuer, kept[issuer] if issuer in kept else KeySet(issuer, self._forget))
            for issuer in trust.issuers
        }
        return _Believed(trust, issuers, keys_of_own(trust.token_keys))

    def _forget(self) -> None:
        """From now on every token is verified anew. Also called by the threads of key sets."""
        self._generation = object()

    async def _verify(self, token: str, at: float) -> Principal:
        """Whose token it was at a time, in seconds since 1970; remembered until it expires."""
        try:
            try:
                verified = await self._in_thread(token, at)
            except _KeyUnknown as unknown:
                await asyncio.wrap_future(unknown.keys.ask())
                verified = await self._in_thread(token, at)
        except _KeyUnknown:
            raise CredentialsInvalid from TokenRefused("it names a key that its issuer does not have")
        except TokenRefused as refused:
            raise CredentialsInvalid from refused
        while len(self._remembered) >= _REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[_digest(token)] = verified
        return verified.principal

    async def _in_thread(self, token: str, at: float) -> _Verified:
        self._follow()
        # Taken together, and before the keys are read: should anything change while the token waits or is verified,
        # what is found out does not count later.
        generation, believed = self._generation, self._believed
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._verified, token, believed, generation, at)

    def _verified(self, text: str, believed: _Believed, generation: object, at: float) -> _Verified:
        token = parse(text)
        url = token.claims.get("iss")
        if url == OWN:
            check_signature(token, believed.own)
            principal = own_tokens.principal_of(token.claims)
        elif isinstance(url, str) and url in believed.issuers:
            issuer, key_set = believed.issuers[url]
            keys = key_set.keys
            key_id, algorithm = name_of_key(token)
            if algorithm in issuer.algorithms and not any(known == key_id for known, _ in keys):
                raise _KeyUnknown(key_set)
            check_signature(token, keys)
            principal = _principal_of(token, issuer)
        else:
            raise TokenRefused("its iss is nobody's who is believed")
        return _Verified(principal, claims.check_times(token.claims, at), generation)


def _token_in(metadata: Mapping[str, str | bytes]) -> str:
    """The bearer token of a call. Two of them are one with a comma in it, which none has."""
    scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
    if scheme.lower() != _SCHEME or not token:
        raise CredentialsInvalid
    return token


def _digest(token: str) -> bytes:
    # Tokens themselves are kept nowhere. What is no UTF-8 is no token either.
    return hashlib.sha256(token.encode(errors="replace")).digest()


def _principal_of(token: EncodedToken, issuer: Issuer) -> Principal:
    said = token.claims
    claims.check_audience(said, issuer.audiences)
    if issuer.subject_claim == "email" and not issuer.allow_unverified_email:
        _check_email(said)
    return Principal(
        subject=f"{issuer.name}/{claims.name_in(said, issuer.subject_claim)}",
        authenticated=True,
        groups=frozenset(f"{issuer.name}/{group}" for group in claims.names_in(said, issuer.groups_claim)),
        token_id=claims.name_in(said, "jti") if "jti" in said else "",
    )


def _check_email(said: Mapping[str, Any]) -> None:
    verified = said.get("email_verified")
    # Some issuers give the text; 1 is neither.
    if verified is not True and verified != "true":
        raise TokenRefused("its issuer does not say that its email was verified")
