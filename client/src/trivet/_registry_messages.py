"""Between the messages of the registry's contract and the SDK's values."""

from __future__ import annotations

from typing import Any, Protocol

from trivet._errors import InvalidArgument
from trivet._model_entities import (
    FieldChange,
    HistoryFault,
    ModelAsOf,
    ModelDataset,
    ModelEvent,
    ModelHistoryEntry,
    ModelSignature,
    ModelVerification,
    ModelVersion,
    PromotionApproval,
    PromotionRequest,
    PromotionRules,
    RegisteredModel,
    Webhook,
    WebhookDelivery,
)
from trivet._names import last_segment, model_and_version
from trivet._timestamps import millis
from trivet_proto.registry.v1 import (
    model_event_pb2,
    model_history_pb2,
    model_pb2,
    model_version_pb2,
    promotion_request_pb2,
    promotion_rules_pb2,
    webhook_pb2,
)


class _EnumType(Protocol):
    """An enum of a contract."""

    def Name(self, number: Any) -> str: ...  # noqa: N802 - as protobuf calls it


def from_model(message: model_pb2.Model) -> RegisteredModel:
    """The value of a message, with the newest versions where they were asked for."""
    return RegisteredModel(
        name=last_segment(message.name),
        description=message.description,
        latest_versions=tuple(map(from_model_version, message.latest_versions)),
        tags=dict(message.tags),
        aliases=dict(message.aliases),
        uid=message.uid,
        created_by=message.created_by,
        creation_timestamp=millis(message.create_time),
        last_updated_timestamp=millis(message.update_time),
        etag=message.etag,
    )


def from_model_version(message: model_version_pb2.ModelVersion) -> ModelVersion:
    """The value of a message."""
    name, version = model_and_version(message.name)
    return ModelVersion(
        name=name,
        version=version,
        current_stage=message.stage,
        status=enum_name(model_version_pb2.ModelVersionState, message.state, "MODEL_VERSION_STATE_"),
        status_message=message.state_message,
        description=message.description,
        source=_source(message.source),
        run_id=last_segment(message.source.run),
        tags=dict(message.tags),
        aliases=tuple(message.aliases),
        verified=message.verified,
        artifact_owner=message.artifact_owner,
        manifest_sha256=message.manifest_sha256.hex(),
        model_id=last_segment(message.source.logged_model),
        git_commit=message.source.commit,
        datasets=tuple(
            ModelDataset(dataset.name, dataset.digest, dataset.context) for dataset in message.source.datasets
        ),
        signature=_signature(message.signature) if message.HasField("signature") else None,
        copied_from=_version_uri(message.copied_from) if message.copied_from else "",
        created_by=message.created_by,
        creation_timestamp=millis(message.create_time),
        last_updated_timestamp=millis(message.update_time),
        etag=message.etag,
    )


def from_entry(message: model_history_pb2.ModelHistoryEntry) -> ModelHistoryEntry:
    """The value of a message."""
    return ModelHistoryEntry(
        sequence=message.sequence,
        action=action_name(message.action),
        version=message.version or None,
        changes=tuple(
            FieldChange(
                change.field,
                change.before if change.HasField("before") else None,
                change.after if change.HasField("after") else None,
            )
            for change in message.changes
        ),
        timestamp=millis(message.time),
        actor=message.actor,
        reason=message.reason,
        previous_sha256=message.previous_sha256.hex(),
        sha256=message.sha256.hex(),
    )


def from_event(message: model_event_pb2.ModelEvent) -> ModelEvent:
    """The value of a message."""
    return ModelEvent(message.id, last_segment(message.model), message.model_uid, from_entry(message.entry))


def from_as_of(message: model_history_pb2.ModelAsOf) -> ModelAsOf:
    """The value of a message."""
    return ModelAsOf(
        exists=message.exists,
        name=message.model_id,
        model_uid=message.model_uid,
        stages={stage.stage: tuple(stage.versions) for stage in message.stages},
        aliases=dict(message.aliases),
        sequence=message.sequence,
    )


def from_verification(message: model_history_pb2.VerifyModelResponse) -> ModelVerification:
    """The value of a message."""
    kinds = model_history_pb2.HistoryFaultKind
    return ModelVerification(
        faults=tuple(
            HistoryFault(
                enum_name(kinds, fault.kind, "HISTORY_FAULT_KIND_"),
                fault.sequence or None,
                fault.version or None,
                fault.field,
                fault.message,
            )
            for fault in message.faults
        ),
        sequence=message.sequence,
        sha256=message.sha256.hex(),
        model_uid=message.model_uid,
    )


