"""Whom tokens are believed to be of, and when that changes while they are verified."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trivet_kit.auth import Principal
from trivet_kit.errors import CredentialsInvalid
from trivet_kit.identity.issuers import Issuer, TokenKey
from trivet_kit.identity.tokens import TokenAuthenticator
from trivet_testing.openid import openid_provider, signed


@dataclass(frozen=True)
class Believed:
    """Trivet's own tokens by some keys, and no issuer."""

    token_keys: tuple[TokenKey, ...] = ()
    issuers: tuple[Issuer, ...] = ()


def nobody_is_denied(_principal: Principal) -> str | None:
    return None


def test_token_that_waits_while_its_key_is_withdrawn_is_not_remembered() -> None:
    key = Ed25519PrivateKey.generate()
    now = int(time.time())
    said = {"iss": "trivet", "aud": "trivet", "sub": "ci", "jti": "1", "iat": now, "exp": now + 3600}
    # More than there are threads, so that some are verified only after the change.
    calls = [
        {"authorization": f"Bearer {signed({'alg': 'EdDSA', 'kid': 'own'}, said | {'jti': str(number)}, key)}"}
        for number in range(200)
    ]
    believed = Believed((TokenKey("own", key.public_key().public_bytes_raw()),))

    async def withdraw_meanwhile() -> None:
        nonlocal believed
        authenticator = TokenAuthenticator(lambda: believed, nobody_is_denied)
        try:
            tasks = [asyncio.create_task(authenticator.verify(call)) for call in calls]
            await asyncio.sleep(0)  # each of them is queued
            believed = Believed()
            assert authenticator.known(calls[0]) is None
            await asyncio.gather(*tasks, return_exceptions=True)
            assert [authenticator.known(call) for call in calls] == [None] * len(calls)
            with pytest.raises(CredentialsInvalid):
                await authenticator.verify(calls[-1])
        finally:
            authenticator.close()

    asyncio.run(withdraw_meanwhile())


@pytest.mark.parametrize(
    ("claims", "strict", "lax"),
    [
        ({"email_verified": True}, True, True),
        ({"email_verified": "true"}, True, True),
        ({}, False, True),
        ({"email_verified": False}, False, True),
        ({"email_verified": "false"}, False, True),
        ({"email_verified": 1}, False, True),
        ({"email_verified": None}, False, True),
    ],
)
def test_email_names_somebody_only_where_it_was_verified_or_need_not_be(
    claims: dict[str, object],
    strict: bool,  # noqa: FBT001 - a case
    lax: bool,  # noqa: FBT001 - a case
) -> None:
    async def is_believed(token: str, issuer: Issuer) -> bool:
        believed = Believed(issuers=(issuer,))
        authenticator = TokenAuthenticator(lambda: believed, nobody_is_denied)
        try:
            principal = await authenticator.verify({"authorization": f"Bearer {token}"})
        except CredentialsInvalid:
            return False
        finally:
            authenticator.close()
        assert principal.subject == "people/ann@example.org"
        return True

    with openid_provider("trivet") as provider:
        token = provider.sign(provider.claims("17") | {"email": "ann@example.org"} | claims)
        for allowed, expected in ((False, strict), (True, lax)):
            issuer = Issuer(
                "people", provider.issuer, ("trivet",), subject_claim="email", allow_unverified_email=allowed
            )
            assert asyncio.run(is_believed(token, issuer)) == expected
