"""Files and folders: uploads, downloads, lists, links."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from trivet_artifacts import convert
from trivet_artifacts.data_messages import serialize_data, serialize_listed
from trivet_artifacts.domain import paths
from trivet_artifacts.domain.artifacts import ArtifactQuery, Artifacts
from trivet_artifacts.downloads import Downloads
from trivet_artifacts.intake import Intakes
from trivet_artifacts.listed_contents import ListedContents
from trivet_artifacts.uploads import UploadStream
from trivet_kit import fingerprints, page_tokens
from trivet_kit.calls import Call
from trivet_kit.resources import parse_artifact_owner
from trivet_proto.artifacts.v1 import artifact_pb2, content_pb2
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb


@dataclass(frozen=True)
class ArtifactServicer:
    """The methods about files; what each does is said in the contract."""

    artifacts: Artifacts
    intakes: Intakes
    downloads: Downloads
    contents: ListedContents

    async def UploadArtifacts(
        self, requests: AsyncIterator[pb.UploadArtifactsRequest], call: Call
    ) -> AsyncGenerator[pb.UploadArtifactsResponse, None]:
        assert call.workspace is not None
        async with aclosing(UploadStream(self.intakes, call.workspace).answers(requests)) as answers:
            async for answer in answers:
                yield convert.from_answer(answer)

    async def UploadArtifact(self, request: pb.UploadArtifactRequest, call: Call) -> artifact_pb2.Artifact:
        return convert.from_artifact(await self.intakes.take_in(convert.to_whole_file(request.file)))

    async def DownloadArtifact(
        self, request: pb.DownloadArtifactRequest, call: Call
    ) -> AsyncGenerator[pb.DownloadArtifactResponse | bytes, None]:
        owner = parse_artifact_owner(request.owner, "owner")
        part = convert.to_range(request)
        file = await self.downloads.find(owner, paths.check_path(request.path, "path"))
        async with aclosing(self.downloads.read(file, part)) as pieces:
            yield pb.DownloadArtifactResponse(artifact=convert.from_artifact(file.artifact))
            async for data in pieces:
                yield serialize_data(data)

    async def DownloadArtifacts(
        self, request: pb.DownloadArtifactsRequest, call: Call
    ) -> AsyncGenerator[pb.DownloadArtifactsResponse | bytes, None]:
        owner = parse_artifact_owner(request.owner, "owner")
        files = await self.downloads.find_all(owner, convert.to_paths(request))
        async with aclosing(self.downloads.read_all(files)) as pieces:
            async for begun, data in pieces:
                if begun is None:
                    yield serialize_data(data)
                else:
                    yield pb.DownloadArtifactsResponse(artifact=convert.from_artifact(begun.artifact), data=data)

    def GetArtifact(self, request: pb.GetArtifactRequest, call: Call) -> artifact_pb2.Artifact:
        owner = parse_artifact_owner(request.owner, "owner")
        return convert.from_artifact(self.artifacts.get(owner, paths.check_path(request.path, "path")))

    def ListArtifacts(self, request: pb.ListArtifactsRequest, call: Call) -> bytes:
        bound_to = fingerprints.of_search(request, "max_content_bytes")
        room = convert.to_content_bytes(request)
        query = ArtifactQuery(
            folder=paths.check_folder(request.path, "path"),
            recursive=request.recursive,
            size=page_tokens.page_size(request.page_size),
            after=page_tokens.decode(bound_to, request.page_token),
        )
        page = self.artifacts.list(parse_artifact_owner(request.owner, "owner"), query)
        artifacts = [convert.from_artifact(artifact) for artifact in page.artifacts]
        sizes = [artifact.ByteSize() for artifact in artifacts]
        kept = page_tokens.entries_that_fit(sizes)
        ends = page.is_last and kept == len(artifacts)
        contents = self.contents.read(page.bytes_of[:kept], min(room, page_tokens.MAX_PAGE_BYTES - sum(sizes[:kept])))
        response = pb.ListArtifactsResponse(
            artifacts=artifacts[:kept],
            next_page_token="" if ends else page_tokens.encode(bound_to, page.cursors[kept - 1]),
        )
        return serialize_listed(response, contents)

    def DeleteArtifacts(self, request: pb.DeleteArtifactsRequest, call: Call) -> pb.DeleteArtifactsResponse:
        owner = parse_artifact_owner(request.owner, "owner")
        deleted = self.artifacts.delete(owner, paths.check_folder(request.path, "path"))
        return pb.DeleteArtifactsResponse(deleted_files=deleted)

    def LinkArtifacts(self, request: pb.LinkArtifactsRequest, call: Call) -> pb.LinkArtifactsResponse:
        source = parse_artifact_owner(request.source_owner, "source_owner")
        destination = parse_artifact_owner(request.destination_owner, "destination_owner")
        path = paths.check_folder(request.source_path, "source_path")
        folder = paths.check_folder(request.destination_path, "destination_path")
        return convert.from_linked(self.artifacts.link(source, path, destination, folder))

    def GetManifest(self, request: content_pb2.GetManifestRequest, call: Call) -> content_pb2.Manifest:
        owner = parse_artifact_owner(request.owner, "owner")
        return convert.from_manifest(self.artifacts.manifest(owner, paths.check_folder(request.path, "path")))
