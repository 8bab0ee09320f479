"""Reading stored files from the service, without copies of their bytes that the message class would make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import grpc

from trivet._transfers import Transfer
from trivet_proto.artifacts.v1 import artifact_pb2
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb

_SERVICE: Final = pb.DESCRIPTOR.services_by_name["ArtifactService"].full_name
# Of the field with the bytes: its tag and their number, which is below 2**28 in a message that gRPC takes.
_HEAD_SIZES: Final = range(2, 6)


class _Stub:
    """The methods that read, with their answers as they came."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.read: grpc.UnaryStreamMultiCallable[pb.DownloadArtifactRequest, bytes] = channel.unary_stream(
            f"/{_SERVICE}/DownloadArtifact", request_serializer=pb.DownloadArtifactRequest.SerializeToString
        )
        self.read_several: grpc.UnaryStreamMultiCallable[pb.DownloadArtifactsRequest, bytes] = channel.unary_stream(
            f"/{_SERVICE}/DownloadArtifacts", request_serializer=pb.DownloadArtifactsRequest.SerializeToString
        )


def read_stored(
    transfer: Transfer, path: str, *, offset: int = 0, limit: int = 0, expected_bytes: int
) -> Iterator[artifact_pb2.Artifact | memoryview]:
    """A file of a transfer's owner: first what it is, then its bytes, piece by piece.

    Args:
        transfer: From where.
        path: The logical path.
        offset: The first byte to send.
        limit: How many at most; 0: all.
        expected_bytes: How many will come, for the deadline.

    Raises:
        TrivetError: the class of what went wrong.
    """
    request = pb.DownloadArtifactRequest(owner=transfer.owner, path=path, offset_bytes=offset, limit_bytes=limit)
    for message in transfer.connection.stream(
        transfer.connection.stub(_Stub).read,
        request,
        timeout_seconds=transfer.timeout_of(expected_bytes),
        stop=transfer.stop,
    ):
        data = _data_alone(message)
        if data is None:
            answer = pb.DownloadArtifactResponse.FromString(message)
            yield answer.artifact if answer.HasField("artifact") else memoryview(answer.data)
        else:
            yield data


def read_stored_files(
    transfer: Transfer, paths: Sequence[str], *, expected_bytes: int
) -> Iterator[tuple[artifact_pb2.Artifact | None, memoryview]]:
    """Files of a transfer's owner, one after the other: bytes, with what the file is that they begin.

    Args:
        transfer: From where.
        paths: Their logical paths, in the order in which they come; none twice.
        expected_bytes: How many will come of all of them, for the deadline.

    Raises:
        TrivetError: the class of what went wrong.
    """
    for message in transfer.connection.stream(
        transfer.connection.stub(_Stub).read_several,
        pb.DownloadArtifactsRequest(owner=transfer.owner, paths=paths),
        timeout_seconds=transfer.timeout_of(expected_bytes),
        stop=transfer.stop,
    ):
        data = _data_alone(message)
        if data is None:
            answer = pb.DownloadArtifactsResponse.FromString(message)
            yield answer.artifact if answer.HasField("artifact") else None, memoryview(answer.data)
        else:
            yield None, data


def _data_alone(message: bytes) -> memoryview | None:
    """The bytes that are all that a message has, of either method; None where it has something else."""
    head = _head_of(len(message))
    return memoryview(message)[len(head) :] if head and message.startswith(head) else None


@lru_cache(maxsize=64)  # nearly all messages are of one size
def _head_of(size: int) -> bytes:
    """What a message of this size that has only bytes begins with; empty where there is none of this size."""
    for head in _HEAD_SIZES:
        message = pb.DownloadArtifactResponse(data=bytes(max(size - head, 0))).SerializeToString()
        if len(message) == size:
            return message[:head]
    return b""
