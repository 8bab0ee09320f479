"""Fetching small files: several in one call, each verified and put in its place as soon as it is whole."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from trivet._connection import Patience
from trivet._errors import ArtifactCorrupt, ServerError, ServerUnavailable, TrivetError
from trivet._files_to_fetch import FileToFetch, put_in_place, unreadable
from trivet._large_downloads import check_same
from trivet._stored_bytes import read_stored_files
from trivet._transfers import LARGE_BYTES, PATIENCE_SECONDS, Transfer
from trivet_proto.artifacts.v1 import artifact_pb2

Keep = Callable[[bytes, Path], None]
"""Told of a file that is in its place: the digest of what it is by now, and where it is."""


def fetch_together(transfer: Transfer, files: Sequence[FileToFetch], keep: Keep) -> None:
    """Fetches files, one after the other; those that are in place already stay there when one fails.

    A call that breaks is made again for what it has not brought, for as long as something arrives.

    Raises:
        ArtifactCorrupt: bytes are not those of their digest.
        TrivetError: why a file cannot be fetched.
        OSError: it cannot be written.
    """
    missing = list(files)
    patience = Patience(PATIENCE_SECONDS)
    while missing:
        call = _Call(transfer, missing, keep)
        try:
            call.run()
        except ServerUnavailable as error:
            if call.received_bytes:
                patience = Patience(PATIENCE_SECONDS)
            pause = patience.pause_after(error)
            if pause is None:
                raise
            transfer.stop.wait(pause)
        except ServerError as error:
            raise unreadable(missing[0], error) from error


class _Call:
    """One call, which takes files off the list as they come."""

    def __init__(self, transfer: Transfer, missing: list[FileToFetch], keep: Keep) -> None:
        self._transfer = transfer
        self._missing = missing
        self._keep = keep
        self.received_bytes = 0

    def run(self) -> None:
        # One that was listed may have been replaced by a larger one meanwhile.
        expected = LARGE_BYTES + sum(file.artifact.size_bytes for file in self._missing)
        paths = [file.artifact.path for file in self._missing]
        arriving: _Arriving | None = None
        try:
            for head, data in read_stored_files(self._transfer, paths, expected_bytes=expected):
                if head is not None:
                    if arriving is not None:
                        self._finish(arriving)
                    arriving = self._begin(head)
                elif arriving is None:
                    _fail(self._missing[0], "has no head")
                arriving.take(data)
                self.received_bytes += len(data)
            if arriving is not None:
                self._finish(arriving)
            if self._missing:
                _fail(self._missing[0], "did not come")
        except TrivetError as error:
            # The call fails with the file after it, then.
            if not isinstance(error, ArtifactCorrupt) and arriving is not None and arriving.is_whole:
                self._finish(arriving)
            raise
        finally:
            if arriving is not None:
                arriving.close()

    def _begin(self, head: artifact_pb2.Artifact) -> _Arriving:
        if not self._missing:
            raise ArtifactCorrupt(f"The server sent {head.path!r}, which nobody asked for.")
        file = self._missing[0]
        if head.path != file.artifact.path:
            _fail(file, f"has the path {head.path!r} by now")
        if self._transfer.is_pinned:
            check_same(head, file.artifact)
        return _Arriving(self._transfer, file, head)

    def _finish(self, arriving: _Arriving) -> None:
        arriving.finish()
        self._missing.pop(0)
        self._keep(arriving.head.sha256, arriving.place)


class _Arriving:
    """A file that is being fetched, in a file beside its place."""

    def __init__(self, transfer: Transfer, file: FileToFetch, head: artifact_pb2.Artifact) -> None:
        self.head = head
        self._transfer = transfer
        self._file = file
        self._stack = contextlib.ExitStack()
        self.place = file.find_place()
        self._sink, self._put_in_place = self._stack.enter_context(put_in_place(self.place))
        self._received = 0
        self._hash = hashlib.sha256()
        self._is_in_place = False

    @property
    def is_whole(self) -> bool:
        """Whether all its bytes have come, and it is not in its place."""
        return not self._is_in_place and self._received == self.head.size_bytes

    def take(self, data: memoryview) -> None:
        """Takes the next bytes."""
        if self._received + len(data) > self.head.size_bytes:
            _fail(self._file, "has other bytes than its head says")
        self._sink.write(data)
        self._hash.update(data)
        self._received += len(data)
        self._transfer.progress.add(len(data))

    def finish(self) -> None:
        """Puts the file in its place, when it is what its head says."""
        if self._received != self.head.size_bytes or self._hash.digest() != self.head.sha256:
            _fail(
                self._file,
                f"arrived with {self._received} bytes that are not the {self.head.size_bytes} with the digest "
                f"{self.head.sha256.hex()}",
            )
        self._put_in_place()
        self._is_in_place = True
        self._stack.close()

    def close(self) -> None:
        """Removes what is not in its place."""
        if not self._is_in_place:
            self._transfer.progress.add(-self._received)
        self._stack.close()


def _fail(file: FileToFetch, how: str) -> NoReturn:
    raise ArtifactCorrupt(f"{file.artifact.path!r} {how}. Nothing was kept; download it again.")
