"""Which version a URI names, and when that is another one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import trivet
from trivet._models.folders import ModelFolder, local_path, model_folder
from trivet._names import Registered, RegisteredVersion, parse_files_uri
from trivet._serving.identity import Identity

_LONGEST_PAUSE_SECONDS: Final = 60.0

_log: Final = logging.getLogger("trivet.serving")


@dataclass(frozen=True)
class Fetched:
    """A model whose files are here, as long as this object is."""

    identity: Identity
    folder: ModelFolder


class Followed:
    """The model that a URI names: one for good, or by a stage or alias another one from time to time."""

    def __init__(self, client: trivet.Client, uri: str) -> None:
        """Asks nobody yet.

        Raises:
            InvalidArgument: the URI is none.
        """
        self._client = client
        self._uri = uri
        folder = local_path(uri)
        # Where it is on this machine is nobody's business who asks for predictions.
        self._shown = uri if folder is None else folder.name
        files = None if folder is not None else parse_files_uri(uri)
        self._registered: Registered | None = files if isinstance(files, Registered) else None

    @property
    def moves(self) -> bool:
        """Whether it may name another version later."""
        return self._registered is not None and not isinstance(self._registered, RegisteredVersion)

    def version(self) -> str:
        """The number of the version that it names now; empty where it is none of a registered model.

        Raises:
            TrivetError: there is no such version, or no server answers.
        """
        return "" if self._registered is None else str(self._client.registry.version_at(self._registered).version)

    def fetch(self, version: str) -> Fetched:
        """Brings the files of that version here.

        Raises:
            TrivetError: as `model_folder`.
        """
        uri = self._uri
        if self._registered is not None:
            uri = "/".join(filter(None, (f"models:/{self._registered.name}/{version}", self._registered.path)))
        return Fetched(Identity(self._shown, version), model_folder(uri, self._client))


class Follower:
    """A thread that asks the registry again and again, and brings what it names now."""

    def __init__(
        self,
        followed: Followed,
        version: str,
        interval_seconds: float,
        found: Callable[[Fetched], None],
        failed: Callable[[Exception | None], None],
    ) -> None:
        """Starts it.

        Args:
            followed: What is asked for.
            version: That is here already.
            interval_seconds: How long it waits between two questions.
            found: Told of another version, when its files are here.
            failed: Told why there is none, though there should be; None when that is over.
        """
        self._followed = followed
        self._version = version
        self._interval_seconds = interval_seconds
        self._found = found
        self._failed = failed
        self._stopped = threading.Event()
        threading.Thread(target=self._follow, name="follower", daemon=True).start()

    def stop(self) -> None:
        """Asks no more. What it does at the moment is not waited for."""
        self._stopped.set()

    def _follow(self) -> None:
        pause = self._interval_seconds
        problem: Exception | None = None
        while not self._stopped.wait(pause):
            before = problem
            try:
                self._look()
                problem, pause = None, self._interval_seconds
            except Exception as error:  # noqa: BLE001 - whatever it is, the next time may be better
                problem = error
                if not isinstance(error, trivet.TrivetError | OSError):
                    _log.exception("looking for another version failed")
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            if repr(problem) != repr(before):
                self._failed(problem)

    def _look(self) -> None:
        version = self._followed.version()
        if version != self._version:
            # Nothing here keeps it: its files go when nobody else does.
            self._found(self._followed.fetch(version))
            self._version = version
