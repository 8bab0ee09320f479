"""Messages with the bytes of files, spelled without the message class, which would copy them twice more."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from google.protobuf.message import Message

from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb


def serialize_data(data: bytes) -> bytes:
    """A serialized `DownloadArtifactResponse` or `DownloadArtifactsResponse` that has these bytes, and nothing else."""
    return b"".join((_head(len(data)), data))


def serialize_listed(page: pb.ListArtifactsResponse, contents: Iterable[tuple[int, memoryview]]) -> bytes:
    """A serialized page with the bytes of files, each with the place of the file in it.

    What is serialized one after the other is one message: https://protobuf.dev/programming-guides/encoding/#last-one-wins
    """
    pieces: list[bytes | memoryview] = [page.SerializeToString()]
    for index, data in contents:
        head = pb.ArtifactContent(index=index).SerializeToString() + _DATA_TAG + _varint(len(data))
        pieces += (_CONTENTS_TAG, _varint(len(head) + len(data)), head, data)
    return b"".join(pieces)


def _tag(message: type[Message], field: str) -> bytes:
    """What stands before a field of bytes or of a message."""
    return _varint(message.DESCRIPTOR.fields_by_name[field].number << 3 | _LENGTH_DELIMITED)


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    low = []
    while number > 0x7F:
        low.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*low, number))


_LENGTH_DELIMITED: Final = 2
_CONTENTS_TAG: Final = _tag(pb.ListArtifactsResponse, "contents")
_DATA_TAG: Final = _tag(pb.ArtifactContent, "data")


@lru_cache(maxsize=64)  # nearly all messages are of one size
def _head(size: int) -> bytes:
    """What comes before the bytes: the field and their number."""
    message = pb.DownloadArtifactResponse(data=bytes(size)).SerializeToString()
    return message[: len(message) - size]
