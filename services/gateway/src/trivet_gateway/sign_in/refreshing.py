"""Sessions whose tokens are about to end get new ones: once, however many requests of a page come at the same time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from trivet_gateway.sign_in.problems import ProviderAway, ProviderRefused
from trivet_gateway.sign_in.sessions import Session

if TYPE_CHECKING:
    from trivet_gateway.sign_in.providers import Provider  # long to import, and only where people sign in

_REMEMBERED_SECONDS: Final = 60.0
"""How long requests may still come that were sent with the session before: a provider may take its token only once."""
_PAUSE_SECONDS: Final = 5.0
"""How long a provider that is away is not asked again for the same session."""

_log = logging.getLogger("trivet.gateway")


class Refresher:
    """Refreshes sessions. For one event loop."""

    def __init__(self, provider_of: Callable[[str], Provider | None]) -> None:
        """Asks the providers that a function knows by the names of issuers."""
        self._provider_of = provider_of
        self._begun: dict[str, tuple[float, asyncio.Task[Session]]] = {}
        """By the refresh token that was used."""

    async def current(self, session: Session) -> Session | None:
        """The session, with a token that is good for a while; None where it is over."""
        newest = await self._newest(session)
        provider = self._provider_of(session.issuer)
        if provider is None:
            return None  # the policy file does not have the issuer any more
        if newest.is_due and newest.refresh_token not in self._begun:
            task = asyncio.create_task(_refreshed(provider, newest))
            self._begun[newest.refresh_token] = time.monotonic(), task
            newest = await asyncio.shield(task)
        return None if newest.is_over else newest

    async def end(self, session: Session) -> None:
        """Ends a session at its provider, where that can: nothing comes of its refresh token any more."""
        newest = await self._newest(session)
        provider = self._provider_of(session.issuer)
        if provider is None or not newest.refresh_token:
            return
        try:
            await asyncio.to_thread(provider.revoke, newest.refresh_token)
        except (ProviderAway, ProviderRefused) as error:
            _log.warning("a session could not be ended at its provider: %s", error, extra={"issuer": session.issuer})

    async def _newest(self, session: Session) -> Session:
        """What became of a session that a request has: others may have had it refreshed."""
        self._forget()
        while (begun := self._begun.get(session.refresh_token)) is not None:
            # A request that its browser gave up must not end what others wait for.
            refreshed = await asyncio.shield(begun[1])
            if refreshed.refresh_token == session.refresh_token:
                return refreshed
            session = refreshed
        return session

    def _forget(self) -> None:
        now = time.monotonic()
        self._begun = {token: each for token, each in self._begun.items() if not _is_old(token, each, now)}


def _is_old(token: str, begun: tuple[float, asyncio.Task[Session]], now: float) -> bool:
    began, task = begun
    if not task.done():
        return False
    if task.cancelled() or task.exception() is not None:
        return True
    is_same = task.result().refresh_token == token
    return now - began > (_PAUSE_SECONDS if is_same else _REMEMBERED_SECONDS)


async def _refreshed(provider: Provider, session: Session) -> Session:
    try:
        return await asyncio.to_thread(provider.refreshed, session)
    except ProviderRefused as error:
        _log.info("a session has ended at its provider: %s", error, extra={"issuer": session.issuer})
        return session.without_refresh()
    except ProviderAway as error:
        _log.warning("a session could not be refreshed: %s", error, extra={"issuer": session.issuer})
        return session
