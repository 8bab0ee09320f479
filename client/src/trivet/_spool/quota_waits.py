"""That a log waits for a quota, in a file beside it, so that `trivet status` can say so of running processes too."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from trivet._errors import QuotaExceeded

_NAME: Final = "waits-for.txt"


def quota_of(error: QuotaExceeded) -> str:
    """Which quota was used up."""
    return error.metadata.get("quota", "")


def quota_waited_for(folder: Path) -> str:
    """The quota that a log waits for; empty where it waits for none."""
    try:
        return (folder / _NAME).read_text(encoding="utf-8")
    except OSError:
        return ""


class QuotaWait:
    """Notes what one log waits for. For one thread."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _NAME
        # A process before this one may have left it waiting.
        self._noted = quota_waited_for(folder)

    def wait_for(self, quota: str) -> None:
        """It was refused for a quota."""
        if quota != self._noted:
            self._noted = quota
            # A full disk is no reason to send nothing.
            with contextlib.suppress(OSError):
                file = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(file, "w", encoding="utf-8") as note:
                    note.write(quota)

    def has_enough(self) -> None:
        """Something was sent without being refused before."""
        if self._noted:
            self._noted = ""
            self._file.unlink(missing_ok=True)
