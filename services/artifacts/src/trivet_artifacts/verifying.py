"""Compares the index with the store."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace

from trivet_artifacts.blobs.blob_store import BlobReader, BlobStore, ObjectDamaged
from trivet_artifacts.domain.garbage import Piece
from trivet_artifacts.domain.verification import Damaged, IndexedBlob, Inventory, Problem, Verified

_READ_BYTES = 1024 * 1024
# Of one page, so that a call is not long, nor its answer. A single object may have more.
_PAGE_BYTES = 64 * 1024 * 1024
_PAGE_CONTENTS = 256
_FILES = 10
# So that it keeps no other team's uploads and downloads waiting for long.
_AT_ONCE = 4


@dataclass(frozen=True)
class Verifier:
    """Compares what the index names with what the store has. Safe for threads, and beside all other changes."""

    inventory: Inventory
    blobs: BlobStore
    threads: ThreadPoolExecutor
    """For work on bytes."""

    def verify(self, workspace: str, limit: int, after_key: str, *, presence_only: bool) -> Verified:
        """Compares the next blobs of a workspace, at most so many.

        Raises:
            ArtifactStoreUnavailable: the store does not answer.
        """
        found = self.inventory.blobs(workspace, limit, after_key)
        page = _of_a_page(found, math.inf if presence_only else _PAGE_BYTES)
        look = self._look_for if presence_only else self._read
        damaged: list[Damaged] = []
        for begin in range(0, len(page), _AT_ONCE):
            part = page[begin : begin + _AT_ONCE]
            for blob, problems in zip(part, self.threads.map(look, part), strict=True):
                damaged += self._confirmed(blob, problems)
        files = self.inventory.files([each.piece.object_pk for each in damaged], _FILES)
        is_last = len(found) < limit and len(page) == len(found)
        return Verified(
            contents=sum(len(blob.pieces) for blob in page),
            size_bytes=sum(_size(blob) for blob in page),
            damaged=tuple(replace(each, files=tuple(files[each.piece.object_pk])) for each in damaged),
            last_key="" if is_last else page[-1].object_key,
        )

    def _confirmed(self, blob: IndexedBlob, damaged: Sequence[Damaged]) -> list[Damaged]:
        """Those that the index has still: what was collected or moved meanwhile is not damaged."""
        there = self.inventory.still_there(blob) if damaged else frozenset()
        return [each for each in damaged if each.piece.object_pk in there]

    def _look_for(self, blob: IndexedBlob) -> list[Damaged]:
        pieces = _with_bytes(blob)
        # Where the last byte is, all before it are.
        if not pieces or self._has_end(blob.object_key, max(pieces, key=_end)):
            return []
        return [Damaged(piece, Problem.MISSING) for piece in pieces if not self._has_end(blob.object_key, piece)]

    def _has_end(self, object_key: str, piece: Piece) -> bool:
        try:
            with closing(self.blobs.open(object_key, _end(piece) - 1, 1)) as reader:
                return len(reader.read(1)) == 1
        except ObjectDamaged:
            return False

    def _read(self, blob: IndexedBlob) -> list[Damaged]:
        pieces = _with_bytes(blob)
        # A request for each of many small contents would take far longer than their bytes.
        if not pieces or self._are_well(blob.object_key, pieces):
            return []
        found = ((piece, self._problem(blob.object_key, piece)) for piece in pieces)
        return [Damaged(piece, problem) for piece, problem in found if problem is not None]

    def _are_well(self, object_key: str, pieces: Sequence[Piece]) -> bool:
        """Whether all are as the index says, by one reading from the first to the last."""
        at = pieces[0].offset_bytes
        try:
            with closing(self.blobs.open(object_key, at, _end(pieces[-1]) - at)) as reader:
                for piece in pieces:
                    _digest(reader, piece.offset_bytes - at)
                    if _digest(reader, piece.size_bytes) != piece.sha256:
                        return False
                    at = _end(piece)
        except ObjectDamaged:
            return False
        return True

    def _problem(self, object_key: str, piece: Piece) -> Problem | None:
        try:
            with closing(self.blobs.open(object_key, piece.offset_bytes, piece.size_bytes)) as reader:
                return None if _digest(reader, piece.size_bytes) == piece.sha256 else Problem.ALTERED
        except ObjectDamaged:
            return Problem.MISSING


def _of_a_page(blobs: Sequence[IndexedBlob], max_bytes: float) -> Sequence[IndexedBlob]:
    """The first of them, which have no more bytes and contents than a page; one at least."""
    contents = size = 0
    for count, blob in enumerate(blobs):
        contents += len(blob.pieces)
        size += _size(blob)
        if contents > _PAGE_CONTENTS or size > max_bytes:
            return blobs[: max(1, count)]
    return blobs


def _size(blob: IndexedBlob) -> int:
    return sum(piece.size_bytes for piece in blob.pieces)


def _with_bytes(blob: IndexedBlob) -> list[Piece]:
    """Those of its contents of which bytes can be lost."""
    return [piece for piece in blob.pieces if piece.size_bytes]


def _end(piece: Piece) -> int:
    return piece.offset_bytes + piece.size_bytes


def _digest(reader: BlobReader, length: int) -> bytes:
    """The SHA-256 of the next bytes, so many or as many as there are."""
    digest = hashlib.sha256()
    while length and (data := reader.read(min(length, _READ_BYTES))):
        digest.update(data)
        length -= len(data)
    return digest.digest()
