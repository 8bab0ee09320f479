"""Fetching files: into a file beside the final one, verified, then put in its place in one step."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final, Protocol

from trivet._connection import Connection
from trivet._errors import ArtifactCorrupt, ServerUnavailable
from trivet._safe_paths import safe_join
from trivet._uploads import SLOWEST_BYTES_PER_SECOND
from trivet_proto.artifacts.v1 import artifact_pb2
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub

# A download that broke off goes on where it was, this often in a row without a byte.
_TRIES: Final = 3


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


def download(
    connection: Connection, owner: str, artifact: artifact_pb2.Artifact, folder: Path, *, timeout_seconds: float
) -> Path:
    """Fetches a file into a folder and returns where it is. Holds one message in memory at a time.

    The file is there whole or not at all; one that was there before is replaced at the end. A broken connection is
    taken up again where it broke.

    Raises:
        ArtifactCorrupt: its name leads elsewhere, or its bytes are not those of its size and digest.
        TrivetError: why it cannot be fetched.
        OSError: it cannot be written.
    """
    place = safe_join(folder, artifact.path)
    place.parent.mkdir(parents=True, exist_ok=True)
    # A short name of its own: the final one may be as long as a file system allows.
    descriptor, unfinished = tempfile.mkstemp(dir=place.parent, prefix=".trivet-")
    try:
        with os.fdopen(descriptor, "wb") as sink:
            # mkstemp gives 0600; what is downloaded is as open as any file that the user makes.
            umask = os.umask(0)
            os.umask(umask)
            Path(unfinished).chmod(0o666 & ~umask)
            transfer = _Transfer(connection, owner, artifact)
            timeout = timeout_seconds + artifact.size_bytes / SLOWEST_BYTES_PER_SECOND
            transfer.run(sink.write, timeout)
        Path(unfinished).replace(place)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(unfinished).unlink()
        raise
    return place


class _Write(Protocol):
    def __call__(self, data: bytes, /) -> int: ...


class _Transfer:
    """The bytes of one file, from as many calls as that takes."""

    def __init__(self, connection: Connection, owner: str, artifact: artifact_pb2.Artifact) -> None:
        self._connection = connection
        self._owner = owner
        self._path = artifact.path
        self._size: int | None = None
        self._sha256 = b""
        self._received = 0
        self._hash: _Hash = hashlib.sha256()

    def run(self, write: _Write, timeout_seconds: float) -> None:
        tries = _TRIES
        while True:
            before = self._received
            try:
                self._read(write, timeout_seconds)
            except ServerUnavailable:
                tries = _TRIES if self._received > before else tries - 1
                # The file's head, and not only its bytes, may be missing still.
                if tries <= 0 or self._size is None:
                    raise
                continue
            break
        if self._received != self._size or self._hash.digest() != self._sha256:
            raise ArtifactCorrupt(
                f"{self._path!r} arrived with {self._received} bytes that are not the {self._size} with the digest "
                f"{self._sha256.hex()}. Nothing was kept; download it again."
            )

    def _read(self, write: _Write, timeout_seconds: float) -> None:
        stub = self._connection.stub(ArtifactServiceStub)
        request = pb.DownloadArtifactRequest(owner=self._owner, path=self._path, offset_bytes=self._received)
        for answer in self._connection.stream(stub.DownloadArtifact, request, timeout_seconds=timeout_seconds):
            if answer.HasField("artifact"):
                self._take_head(answer.artifact)
                continue
            if self._size is None or self._received + len(answer.data) > self._size:
                raise ArtifactCorrupt(f"{self._path!r} has other bytes than its head says. Nothing was kept.")
            write(answer.data)
            self._hash.update(answer.data)
            self._received += len(answer.data)

    def _take_head(self, head: artifact_pb2.Artifact) -> None:
        if self._size is not None and (head.size_bytes, head.sha256) != (self._size, self._sha256):
            raise ArtifactCorrupt(f"{self._path!r} was replaced while it was downloaded. Download it again.")
        self._size, self._sha256 = head.size_bytes, head.sha256
