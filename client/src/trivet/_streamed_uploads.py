"""Sending files through the service: many small ones over one stream, hashed on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet._connection import Patience
from trivet._errors import ServerError, ServerUnavailable, TrivetError
from trivet._status import from_status
from trivet._transfers import PATIENCE_SECONDS, Transfer
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
    """Sends files over one stream; where it breaks, or the store is away, those that are not stored again.

    Returns those refused.

    Raises:
        OSError: a file cannot be read; those before it may have been stored.
        TrivetError: why the stream broke.
    """
    refused: list[Refusal] = []
    left = list(files)
    patience = Patience(PATIENCE_SECONDS)
    while left:
        answers, failure = _send_once(transfer, left)
        away = []
        for file, error in zip(left, answers, strict=False):
            if isinstance(error, ServerUnavailable):
                away.append(Refusal(file, error))
                continue
            patience = Patience(PATIENCE_SECONDS)
            transfer.progress.add(file.size)
            if error is not None:
                refused.append(Refusal(file, error))
        # Those that were stored, but not answered, are replaced by themselves.
        left = [refusal.file for refusal in away] + left[len(answers) :]
        if not left:
            break
        pause = patience.pause_after(failure or away[0].error)
        if pause is None and failure is not None:
            raise failure
        if pause is None:
            return refused + away
        transfer.stop.wait(pause)
    return refused


def _send_once(
    transfer: Transfer, files: Sequence[Upload]
) -> tuple[list[TrivetError | None], ServerUnavailable | None]:
    """Sends files over one stream.

    Returns:
        Why each was refused, or None, of those that were answered; and why the others were not.
    """
    messages = Messages(message for file in files for message in _messages(transfer, file))
    answers: list[TrivetError | None] = []
    try:
        for answer in messages.answers(transfer, sum(file.size for file in files)):
            is_refused = answer.WhichOneof("result") == "refused"
            answers.append(from_status(answer.refused) if is_refused else None)
    except ServerUnavailable as error:
        return answers, error
    if len(answers) < len(files):
        raise ServerError(f"The server answered for {len(answers)} of {len(files)} files. Upload them again.")
    return answers, None


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
