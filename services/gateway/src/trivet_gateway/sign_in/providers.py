"""An OpenID provider, as it is asked: where to send people, and tokens for what they bring back.

Blocks; on an event loop, call it in a thread.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import orjson
import urllib3

from trivet_gateway.hosts import LOOPBACK
from trivet_gateway.sign_in.problems import ProviderAway, ProviderRefused
from trivet_gateway.sign_in.sessions import Attempt, Session
from trivet_kit.identity import claims
from trivet_kit.identity.encoded import TokenRefused, parse
from trivet_kit.identity.public_keys import check_signature, keys_of_set
from trivet_kit.identity.sign_in import SignInIssuer

_TIMEOUT: Final = urllib3.Timeout(connect=3.0, read=10.0)
_MOST_BYTES: Final = 512 * 1024
"""Of an answer; sets of keys have a few KiB."""
_FRESH_SECONDS: Final = 300.0
"""How long its word about where its endpoints are is taken."""
_HEADERS: Final = {"accept": "application/json", "user-agent": "trivet-gateway"}


@dataclass(frozen=True)
class _Endpoints:
    authorization: str
    token: str
    keys: str
    revocation: str
    """Empty: it has none."""


class Provider:
    """One provider. Safe for threads."""

    def __init__(self, issuer: SignInIssuer) -> None:
        """Asks nothing yet."""
        self._issuer = issuer.issuer
        self._sign_in = issuer.sign_in
        # A token is never sent on to wherever an answer points.
        self._http = urllib3.PoolManager(
            timeout=_TIMEOUT, retries=False, headers=_HEADERS, ca_certs=issuer.issuer.ca_file
        )
        self._lock = threading.Lock()
        self._known: tuple[float, _Endpoints] | None = None

    @property
    def issuer_url(self) -> str:
        """The `iss` of its tokens."""
        return self._issuer.url

    def authorization_url(self, attempt: Attempt) -> str:
        """Where somebody is sent to sign in. Raises ProviderAway."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).rstrip(b"=")
        asked = {
            "response_type": "code",
            "client_id": self._sign_in.client_id,
            "redirect_uri": attempt.redirect_uri,
            "scope": " ".join(self._sign_in.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        where = self._endpoints().authorization
        return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}"

    def session(self, attempt: Attempt, code: str) -> Session:
        """The session for a code, which is good for once.

        Raises:
            ProviderAway: it does not answer.
            ProviderRefused: it does not take the code, or its id token is of another issuer, client or attempt.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        given = self._post(self._endpoints().token, form)
        if self._verified(_text(given, "id_token")).get("nonce") != attempt.nonce:
            raise ProviderRefused("the id token is of another attempt")
        return self._session(given, time.time())

    def refreshed(self, session: Session) -> Session:
        """The session with a new token.

        Raises:
            ProviderAway: it does not answer.
            ProviderRefused: the session has ended there, or it gives no such token when it is refreshed.
        """
        form = {"grant_type": "refresh_token", "refresh_token": session.refresh_token}
        given = self._post(self._endpoints().token, form)
        if "id_token" in given:
            self._verified(_text(given, "id_token"))
        return self._session({"refresh_token": session.refresh_token, **given}, session.began)

    def revoke(self, refresh_token: str) -> None:
        """Ends what a refresh token is good for, where the provider can. Raises ProviderAway, ProviderRefused."""
        if where := self._endpoints().revocation:
            self._post(where, {"token": refresh_token, "token_type_hint": "refresh_token"})

    def _session(self, given: Mapping[str, Any], began: float) -> Session:
        token = _text(given, self._sign_in.token)
        is_id_token = self._sign_in.token == "id_token"  # noqa: S105 - the name of a kind
        # An id token was verified before.
        expires = parse(token).claims["exp"] if is_id_token else time.time() + _seconds(given)
        refresh_token = given.get("refresh_token", "")
        return Session(self._issuer.name, token, float(expires), str(refresh_token), began)

    def _verified(self, id_token: str) -> Mapping[str, Any]:
        """The claims of an id token, by the rules that services have for it. They look at it again, each by itself."""
        try:
            keys = keys_of_set(self._get(self._endpoints().keys), self._issuer.algorithms)
        except ValueError as error:
            raise ProviderAway(f"its keys cannot be read: {error}") from None
        client_id = self._sign_in.client_id
        try:
            token = parse(id_token)
            check_signature(token, keys)
            said = token.claims
            claims.check_audience(said, (client_id,))
            claims.check_times(said, time.time())
            claims.name_in(said, "sub")
        except TokenRefused as error:
            raise ProviderRefused(f"the id token is not believed: {error}") from None
        if "iat" not in said:
            raise ProviderRefused("the id token does not say when it was made")
        if said.get("iss") != self._issuer.url:
            raise ProviderRefused("the id token is of another issuer")
        # With several audiences, the one it was given to (OpenID Connect Core, section 3.1.3.7).
        if said.get("azp", client_id) != client_id:
            raise ProviderRefused("the id token was given to another client")
        return said

    def _endpoints(self) -> _Endpoints:
        with self._lock:
            known = self._known
        if known is not None and time.monotonic() - known[0] < _FRESH_SECONDS:
            return known[1]
        said = self._get(f"{self._issuer.url.rstrip('/')}/.well-known/openid-configuration")
        if said.get("issuer") != self._issuer.url:
            raise ProviderAway("what it says of itself is of another issuer")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "revocation_endpoint")
        endpoints = _Endpoints(*(_endpoint(said, name) for name in names))
        if not (endpoints.authorization and endpoints.token and endpoints.keys):
            raise ProviderAway("it does not say where its endpoints are")
        with self._lock:
            self._known = (time.monotonic(), endpoints)
        return endpoints

    def _get(self, url: str) -> dict[str, Any]:
        status, answer = self._asked("GET", url)
        if status != 200:
            raise ProviderAway(f"{url} answered {status}")
        return answer

    def _post(self, url: str, form: dict[str, str]) -> dict[str, Any]:
        status, answer = self._asked("POST", url, {**form, "client_id": self._sign_in.client_id})
        if status == 200:
            return answer
        if 400 <= status < 500:
            # `error` is a word of the standard (RFC 6749, section 5.2); what else is there may be anything.
            said = answer.get("error")
            raise ProviderRefused(said if isinstance(said, str) and said.isidentifier() else f"status {status}")
        raise ProviderAway(f"{url} answered {status}")

    def _asked(self, method: str, url: str, form: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        headers = dict(_HEADERS)
        body: str | None = None
        if form is not None:
            headers |= {"content-type": "application/x-www-form-urlencoded"} | self._secret()
            body = urlencode(form)
        try:
            answer = self._http.request(method, url, body=body, headers=headers, redirect=False, preload_content=False)
            with answer:
                content = answer.read(_MOST_BYTES)
                status = answer.status
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ProviderAway(f"{url} cannot be reached: {type(error).__name__}") from None
        try:
            said = orjson.loads(content or b"{}")
        except orjson.JSONDecodeError:
            said = None
        return status, said if isinstance(said, dict) else {}

    def _secret(self) -> dict[str, str]:
        """How a confidential client says who it is (RFC 6749, section 2.3.1); the secret is read anew each time."""
        if not self._sign_in.client_secret_file:
            return {}
        try:
            secret = Path(self._sign_in.client_secret_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ProviderAway("the file with the secret of the client cannot be read") from None
        both = f"{quote(self._sign_in.client_id, safe='')}:{quote(secret, safe='')}"
        return {"authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}


def _text(given: Mapping[str, Any], name: str) -> str:
    token = given.get(name)
    if not isinstance(token, str) or not token:
        raise ProviderRefused(f"it gave no {name}")
    return token


def _seconds(given: Mapping[str, Any]) -> float:
    try:
        return float(given["expires_in"])
    except (KeyError, TypeError, ValueError):
        raise ProviderRefused("it does not say when the access token ends") from None


def _endpoint(said: Mapping[str, Any], name: str) -> str:
    """A URL that tokens may be sent to: by TLS, or on this machine. Empty where there is none. Raises ProviderAway."""
    url = said.get(name, "")
    parts = urlsplit(url if isinstance(url, str) else "?")
    if url and parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ProviderAway(f"its {name} is not https://")
    return str(url)
