"""Messages with the bytes of files, spelled without the message class, which would copy them twice more."""

from __future__ import annotations

from functools import lru_cache

from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb


def serialize_data(data: bytes) -> bytes:
    """A serialized `DownloadArtifactResponse` or `DownloadArtifactsResponse` that has these bytes, and nothing else."""
    return b"".join((_head(len(data)), data))


@lru_cache(maxsize=64)  # nearly all messages are of one size
def _head(size: int) -> bytes:
    """What comes before the bytes: the field and their number."""
    message = pb.DownloadArtifactResponse(data=bytes(size)).SerializeToString()
    return message[: len(message) - size]
