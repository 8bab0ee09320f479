"""Reads what clients uploaded directly, and finds whether the digests are right that they said."""

from __future__ import annotations

import logging
import threading
import time

from trivet_artifacts.blobs.blob_store import BlobStore
from trivet_artifacts.blobs.digests import sha256_of
from trivet_artifacts.domain.checks import Checks, Unverified

# How often it looks for what other processes left; its own it is told of.
_PAUSE_SECONDS = 30.0
_RENEW_SECONDS = 60.0

_log = logging.getLogger("trivet.artifacts")


class _Closing(Exception):
    """The process ends; another one reads the object anew."""


class Checking:
    """A thread that reads unverified objects, one after the other."""

    def __init__(self, checks: Checks, blobs: BlobStore) -> None:
        """Starts the thread, which looks at once."""
        self._checks = checks
        self._blobs = blobs
        self._closing = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checks")
        self._thread.start()

    def wake(self) -> None:
        """Says that there is something to read."""
        self._wake.set()

    def close(self) -> None:
        """Ends the thread, also in the middle of an object."""
        self._closing = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing:
            self._wake.clear()
            try:
                while unverified := self._checks.claim():
                    self._check(unverified)
            except _Closing:
                return
            except Exception:  # noqa: BLE001 - whatever it is, it is tried again
                _log.exception("an uploaded object could not be read; it is tried again")
            self._wake.wait(_PAUSE_SECONDS)

    def _check(self, unverified: Unverified) -> None:
        renewed = time.monotonic()

        def on_read() -> None:
            nonlocal renewed
            if self._closing:
                raise _Closing
            if time.monotonic() - renewed > _RENEW_SECONDS:
                renewed = time.monotonic()
                self._checks.renew(unverified)

        sha256 = sha256_of(self._blobs, unverified.object_key, unverified.size_bytes, on_read)
        if not self._checks.conclude(unverified, sha256):
            _log.error(
                "the object %s has SHA-256 %s, and its client said %s: its files are not served",
                unverified.object_key,
                sha256.hex(),
                unverified.sha256.hex(),
            )
