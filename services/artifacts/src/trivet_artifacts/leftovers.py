"""Removes what uploads left whose server died, and shows the others that this one lives."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from trivet_artifacts.blobs.blob_store import BlobStore
from trivet_artifacts.domain.resumables import Resumables
from trivet_artifacts.domain.uploads import Uploads

_log = logging.getLogger("trivet.artifacts")


class Leftovers:
    """A thread that renews the reservations of this process and clears away those that expired."""

    def __init__(self, uploads: Uploads, resumables: Resumables, blobs: BlobStore, lease: timedelta) -> None:
        """Starts the thread; it looks at once, and then four times in a lease."""
        self._uploads = uploads
        self._resumables = resumables
        self._blobs = blobs
        self._pause = lease.total_seconds() / 4
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leftovers")
        self._thread.start()

    def close(self) -> None:
        """Ends the thread."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                self._uploads.renew()
                self._clear()
            except Exception:  # noqa: BLE001 - whatever it is, it is tried again
                _log.exception("leftovers of uploads could not be removed; they are tried again")
            if self._closing.wait(self._pause):
                return

    def _clear(self) -> None:
        for object_key in self._uploads.claim_expired():
            if self._closing.is_set():
                return
            self._blobs.remove(object_key)
            self._uploads.release([object_key])
            _log.info("removed an upload that was left behind: %s", object_key)
        self._resumables.forget_completed()
