"""Between the contract's messages and the domain's values. Checks what needs no database."""

from __future__ import annotations

import json
from collections.abc import Sequence

from trivet_kit import texts
from trivet_kit.calls import Call
from trivet_kit.errors import FieldInvalid, FieldRequired
from trivet_kit.resources import (
    MODEL_ID,
    LoggedModelName,
    ModelName,
    RunName,
    parse_logged_model,
    parse_model,
    parse_run,
    parse_workspace,
)
from trivet_kit.timestamps import from_millis
from trivet_kit.updates import named_paths
from trivet_proto.registry.v1 import model_pb2, model_version_pb2
from trivet_proto.registry.v1 import registry_service_pb2 as pb
from trivet_registry.domain import limits
from trivet_registry.domain.history import By
from trivet_registry.domain.models import Model, NewModel
from trivet_registry.domain.versions import (
    ArtifactSource,
    Dataset,
    ExternalSource,
    ModelVersion,
    NewVersion,
    Provenance,
    Signature,
    Source,
)

_UPDATABLE = ("description",)


def to_model_name(workspace: str, model_id: str, field: str) -> ModelName:
    """The name of a model by its last segment. Raises FieldInvalid."""
    if not MODEL_ID.fullmatch(model_id):
        raise FieldInvalid(
            field, "must have 1 to 250 characters, none of them a control character, `/` or `:`, and not be `.` or `..`"
        )
    return ModelName(workspace, model_id)


def to_new_model(request: pb.CreateModelRequest) -> NewModel:
    """Checks a model to create. Raises FieldRequired, FieldInvalid, FieldTooLong."""
    workspace = parse_workspace(request.parent, "parent").workspace
    return NewModel(
        name=to_model_name(workspace, request.model_id, "model_id"),
        description=_description(request.model.description, "model"),
        tags=texts.check_map(request.model.tags, "model.tags", limits.MAX_TAG_VALUE_BYTES),
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


def to_new_version(request: pb.CreateModelVersionRequest) -> NewVersion:
    """Checks a version to register. Raises FieldRequired, FieldInvalid, FieldTooLong, ResourceNameInvalid."""
    message = request.model_version
    return NewVersion(
        model=parse_model(request.parent, "parent"),
        source=_source(message.source),
        provenance=_provenance(message.source),
        signature=_signature(message.signature),
        description=_description(message.description, "model_version"),
        tags=texts.check_map(message.tags, "model_version.tags", limits.MAX_TAG_VALUE_BYTES),
    )


def to_by(call: Call, reason: str = "") -> By:
    """Who calls, and why. Raises FieldTooLong, FieldInvalid."""
    return By(call.principal.subject, texts.check_text(reason, "reason", limits.MAX_REASON_CHARACTERS))


def from_model(model: Model, latest_versions: Sequence[ModelVersion] = ()) -> model_pb2.Model:
    """The model as a message, with its newest versions where they were asked for."""
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
        latest_versions=[from_version(version) for version in latest_versions],
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
        signature=_from_signature(version.signature),
        copied_from=version.copied_from,
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


def _provenance(message: model_version_pb2.ModelSource) -> Provenance:
    field = "model_version.source"
    run, logged_model, commit = message.run, message.logged_model, message.commit
    return Provenance(
        run_id=parse_run(run, f"{field}.run").run_id if run else "",
        logged_model_id=parse_logged_model(logged_model, f"{field}.logged_model").model_id if logged_model else "",
        commit=texts.check_label(commit, f"{field}.commit", limits.MAX_COMMIT_CHARACTERS) if commit else "",
        datasets=_datasets(message.datasets, f"{field}.datasets"),
    )


def _datasets(messages: Sequence[model_version_pb2.ModelDataset], field: str) -> tuple[Dataset, ...]:
    if len(messages) > limits.MAX_DATASETS:
        raise FieldInvalid(field, f"may have at most {limits.MAX_DATASETS} datasets")
    found: list[Dataset] = []
    for index, message in enumerate(messages):
        at = f"{field}[{index}]"
        dataset = Dataset(
            texts.check_label(message.name, f"{at}.name", limits.MAX_DATASET_NAME_CHARACTERS),
            texts.check_label(message.digest, f"{at}.digest", limits.MAX_DATASET_DIGEST_CHARACTERS),
            texts.check_text(message.context, f"{at}.context", limits.MAX_DATASET_CONTEXT_CHARACTERS),
        )
        if dataset in found:
            raise FieldInvalid(at, "is there before it")
        found.append(dataset)
    return tuple(found)


def _signature(message: model_version_pb2.ModelSignature) -> Signature:
    return Signature(*(_json_text(getattr(message, part), part) for part in ("inputs", "outputs", "params")))


def _json_text(text: str, part: str) -> str:
    field = f"model_version.signature.{part}"
    texts.check_value(text, field, limits.MAX_SIGNATURE_BYTES)
    if text:
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            raise FieldInvalid(field, "must be JSON") from None
    return text


def _from_signature(signature: Signature) -> model_version_pb2.ModelSignature | None:
    if signature == Signature():
        return None
    return model_version_pb2.ModelSignature(inputs=signature.inputs, outputs=signature.outputs, params=signature.params)


def _from_source(version: ModelVersion) -> model_version_pb2.ModelSource:
    provenance, workspace = version.provenance, version.name.workspace
    message = model_version_pb2.ModelSource(
        commit=provenance.commit,
        datasets=[
            model_version_pb2.ModelDataset(name=each.name, digest=each.digest, context=each.context)
            for each in provenance.datasets
        ],
    )
    if provenance.run_id:
        message.run = str(RunName(workspace, provenance.run_id))
    if provenance.logged_model_id:
        message.logged_model = str(LoggedModelName(workspace, provenance.logged_model_id))
    if isinstance(version.source, ExternalSource):
        message.external_uri = version.source.uri
    else:
        message.artifacts.owner, message.artifacts.path = version.source.owner, version.source.path
    return message