def from_rules(message: promotion_rules_pb2.PromotionRules) -> PromotionRules:
    """The value of a message."""
    return PromotionRules(
        stages=tuple(message.stages),
        protected_stages=tuple(message.protected_stages),
        protected_aliases=tuple(message.protected_aliases),
        stage_approvals=dict(message.stage_approvals),
        alias_approvals=dict(message.alias_approvals),
        policy_fields=tuple(message.policy_fields),
        last_updated_timestamp=millis(message.update_time) if message.HasField("update_time") else None,
        updated_by=message.updated_by,
        etag=message.etag,
    )


def from_promotion_request(message: promotion_request_pb2.PromotionRequest) -> PromotionRequest:
    """The value of a message."""
    stage, alias = message.stage_move, message.alias_move
    return PromotionRequest(
        promotion_request_id=last_segment(message.name),
        name=last_segment(message.model),
        model_uid=message.model_uid,
        state=enum_name(promotion_request_pb2.PromotionRequestState, message.state, "PROMOTION_REQUEST_STATE_"),
        version=stage.version or alias.version or None,
        stage=stage.stage,
        from_stage=stage.from_stage,
        archive_existing_versions=stage.archive_existing_versions,
        archived_versions=tuple(stage.archived_versions),
        alias=alias.alias,
        from_version=alias.from_version or None,
        reason=message.reason,
        required_approvals=message.required_approvals,
        approvals=tuple(
            PromotionApproval(approval.approver, millis(approval.time), approval.reason)
            for approval in message.approvals
        ),
        created_by=message.created_by,
        creation_timestamp=millis(message.create_time),
        expiration_timestamp=millis(message.expire_time),
        ended_by=message.ended_by,
        end_timestamp=millis(message.end_time) if message.HasField("end_time") else None,
        end_reason=message.end_reason,
    )


def from_webhook(message: webhook_pb2.Webhook) -> Webhook:
    """The value of a message."""
    return Webhook(
        webhook_id=last_segment(message.name),
        url=message.url,
        description=message.description,
        actions=tuple(action_name(action) for action in message.actions),
        is_disabled=message.disabled,
        secret=message.secret,
        created_by=message.created_by,
        creation_timestamp=millis(message.create_time),
        last_updated_timestamp=millis(message.update_time),
        etag=message.etag,
    )


def from_delivery(message: webhook_pb2.WebhookDelivery) -> WebhookDelivery:
    """The value of a message."""
    return WebhookDelivery(
        event_id=message.event_id,
        action=action_name(message.action),
        state=enum_name(webhook_pb2.WebhookDeliveryState, message.state, "WEBHOOK_DELIVERY_STATE_"),
        attempts=message.attempts,
        http_status=message.http_status or None,
        problem=message.problem,
        creation_timestamp=millis(message.create_time),
        attempt_timestamp=millis(message.attempt_time) if message.HasField("attempt_time") else None,
        next_attempt_timestamp=millis(message.next_attempt_time) if message.HasField("next_attempt_time") else None,
    )


def action_name(action: int) -> str:
    """The name of a `ModelAction` without its prefix."""
    return enum_name(model_history_pb2.ModelAction, action, "MODEL_ACTION_")


def to_action(name: str) -> model_history_pb2.ModelAction.ValueType:
    """The `ModelAction` of a name, in any case. Raises InvalidArgument, which lists them."""
    names = [known.removeprefix("MODEL_ACTION_") for known in model_history_pb2.ModelAction.keys()[1:]]
    if name.upper() not in names:
        raise InvalidArgument(f"{name!r} is nothing that can be done to a model; that is {', '.join(names)}.")
    return model_history_pb2.ModelAction.Value(f"MODEL_ACTION_{name.upper()}")


def enum_name(kind: _EnumType, value: int, prefix: str) -> str:
    """The name of a value without its prefix; one that this client is too old to know shows as its number."""
    try:
        return kind.Name(value).removeprefix(prefix)
    except ValueError:
        return str(value)


def to_signature(signature: ModelSignature | None) -> model_version_pb2.ModelSignature | None:
    """The message of a value."""
    if signature is None:
        return None
    return model_version_pb2.ModelSignature(inputs=signature.inputs, outputs=signature.outputs, params=signature.params)


def _signature(message: model_version_pb2.ModelSignature) -> ModelSignature:
    return ModelSignature(message.inputs, message.outputs, message.params)


def _version_uri(name: str) -> str:
    model, version = model_and_version(name)
    return f"models:/{model}/{version}"


def _source(source: model_version_pb2.ModelSource) -> str:
    """As the model URI that it was registered by, or one that means the same."""
    if source.WhichOneof("source") == "external_uri":
        return source.external_uri
    owner = source.artifacts.owner
    path = f"/{source.artifacts.path}" if source.artifacts.path else ""
    if "/versions/" in owner:
        return f"{_version_uri(owner)}{path}"
    scheme = "models" if "/loggedModels/" in owner else "runs"
    return f"{scheme}:/{last_segment(owner)}{path}"
