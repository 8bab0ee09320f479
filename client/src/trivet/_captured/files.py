"""The files that are captured: source, diff and environment, in the folder `trivet` of the run.

Made and uploaded by a thread, beside the training. It tries for as long as the run goes on; a run whose files cannot be
uploaded is none the worse for it.
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
from trivet._spool.sender import PASSING

FOLDER: Final = "trivet"
REMOTE_TAG: Final = "trivet.git.remote"
DIRTY_TAG: Final = "trivet.git.dirty"
# Notebooks with pictures are large, and nobody writes more code than this.
_MAX_SOURCE_BYTES: Final = 10 * 1024 * 1024

_log = logging.getLogger("trivet")


class CapturedFiles:
    """Makes the files of a run and stores them."""

    def __init__(
        self,
        wanted: frozenset[Captured],
        store: Callable[[Path], None],
        set_tags: Callable[[Mapping[str, str]], None],
    ) -> None:
        """Begins.

        Args:
            wanted: What is captured.
            store: Stores what a folder holds. Raises TrivetError, OSError.
            set_tags: Sets tags of the run.
        """
        self._wanted = wanted
        self._store = store
        self._set_tags = set_tags
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="trivet captured files", daemon=True)
        self._thread.start()

    def end(self, timeout_seconds: float) -> None:
        """Waits for it, for some time at most; what is under way then is given up."""
        self._thread.join(timeout_seconds)
        self._is_over.set()

    def _work(self) -> None:
        try:
            with forks.kept_off():  # for the lock of `tempfile`, which children may want too
                # A program that ends removes it as well, perhaps in the same moment.
                temporary = tempfile.TemporaryDirectory(prefix="trivet-captured-", ignore_cleanup_errors=True)
            with temporary as name:
                folder = Path(name)
                self._make(folder)
                if any(folder.iterdir()):
                    self._upload(folder)
        except (TrivetError, OSError, RuntimeError) as error:
            _log.info("the source, the diff and the environment of the run are not stored: %s", error)

    def _upload(self, folder: Path) -> None:
        pauses = Pauses()
        while True:
            try:
                self._store(folder)
            except PASSING as error:
                if self._is_over.wait(pauses.after(error)):
                    raise
            except RuntimeError:
                # The interpreter began to end, and its pools of threads with it. From then on it goes without.
                if self._is_over.wait(0) or threading.main_thread().is_alive():
                    raise
            else:
                return

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
