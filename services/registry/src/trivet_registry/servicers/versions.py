"""To register versions, to find, change and move them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from trivet_kit import fingerprints
from trivet_kit.calls import Call
from trivet_kit.resources import parse_model, parse_model_version, parse_workspace
from trivet_kit.updates import to_revision
from trivet_proto.registry.v1 import model_version_pb2
from trivet_proto.registry.v1 import registry_service_pb2 as pb
from trivet_registry import convert
from trivet_registry.domain.aliases import check_alias
from trivet_registry.domain.versions import Move, VersionLookups, Versions
from trivet_registry.domain.vocabularies import VERSIONS
from trivet_registry.registering import Registrar
from trivet_registry.servicers import pages


@dataclass(frozen=True)
class VersionServicer:
    """Implements its part of `trivet.registry.v1.RegistryService`; what each method does is said in the contract."""

    versions: Versions
    lookups: VersionLookups
    registrar: Registrar

    async def CreateModelVersion(
        self, request: pb.CreateModelVersionRequest, call: Call
    ) -> model_version_pb2.ModelVersion:
        repeatable = fingerprints.repeatable_request(request, request.request_id)
        begin = partial(self.versions.register, convert.to_new_version(request), convert.to_by(call), repeatable)
        return convert.from_version(await self.registrar.register(begin, call))

    async def CopyModelVersion(self, request: pb.CopyModelVersionRequest, call: Call) -> model_version_pb2.ModelVersion:
        repeatable = fingerprints.repeatable_request(request, request.request_id)
        name = parse_model_version(request.name, "name")
        destination = parse_model(request.destination_model, "destination_model")
        begin = partial(self.versions.copy, name, destination, convert.to_by(call), repeatable)
        return convert.from_version(await self.registrar.register(begin, call))

    def GetModelVersion(self, request: pb.GetModelVersionRequest, call: Call) -> model_version_pb2.ModelVersion:
        return convert.from_version(self.lookups.get(parse_model_version(request.name, "name")))

    def GetModelVersionByAlias(
        self, request: pb.GetModelVersionByAliasRequest, call: Call
    ) -> model_version_pb2.ModelVersion:
        name = parse_model(request.name, "name")
        return convert.from_version(self.lookups.get_by_alias(name, check_alias(request.alias, "alias")))

    def GetLatestVersions(self, request: pb.GetLatestVersionsRequest, call: Call) -> pb.GetLatestVersionsResponse:
        versions = self.lookups.latest(parse_model(request.name, "name"), request.stages)
        return pb.GetLatestVersionsResponse(model_versions=[convert.from_version(version) for version in versions])

    def SearchModelVersions(self, request: pb.SearchModelVersionsRequest, call: Call) -> pb.SearchModelVersionsResponse:
        bound_to = fingerprints.of_search(request)
        workspace = parse_workspace(request.parent, "parent").workspace
        page = self.versions.search(workspace, pages.to_query(request, bound_to, VERSIONS))
        versions = [convert.from_version(version) for version in page.entries]
        kept, token = pages.cut(bound_to, versions, page.cursors, is_last=page.is_last)
        return pb.SearchModelVersionsResponse(model_versions=versions[:kept], next_page_token=token)

    def UpdateModelVersion(self, request: pb.UpdateModelVersionRequest, call: Call) -> model_version_pb2.ModelVersion:
        name = parse_model_version(request.model_version.name, "model_version.name")
        description = convert.to_version_description(request)
        revision = to_revision(request.model_version.etag)
        return convert.from_version(self.versions.describe(name, description, convert.to_by(call), revision))

    def SetModelVersionTags(self, request: pb.SetModelVersionTagsRequest, call: Call) -> model_version_pb2.ModelVersion:
        name = parse_model_version(request.name, "name")
        return convert.from_version(self.versions.set_tags(name, *convert.to_tag_changes(request), convert.to_by(call)))

    def TransitionModelVersionStage(
        self, request: pb.TransitionModelVersionStageRequest, call: Call
    ) -> model_version_pb2.ModelVersion:
        name = parse_model_version(request.name, "name")
        move = Move(request.stage, request.archive_existing_versions)
        by = convert.to_by(call, request.reason)
        repeatable = fingerprints.repeatable_request(request, request.request_id)
        return convert.from_version(self.versions.move(name, move, by, to_revision(request.etag), repeatable))

    def DeleteModelVersion(self, request: pb.DeleteModelVersionRequest, call: Call) -> pb.DeleteModelVersionResponse:
        name = parse_model_version(request.name, "name")
        self.versions.delete(name, convert.to_by(call, request.reason), to_revision(request.etag))
        return pb.DeleteModelVersionResponse()
