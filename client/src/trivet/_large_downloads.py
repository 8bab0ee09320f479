"""Fetching a large file: in pieces, several at once, from the store itself where it can be reached, else by streams."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Final

from trivet._at_once import run_at_once
from trivet._connection import Patience
from trivet._direct import DirectFailed
from trivet._errors import ArtifactCorrupt, FailedPrecondition, ServerUnavailable
from trivet._partial_files import PartialFile, partial_file
from trivet._stored_bytes import read_stored
from trivet._transfers import DIRECT_UNAVAILABLE, LARGE_WORKERS, PATIENCE_SECONDS, TRIES, Transfer
from trivet_proto.artifacts.v1 import artifact_pb2, direct_pb2

_READ_BYTES: Final = 1024 * 1024
# The service signs for 5 minutes (artifact_service.proto); a piece that was begun may end later.
_URL_SECONDS: Final = 240.0


def download_large(transfer: Transfer, artifact: artifact_pb2.Artifact, place: Path) -> None:
    """Fetches a file to its place. Raises as `download` does."""
    with partial_file(place.parent, artifact.sha256, artifact.size_bytes) as partial:
        resumed = partial.held_bytes
        transfer.progress.add(resumed)
        try:
            digest = _Pieces(transfer, artifact, partial).fetch()
        except ArtifactCorrupt:
            partial.discard()
            raise
        if digest == artifact.sha256:
            partial.publish(place)
            return
        partial.discard()
    if not resumed:
        raise ArtifactCorrupt(
            f"{artifact.path!r} arrived with bytes that are not those of the digest {artifact.sha256.hex()}. "
            "Nothing was kept; download it again."
        )
    # What an earlier program left may be what is wrong.
    transfer.progress.add(-artifact.size_bytes)
    download_large(transfer, artifact, place)


class _Pieces:
    """The pieces of one file. `fetch` is for one use."""

    def __init__(self, transfer: Transfer, artifact: artifact_pb2.Artifact, partial: PartialFile) -> None:
        self._transfer = transfer
        self._artifact = artifact
        self._partial = partial
        self._arrived = threading.Condition()
        self._url = _Url(transfer, artifact)

    def fetch(self) -> bytes:
        """Fetches those that are not here, and returns the digest of all."""
        hashed: list[bytes] = []
        numbers = iter(self._partial.missing())
        lock = threading.Lock()

        def fetch_in_turn() -> None:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                self._fetch(number)
                with self._arrived:
                    self._partial.keep(number)
                    self._arrived.notify_all()

        steps = [lambda: hashed.append(self._hash()), *[fetch_in_turn] * LARGE_WORKERS]
        run_at_once(steps, len(steps), self._transfer.stop)
        return hashed[0]

    def _hash(self) -> bytes:
        """Follows what has arrived, so that the digest is known soon after the last piece."""
        digest = hashlib.sha256()
        piece = memoryview(bytearray(_READ_BYTES))
        with self._partial.path.open("rb", buffering=0) as source, self._transfer.stop.ends(self._wake):
            for number in range(self._partial.count):
                self._wait_for(number)
                self._transfer.stop.check()
                left = self._partial.range_of(number)[1]
                while left:
                    size = source.readinto(piece[: min(left, _READ_BYTES)])
                    if not size:
                        return b""  # somebody cut the file: its digest is another one
                    digest.update(piece[:size])
                    left -= size
        return digest.digest()

    def _wait_for(self, number: int) -> None:
        with self._arrived:
            self._arrived.wait_for(lambda: self._transfer.stop.is_set or self._partial.holds(number))

    def _wake(self) -> None:
        with self._arrived:
            self._arrived.notify_all()

    def _fetch(self, number: int) -> None:
        offset, length = self._partial.range_of(number)
        end = offset + length
        tries = TRIES
        patience = Patience(PATIENCE_SECONDS)
        with self._partial.path.open("r+b", buffering=0) as sink:
            sink.seek(offset)
            while offset < end:
                begin = offset
                offset, failure = self._fetch_some(sink, begin, end)
                if failure is None:
                    continue
                if offset > begin:
                    tries, patience = TRIES, Patience(PATIENCE_SECONDS)
                pause = patience.pause_after(failure if isinstance(failure, ServerUnavailable) else None)
                if isinstance(failure, DirectFailed):
                    tries -= 1
                    self._url.renew()
                    if tries <= 0:
                        self._transfer.give_up_direct()
                elif pause is None:
                    raise failure
                self._transfer.stop.wait(pause or 0)

    def _fetch_some(self, sink: FileIO, offset: int, end: int) -> tuple[int, ServerUnavailable | DirectFailed | None]:
        """Goes on from an offset: how far it came, and why no further."""
        try:
            for data in self._read(offset, end - offset):
                if offset + len(data) > end:
                    raise ArtifactCorrupt(f"{self._artifact.path!r} has other bytes than its head says.")
                sink.write(data)
                offset += len(data)
                self._transfer.progress.add(len(data))
        except (ServerUnavailable, DirectFailed) as error:
            return offset, error
        ended_early = ServerUnavailable(f"The server ended {self._artifact.path!r} after {offset} bytes.")
        return offset, None if offset == end else ended_early

    def _read(self, offset: int, length: int) -> Iterator[bytes | memoryview]:
        request = self._url.get() if self._transfer.may_go_direct else None
        if request is not None:
            return self._transfer.store.mine().get(request, offset, length)
        return self._stream(offset, length)

    def _stream(self, offset: int, length: int) -> Iterator[memoryview]:
        for piece in read_stored(
            self._transfer, self._artifact.path, offset=offset, limit=length, expected_bytes=length
        ):
            if isinstance(piece, memoryview):
                yield piece
            else:
                check_same(piece, self._artifact)


class _Url:
    """The request that reads a file from the store; asked for again before it expires. Safe for several threads."""

    def __init__(self, transfer: Transfer, artifact: artifact_pb2.Artifact) -> None:
        self._transfer = transfer
        self._artifact = artifact
        self._lock = threading.Lock()
        self._request: direct_pb2.SignedRequest | None = None
        self._renew_at = 0.0

    def get(self) -> direct_pb2.SignedRequest | None:
        """The request; None where files come by streams only."""
        with self._lock:
            if self._request is None or time.monotonic() > self._renew_at:
                self._request = self._ask()
                self._renew_at = time.monotonic() + _URL_SECONDS
            return self._request

    def renew(self) -> None:
        """Has it asked for anew the next time."""
        with self._lock:
            self._renew_at = 0.0

    def _ask(self) -> direct_pb2.SignedRequest | None:
        transfer = self._transfer
        request = direct_pb2.GetDownloadUrlRequest(owner=transfer.owner, path=self._artifact.path)
        try:
            answer = transfer.connection.call(
                transfer.stub.GetDownloadUrl, request, repeatable=True, patience_seconds=PATIENCE_SECONDS
            )
        except FailedPrecondition as error:
            if error.reason != DIRECT_UNAVAILABLE:
                raise
            transfer.give_up_direct()
            return None
        check_same(answer.artifact, self._artifact)
        return answer.request


def check_same(head: artifact_pb2.Artifact, listed: artifact_pb2.Artifact) -> None:
    """Raises ArtifactCorrupt where a file is not the one that was listed before."""
    if (head.size_bytes, head.sha256) != (listed.size_bytes, listed.sha256):
        raise ArtifactCorrupt(f"{listed.path!r} was replaced while it was downloaded. Download it again.")
