"""Contents that workspaces hold, and files that need no bytes."""

from __future__ import annotations

from dataclasses import dataclass

from trivet_artifacts import convert_contents as convert
from trivet_artifacts.domain.contents import Contents
from trivet_kit.calls import Call
from trivet_kit.resources import parse_workspace
from trivet_proto.artifacts.v1 import content_pb2 as pb


@dataclass(frozen=True)
class ContentServicer:
    """The methods about contents; what each does is said in the contract."""

    contents: Contents

    def FindMissingContents(self, request: pb.FindMissingContentsRequest, call: Call) -> pb.FindMissingContentsResponse:
        workspace = parse_workspace(request.parent, "parent").workspace
        return pb.FindMissingContentsResponse(missing=self.contents.missing(workspace, convert.to_contents(request)))

    def CommitArtifacts(self, request: pb.CommitArtifactsRequest, call: Call) -> pb.CommitArtifactsResponse:
        return convert.from_results(self.contents.commit(convert.to_known_files(request)))
