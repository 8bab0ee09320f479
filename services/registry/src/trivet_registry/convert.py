"""Between the contract's messages and the domain's values. Checks what needs no database."""

from __future__ import annotations

from collections.abc import Iterable

from trivet_kit import texts
from trivet_kit.calls import Call
from trivet_kit.errors import FieldInvalid, FieldRequired
from trivet_kit.resources import MODEL_ID, ModelName, RunName, parse_model, parse_run, parse_workspace
from trivet_kit.timestamps import from_millis
from trivet_kit.updates import named_paths
from trivet_proto.registry.v1 import model_pb2, model_version_pb2
from trivet_proto.registry.v1 import registry_service_pb2 as pb
from trivet_registry.domain import limits
from trivet_registry.domain.models import Model, NewModel
from trivet_registry.domain.stages import STAGES, check_archiving, to_stage
from trivet_registry.domain.versions import ArtifactSource, ExternalSource, ModelVersion, Move, NewVersion, Source

_UPDATABLE = ("description",)


def to_model_name(workspace: str, model_id: str, field: str) -> ModelName:
    """The name of a model by its last segment. Raises FieldInvalid."""
    if not MODEL_ID.fullmatch(model_id):
        raise FieldInvalid(
            field, "must have 1 to 250 characters, none of them a control character, `/` or `:`, and not be `.` or `..`"
        )
    return ModelName(workspace, model_id)


def to_new_model(request: pb.CreateModelRequest, call: Call) -> NewModel:
    """Checks a model to create. Raises FieldRequired, FieldInvalid, FieldTooLong."""
    workspace = parse_workspace(request.parent, "parent").workspace
    return NewModel(
        name=to_model_name(workspace, request.model_id, "model_id"),
        description=_description(request.model.description, "model"),
        tags=texts.check_map(request.model.tags, "model.tags", limits.MAX_TAG_VALUE_BYTES),
        created_by=call.principal.subject,
    )


def to_model_description(request: pb.UpdateModelRequest) -> str:
    """The new description. Raises UpdateMaskInvalid, FieldInvalid, FieldTooLong."""
    named_paths(request.update_mask.paths, _UPDATABLE)
    return _description(request.model.description, "model")


def to_version_description(request: pb.UpdateModelVersionRequest) -> str:
    """The new description. Raises UpdateMaskInvalid, FieldInvalid, FieldTooLong."""
    named_paths(request.update_mask.paths, _UPDATABLE)
    return _description(request.model_version.description, "model_version")


def to_tag_changes(
    request: pb.SetModelTagsRequest | pb.SetModelVersionTagsRequest,
) -> tuple[dict[str, str], frozenset[str]]:
    """The tags to set and the keys of those to remove. Raises FieldRequired, FieldInvalid, FieldTooLong."""
    tags = texts.check_map(request.tags, "tags", limits.MAX_TAG_VALUE_BYTES)
    deleted = texts.check_keys(request.deleted_tags, "deleted_tags")
    texts.check_disjoint(tags, deleted, "deleted_tags")
    return tags, deleted


def to_new_version(request: pb.CreateModelVersionRequest, call: Call) -> NewVersion:
    """Checks a version to register. Raises FieldRequired, FieldInvalid, FieldTooLong, ResourceNameInvalid."""
    message = request.model_version
    run = message.source.run
    return NewVersion(
        model=parse_model(request.parent, "parent"),
        source=_source(message.source),
        run_id=parse_run(run, "model_version.source.run").run_id if run else "",
        description=_description(message.description, "model_version"),
        tags=texts.check_map(message.tags, "model_version.tags", limits.MAX_TAG_VALUE_BYTES),
        created_by=call.principal.subject,
    )


def to_stages(stages: Iterable[str]) -> tuple[str, ...]:
    """The stages that are named, all of them for none, in their order. Raises FieldInvalid."""
    named = {to_stage(stage, f"stages[{index}]") for index, stage in enumerate(stages)}
    return tuple(stage for stage in STAGES if stage in named or not named)


def to_move(request: pb.TransitionModelVersionStageRequest, call: Call) -> Move:
    """Checks a move. Raises FieldInvalid, FieldTooLong."""
    stage = to_stage(request.stage, "stage")
    if request.archive_existing_versions:
        check_archiving(stage, "archive_existing_versions")
    return Move(
        stage=stage,
        archive_existing=request.archive_existing_versions,
        reason=texts.check_text(request.reason, "reason", limits.MAX_MOVE_REASON_CHARACTERS),
        moved_by=call.principal.subject,
    )


def from_model(model: Model) -> model_pb2.Model:
    """The model as a message."""
    return model_pb2.Model(
        name=str(model.name),
        uid=model.uid,
        description=model.description,
        tags=model.tags,
        aliases=model.aliases,
        create_time=from_millis(model.create_time),
        update_time=from_millis(model.update_time),
        created_by=model.created_by,
        etag=str(model.revision),
    )


def from_version(version: ModelVersion) -> model_version_pb2.ModelVersion:
    """The version as a message."""
    return model_version_pb2.ModelVersion(
        name=str(version.name),
        state=model_version_pb2.ModelVersionState.ValueType(version.state.value),
        state_message=version.state_message,
        stage=version.stage,
        aliases=version.aliases,
        source=_from_source(version),
        manifest_sha256=version.manifest_sha256,
        verified=version.verified,
        description=version.description,
        tags=version.tags,
        create_time=from_millis(version.create_time),
        update_time=from_millis(version.update_time),
        created_by=version.created_by,
        etag=str(version.revision),
        artifact_owner=version.artifact_owner,
    )


def _description(text: str, resource: str) -> str:
    return texts.check_value(text, f"{resource}.description", limits.MAX_DESCRIPTION_BYTES)


def _source(message: model_version_pb2.ModelSource) -> Source:
    match message.WhichOneof("source"):
        case "external_uri":
            field = "model_version.source.external_uri"
            return ExternalSource(texts.check_label(message.external_uri, field, limits.MAX_EXTERNAL_URI_CHARACTERS))
        case "artifacts":
            if not message.artifacts.owner:
                raise FieldRequired("model_version.source.artifacts.owner")
            field = "model_version.source.artifacts.path"
            path = texts.check_value(message.artifacts.path, field, limits.MAX_ARTIFACT_PATH_BYTES)
            return ArtifactSource(message.artifacts.owner, path)
        case _:
            raise FieldRequired("model_version.source")


def _from_source(version: ModelVersion) -> model_version_pb2.ModelSource:
    run = str(RunName(version.name.workspace, version.run_id)) if version.run_id else ""
    if isinstance(version.source, ExternalSource):
        return model_version_pb2.ModelSource(external_uri=version.source.uri, run=run)
    artifacts = model_version_pb2.ArtifactSource(owner=version.source.owner, path=version.source.path)
    return model_version_pb2.ModelSource(artifacts=artifacts, run=run)
