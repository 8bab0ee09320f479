"""To work with models and their aliases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trivet_kit import fingerprints
from trivet_kit.calls import Call
from trivet_kit.errors import FieldInvalid
from trivet_kit.resources import parse_model, parse_workspace
from trivet_kit.updates import to_revision
from trivet_proto.registry.v1 import model_pb2
from trivet_proto.registry.v1 import registry_service_pb2 as pb
from trivet_registry import convert
from trivet_registry.domain.aliases import check_alias
from trivet_registry.domain.models import Model, Models
from trivet_registry.domain.versions import ModelVersion, VersionLookups
from trivet_registry.domain.vocabularies import MODELS
from trivet_registry.servicers import pages


@dataclass(frozen=True)
class ModelServicer:
    """Implements its part of `trivet.registry.v1.RegistryService`; what each method does is said in the contract."""

    models: Models
    lookups: VersionLookups

    def CreateModel(self, request: pb.CreateModelRequest, call: Call) -> model_pb2.Model:
        repeatable = fingerprints.repeatable_request(request, request.request_id)
        new = convert.to_new_model(request)
        return convert.from_model(self.models.create(new, convert.to_by(call), repeatable))

    def GetModel(self, request: pb.GetModelRequest, call: Call) -> model_pb2.Model:
        model = self.models.get(parse_model(request.name, "name"))
        latest = self._latest([model]) if request.with_latest_versions else {}
        return convert.from_model(model, latest.get(model.uid, ()))

    def SearchModels(self, request: pb.SearchModelsRequest, call: Call) -> pb.SearchModelsResponse:
        bound_to = fingerprints.of_search(request)
        workspace = parse_workspace(request.parent, "parent").workspace
        page = self.models.search(workspace, pages.to_query(request, bound_to, MODELS))
        latest = self._latest(page.entries) if request.with_latest_versions else {}
        models = [convert.from_model(model, latest.get(model.uid, ())) for model in page.entries]
        kept, token = pages.cut(bound_to, models, page.cursors, is_last=page.is_last)
        return pb.SearchModelsResponse(models=models[:kept], next_page_token=token)

    def UpdateModel(self, request: pb.UpdateModelRequest, call: Call) -> model_pb2.Model:
        name = parse_model(request.model.name, "model.name")
        description = convert.to_model_description(request)
        revision = to_revision(request.model.etag)
        return convert.from_model(self.models.describe(name, description, convert.to_by(call), revision))

    def RenameModel(self, request: pb.RenameModelRequest, call: Call) -> model_pb2.Model:
        name = parse_model(request.name, "name")
        new_name = convert.to_model_name(name.workspace, request.new_model_id, "new_model_id")
        repeatable = fingerprints.repeatable_request(request, request.request_id)
        return convert.from_model(self.models.rename(name, new_name, convert.to_by(call, request.reason), repeatable))

    def SetModelTags(self, request: pb.SetModelTagsRequest, call: Call) -> model_pb2.Model:
        name = parse_model(request.name, "name")
        return convert.from_model(self.models.set_tags(name, *convert.to_tag_changes(request), convert.to_by(call)))

    def DeleteModel(self, request: pb.DeleteModelRequest, call: Call) -> pb.DeleteModelResponse:
        name = parse_model(request.name, "name")
        self.models.delete(name, convert.to_by(call, request.reason), to_revision(request.etag))
        return pb.DeleteModelResponse()

    def SetModelAlias(self, request: pb.SetModelAliasRequest, call: Call) -> model_pb2.Model:
        name = parse_model(request.name, "name")
        alias = check_alias(request.alias, "alias")
        if request.version < 1:
            raise FieldInvalid("version", "must be 1 or more")
        by = convert.to_by(call, request.reason)
        return convert.from_model(self.models.set_alias(name, alias, request.version, by, to_revision(request.etag)))

    def DeleteModelAlias(self, request: pb.DeleteModelAliasRequest, call: Call) -> model_pb2.Model:
        name = parse_model(request.name, "name")
        alias = check_alias(request.alias, "alias")
        by = convert.to_by(call, request.reason)
        return convert.from_model(self.models.delete_alias(name, alias, by, to_revision(request.etag)))

    def _latest(self, models: Sequence[Model]) -> Mapping[str, Sequence[ModelVersion]]:
        """The newest versions of models of one workspace, by their uids."""
        if not models:
            return {}
        return self.lookups.latest_of_models(models[0].name.workspace, [model.uid for model in models])
