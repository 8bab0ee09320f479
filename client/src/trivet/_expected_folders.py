"""Folders of the cache that are checked while the registry is being asked which one is meant.

Who loads by the same URI again, as one does who follows an alias, mostly gets the same version again. Its bytes are
read meanwhile, so that of the two the longer one counts, and not both.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from trivet._artifact_cache import ArtifactCache
from trivet._at_once import Stop, TransferStopped
from trivet._held_folders import HeldFolder

_MAX_KNOWN: Final = 1_000


class ExpectedFolders:
    """Knows which folder each URI named last, in this process. Safe for use by several threads."""

    def __init__(self, cache: ArtifactCache) -> None:
        """Touches nothing yet."""
        self._cache = cache
        self._digests: dict[str, bytes] = {}

    def expect(self, uri: str) -> ExpectedFolder:
        """Begins to check the folder that a URI named last, where it named one."""
        return ExpectedFolder(self._cache, self._digests.get(uri), lambda sha256: self._named(uri, sha256))

    def _named(self, uri: str, sha256: bytes) -> None:
        if len(self._digests) >= _MAX_KNOWN:
            self._digests.clear()
        self._digests[uri] = sha256


class ExpectedFolder:
    """A folder that is being checked. A context manager, at whose end it is let go if nobody took it."""

    def __init__(self, cache: ArtifactCache, sha256: bytes | None, on_named: Callable[[bytes], None]) -> None:
        """Begins, in a thread.

        Args:
            cache: Where it is.
            sha256: The digest of the manifest of its files; None where none is expected.
            on_named: Told which one it was to be.
        """
        self._cache = cache
        self._sha256 = sha256
        self._on_named = on_named
        self._stop = Stop()
        self._held: HeldFolder | None = None
        self._thread: threading.Thread | None = None
        # A thread takes longer to start than it takes to see that there is nothing to check.
        if sha256 is not None and cache.has_folder(sha256):
            thread = threading.Thread(target=self._check, args=(sha256,), name="trivet-expected", daemon=True)
            # While the interpreter ends, as in a function of atexit, no thread can be started any more.
            with contextlib.suppress(RuntimeError):
                thread.start()
                self._thread = thread

    def take(self, sha256: bytes) -> HeldFolder | None:
        """The folder whose manifest has a digest, as `ArtifactCache.open_folder` gives it."""
        self._on_named(sha256)
        if self._thread is None or sha256 != self._sha256:
            # First of all, because what is held cannot make room for what is brought instead.
            self._let_go()
            return self._cache.open_folder(sha256)
        self._thread.join()
        held, self._held = self._held, None
        return held

    def _check(self, sha256: bytes) -> None:
        with contextlib.suppress(TransferStopped):
            self._held = self._cache.open_folder(sha256, self._stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets it go."""
        self._let_go()

    def _let_go(self) -> None:
        """Ends what still runs, and waits for that."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
        held, self._held = self._held, None
        if held is not None:
            held.release()
