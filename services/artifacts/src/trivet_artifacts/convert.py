"""Between messages and the domain: checks what comes in, spells what goes out."""

from __future__ import annotations

from trivet_artifacts.domain import media_types, paths
from trivet_artifacts.domain.artifacts import Artifact, ByteRange, Kind, Linked
from trivet_artifacts.domain.uploads import Answer, NewFile
from trivet_kit.errors import CallerError, FieldInvalid
from trivet_kit.resources import parse_artifact_owner
from trivet_kit.status import to_status
from trivet_kit.timestamps import from_millis
from trivet_proto.artifacts.v1 import artifact_pb2
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb

_SHA256_BYTES = 32
_KINDS = {Kind.FILE: artifact_pb2.ARTIFACT_KIND_FILE, Kind.FOLDER: artifact_pb2.ARTIFACT_KIND_FOLDER}


def to_new_file(start: pb.UploadStart) -> NewFile:
    """The file that begins. Raises FieldRequired, FieldInvalid, FieldTooLong, ResourceNameInvalid."""
    path = paths.check_path(start.path, "start.path")
    if start.HasField("size_bytes") and start.size_bytes < 0:
        raise FieldInvalid("start.size_bytes", "must be 0 or more")
    return NewFile(
        owner=parse_artifact_owner(start.owner, "start.owner"),
        path=path,
        media_type=media_types.check_media_type(start.media_type, "start.media_type") or media_types.guess(path),
        size_bytes=start.size_bytes if start.HasField("size_bytes") else None,
    )


def to_sha256(digest: bytes, field: str) -> bytes:
    """A digest. Raises FieldInvalid for another length."""
    if len(digest) != _SHA256_BYTES:
        raise FieldInvalid(field, f"must have {_SHA256_BYTES} bytes")
    return digest


def to_range(request: pb.DownloadArtifactRequest) -> ByteRange:
    """The part that is asked for. Raises FieldInvalid."""
    for field, value in (("offset_bytes", request.offset_bytes), ("limit_bytes", request.limit_bytes)):
        if value < 0:
            raise FieldInvalid(field, "must be 0 or more")
    return ByteRange(request.offset_bytes, request.limit_bytes)


def from_artifact(artifact: Artifact) -> artifact_pb2.Artifact:
    """The message of a file or folder."""
    return artifact_pb2.Artifact(
        owner=artifact.owner.name,
        path=artifact.path,
        kind=_KINDS[artifact.kind],
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
        media_type=artifact.media_type,
        create_time=from_millis(artifact.create_time),
    )


def from_answer(answer: Answer) -> pb.UploadArtifactsResponse:
    """The message about a file of an upload."""
    if isinstance(answer.result, CallerError):
        return pb.UploadArtifactsResponse(index=answer.index, refused=to_status(answer.result))
    return pb.UploadArtifactsResponse(index=answer.index, artifact=from_artifact(answer.result))


def from_linked(linked: Linked) -> pb.LinkArtifactsResponse:
    """The message about a link."""
    return pb.LinkArtifactsResponse(
        linked_files=linked.files, linked_bytes=linked.size_bytes, manifest_sha256=linked.manifest_sha256
    )
