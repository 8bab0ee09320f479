"""How far a transfer is: a bar on standard error for what takes longer than a second, where somebody looks at that."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_SHOWN_AFTER_SECONDS: Final = 1.0


class TransferProgress:
    """The bar of one transfer, as a context manager. Safe for use by several threads.

    There is none where standard error is no terminal, Rich is not installed (it comes with `trivet[cli]`), or
    `TRIVET_PROGRESS` is 0.
    """

    def __init__(self, what: str, total_bytes: int, *, is_wanted: bool = True) -> None:
        """Shows nothing yet.

        Args:
            what: What is done, in a word or two.
            total_bytes: How much there is to do; 0 where that is not known.
            is_wanted: False shows nothing at all.
        """
        self._what = what
        self._total_bytes = total_bytes
        self._is_wanted = is_wanted and _can_be_shown()
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._done_bytes = 0
        self._bars: Progress | None = None
        self._task: TaskID | None = None

    def add(self, size_bytes: int) -> None:
        """So many bytes more are done; negative ones have to be done again."""
        with self._lock:
            self._done_bytes += size_bytes
            if not self._is_wanted:
                return
            if self._bars is None and time.monotonic() - self._began >= _SHOWN_AFTER_SECONDS:
                self._show()
            if self._bars is not None and self._task is not None:
                self._bars.update(self._task, completed=self._done_bytes)

    @property
    def done_bytes(self) -> int:
        """How many bytes are done."""
        with self._lock:
            return self._done_bytes

    def _show(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - an extra, and most transfers are over before
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bars.add_task(self._what, total=self._total_bytes or None)
        self._bars.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._is_wanted = False
            if self._bars is not None:
                self._bars.stop()


def _can_be_shown() -> bool:
    if os.environ.get("TRIVET_PROGRESS", "1").strip().lower() in ("0", "false", "off"):
        return False
    return sys.stderr is not None and sys.stderr.isatty() and importlib.util.find_spec("rich") is not None
