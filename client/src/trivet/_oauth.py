"""An OpenID issuer, as a program of a person asks it: a public client, with PKCE (RFC 7636, RFC 8252).

The tokens come from the issuer itself by TLS, so nothing of them is verified here: servers do that.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from trivet._errors import CredentialsInvalid, ServerUnavailable
from trivet._oauth_values import Grant, SignInWay

_TIMEOUT_SECONDS: Final = 10.0
_MOST_BYTES: Final = 512 * 1024
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Endpoints:
    """Where an issuer is asked."""

    authorization: str
    token: str
    revocation: str
    """Empty: it has none."""


@dataclass(frozen=True)
class Tokens:
    """What an issuer gave."""

    token: str = field(repr=False)
    grant: Grant


def endpoints_of(issuer_url: str) -> Endpoints:
    """Where an issuer says that it is asked (OpenID Connect Discovery 1.0).

    Raises:
        ServerUnavailable: it does not answer, or with nothing of use.
    """
    said = _answer(urllib.request.Request(f"{_safe(issuer_url).rstrip('/')}/.well-known/openid-configuration"))  # noqa: S310 - checked
    if said.get("issuer") != issuer_url:
        raise ServerUnavailable(f"What is at {issuer_url} says that it is another issuer.")
    urls = [said.get(f"{name}_endpoint", "") for name in ("authorization", "token", "revocation")]
    if not (urls[0] and urls[1]):
        raise ServerUnavailable(f"{issuer_url} does not say where its endpoints are.")
    return Endpoints(*(_safe(url) if url else "" for url in urls))


def authorization_url(endpoints: Endpoints, way: SignInWay, redirect_uri: str, state: str, verifier: str) -> str:
    """Where somebody's browser is to go."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": way.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(way.scopes),
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{endpoints.authorization}{'&' if '?' in endpoints.authorization else '?'}{urlencode(asked)}"


def exchange(endpoints: Endpoints, way: SignInWay, code: str, redirect_uri: str, verifier: str) -> Tokens:
    """The tokens for a code, which is good for once.

    Raises:
        CredentialsInvalid: the issuer refuses.
        ServerUnavailable: it does not answer.
    """
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
    given = _posted(endpoints.token, {**form, "client_id": way.client_id})
    return _tokens(given, Grant(way.url, way.client_id, way.token, 0.0))


def renewed(grant: Grant) -> Tokens:
    """New tokens. Raises as `exchange`."""
    form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token, "client_id": grant.client_id}
    return _tokens(_posted(endpoints_of(grant.issuer_url).token, form), grant)


def revoke(grant: Grant) -> None:
    """Ends what a grant is good for, where the issuer can. Raises as `exchange`."""
    if where := endpoints_of(grant.issuer_url).revocation:
        form = {"token": grant.refresh_token, "token_type_hint": "refresh_token", "client_id": grant.client_id}
        _posted(where, form)


def _tokens(given: Mapping[str, Any], before: Grant) -> Tokens:
    token = given.get(before.kind)
    if not isinstance(token, str) or not token:
        raise CredentialsInvalid(f"{before.issuer_url} gave no {before.kind.replace('_', ' ')}. Log in again.")
    refresh_token = given.get("refresh_token") or before.refresh_token
    expires = _expires(token) if before.kind == "id_token" else time.time() + float(given.get("expires_in", 0))
    return Tokens(token, Grant(before.issuer_url, before.client_id, before.kind, expires, str(refresh_token)))


def _expires(token: str) -> float:
    """When a JWT says that it ends; the epoch for one that does not say it."""
    try:
        part = token.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["exp"])
    except (ValueError, IndexError, KeyError, TypeError):
        return 0.0


def _posted(url: str, form: Mapping[str, str]) -> dict[str, Any]:
    return _answer(urllib.request.Request(url, urlencode(form).encode(), method="POST"))  # noqa: S310 - checked


def _answer(request: urllib.request.Request) -> dict[str, Any]:
    request.add_header("Accept", "application/json")
    where = f"{request.type}://{request.host}"
    try:
        with _opener().open(request, timeout=_TIMEOUT_SECONDS) as answer:
            said = json.loads(answer.read(_MOST_BYTES) or b"{}")
    except urllib.error.HTTPError as error:
        with error:
            if not 400 <= error.code < 500 or request.get_method() == "GET":
                raise ServerUnavailable(f"{where} answered {error.code}.") from None
            raise CredentialsInvalid(f"{where} refuses: {_word(error)}.") from None
    except (OSError, ValueError) as error:
        raise ServerUnavailable(f"{where} cannot be asked: {type(error).__name__}.") from None
    return said if isinstance(said, dict) else {}


def _word(error: urllib.error.HTTPError) -> str:
    """The word of the standard for why (RFC 6749, section 5.2): what else is there may be anything."""
    try:
        said = json.loads(error.read(_MOST_BYTES))["error"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"status {error.code}"
    return said if isinstance(said, str) and said.isidentifier() else f"status {error.code}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token is never sent on to wherever an answer points."""

    def redirect_request(self, *_: Any) -> None:
        """Follows none."""


def _opener() -> urllib.request.OpenerDirector:
    context = ssl.create_default_context()
    if authority := os.environ.get("TRIVET_CA_FILE"):
        context.load_verify_locations(authority)
    return urllib.request.build_opener(_NoRedirects, urllib.request.HTTPSHandler(context=context))


def _safe(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return url
    raise ServerUnavailable(f"{url} is not https://, and no token is sent there.")
