"""Sending a large file: in parts to the store itself, or by a stream; from where an earlier program was interrupted."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trivet._artifact_cache import HashedFile
from trivet._at_once import run_at_once
from trivet._cache_index import FileState
from trivet._connection import Patience, Pauses
from trivet._direct import DirectFailed
from trivet._errors import (
    AlreadyExists,
    Conflict,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ServerUnavailable,
    TrivetError,
)
from trivet._reading import LocalFile
from trivet._status import from_status
from trivet._streamed_uploads import PIECE_BYTES, Messages, Refusal, Upload
from trivet._transfers import DIRECT_UNAVAILABLE, LARGE_WORKERS, PATIENCE_SECONDS, TRIES, Transfer
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1 import direct_pb2, upload_pb2

_MIB: Final = 1024 * 1024
# The smallest that S3 takes, and so large that what is in flight is little of the file: whoever is interrupted sends no
# more than a fiftieth of it again.
_LEAST_PART_BYTES: Final = 5 * _MIB
_MOST_PART_BYTES: Final = 64 * _MIB
_PARTS: Final = 256
_SIGNED_BYTES: Final = 20 * _MIB
# A server that was killed is taken for one that still sends, until its lease ends: ADR 10.
_BUSY_SECONDS: Final = 90.0


def upload_large(transfer: Transfer, file: Upload, sha256: bytes | None) -> list[Refusal]:
    """Sends a file, whose digest may be known. Returns why it was refused; nothing where it is stored.

    Raises:
        OSError: it cannot be read, or changes meanwhile.
        TrivetError: the server went away for too long.
    """
    state = FileState.of(file.local.stat())
    try:
        digest = _Sending(transfer, file, _resume_key(state), sha256).run()
    except (AlreadyExists, FailedPrecondition, InvalidArgument, NotFound) as error:
        return [Refusal(file, error)]
    transfer.cache.remember_digests([HashedFile(file.local, digest, state)])
    return []


def _resume_key(state: FileState) -> str:
    """What tells that a later program sends the same file."""
    return hashlib.sha256(f"{state.size} {state.mtime_ns}".encode()).hexdigest()


@dataclass(frozen=True)
class _Sending:
    """The upload of one file."""

    transfer: Transfer
    file: Upload
    resume_key: str
    sha256: bytes | None

    def run(self) -> bytes:
        """Sends it, and returns its digest."""
        upload = self._create()
        try:
            return self._send(upload)
        except (FailedPrecondition, InvalidArgument) as error:
            # What an earlier program sent is of another file, though it looked the same.
            if not (upload.held_bytes or upload.held_parts) or error.reason not in (
                "UPLOAD_INCOMPLETE",
                "ARTIFACT_DIGEST_MISMATCH",
            ):
                raise
            self.transfer.connection.call(
                self.transfer.stub.DeleteUpload, upload_pb2.DeleteUploadRequest(name=upload.name), repeatable=True
            )
            return self._send(self._create())

    def _send(self, upload: upload_pb2.Upload) -> bytes:
        if upload.direct and self.transfer.may_go_direct:
            digest = _Parts(self.transfer, self.file, upload, self.sha256).send()
            if digest:
                return digest
            self.transfer.give_up_direct()
            upload = self._get(upload.name) or self._create()
        return self._stream(upload)

    def _create(self) -> upload_pb2.Upload:
        size = self.file.size
        part = min(max(_LEAST_PART_BYTES, -(-size // (_PARTS * _MIB)) * _MIB), _MOST_PART_BYTES)
        request = upload_pb2.CreateUploadRequest(
            owner=self.transfer.owner,
            path=self.file.path,
            size_bytes=size,
            part_size_bytes=part,
            resume_key=self.resume_key,
        )
        return self.transfer.connection.call(
            self.transfer.stub.CreateUpload, request, repeatable=True, patience_seconds=PATIENCE_SECONDS
        )

    def _get(self, name: str) -> upload_pb2.Upload | None:
        request = upload_pb2.GetUploadRequest(name=name)
        try:
            return self.transfer.connection.call(
                self.transfer.stub.GetUpload, request, repeatable=True, patience_seconds=PATIENCE_SECONDS
            )
        except NotFound:
            return None

    def _stream(self, upload: upload_pb2.Upload) -> bytes:
        unavailable, busy = Patience(PATIENCE_SECONDS), Patience(_BUSY_SECONDS)
        while True:
            held = upload.held_bytes
            try:
                return _stream_once(self.transfer, self.file, upload, self.sha256)
            except ServerUnavailable as error:
                failure: TrivetError = error
                pause = unavailable.pause_after(error)
            except (Conflict, FailedPrecondition) as error:
                if error.reason not in ("UPLOAD_BUSY", "UPLOAD_OFFSET_WRONG"):
                    raise
                failure = error
                pause = busy.pause_after(error)
            if pause is None:
                raise failure
            self.transfer.stop.wait(pause)
            found = self._get(upload.name)
            if found is None:
                # It may be done, with the answer lost; otherwise it was left alone for too long.
                digest = self._digest_there()
                if digest:
                    return digest
            upload = found or self._create()
            if upload.held_bytes > held:
                unavailable, busy = Patience(PATIENCE_SECONDS), Patience(_BUSY_SECONDS)

    def _digest_there(self) -> bytes:
        """The digest of the file, if it is the one that is stored."""
        request = pb.GetArtifactRequest(owner=self.transfer.owner, path=self.file.path)
        try:
            stored = self.transfer.connection.call(self.transfer.stub.GetArtifact, request, repeatable=True)
        except NotFound:
            return b""
        if stored.size_bytes != self.file.size:
            return b""
        with LocalFile(self.file.local, self.file.size, self.sha256) as source:
            source.skip(self.file.size)
            return stored.sha256 if source.digest() == stored.sha256 else b""


def _stream_once(transfer: Transfer, file: Upload, upload: upload_pb2.Upload, sha256: bytes | None) -> bytes:
    """Sends what is not held, and returns the digest of all."""
    digests: list[bytes] = []
    is_answered = threading.Event()
    is_begun = False

    def make() -> Iterator[pb.UploadArtifactsRequest]:
        offset = upload.held_bytes
        yield pb.UploadArtifactsRequest(start=pb.UploadStart(upload=upload.name, offset_bytes=offset))
        # What a server does not take, because an earlier stream still has the upload, does not move.
        is_answered.wait()
        if not is_begun:
            return
        with LocalFile(file.local, file.size, sha256) as source:
            source.skip(offset)
            while offset < file.size:
                data = source.read(min(PIECE_BYTES, file.size - offset))
                offset += len(data)
                yield pb.UploadArtifactsRequest(data=data)
                transfer.progress.add(len(data))
            digests.append(source.digest())
        yield pb.UploadArtifactsRequest(finish=pb.UploadFinish(sha256=digests[0]))

    before = transfer.progress.done_bytes
    transfer.progress.add(upload.held_bytes)
    try:
        for answer in Messages(make()).answers(transfer, file.size):
            match answer.WhichOneof("result"):
                case "begun":
                    is_begun = True
                    is_answered.set()
                case "refused":
                    raise from_status(answer.refused)
                case _:
                    return digests[0]
        raise ServerUnavailable("The server ended an upload without an answer.")
    except TrivetError:
        transfer.progress.add(before - transfer.progress.done_bytes)
        raise
    finally:
        is_answered.set()  # gRPC's thread may still wait for it


class _Parts:
    """The parts of one file, each sent to the store. `send` is for one use."""

    def __init__(self, transfer: Transfer, file: Upload, upload: upload_pb2.Upload, sha256: bytes | None) -> None:
        self._transfer = transfer
        self._upload = upload
        self._file = file
        self._source = LocalFile(file.local, file.size, sha256)
        self._held = set(upload.held_parts)
        self._count = -(-file.size // upload.part_size_bytes)
        # A call signs several parts; not so many that one worker has all, nor more memory than a few small parts take.
        self._at_once = max(1, min(_SIGNED_BYTES // upload.part_size_bytes, self._count // (4 * LARGE_WORKERS)))
        self._digests: dict[int, bytes] = {}
        self._lock = threading.Lock()
        self._next = 1
        self._is_lost = threading.Event()

    def send(self) -> bytes:
        """Sends the parts that are not held, and makes the file visible.

        Returns:
            Its digest; empty where the store cannot be reached.
        """
        before = self._transfer.progress.done_bytes
        with self._source:
            run_at_once([self._send_in_turn] * LARGE_WORKERS, LARGE_WORKERS, self._transfer.stop)
            if self._is_lost.is_set():
                self._transfer.progress.add(before - self._transfer.progress.done_bytes)
                return b""
            digest = self._source.digest()
        request = direct_pb2.CompleteUploadRequest(
            upload=self._upload.name,
            sha256=digest,
            part_sha256=[self._digests[number] for number in range(1, self._count + 1)],
        )
        self._transfer.connection.call(
            self._transfer.stub.CompleteUpload,
            request,
            repeatable=True,
            timeout_seconds=self._transfer.timeout_of(self._file.size),
        )
        return digest

    def _send_in_turn(self) -> None:
        while not self._is_lost.is_set():
            self._transfer.stop.check()
            # In order, so that the digest of the whole is reckoned from the same reads.
            with self._lock:
                parts = {}
                for number in range(self._next, min(self._next + self._at_once, self._count + 1)):
                    begin = (number - 1) * self._upload.part_size_bytes
                    parts[number] = self._source.read(min(self._upload.part_size_bytes, self._file.size - begin))
                self._next += len(parts)
            if not parts:
                return
            self._digests.update({number: hashlib.sha256(data).digest() for number, data in parts.items()})
            signed = self._sign([number for number in parts if number not in self._held])
            for number, data in parts.items():
                if number not in self._held:
                    self._put(number, data, signed.get(number))
                self._transfer.progress.add(len(data))

    def _put(self, number: int, data: bytes, request: direct_pb2.SignedRequest | None) -> None:
        pauses = Pauses()
        for attempt in range(1, TRIES + 1):
            if request is None:
                break
            try:
                self._transfer.store.mine().put(request, data)
            except DirectFailed:
                if attempt < TRIES:
                    self._transfer.stop.wait(pauses.after())
                    # What was signed may have expired.
                    request = self._sign([number]).get(number)
            else:
                return
        self._is_lost.set()

    def _sign(self, numbers: Sequence[int]) -> Mapping[int, direct_pb2.SignedRequest]:
        """The requests that send parts; none where the store is not one that clients reach."""
        if not numbers or self._is_lost.is_set():
            return {}
        request = direct_pb2.SignUploadPartsRequest(
            upload=self._upload.name,
            parts=[direct_pb2.UploadPart(number=number, sha256=self._digests[number]) for number in numbers],
        )
        try:
            answer = self._transfer.connection.call(self._transfer.stub.SignUploadParts, request, repeatable=True)
        except FailedPrecondition as error:
            if error.reason != DIRECT_UNAVAILABLE:
                raise
            return {}
        return dict(zip(numbers, answer.requests, strict=True))
