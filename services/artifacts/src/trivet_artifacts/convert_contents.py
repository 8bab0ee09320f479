"""Between messages about contents and the domain."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trivet_artifacts import convert
from trivet_artifacts.domain import limits, media_types, paths
from trivet_artifacts.domain.artifacts import Artifact
from trivet_artifacts.domain.contents import Content, KnownFile, Reference
from trivet_artifacts.domain.uploads import NewFile
from trivet_kit.errors import CallerError, FieldInvalid, FieldRequired, FieldTooLong
from trivet_kit.resources import parse_artifact_owner
from trivet_kit.status import to_status
from trivet_proto.artifacts.v1 import content_pb2 as pb

# RFC 3986 §3.1, and nothing that a terminal or a log takes for something else. `@` before the path is a user's.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:[^\s\x00-\x1f\x7f-\x9f\\]+")
_USER = re.compile(r"[^:]+://[^/?#]*@")


def to_contents(request: pb.FindMissingContentsRequest) -> list[Content]:
    """What a client has. Raises FieldInvalid."""
    if len(request.contents) > limits.MAX_CONTENTS:
        raise FieldInvalid("contents", f"must have at most {limits.MAX_CONTENTS} entries")
    return [_content(content, f"contents[{place}]") for place, content in enumerate(request.contents)]


def to_known_files(request: pb.CommitArtifactsRequest) -> list[KnownFile | CallerError]:
    """The files to make visible; those whose fields are not valid as why. Raises FieldInvalid for too many."""
    if len(request.files) > limits.MAX_COMMITTED:
        raise FieldInvalid("files", f"must have at most {limits.MAX_COMMITTED} entries")
    return [_checked(file, f"files[{place}]") for place, file in enumerate(request.files)]


def from_results(results: Sequence[Artifact | CallerError]) -> pb.CommitArtifactsResponse:
    """The message about what became of files."""
    return pb.CommitArtifactsResponse(
        results=[
            pb.CommitResult(refused=to_status(result))
            if isinstance(result, CallerError)
            else pb.CommitResult(artifact=convert.from_artifact(result))
            for result in results
        ]
    )


def _checked(file: pb.NewArtifact, field: str) -> KnownFile | CallerError:
    try:
        return _known_file(file, field)
    except CallerError as refusal:
        return refusal


def _known_file(file: pb.NewArtifact, field: str) -> KnownFile:
    owner = parse_artifact_owner(file.owner, f"{field}.owner")
    path = paths.check_path(file.path, f"{field}.path")
    media_type = media_types.check_media_type(file.media_type, f"{field}.media_type") or media_types.guess(path)
    match file.WhichOneof("source"):
        case "content":
            source: Content | Reference = _content(file.content, f"{field}.content")
        case "reference":
            source = _reference(file.reference, f"{field}.reference")
        case _:
            raise FieldRequired(f"{field}.source")
    return KnownFile(NewFile(owner, path, media_type, source.size_bytes), source)


def _content(content: pb.Content, field: str) -> Content:
    return Content(
        convert.to_sha256(content.sha256, f"{field}.sha256"), _size(content.size_bytes, f"{field}.size_bytes")
    )


def _reference(reference: pb.Reference, field: str) -> Reference:
    if not reference.uri:
        raise FieldRequired(f"{field}.uri")
    if len(reference.uri) > limits.MAX_URI_CHARACTERS:
        raise FieldTooLong(f"{field}.uri", len(reference.uri), limits.MAX_URI_CHARACTERS)
    if not _URI.fullmatch(reference.uri):
        raise FieldInvalid(f"{field}.uri", "must be an absolute URI without blanks and control characters")
    if _USER.match(reference.uri):
        raise FieldInvalid(f"{field}.uri", "must have no credentials")
    sha256 = convert.to_sha256(reference.sha256, f"{field}.sha256") if reference.sha256 else b""
    return Reference(reference.uri, _size(reference.size_bytes, f"{field}.size_bytes"), sha256)


def _size(size_bytes: int, field: str) -> int:
    if size_bytes < 0:
        raise FieldInvalid(field, "must be 0 or more")
    return size_bytes
