"""RegistryService: parse, ask the store, convert back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from trivet_kit import fingerprints, page_tokens
from trivet_kit.calls import Call
from trivet_kit.errors import FieldInvalid
from trivet_kit.page_tokens import Cursor
from trivet_kit.resources import parse_model, parse_model_version, parse_workspace
from trivet_kit.search.parser import parse_filter, parse_order_by
from trivet_kit.search.vocabulary import Vocabulary
from trivet_kit.updates import to_revision
from trivet_proto.registry.v1 import model_pb2, model_version_pb2
from trivet_proto.registry.v1 import registry_service_pb2 as pb
from trivet_registry import convert
from trivet_registry.domain.aliases import check_alias
from trivet_registry.domain.models import Models, Query
from trivet_registry.domain.versions import Versions
from trivet_registry.domain.vocabularies import MODELS, VERSIONS
from trivet_registry.registering import Registrar


@dataclass(frozen=True)
class RegistryServicer:
    """Implements `trivet.registry.v1.RegistryService`; what each method does is said in the contract."""

    models: Models
    versions: Versions
    registrar: Registrar

    def CreateModel(self, request: pb.CreateModelRequest, call: Call) -> model_pb2.Model:
        repeatable = fingerprints.repeatable_request(request, request.request_id)
        return convert.from_model(self.models.create(convert.to_new_model(request, call), repeatable))

    def GetModel(self, request: pb.GetModelRequest, call: Call) -> model_pb2.Model:
        return convert.from_model(self.models.get(parse_model(request.name, "name")))

    def SearchModels(self, request: pb.SearchModelsRequest, call: Call) -> pb.SearchModelsResponse:
        bound_to = fingerprints.of_search(request)
        page = self.models.search(
            parse_workspace(request.parent, "parent").workspace, _query(request, bound_to, MODELS)
        )
        models = [convert.from_model(model) for model in page.entries]
        kept, token = _cut(bound_to, models, page.cursors, is_last=page.is_last)
        return pb.SearchModelsResponse(models=models[:kept], next_page_token=token)

    def UpdateModel(self, request: pb.UpdateModelRequest, call: Call) -> model_pb2.Model:
        name = parse_model(request.model.name, "model.name")
        description = convert.to_model_description(request)
        return convert.from_model(self.models.describe(name, description, to_revision(request.model.etag)))

    def RenameModel(self, request: pb.RenameModelRequest, call: Call) -> model_pb2.Model:
        name = parse_model(request.name, "name")
        new_name = convert.to_model_name(name.workspace, request.new_model_id, "new_model_id")
        repeatable = fingerprints.repeatable_request(request, request.request_id)
        return convert.from_model(self.models.rename(name, new_name, repeatable))

    def SetModelTags(self, request: pb.SetModelTagsRequest, call: Call) -> model_pb2.Model:
        name = parse_model(request.name, "name")
        return convert.from_model(self.models.set_tags(name, *convert.to_tag_changes(request)))

    def DeleteModel(self, request: pb.DeleteModelRequest, call: Call) -> pb.DeleteModelResponse:
        self.models.delete(parse_model(request.name, "name"), to_revision(request.etag))
        return pb.DeleteModelResponse()

    async def CreateModelVersion(
        self, request: pb.CreateModelVersionRequest, call: Call
    ) -> model_version_pb2.ModelVersion:
        repeatable = fingerprints.repeatable_request(request, request.request_id)
        new = convert.to_new_version(request, call)
        return convert.from_version(await self.registrar.register(new, repeatable, call))

    def GetModelVersion(self, request: pb.GetModelVersionRequest, call: Call) -> model_version_pb2.ModelVersion:
        return convert.from_version(self.versions.get(parse_model_version(request.name, "name")))

    def GetModelVersionByAlias(
        self, request: pb.GetModelVersionByAliasRequest, call: Call
    ) -> model_version_pb2.ModelVersion:
        name = parse_model(request.name, "name")
        return convert.from_version(self.versions.get_by_alias(name, check_alias(request.alias, "alias")))

    def GetLatestVersions(self, request: pb.GetLatestVersionsRequest, call: Call) -> pb.GetLatestVersionsResponse:
        versions = self.versions.latest(parse_model(request.name, "name"), convert.to_stages(request.stages))
        return pb.GetLatestVersionsResponse(model_versions=[convert.from_version(version) for version in versions])

    def SearchModelVersions(self, request: pb.SearchModelVersionsRequest, call: Call) -> pb.SearchModelVersionsResponse:
        bound_to = fingerprints.of_search(request)
        workspace = parse_workspace(request.parent, "parent").workspace
        page = self.versions.search(workspace, _query(request, bound_to, VERSIONS))
        versions = [convert.from_version(version) for version in page.entries]
        kept, token = _cut(bound_to, versions, page.cursors, is_last=page.is_last)
        return pb.SearchModelVersionsResponse(model_versions=versions[:kept], next_page_token=token)

    def UpdateModelVersion(self, request: pb.UpdateModelVersionRequest, call: Call) -> model_version_pb2.ModelVersion:
        name = parse_model_version(request.model_version.name, "model_version.name")
        description = convert.to_version_description(request)
        revision = to_revision(request.model_version.etag)
        return convert.from_version(self.versions.describe(name, description, revision))

    def SetModelVersionTags(self, request: pb.SetModelVersionTagsRequest, call: Call) -> model_version_pb2.ModelVersion:
        name = parse_model_version(request.name, "name")
        return convert.from_version(self.versions.set_tags(name, *convert.to_tag_changes(request)))

    def TransitionModelVersionStage(
        self, request: pb.TransitionModelVersionStageRequest, call: Call
    ) -> model_version_pb2.ModelVersion:
        name = parse_model_version(request.name, "name")
        move = convert.to_move(request, call)
        repeatable = fingerprints.repeatable_request(request, request.request_id)
        return convert.from_version(self.versions.move(name, move, to_revision(request.etag), repeatable))

    def SetModelAlias(self, request: pb.SetModelAliasRequest, call: Call) -> model_pb2.Model:
        name = parse_model(request.name, "name")
        alias = check_alias(request.alias, "alias")
        if request.version < 1:
            raise FieldInvalid("version", "must be 1 or more")
        return convert.from_model(self.models.set_alias(name, alias, request.version, to_revision(request.etag)))

    def DeleteModelAlias(self, request: pb.DeleteModelAliasRequest, call: Call) -> model_pb2.Model:
        name = parse_model(request.name, "name")
        return convert.from_model(self.models.delete_alias(name, check_alias(request.alias, "alias")))

    def DeleteModelVersion(self, request: pb.DeleteModelVersionRequest, call: Call) -> pb.DeleteModelVersionResponse:
        self.versions.delete(parse_model_version(request.name, "name"), to_revision(request.etag))
        return pb.DeleteModelVersionResponse()


def _query(
    request: pb.SearchModelsRequest | pb.SearchModelVersionsRequest, bound_to: str, vocabulary: Vocabulary
) -> Query:
    return Query(
        where=parse_filter(request.filter, vocabulary),
        order_by=parse_order_by(request.order_by, vocabulary),
        size=page_tokens.page_size(request.page_size),
        after=page_tokens.decode(bound_to, request.page_token),
    )


def _cut(bound_to: str, entries: Sequence[Message], cursors: Sequence[Cursor], *, is_last: bool) -> tuple[int, str]:
    """How many entries of a page are sent, and the token for those that follow; the empty one at the end."""
    kept = page_tokens.entries_that_fit([entry.ByteSize() for entry in entries])
    ends = is_last and kept == len(entries)
    return kept, "" if ends else page_tokens.encode(bound_to, cursors[kept - 1])
