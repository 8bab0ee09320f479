"""`/auth/…`: to a provider and back, out again, and what a page may know of its session.

Authorization code with PKCE (RFC 6749, RFC 7636), `state` and `nonce`. No answer has a token in its URL or body.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trivet_gateway.errors import MlflowError
from trivet_gateway.sign_in.presenting import session_in
from trivet_gateway.sign_in.problems import ProviderAway, ProviderRefused
from trivet_gateway.sign_in.refreshing import Refresher
from trivet_gateway.sign_in.returning import checked_return
from trivet_gateway.sign_in.sessions import Attempt, attempt_cookie, session_cookie
from trivet_gateway.sign_in.settings import SignInSettings
from trivet_gateway.sign_in.sites import SETTING, is_secure, origin_of
from trivet_kit.identity.sign_in import SignInIssuer

if TYPE_CHECKING:
    from trivet_gateway.sign_in.providers import Provider

CALLBACK: Final = "/auth/callback"
_PROBLEM_PAGE: Final = "/sign-in"
# Nobody keeps these answers, and no page is told where its visitor was.
_HEADERS: Final = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}

_log = logging.getLogger("trivet.gateway")


@dataclass(frozen=True)
class SignInRoutes:
    """Signing in and out. For one event loop."""

    settings: SignInSettings
    _providers: dict[SignInIssuer, Provider] = field(default_factory=dict)

    def provider_of(self, issuer: str) -> Provider | None:
        """The provider of an issuer that people sign in with; None for others."""
        known = self.settings.issuers().get(issuer)
        if known is None:
            return None
        from trivet_gateway.sign_in.providers import Provider  # noqa: PLC0415 - long, and only where people sign in

        return self._providers.setdefault(known, Provider(known))

    def routes(self, refresher: Refresher) -> list[Route]:
        """All of them."""

        async def sign_out(request: Request) -> Response:
            return await self._sign_out(request, refresher)

        return [
            Route("/auth/sign-in", self._sign_in, methods=["GET"]),
            Route(CALLBACK, self._callback, methods=["GET"]),
            Route("/auth/sign-out", sign_out, methods=["POST"]),
            Route("/auth/session", self._session, methods=["GET"]),
        ]

    async def _sign_in(self, request: Request) -> Response:
        """Sends somebody to a provider: the query has `issuer`, needed where there are several, and `return`."""
        # Only a visit: a picture or a script of a page elsewhere would replace an attempt that somebody has begun.
        if request.headers.get("sec-fetch-dest", "document") != "document":
            raise MlflowError("PERMISSION_DENIED", "Open this address by itself to sign in.")
        issuers = self.settings.issuers()
        name = request.query_params.get("issuer") or (next(iter(issuers)) if len(issuers) == 1 else "")
        provider = self.provider_of(name)
        if provider is None:
            return _problem("issuer")
        origin = origin_of(request.scope, self.settings.public_url)
        if origin is None:
            _log.error("nobody can sign in: set %s to the address of this server, as browsers have it", SETTING)
            return _problem("address")
        attempt = Attempt(name, checked_return(request.query_params.get("return", "")), f"{origin}{CALLBACK}")
        try:
            where = await asyncio.to_thread(provider.authorization_url, attempt)
        except ProviderAway as error:
            _log.warning("nobody can sign in: %s", error, extra={"issuer": name})
            return _problem("away", attempt)
        cookie = attempt_cookie(is_secure=self._is_secure(request))
        return _redirect(where, cookie.set(request.scope, attempt.sealed(self.settings.seal)))

    async def _callback(self, request: Request) -> Response:
        """Takes somebody back, with a code that only this browser's attempt is good for."""
        cookie = attempt_cookie(is_secure=self._is_secure(request))
        attempt = Attempt.opened(self.settings.seal, cookie.value_in(request.scope))
        gone = cookie.delete(request.scope)  # it is good for once
        given = request.query_params
        if attempt is None or not hmac.compare_digest(attempt.state.encode(), given.get("state", "").encode()):
            return _problem("attempt", cookies=gone)
        provider = self.provider_of(attempt.issuer)
        if provider is None:
            return _problem("issuer", attempt, gone)
        # A provider that says who it is must be the one that was asked (RFC 9207).
        if given.get("iss", provider.issuer_url) != provider.issuer_url:
            return _problem("refused", attempt, gone)
        if "code" not in given:
            return _problem("denied" if given.get("error") == "access_denied" else "refused", attempt, gone)
        try:
            session = await asyncio.to_thread(provider.session, attempt, given["code"])
            sealed = session.sealed(self.settings.seal)
            kept = session_cookie(is_secure=self._is_secure(request)).set(request.scope, sealed)
        except ProviderRefused as error:
            _log.warning("somebody could not sign in: %s", error, extra={"issuer": attempt.issuer})
            return _problem("refused", attempt, gone)
        except ProviderAway as error:
            _log.warning("somebody could not sign in: %s", error, extra={"issuer": attempt.issuer})
            return _problem("away", attempt, gone)
        except ValueError as error:
            _log.error("somebody could not sign in: the tokens are too large: %s", error)
            return _problem("large", attempt, gone)
        return _redirect(attempt.return_path, [*gone, *kept])

    async def _sign_out(self, request: Request, refresher: Refresher) -> Response:
        """Ends the session of a page: here, and at the provider where that can."""
        answer = Response(status_code=204, headers=_HEADERS)
        session = session_in(request.scope)
        if session is None:
            return answer  # nobody's, or a page of others would have somebody signed out
        await refresher.end(session)
        return _with(answer, session_cookie(is_secure=self._is_secure(request)).delete(request.scope))

    async def _session(self, request: Request) -> Response:
        """What a page may know: whether somebody has signed in, and whom one can sign in with."""
        session = session_in(request.scope)
        said = {
            "issuers": list(self.settings.issuers()),
            "signed_in": session is not None,
            "issuer": "" if session is None else session.issuer,
            "ends_in_seconds": 0 if session is None or session.refresh_token else int(session.expires - time.time()),
            "has_credentials": "authorization" in request.headers,
        }
        return Response(orjson.dumps(said), media_type="application/json", headers=_HEADERS)

    def _is_secure(self, request: Request) -> bool:
        return is_secure(request.scope, self.settings.public_url)


def _problem(what: str, attempt: Attempt | None = None, cookies: list[tuple[bytes, bytes]] | None = None) -> Response:
    """To the page that says why nobody was signed in, and lets them try again."""
    query = {"problem": what} | ({} if attempt is None else {"return": attempt.return_path})
    return _redirect(f"{_PROBLEM_PAGE}?{urlencode(query)}", cookies or [])


def _redirect(where: str, cookies: list[tuple[bytes, bytes]]) -> Response:
    return _with(Response(status_code=303, headers={**_HEADERS, "location": where}), cookies)


def _with(response: Response, cookies: list[tuple[bytes, bytes]]) -> Response:
    response.raw_headers.extend(cookies)
    return response
