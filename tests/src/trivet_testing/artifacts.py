"""The artifact service as its tests see it: a real process on a real database and a real store."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trivet_artifacts.server import migrations, open_database
from trivet_proto.artifacts.v1 import artifact_pb2, content_pb2, garbage_pb2, upload_pb2
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_testing.errors import CallFailure, failure_in
from trivet_testing.servers import ServerProcess
from trivet_testing.workspaces import WORKSPACES

READY = r"^trivet-artifacts is ready: grpc (\S+)$"
MESSAGE_BYTES = 1024 * 1024
"""The most that a message of an upload or a download may have."""
_COMMAND = (sys.executable, "-m", "trivet_artifacts")


def migrate(database_url: str) -> None:
    """Brings a database to the current schema, as the command does, and without the second that it takes to start."""
    with closing(open_database(database_url)) as database:
        database.check_usable()
        migrations(database).upgrade()


@dataclass(frozen=True)
class Place:
    """Where an artifact service keeps things."""

    database_url: str
    store: str
    env: Mapping[str, str]
    """What the process needs besides: credentials of the store."""


def start_server(place: Place, listen: str = "127.0.0.1:0", cwd: Path | None = None, **env: str) -> ServerProcess:
    """Starts an artifact server on a migrated database; `cwd` is the folder to run in."""
    return ServerProcess.start(
        [*_COMMAND, "serve"],
        {
            "TRIVET_DATABASE_URL": place.database_url,
            "TRIVET_ARTIFACT_STORE": place.store,
            "TRIVET_LISTEN": listen,
            "TRIVET_WORKSPACES": ",".join(WORKSPACES),
            **place.env,
            **env,
        },
        READY,
        cwd=cwd,
    )


def messages(
    owner: str,
    path: str,
    content: bytes,
    *,
    message_bytes: int = MESSAGE_BYTES,
    sha256: bytes | None = None,
    size_bytes: int | None = None,
    media_type: str = "",
) -> Iterator[pb.UploadArtifactsRequest]:
    """The messages of a file.

    Args:
        content: Its bytes.
        message_bytes: How many of them go into each message.
        sha256: The digest to send. Default: the right one.
    """
    start = pb.UploadStart(owner=owner, path=path, size_bytes=size_bytes, media_type=media_type)
    yield pb.UploadArtifactsRequest(start=start)
    for begin in range(0, len(content), message_bytes):
        yield pb.UploadArtifactsRequest(data=content[begin : begin + message_bytes])
    digest = hashlib.sha256(content).digest() if sha256 is None else sha256
    yield pb.UploadArtifactsRequest(finish=pb.UploadFinish(sha256=digest))


def whole(owner: str, path: str, content: bytes, sha256: bytes | None = None) -> pb.UploadArtifactsRequest:
    """A file in one message; with a digest, that one instead of the right one."""
    digest = hashlib.sha256(content).digest() if sha256 is None else sha256
    start = pb.UploadStart(owner=owner, path=path)
    return pb.UploadArtifactsRequest(file=pb.UploadFile(start=start, data=content, sha256=digest))


@dataclass(frozen=True)
class Artifacts:
    """An artifact server in one workspace."""

    stub: ArtifactServiceStub
    workspace: str

    def run(self, run_id: str = "r") -> str:
        """The name of a run, as an owner."""
        return f"workspaces/{self.workspace}/runs/{run_id}"

    def version(self, number: int = 1, model: str = "taxi") -> str:
        """The name of a model version, as an owner."""
        return f"workspaces/{self.workspace}/models/{model}/versions/{number}"

    def upload_all(self, requests: Iterable[pb.UploadArtifactsRequest]) -> list[pb.UploadArtifactsResponse]:
        """Sends messages and returns what became of the files."""
        answers = self.stub.UploadArtifacts(iter(requests), timeout=120)
        return [answer for answer in answers if answer.WhichOneof("result") != "begun"]

    def upload(self, owner: str, path: str, content: bytes, **fields: object) -> artifact_pb2.Artifact:
        """Uploads a file, which must be taken; `fields` as `messages` has them."""
        (answer,) = self.upload_all(messages(owner, path, content, **fields))  # type: ignore[arg-type] # fields of messages
        assert answer.WhichOneof("result") == "artifact", answer
        return answer.artifact

    def refusal(self, owner: str, path: str, content: bytes, **fields: object) -> CallFailure:
        """Uploads a file, which must be refused, and returns why."""
        (answer,) = self.upload_all(messages(owner, path, content, **fields))  # type: ignore[arg-type] # fields of messages
        assert answer.WhichOneof("result") == "refused", answer
        return failure_in(answer.refused)

    def download(self, owner: str, path: str, offset: int = 0, limit: int = 0) -> tuple[artifact_pb2.Artifact, bytes]:
        """A file, and the bytes that were asked for."""
        request = pb.DownloadArtifactRequest(owner=owner, path=path, offset_bytes=offset, limit_bytes=limit)
        first, *rest = self.stub.DownloadArtifact(request, timeout=120)
        assert first.WhichOneof("message") == "artifact"
        assert all(message.WhichOneof("message") == "data" for message in rest)
        assert all(0 < len(message.data) <= MESSAGE_BYTES for message in rest)
        return first.artifact, b"".join(message.data for message in rest)

    def download_several(self, owner: str, paths: Sequence[str]) -> list[tuple[artifact_pb2.Artifact, bytes]]:
        """Files, and their bytes, in the order in which they came."""
        files: list[tuple[artifact_pb2.Artifact, bytearray]] = []
        for message in self.stub.DownloadArtifacts(pb.DownloadArtifactsRequest(owner=owner, paths=paths), timeout=120):
            if message.HasField("artifact"):
                files.append((message.artifact, bytearray()))
            assert len(message.data) <= MESSAGE_BYTES
            files[-1][1].extend(message.data)
        return [(file, bytes(data)) for file, data in files]

    def get(self, owner: str, path: str) -> artifact_pb2.Artifact:
        """What lies at a path."""
        return self.stub.GetArtifact(pb.GetArtifactRequest(owner=owner, path=path), timeout=30)

    def pages(
        self, owner: str, path: str = "", *, recursive: bool = False, page_size: int = 0
    ) -> Iterator[list[artifact_pb2.Artifact]]:
        """The pages of a folder, one call each, up to the last."""
        request = pb.ListArtifactsRequest(owner=owner, path=path, recursive=recursive, page_size=page_size)
        while True:
            page = self.stub.ListArtifacts(request, timeout=30)
            yield list(page.artifacts)
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def paths(self, owner: str, path: str = "", *, recursive: bool = False, page_size: int = 0) -> list[str]:
        """The paths in a folder, from all pages; those of folders end in `/`."""
        return [
            f"{found.path}/" if found.kind == artifact_pb2.ARTIFACT_KIND_FOLDER else found.path
            for page in self.pages(owner, path, recursive=recursive, page_size=page_size)
            for found in page
        ]

    def delete(self, owner: str, path: str = "") -> int:
        """Deletes a file or folder, and returns how many files that were."""
        return self.stub.DeleteArtifacts(pb.DeleteArtifactsRequest(owner=owner, path=path), timeout=30).deleted_files

    def link(self, source: str, path: str, destination: str, below: str = "") -> pb.LinkArtifactsResponse:
        """Links a file or folder to another owner, below a folder there."""
        request = pb.LinkArtifactsRequest(
            source_owner=source, source_path=path, destination_owner=destination, destination_path=below
        )
        return self.stub.LinkArtifacts(request, timeout=30)

    @property
    def parent(self) -> str:
        """The name of the workspace."""
        return f"workspaces/{self.workspace}"

    def missing(self, *contents: content_pb2.Content) -> list[int]:
        """The places of contents that the workspace does not hold."""
        request = content_pb2.FindMissingContentsRequest(parent=self.parent, contents=contents)
        return list(self.stub.FindMissingContents(request, timeout=30).missing)

    def commit(self, *files: content_pb2.NewArtifact) -> list[content_pb2.CommitResult]:
        """Commits files that need no bytes."""
        return list(self.stub.CommitArtifacts(content_pb2.CommitArtifactsRequest(files=files), timeout=30).results)

    def manifest(self, owner: str, path: str = "") -> content_pb2.Manifest:
        """The digest of a file or folder."""
        return self.stub.GetManifest(content_pb2.GetManifestRequest(owner=owner, path=path), timeout=30)

    def create_upload(self, owner: str, path: str, size_bytes: int, **fields: Any) -> upload_pb2.Upload:
        """Begins an upload, or finds one."""
        request = upload_pb2.CreateUploadRequest(owner=owner, path=path, size_bytes=size_bytes, **fields)
        return self.stub.CreateUpload(request, timeout=30)

    def get_upload(self, name: str) -> upload_pb2.Upload:
        """An upload with what is held of it."""
        return self.stub.GetUpload(upload_pb2.GetUploadRequest(name=name), timeout=30)

    def usage(self) -> garbage_pb2.SpaceUsage:
        """How much room the files of the workspace take."""
        return self.stub.GetSpaceUsage(garbage_pb2.GetSpaceUsageRequest(parent=self.parent), timeout=30)

    def collect(self, grace_seconds: int = 0, **fields: Any) -> garbage_pb2.CollectGarbageResponse:
        """Collects the garbage of the workspace."""
        request = garbage_pb2.CollectGarbageRequest(parent=self.parent, **fields)
        request.grace_period.seconds = grace_seconds
        return self.stub.CollectGarbage(request, timeout=60)


def content_of(data: bytes) -> content_pb2.Content:
    """What bytes are."""
    return content_pb2.Content(sha256=hashlib.sha256(data).digest(), size_bytes=len(data))


def resumed(
    upload: str, content: bytes, offset: int, *, sha256: bytes | None = None
) -> Iterator[pb.UploadArtifactsRequest]:
    """The messages that go on with an upload from an offset on; `content` is the whole file."""
    yield pb.UploadArtifactsRequest(start=pb.UploadStart(upload=upload, offset_bytes=offset))
    for begin in range(offset, len(content), MESSAGE_BYTES):
        yield pb.UploadArtifactsRequest(data=content[begin : begin + MESSAGE_BYTES])
    digest = hashlib.sha256(content).digest() if sha256 is None else sha256
    yield pb.UploadArtifactsRequest(finish=pb.UploadFinish(sha256=digest))
