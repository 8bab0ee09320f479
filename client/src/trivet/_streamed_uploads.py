"""Sending files through the service: many small ones over one stream, hashed on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet._errors import ServerError, ServerUnavailable, TrivetError
from trivet._status import from_status
from trivet._transfers import TRIES, Transfer
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb

# Of one message: design §5 asks for 256 KiB to 1 MiB. A file that fits goes in one.
PIECE_BYTES: Final = 512 * 1024


@dataclass(frozen=True)
class Upload:
    """A file to send."""

    local: Path
    path: str
    """The logical path that it gets."""
    size: int


@dataclass(frozen=True)
class Refusal:
    """A file that was not taken, and why."""

    file: Upload
    error: TrivetError


class Messages:
    """Messages that are made while they are sent, in a thread of gRPC's, where nobody sees what is raised."""

    def __init__(self, messages: Iterator[pb.UploadArtifactsRequest]) -> None:
        self._messages = messages
        self.failure: Exception | None = None
        """Why they ended early."""

    def __iter__(self) -> Iterator[pb.UploadArtifactsRequest]:
        try:
            yield from self._messages
        except Exception as error:
            self.failure = error
            raise

    def answers(self, transfer: Transfer, size_bytes: int) -> Iterator[pb.UploadArtifactsResponse]:
        """Sends them, and returns the answers. Raises what ended them early, or TrivetError."""
        try:
            yield from transfer.connection.exchange(
                transfer.stub.UploadArtifacts,
                iter(self),
                timeout_seconds=transfer.timeout_of(size_bytes),
                stop=transfer.stop,
            )
        except TrivetError as error:
            if self.failure is not None:
                raise self.failure from error
            raise
        if self.failure is not None:
            raise self.failure


def send_small(transfer: Transfer, files: Sequence[Upload]) -> list[Refusal]:
    """Sends files over one stream, those that were not answered again where it breaks. Returns those refused.

    Raises:
        OSError: a file cannot be read; those before it may have been stored.
        TrivetError: why the stream broke.
    """
    refused: list[Refusal] = []
    done = 0
    tries = TRIES
    while done < len(files):
        before = done
        left = files[done:]
        messages = Messages(message for file in left for message in _messages(transfer, file))
        try:
            for answer in messages.answers(transfer, sum(file.size for file in left)):
                file = files[done]
                done += 1
                transfer.progress.add(file.size)
                if answer.WhichOneof("result") == "refused":
                    refused.append(Refusal(file, from_status(answer.refused)))
        except ServerUnavailable:
            # Those that were stored, but not answered, are replaced by themselves.
            tries = TRIES if done > before else tries - 1
            if tries <= 0:
                raise
            continue
        if done < len(files):
            raise ServerError(f"The server answered for {done} of {len(files)} files. Upload them again.")
    return refused


def _messages(transfer: Transfer, file: Upload) -> Iterator[pb.UploadArtifactsRequest]:
    start = pb.UploadStart(owner=transfer.owner, path=file.path)
    with file.local.open("rb") as source:
        if file.size <= PIECE_BYTES:
            data = source.read(PIECE_BYTES + 1)
            if len(data) <= PIECE_BYTES:
                yield pb.UploadArtifactsRequest(
                    file=pb.UploadFile(start=start, data=data, sha256=hashlib.sha256(data).digest())
                )
                return
            source.seek(0)
        digest = hashlib.sha256()
        yield pb.UploadArtifactsRequest(start=start)
        while piece := source.read(PIECE_BYTES):
            digest.update(piece)
            yield pb.UploadArtifactsRequest(data=piece)
    yield pb.UploadArtifactsRequest(finish=pb.UploadFinish(sha256=digest.digest()))
