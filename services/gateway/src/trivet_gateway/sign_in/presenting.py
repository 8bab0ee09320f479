"""The token of a session, presented to the services by requests of this server's own pages, and by no others.

A browser sends cookies with whatever any page asks of this server. What tells its own pages from others is what
browsers themselves say of a request, and scripts cannot: `Sec-Fetch-Site`, and `Origin` where that is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trivet_gateway.sign_in.refreshing import Refresher
from trivet_gateway.sign_in.sessions import Session, session_cookie
from trivet_gateway.sign_in.settings import SignInSettings
from trivet_gateway.sign_in.sites import is_secure

_SESSION: Final = "trivet_session"
_WITHOUT: Final = ("/ui/", "/health", "/version")
"""Beginnings of paths that need nobody's token."""


def session_in(scope: Scope) -> Session | None:
    """Whose page sent a request; None for requests from elsewhere, and where nobody has signed in."""
    session: Session | None = scope.get(_SESSION)
    return session


@dataclass(frozen=True)
class Presented:
    """Gives requests of this server's own pages the token of the session that their cookie holds."""

    app: ASGIApp
    settings: SignInSettings
    refresher: Refresher
    is_own_origin: Callable[[str, Scope], bool]
    """Whether an `Origin` is of this server."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http" or scope["path"].startswith(_WITHOUT) or not self._is_own(scope):
            await self.app(scope, receive, send)
            return
        cookie = session_cookie(is_secure=is_secure(scope, self.settings.public_url))
        sealed = cookie.value_in(scope)
        kept = Session.opened(self.settings.seal, sealed)
        session = None if kept is None else await self.refresher.current(kept)
        if session is None:
            changes = cookie.delete(scope)
        elif session != kept:
            changes = cookie.set(scope, session.sealed(self.settings.seal))
        else:
            changes = []
        if session is not None:
            bearer = b"authorization", f"Bearer {session.token}".encode("ascii")
            scope = {**scope, _SESSION: session, "headers": [*_without_authorization(scope), bearer]}
        await self.app(scope, receive, _setting(changes, send))

    def _is_own(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        if headers.get("authorization"):
            return False  # it says itself who calls
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        # Older browsers say where from only of what may change something; nothing else is believed of them.
        origin = headers.get("origin")
        return origin is not None and self.is_own_origin(origin, scope)


def _without_authorization(scope: Scope) -> Sequence[tuple[bytes, bytes]]:
    return [(name, value) for name, value in scope["headers"] if name != b"authorization"]


def _setting(cookies: Sequence[tuple[bytes, bytes]], send: Send) -> Send:
    if not cookies:
        return send

    async def send_with_cookies(message: Message) -> None:
        if message["type"] == "http.response.start":
            # What a handler says of a cookie counts more: it comes last.
            message = {**message, "headers": [*cookies, *message.get("headers", ())]}
        await send(message)

    return send_with_cookies
