"""A file here that is sent: read in order, and hashed by a thread of its own meanwhile."""

from __future__ import annotations

import hashlib
import queue
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_PIECE_BYTES: Final = 1024 * 1024
# Hashing is faster than any network; this much may wait for it where it is not.
_WAITING: Final = 4


class LocalFile:
    """The bytes of a file, from its beginning to its end. For one use, as a context manager; not safe for threads."""

    def __init__(self, path: Path, size: int, sha256: bytes | None) -> None:
        """Opens nothing yet; `sha256` is the digest, where it is known."""
        self._path = path
        self._size = size
        self._known = sha256
        self._hash = hashlib.sha256()
        self._unhashed: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._file = self._path.open("rb", buffering=0)
        if self._known is None:
            self._thread = threading.Thread(target=self._follow, name="trivet-hash", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._end_thread()

    def read(self, size: int) -> bytes:
        """The next so many bytes. Raises OSError where the file is shorter by now."""
        pieces = []
        left = size
        while left:
            piece = self._file.read(left)
            if not piece:
                raise OSError(f"{self._path} was cut to less than {self._size} bytes while it was sent.")
            pieces.append(piece)
            left -= len(piece)
        content = b"".join(pieces)
        if self._thread is not None:
            self._unhashed.put(content)
        return content

    def skip(self, size: int) -> None:
        """Passes bytes over; they count for the digest."""
        if self._thread is None:
            self._file.seek(size, 1)
            return
        while size:
            size -= len(self.read(min(size, _PIECE_BYTES)))

    def digest(self) -> bytes:
        """The digest of the file; once all of it was read."""
        if self._known is None:
            self._end_thread()
            self._known = self._hash.digest()
        return self._known

    def _follow(self) -> None:
        while (data := self._unhashed.get()) is not None:
            self._hash.update(data)

    def _end_thread(self) -> None:
        if self._thread is not None:
            self._unhashed.put(None)
            self._thread.join()
            self._thread = None
