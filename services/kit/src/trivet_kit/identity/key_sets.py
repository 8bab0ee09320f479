"""The keys of an issuer: asked for again and again, and at once where a token names one that is not known."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from trivet_kit.identity.fetching import Fetcher, FetchFailed
from trivet_kit.identity.issuers import Issuer
from trivet_kit.identity.public_keys import NO_KEYS, Keys, keys_of_set

_LEAST_PAUSE_SECONDS: Final = 1.0
"""Whoever sends tokens with made-up keys makes us ask the issuer no more often."""
_DISCOVERY_SECONDS: Final = 300.0
"""How long an issuer's word about where its keys are is taken."""

_log = logging.getLogger("trivet.identity")


class KeySet:
    """The keys of one issuer, kept current by a thread until `close`. Safe for threads."""

    def __init__(self, issuer: Issuer, on_change: Callable[[], None]) -> None:
        """Starts to ask for the keys; there are none yet.

        Args:
            issuer: whose keys.
            on_change: called, in the thread, after the keys have become others.
        """
        self._issuer = issuer
        self._on_change = on_change
        self._fetcher = Fetcher(issuer.ca_file)
        self._keys: Keys = NO_KEYS
        self._keys_url: str | None = None
        self._discovered = 0.0
        self._complaint: str | None = None
        self._changed = threading.Condition()
        self._asked = Future[None]()
        self._is_asked = True
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"keys of {issuer.name}", daemon=True)
        self._thread.start()

    @property
    def keys(self) -> Keys:
        """The keys as last heard; never waits."""
        return self._keys

    def ask(self) -> Future[None]:
        """Asks the issuer, at once or a second after the last time. Done when it has answered, or has not."""
        with self._changed:
            self._is_asked = True
            self._changed.notify()
            return self._asked

    def close(self) -> None:
        """Asks no more. Does not wait for an answer that is under way."""
        with self._changed:
            if not self._closed:
                self._closed = True
                self._changed.notify()
                self._asked.set_result(None)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                # Who asks from here on gets another answer: this one may have left the issuer before.
                done, self._asked, self._is_asked = self._asked, Future[None](), False
            begun = time.monotonic()
            self._refresh()
            done.set_result(None)
            with self._changed:
                self._changed.wait_for(lambda: self._closed, _LEAST_PAUSE_SECONDS)
                rest = begun + max(self._issuer.refresh_seconds, _LEAST_PAUSE_SECONDS) - time.monotonic()
                self._changed.wait_for(lambda: self._is_asked or self._closed, rest)

    def _refresh(self) -> None:
        try:
            keys = keys_of_set(self._fetcher.get(self._where()), self._issuer.algorithms)
        except (FetchFailed, ValueError) as error:
            self._keys_url = None
            self._complain(f"{error}; those that it gave before stay in force")
            return
        except Exception:  # noqa: BLE001 - whatever an issuer answers, it is asked again
            _log.exception("the keys of issuer %s cannot be read", self._issuer.name)
            return
        if not keys:
            self._complain("it gives none that its tokens may be signed by")
        elif self._complaint is not None:
            _log.info("issuer %s gives keys again", self._issuer.name)
            self._complaint = None
        if keys != self._keys:
            self._keys = keys
            self._on_change()

    def _where(self) -> str:
        issuer = self._issuer
        if issuer.keys_url is not None:
            return issuer.keys_url
        if self._keys_url is None or time.monotonic() - self._discovered > _DISCOVERY_SECONDS:
            self._keys_url = _keys_url_in(self._fetcher.get(discovery_url(issuer.url)), issuer.url)
            self._discovered = time.monotonic()
        return self._keys_url

    def _complain(self, problem: str) -> None:
        """Warns once of each problem, and not again every few seconds."""
        if problem != self._complaint:
            _log.warning("no keys of issuer %s: %s", self._issuer.name, problem)
            self._complaint = problem


def discovery_url(url: str) -> str:
    """Where an issuer describes itself (OpenID Connect Discovery 1.0, section 4)."""
    return f"{url.rstrip('/')}/.well-known/openid-configuration"


def _keys_url_in(document: dict[str, Any], url: str) -> str:
    # Else whoever may answer at one address of a host could speak for another issuer there (section 4.3).
    if document.get("issuer") != url:
        raise FetchFailed("what it says of itself is of another issuer")
    keys_url = document.get("jwks_uri")
    if not isinstance(keys_url, str):
        raise FetchFailed("it does not say where its keys are")
    return keys_url
