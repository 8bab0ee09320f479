"""Logged models: to create, find, change and delete them."""

from __future__ import annotations

from dataclasses import dataclass

from trivet_kit import fingerprints, page_tokens, texts
from trivet_kit.calls import Call
from trivet_kit.resources import parse_logged_model, parse_workspace
from trivet_kit.updates import to_revision
from trivet_proto.tracking.v1 import logged_model_pb2
from trivet_proto.tracking.v1 import logged_model_service_pb2 as pb
from trivet_tracking import convert_logged_models as convert
from trivet_tracking.domain import limits
from trivet_tracking.domain.logged_models import LoggedModels


@dataclass(frozen=True)
class LoggedModelServicer:
    """Implements their part of `trivet.tracking.v1.TrackingService`; what each method does is said in the contract."""

    logged_models: LoggedModels

    def CreateLoggedModel(self, request: pb.CreateLoggedModelRequest, call: Call) -> logged_model_pb2.LoggedModel:
        workspace = parse_workspace(request.parent, "parent").workspace
        new = convert.to_new_logged_model(request, call)
        return convert.from_logged_model(self.logged_models.create(workspace, new))

    def GetLoggedModel(self, request: pb.GetLoggedModelRequest, call: Call) -> logged_model_pb2.LoggedModel:
        name = parse_logged_model(request.name, "name")
        return convert.from_logged_model(self.logged_models.get(name.workspace, name.model_id))

    def SearchLoggedModels(self, request: pb.SearchLoggedModelsRequest, call: Call) -> pb.SearchLoggedModelsResponse:
        bound_to = fingerprints.of_search(request)
        mask = convert.to_read_mask(request)
        query = convert.to_query(request, page_tokens.decode(bound_to, request.page_token))
        page = self.logged_models.search(parse_workspace(request.parent, "parent").workspace, query)
        models = [convert.from_logged_model(model, mask) for model in page.logged_models]
        kept = page_tokens.entries_that_fit([model.ByteSize() for model in models])
        ends = page.is_last and kept == len(models)
        return pb.SearchLoggedModelsResponse(
            logged_models=models[:kept],
            next_page_token="" if ends else page_tokens.encode(bound_to, page.cursors[kept - 1]),
        )

    def FinalizeLoggedModel(self, request: pb.FinalizeLoggedModelRequest, call: Call) -> logged_model_pb2.LoggedModel:
        name = parse_logged_model(request.name, "name")
        status = convert.to_final_status(request.status)
        model = self.logged_models.finalize(name.workspace, name.model_id, status, to_revision(request.etag))
        return convert.from_logged_model(model)

    def SetLoggedModelTags(self, request: pb.SetLoggedModelTagsRequest, call: Call) -> logged_model_pb2.LoggedModel:
        name = parse_logged_model(request.name, "name")
        tags = texts.check_map(request.tags, "tags", limits.MAX_TAG_VALUE_BYTES)
        deleted = texts.check_keys(request.deleted_tags, "deleted_tags")
        texts.check_disjoint(tags, deleted, "deleted_tags")
        revision = to_revision(request.etag)
        model = self.logged_models.set_tags(name.workspace, name.model_id, tags, deleted, revision)
        return convert.from_logged_model(model)

    def AddLoggedModelParams(self, request: pb.AddLoggedModelParamsRequest, call: Call) -> logged_model_pb2.LoggedModel:
        name = parse_logged_model(request.name, "name")
        params = texts.check_map(request.params, "params", limits.MAX_PARAM_VALUE_BYTES)
        return convert.from_logged_model(self.logged_models.add_params(name.workspace, name.model_id, params))

    def DeleteLoggedModel(self, request: pb.DeleteLoggedModelRequest, call: Call) -> logged_model_pb2.LoggedModel:
        name = parse_logged_model(request.name, "name")
        return convert.from_logged_model(self.logged_models.delete(name.workspace, name.model_id))
