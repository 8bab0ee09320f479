"""Between the messages of the registry's contract and the SDK's values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trivet._entities import ModelVersion, RegisteredModel
from trivet._names import last_segment, model_and_version
from trivet._timestamps import millis
from trivet_proto.registry.v1 import model_pb2, model_version_pb2

_STATE_PREFIX: Final = "MODEL_VERSION_STATE_"


def from_model(message: model_pb2.Model, latest_versions: Sequence[ModelVersion] = ()) -> RegisteredModel:
    """The value of a message, with the newest versions where they were asked for."""
    return RegisteredModel(
        name=last_segment(message.name),
        description=message.description,
        latest_versions=tuple(latest_versions),
        tags=dict(message.tags),
        aliases=dict(message.aliases),
        created_by=message.created_by,
        creation_timestamp=millis(message.create_time),
        last_updated_timestamp=millis(message.update_time),
    )


def from_model_version(message: model_version_pb2.ModelVersion) -> ModelVersion:
    """The value of a message."""
    name, version = model_and_version(message.name)
    return ModelVersion(
        name=name,
        version=version,
        current_stage=message.stage,
        status=_state(message.state),
        status_message=message.state_message,
        description=message.description,
        source=_source(message.source),
        run_id=last_segment(message.source.run),
        tags=dict(message.tags),
        aliases=tuple(message.aliases),
        verified=message.verified,
        artifact_owner=message.artifact_owner,
        manifest_sha256=message.manifest_sha256.hex(),
        created_by=message.created_by,
        creation_timestamp=millis(message.create_time),
        last_updated_timestamp=millis(message.update_time),
    )


def _state(state: int) -> str:
    # A state that this client is too old to know shows as its number.
    if state not in model_version_pb2.ModelVersionState.values():
        return str(state)
    return model_version_pb2.ModelVersionState.Name(model_version_pb2.ModelVersionState.ValueType(state)).removeprefix(
        _STATE_PREFIX
    )


def _source(source: model_version_pb2.ModelSource) -> str:
    """As the model URI that it was registered by, or one that means the same."""
    if source.WhichOneof("source") == "external_uri":
        return source.external_uri
    owner = source.artifacts.owner
    path = f"/{source.artifacts.path}" if source.artifacts.path else ""
    if "/versions/" in owner:
        name, version = model_and_version(owner)
        return f"models:/{name}/{version}{path}"
    scheme = "models" if "/loggedModels/" in owner else "runs"
    return f"{scheme}:/{last_segment(owner)}{path}"
