"""Sending files: one stream for all, in pieces, hashed on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet._connection import Connection
from trivet._errors import ServerError, TrivetError
from trivet._status import from_status
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub

# Design §5 asks for 256 KiB to 1 MiB.
_PIECE_BYTES: Final = 512 * 1024
# Slower than this, a transfer is taken for one that hangs: a bad mobile connection.
SLOWEST_BYTES_PER_SECOND: Final = 64 * 1024


@dataclass(frozen=True)
class Upload:
    """A file to send."""

    local: Path
    path: str
    """The logical path that it gets."""


def upload(connection: Connection, owner: str, files: Sequence[Upload], *, timeout_seconds: float) -> None:
    """Sends files and returns when all are durable and visible. Holds one piece of a file in memory at a time.

    Raises:
        OSError: a file cannot be read; those before it may have been stored.
        TrivetError: what was refused first, after all that could be stored was; or why the stream broke.
    """
    messages = _Messages(owner, files)
    total = sum(file.local.stat().st_size for file in files)
    stub = connection.stub(ArtifactServiceStub)
    refused: list[tuple[Upload, TrivetError]] = []
    answered = 0
    try:
        for answer in connection.exchange(
            stub.UploadArtifacts, iter(messages), timeout_seconds=timeout_seconds + total / SLOWEST_BYTES_PER_SECOND
        ):
            answered += 1
            if answer.WhichOneof("result") == "refused":
                refused.append((files[answer.index], from_status(answer.refused)))
    except TrivetError as error:
        # A file that cannot be read ends the stream in gRPC's thread, where nobody would see why.
        if messages.failure is not None:
            raise messages.failure from error
        raise
    if messages.failure is not None:
        raise messages.failure
    if refused:
        file, first = refused[0]
        others = f" ({len(refused) - 1} others were refused too)" if len(refused) > 1 else ""
        raise type(first)(
            f"{file.local} was not stored as {file.path!r}: {first.message}{others}",
            reason=first.reason,
            metadata=first.metadata,
        ) from first
    if answered != len(files):
        raise ServerError(f"The server answered for {answered} of {len(files)} files. Upload them again.")


class _Messages:
    """The messages of a stream; made one by one while it is sent, in a thread of gRPC's."""

    def __init__(self, owner: str, files: Sequence[Upload]) -> None:
        self._owner = owner
        self._files = files
        self.failure: OSError | None = None
        """Why a file could not be read."""

    def __iter__(self) -> Iterator[pb.UploadArtifactsRequest]:
        try:
            for file in self._files:
                yield from self._of(file)
        except OSError as error:
            self.failure = error
            raise

    def _of(self, file: Upload) -> Iterator[pb.UploadArtifactsRequest]:
        digest = hashlib.sha256()
        with file.local.open("rb") as source:
            size = file.local.stat().st_size
            yield pb.UploadArtifactsRequest(start=pb.UploadStart(owner=self._owner, path=file.path, size_bytes=size))
            while piece := source.read(_PIECE_BYTES):
                digest.update(piece)
                yield pb.UploadArtifactsRequest(data=piece)
        yield pb.UploadArtifactsRequest(finish=pb.UploadFinish(sha256=digest.digest()))
