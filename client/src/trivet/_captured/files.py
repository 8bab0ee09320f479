"""The files that are captured: source, diff and environment, in the folder `trivet` of the run.

Made and uploaded by a thread, beside the training. It tries for as long as the run goes on; what is not stored then is
kept, and sent as all else that was logged. A run whose files are refused is none the worse for it.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from trivet._captured.choice import Captured
from trivet._captured.surroundings import folder_of, git_folder, source_path
from trivet._connection import Pauses
from trivet._errors import TrivetError
from trivet._forks import forks
from trivet._spool.sender import is_passing

FOLDER: Final = "trivet"
REMOTE_TAG: Final = "trivet.git.remote"
DIRTY_TAG: Final = "trivet.git.dirty"
# Notebooks with pictures are large, and nobody writes more code than this.
_MAX_SOURCE_BYTES: Final = 10 * 1024 * 1024
# What takes longer than this is left to whoever sends the rest.
_UPLOAD_SECONDS: Final = 5.0

_log = logging.getLogger("trivet")


class CapturedFiles:
    """Makes the files of a run and stores them."""

    def __init__(
        self,
        wanted: frozenset[Captured],
        store: Callable[[Path], None],
        keep: Callable[[Path], None],
        set_tags: Callable[[Mapping[str, str]], None],
    ) -> None:
        """Begins.

        Args:
            wanted: What is captured.
            store: Stores what a folder holds. Raises TrivetError, OSError; RuntimeError while the interpreter ends.
            keep: Keeps what a folder holds on this machine, to be stored later. Raises TrivetError, OSError.
            set_tags: Sets tags of the run.
        """
        self._wanted = wanted
        self._store = store
        self._keep = keep
        self._set_tags = set_tags
        self._is_made = threading.Event()
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._unstored: Path | None = None
        self._thread = threading.Thread(target=self._work, name="trivet captured files", daemon=True)
        self._thread.start()

    def end(self, timeout_seconds: float) -> None:
        """Waits until the files are made, for some time at most, and a moment for their upload.

        What is not stored by then is kept, and sent as all else that was logged.
        """
        self._is_over.set()
        try:
            self._store_or_keep(timeout_seconds)
        finally:
            self._remove()

    def _store_or_keep(self, timeout_seconds: float) -> None:
        if not self._is_made.wait(timeout_seconds):
            _log.warning(
                "the source, the diff and the environment of the run are not stored: they were not made within %g s",
                timeout_seconds,
            )
            return
        self._thread.join(min(timeout_seconds, _UPLOAD_SECONDS))
        self._keep_unstored()

    def _work(self) -> None:
        try:
            with forks.kept_off():  # for the lock of `tempfile`, which children may want too
                # No TemporaryDirectory: a program that ends may remove that before `end` is called.
                folder = self._folder = Path(tempfile.mkdtemp(prefix="trivet-captured-"))
            self._make(folder)
            self._unstored = folder if any(folder.iterdir()) else None
            self._is_made.set()
            try:
                self._upload(folder)
            finally:
                # Not while it is being copied.
                with self._lock:
                    self._unstored = None
        except (TrivetError, OSError, RuntimeError) as error:
            _log.info("the source, the diff and the environment of the run are not stored: %s", error)
        finally:
            self._is_made.set()
            self._remove()

    def _remove(self) -> None:
        """Both who makes the files and who ends it do so: the process may end before the other one comes to it."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _upload(self, folder: Path) -> None:
        pauses = Pauses()
        while self._unstored is not None:
            try:
                self._store(folder)
            except TrivetError as error:
                if not is_passing(error):
                    raise
                if self._is_over.wait(pauses.after(error)):
                    self._keep_unstored()
            except RuntimeError:
                # The interpreter ends, and begins no threads any more.
                self._keep_unstored()
            else:
                return

    def _keep_unstored(self) -> None:
        with self._lock:
            folder, self._unstored = self._unstored, None
            if folder is None:
                return
            try:
                self._keep(folder)
            except (TrivetError, OSError) as error:
                _log.warning("the source, the diff and the environment of the run are lost: %s", error)

    def _make(self, folder: Path) -> None:
        from trivet._captured.environment import describe_environment  # noqa: PLC0415 - loaded beside the training

        source = source_path()
        if Captured.SOURCE in self._wanted:
            _copy_source(source, folder)
        if self._wanted & {Captured.GIT, Captured.DIFF}:
            self._note_git(folder_of(source), folder)
        if Captured.ENVIRONMENT in self._wanted:
            (folder / "environment.json").write_bytes(describe_environment())

    def _note_git(self, place: Path, folder: Path) -> None:
        from trivet._captured.git_state import git_state  # noqa: PLC0415 - as above

        state = git_state(place) if git_folder(place) is not None else None
        if state is None:
            return
        tags = {}
        if Captured.GIT in self._wanted and state.remote:
            tags[REMOTE_TAG] = state.remote
        if state.is_dirty is not None:
            tags[DIRTY_TAG] = "true" if state.is_dirty else "false"
        if tags:
            self._set_tags(tags)
        if Captured.DIFF in self._wanted and state.diff:
            (folder / "diff.patch").write_bytes(state.diff)


def _copy_source(source: str, folder: Path) -> None:
    path = Path(source)
    if source and path.is_file() and path.stat().st_size <= _MAX_SOURCE_BYTES:
        (folder / "source").mkdir()
        shutil.copyfile(path, folder / "source" / path.name)
