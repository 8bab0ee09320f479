"""Sending files: nothing of what the workspace holds, small files over one stream, large ones in parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from trivet._hashing import hash_files
from trivet._large_uploads import upload_large
from trivet._status import from_status
from trivet._streamed_uploads import Refusal, Upload, send_small
from trivet._transfers import LARGE_BYTES, Transfer
from trivet_proto.artifacts.v1 import content_pb2

_Item = TypeVar("_Item")

# What one call takes: content.proto.
_MAX_ASKED: Final = 10_000
_MAX_COMMITTED: Final = 1_000
_CONTENT_MISSING: Final = "ARTIFACT_CONTENT_MISSING"


def upload(transfer: Transfer, files: Sequence[Upload]) -> None:
    """Sends files and returns when all are durable and visible.

    Small files are hashed first, large ones while they are sent unless the cache knows them; what the workspace holds
    already does not move, and of several files with the same bytes one does.

    Raises:
        OSError: a file cannot be read; others may have been stored.
        TrivetError: what was refused first, after all that could be stored was; or why the connection broke.
    """
    small = [file for file in files if file.size < LARGE_BYTES]
    large = [file for file in files if file.size >= LARGE_BYTES]
    hashed = hash_files([file.local for file in small], transfer.cache)
    hashed |= transfer.cache.known_digests([file.local for file in large])
    digests = {path: file.sha256 for path, file in hashed.items()}
    held = _held(transfer, [file for file in files if file.local in digests], digests)
    refused: list[Refusal] = []
    to_commit = [file for file in files if digests.get(file.local) in held]
    unsent = [file for file in files if digests.get(file.local) not in held]
    unsent += _commit(transfer, to_commit, digests, refused)
    first, others = _first_of_each([file for file in unsent if file.size < LARGE_BYTES], digests)
    refused += send_small(transfer, first)
    refused += send_small(transfer, _commit(transfer, others, digests, refused))
    for file in unsent:
        if file.size >= LARGE_BYTES:
            refused += upload_large(transfer, file, digests.get(file.local))
    _raise_first(refused)


def _held(transfer: Transfer, files: Sequence[Upload], digests: Mapping[Path, bytes]) -> set[bytes]:
    """The digests of those files that the workspace holds."""
    contents = list({digests[file.local]: file.size for file in files}.items())
    held: set[bytes] = set()
    parent = "/".join(transfer.owner.split("/")[:2])
    for batch in _batches(contents, _MAX_ASKED):
        request = content_pb2.FindMissingContentsRequest(
            parent=parent, contents=[content_pb2.Content(sha256=sha256, size_bytes=size) for sha256, size in batch]
        )
        answer = transfer.connection.call(transfer.stub.FindMissingContents, request, repeatable=True)
        missing = set(answer.missing)
        held |= {sha256 for number, (sha256, _) in enumerate(batch) if number not in missing}
    return held


def _commit(
    transfer: Transfer, files: Sequence[Upload], digests: Mapping[Path, bytes], refused: list[Refusal]
) -> list[Upload]:
    """Makes files visible whose bytes the workspace holds; returns those whose bytes it does not hold after all."""
    missing: list[Upload] = []
    for batch in _batches(files, _MAX_COMMITTED):
        request = content_pb2.CommitArtifactsRequest(
            files=[
                content_pb2.NewArtifact(
                    owner=transfer.owner,
                    path=file.path,
                    content=content_pb2.Content(sha256=digests[file.local], size_bytes=file.size),
                )
                for file in batch
            ]
        )
        answer = transfer.connection.call(
            transfer.stub.CommitArtifacts, request, repeatable=True, timeout_seconds=transfer.timeout_seconds
        )
        for file, result in zip(batch, answer.results, strict=True):
            if result.WhichOneof("result") != "refused":
                transfer.progress.add(file.size)
                continue
            error = from_status(result.refused)
            if error.reason == _CONTENT_MISSING:
                missing.append(file)
            else:
                refused.append(Refusal(file, error))
    return missing


def _first_of_each(files: Sequence[Upload], digests: Mapping[Path, bytes]) -> tuple[list[Upload], list[Upload]]:
    """One file of each content, and the others."""
    first: dict[bytes, Upload] = {}
    others = [file for file in files if first.setdefault(digests[file.local], file) is not file]
    return list(first.values()), others


def _batches(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    return (items[begin : begin + size] for begin in range(0, len(items), size))


def _raise_first(refused: Sequence[Refusal]) -> None:
    if not refused:
        return
    file, first = refused[0].file, refused[0].error
    others = f" ({len(refused) - 1} others were refused too)" if len(refused) > 1 else ""
    raise type(first)(
        f"{file.local} was not stored as {file.path!r}: {first.message}{others}",
        reason=first.reason,
        metadata=first.metadata,
    ) from first
