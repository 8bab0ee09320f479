"""Finishes or fails the versions whose registering was interrupted."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable

from trivet_kit.errors import CallerError
from trivet_kit.identity.service_tokens import no_authorization
from trivet_registry.domain.errors import ModelVersionNotFound
from trivet_registry.domain.versions import LinkRefused, Versions
from trivet_registry.linking import ArtifactLinks

# Links are made one after the other, and what was claimed but not reached may be claimed again: a few at a time.
_CLAIMED_AT_ONCE = 20
LONGEST_INTERVAL_SECONDS = 10.0
# A version that waits longer for the artifact service is not what anybody still waits for.
_GIVE_UP_HOURS = 24

_log = logging.getLogger("trivet.registry.sweeper")


class Sweeper:
    """A thread that tries again to link the files of PENDING versions. Any number of replicas may sweep at once."""

    def __init__(
        self,
        versions: Versions,
        links: ArtifactLinks,
        now: Callable[[], int],
        after_seconds: float,
        authorization: Callable[[], str] = no_authorization,
    ) -> None:
        """Starts the thread.

        Args:
            versions: what to look at.
            links: how files are linked.
            now: gives milliseconds since the Unix epoch.
            after_seconds: how long a version is left alone after somebody tried.
            authorization: gives the `authorization` metadata of the service itself; empty for none.
        """
        self._versions = versions
        self._links = links
        self._now = now
        self._after_millis = int(after_seconds * 1000)
        self._authorization = authorization
        self._interval_seconds = min(after_seconds, LONGEST_INTERVAL_SECONDS)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops; calling it again does nothing."""
        self._stopped.set()
        self._thread.join()

    def sweep(self) -> int:
        """Tries what is overdue once; returns how many versions are READY or FAILED by it."""
        ended = 0
        for link, create_time in self._versions.claim_overdue(self._after_millis, _CLAIMED_AT_ONCE):
            if self._stopped.is_set():
                break
            outcome = self._links.for_service(link, self._authorization(), secrets.token_hex(8))
            if outcome is None and self._now() - create_time > _GIVE_UP_HOURS * 3_600_000:
                outcome = LinkRefused(f"the artifact service did not answer for {_GIVE_UP_HOURS} hours")
            if outcome is None:
                continue
            try:
                version = self._versions.finish(link, outcome)
            except ModelVersionNotFound:
                continue  # somebody deleted it meanwhile
            ended += 1
            _log.info("swept", extra={"version": str(version.name), "state": version.state.name})
        return ended

    def _run(self) -> None:
        while not self._stopped.wait(self._interval_seconds):
            try:
                self.sweep()
            except CallerError as error:
                _log.warning("could not sweep: %s", error)
            except Exception:  # noqa: BLE001 - whatever it is, the thread goes on with the next version
                _log.exception("could not sweep")
