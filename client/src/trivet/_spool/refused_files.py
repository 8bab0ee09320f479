"""Files that the server refused, as those that a quota has no room for: each kept with a note of where it belongs."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from trivet._clock import now_millis
from trivet._errors import TrivetError
from trivet._spool.folders import NOTE, TargetSpool

_log = logging.getLogger("trivet")


@dataclass(frozen=True)
class RefusedFile:
    """A file or folder that was refused."""

    run_id: str
    path: str
    """The logical path that it was logged under."""
    local: Path

    @property
    def note(self) -> Path:
        """Says of which run it is, and under which path."""
        return self.local.with_name(self.local.name + NOTE)

    @property
    def is_kept(self) -> bool:
        """Whether it is there, and what it is is known."""
        return self.local.exists() and self.note.is_file()

    def take(self, local: Path, error: TrivetError) -> None:
        """Moves it here. Where this is broken off, it is in its old place, or is kept. Raises OSError."""
        self.note.parent.mkdir(exist_ok=True, mode=0o700)
        said = {
            "run_id": self.run_id,
            "path": self.path,
            "refused_millis": now_millis(),
            "reason": error.reason or type(error).__name__,
            "message": str(error),
        }
        file = os.open(self.note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as note:
            json.dump(said, note)
            note.flush()
            os.fsync(note.fileno())
        local.rename(self.local)

    def remove(self) -> None:
        """Removes it, because it is stored."""
        shutil.rmtree(self.local) if self.local.is_dir() else self.local.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def refused_file(spool: TargetSpool, run_id: str, local: Path, path: str) -> RefusedFile:
    """What a file of a log is where it is refused."""
    return RefusedFile(run_id, path, spool.rejected / f"{run_id}-{local.name}")


def refused_files_in(spool: TargetSpool) -> list[RefusedFile]:
    """Those that are kept, in the order in which they were refused."""
    found = []
    for note in spool.rejected.glob(f"*{NOTE}"):
        with contextlib.suppress(OSError):  # another process may have sent it meanwhile
            try:
                said = json.loads(note.read_text(encoding="utf-8"))
                file = RefusedFile(said["run_id"], said["path"], note.with_name(note.name.removesuffix(NOTE)))
                if file.is_kept:
                    found.append((int(said["refused_millis"]), file.local.name, file))
            except (ValueError, KeyError, TypeError) as error:
                _log.warning("%s cannot be understood: %s", note, error)
    return [file for *_, file in sorted(found, key=lambda each: each[:2])]
