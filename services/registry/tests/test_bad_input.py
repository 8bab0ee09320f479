"""Every kind of bad input of every method: what it is answered with, and that nothing of it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from trivet_proto.registry.v1 import registry_service_pb2 as pb
from trivet_proto.registry.v1.model_history_pb2 import (
    GetModelAsOfRequest,
    ListModelHistoryRequest,
    VerifyModelRequest,
)
from trivet_proto.registry.v1.model_pb2 import Model
from trivet_proto.registry.v1.model_version_pb2 import ArtifactSource, ModelSource, ModelVersion
from trivet_proto.registry.v1.promotion_rules_pb2 import (
    GetPromotionRulesRequest,
    PromotionRules,
    UpdatePromotionRulesRequest,
)
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_testing.errors import error_of
from trivet_testing.registry import Registry
from trivet_testing.workspaces import unused_workspace

METHODS = pb.DESCRIPTOR.services_by_name["RegistryService"].methods_by_name
W = "workspaces/WORKSPACE"
"""In a name below, WORKSPACE stands for the workspace that the test works in."""
TAXI, ONE = f"{W}/models/taxi", f"{W}/models/taxi/versions/1"
LONG = "x" * 300
DESCRIPTION = FieldMask(paths=["description"])
BIG = "v" * 100_001
BIG_DESCRIPTION = "d" * (64 * 1024 + 1)


@pytest.fixture(scope="module")
def kept(channel: grpc.Channel) -> Registry:
    """A workspace of this module's own; its tests change nothing in it."""
    registry = Registry(RegistryServiceStub(channel), unused_workspace())
    registry.create_model("taxi", tags={"a": "b"})
    registry.create_model("other")
    registry.create_version("taxi")
    registry.create_version("taxi")
    registry.set_alias("taxi", "champion", 1)
    registry.move("taxi", 2, "Staging")
    return registry


@pytest.fixture(autouse=True)
def nothing_is_written(kept: Registry) -> Iterator[None]:
    """Checks after each test that what can be read is what could be read before."""
    before = kept.snapshot()
    yield
    assert kept.snapshot() == before


def placed(message: Message, workspace: str) -> Message:
    """The request, with the workspace in its names."""
    for field, value in message.ListFields():
        holder: Any = message
        if field.message_type and field.message_type.GetOptions().map_entry:
            continue
        if field.message_type and not field.is_repeated:
            placed(value, workspace)
        elif field.type == field.TYPE_STRING and not field.is_repeated:
            setattr(holder, field.name, value.replace("WORKSPACE", workspace))
    return message


def ask(registry: Registry, method: str, request: Message) -> object:
    # The request is that of other tests too, each with a workspace of its own.
    own = type(request)()
    own.CopyFrom(request)
    return getattr(registry.stub, method)(placed(own, registry.workspace))


def new_version(source: ModelSource | None = None, **fields: Any) -> pb.CreateModelVersionRequest:
    return pb.CreateModelVersionRequest(
        parent=TAXI, model_version=ModelVersion(source=source or ModelSource(external_uri="s3://a"), **fields)
    )


def move(stage: str, **fields: Any) -> pb.TransitionModelVersionStageRequest:
    return pb.TransitionModelVersionStageRequest(name=ONE, stage=stage, **fields)


def alias(name: str, version: int = 1, **fields: Any) -> pb.SetModelAliasRequest:
    return pb.SetModelAliasRequest(name=TAXI, alias=name, version=version, **fields)


BAD_MODEL_IDS = ("a/b", "a:b", ".", "..", LONG, "x" * 251, "a\0", "a\n", "\x7f", "ü/1")
BAD_ALIASES = ("latest", "LATEST", "Latest", "v1", "V12", "v007", "a b", "a.b", "a/b", "ä", "a\n", "x" * 256, LONG)
BAD_STAGES = ("Dev", "Prod", " Production", "None ", "0", LONG)
BAD_NAMES = (
    "taxi",
    "models/taxi",
    f"{W}/models",
    f"{W}/models/",
    f"{W}/models/a/b",
    f"{W}/models/a:b",
    f"{W}/models/..",
    f"{W}/models/{LONG}",
    f"{W}/runs/taxi",
    f"{TAXI}/",
    f"/{TAXI}",
    "workspaces/UPPER/models/taxi",
)
BAD_VERSIONS = (TAXI, f"{TAXI}/versions/0", f"{TAXI}/versions/-1", f"{TAXI}/versions/01", f"{TAXI}/versions/latest")

Row = tuple[str, Message, str, str]
"""Method, request, reason, field (empty: not asked)."""

ROWS: list[Row] = [
    ("CreateModel", pb.CreateModelRequest(), "FIELD_REQUIRED", "parent"),
    ("CreateModel", pb.CreateModelRequest(parent=W), "FIELD_REQUIRED", "model_id"),
    ("CreateModel", pb.CreateModelRequest(parent=TAXI, model_id="a"), "RESOURCE_NAME_INVALID", "parent"),
    ("CreateModel", pb.CreateModelRequest(parent="workspaces/none", model_id="a"), "WORKSPACE_NOT_FOUND", ""),
    ("CreateModel", pb.CreateModelRequest(parent=W, model_id="taxi"), "MODEL_NAME_TAKEN", ""),
    *(
        ("CreateModel", pb.CreateModelRequest(parent=W, model_id=model_id), "FIELD_INVALID", "model_id")
        for model_id in BAD_MODEL_IDS
    ),
    (
        "CreateModel",
        pb.CreateModelRequest(parent=W, model_id="a", model=Model(description=BIG_DESCRIPTION)),
        "FIELD_TOO_LONG",
        "model.description",
    ),
    (
        "CreateModel",
        pb.CreateModelRequest(parent=W, model_id="a", model=Model(description="a\0")),
        "FIELD_INVALID",
        "model.description",
    ),
    (
        "CreateModel",
        pb.CreateModelRequest(parent=W, model_id="a", model=Model(tags={"k": BIG})),
        "FIELD_TOO_LONG",
        "model.tags['k']",
    ),
    (
        "CreateModel",
        pb.CreateModelRequest(parent=W, model_id="a", model=Model(tags={LONG: ""})),
        "FIELD_TOO_LONG",
        "model.tags key",
    ),
    (
        "CreateModel",
        pb.CreateModelRequest(parent=W, model_id="a", model=Model(tags={"": ""})),
        "FIELD_REQUIRED",
        "model.tags key",
    ),
    *(("GetModel", pb.GetModelRequest(name=name), "RESOURCE_NAME_INVALID", "name") for name in BAD_NAMES),
    ("GetModel", pb.GetModelRequest(), "FIELD_REQUIRED", "name"),
    ("GetModel", pb.GetModelRequest(name=f"{W}/models/missing"), "MODEL_NOT_FOUND", ""),
    ("SearchModels", pb.SearchModelsRequest(), "FIELD_REQUIRED", "parent"),
    ("SearchModels", pb.SearchModelsRequest(parent=W, page_size=-1), "FIELD_INVALID", "page_size"),
    ("UpdateModel", pb.UpdateModelRequest(update_mask=DESCRIPTION), "FIELD_REQUIRED", "model"),
    ("UpdateModel", pb.UpdateModelRequest(model=Model(name=TAXI)), "FIELD_REQUIRED", "update_mask"),
    (
        "UpdateModel",
        pb.UpdateModelRequest(model=Model(description="x"), update_mask=DESCRIPTION),
        "FIELD_REQUIRED",
        "model.name",
    ),
    *(
        (
            "UpdateModel",
            pb.UpdateModelRequest(model=Model(name=TAXI), update_mask=FieldMask(paths=paths)),
            "UPDATE_MASK_INVALID",
            "update_mask",
        )
        for paths in ([], ["name"], ["tags"], ["description", "uid"], ["*"])
    ),
    (
        "UpdateModel",
        pb.UpdateModelRequest(model=Model(name=f"{W}/models/missing"), update_mask=DESCRIPTION),
        "MODEL_NOT_FOUND",
        "",
    ),
    ("RenameModel", pb.RenameModelRequest(name=TAXI), "FIELD_REQUIRED", "new_model_id"),
    *(
        ("RenameModel", pb.RenameModelRequest(name=TAXI, new_model_id=model_id), "FIELD_INVALID", "new_model_id")
        for model_id in BAD_MODEL_IDS
    ),
    ("RenameModel", pb.RenameModelRequest(name=TAXI, new_model_id="other"), "MODEL_NAME_TAKEN", ""),
    ("RenameModel", pb.RenameModelRequest(name=f"{W}/models/no", new_model_id="no"), "MODEL_NOT_FOUND", ""),
    ("SetModelTags", pb.SetModelTagsRequest(name=TAXI, tags={"k": BIG}), "FIELD_TOO_LONG", "tags['k']"),
    ("SetModelTags", pb.SetModelTagsRequest(name=TAXI, deleted_tags=["a", ""]), "FIELD_REQUIRED", "deleted_tags[1]"),
    (
        "SetModelTags",
        pb.SetModelTagsRequest(name=TAXI, tags={"a": "c"}, deleted_tags=["a"]),
        "FIELD_INVALID",
        "deleted_tags",
    ),
    ("DeleteModel", pb.DeleteModelRequest(name=TAXI, etag="99"), "ETAG_STALE", ""),
    ("DeleteModel", pb.DeleteModelRequest(name=ONE), "RESOURCE_NAME_INVALID", "name"),
    ("CreateModelVersion", pb.CreateModelVersionRequest(parent=TAXI), "FIELD_REQUIRED", "model_version"),
    (
        "CreateModelVersion",
        pb.CreateModelVersionRequest(parent=TAXI, model_version=ModelVersion(description="x")),
        "FIELD_REQUIRED",
        "model_version.source",
    ),
    (
        "CreateModelVersion",
        new_version(ModelSource(run=f"{W}/runs/r1")),
        "FIELD_REQUIRED",
        "model_version.source",
    ),
    (
        "CreateModelVersion",
        new_version(ModelSource(external_uri="")),
        "FIELD_REQUIRED",
        "model_version.source.external_uri",
    ),
    (
        "CreateModelVersion",
        new_version(ModelSource(external_uri="x" * 2049)),
        "FIELD_TOO_LONG",
        "model_version.source.external_uri",
    ),
    (
        "CreateModelVersion",
        new_version(ModelSource(external_uri="s3://a\nb")),
        "FIELD_INVALID",
        "model_version.source.external_uri",
    ),
    (
        "CreateModelVersion",
        new_version(ModelSource(artifacts=ArtifactSource(path="model"))),
        "FIELD_REQUIRED",
        "model_version.source.artifacts.owner",
    ),
    *(
        (
            "CreateModelVersion",
            new_version(ModelSource(artifacts=ArtifactSource(owner=owner))),
            "RESOURCE_NAME_INVALID",
            "model_version.source.artifacts.owner",
        )
        for owner in (TAXI, f"{W}/experiments/1", "runs/r1", f"{W}/runs/..")
    ),
    (
        "CreateModelVersion",
        new_version(ModelSource(artifacts=ArtifactSource(owner=f"{W}/runs/r1", path="x" * 1025))),
        "FIELD_TOO_LONG",
        "model_version.source.artifacts.path",
    ),
    (
        "CreateModelVersion",
        new_version(ModelSource(artifacts=ArtifactSource(owner="workspaces/default/runs/r1"))),
        "WORKSPACES_MIXED",
        "",
    ),
    (
        "CreateModelVersion",
        new_version(ModelSource(artifacts=ArtifactSource(owner=f"{W}/models/missing/versions/1"))),
        "MODEL_VERSION_NOT_FOUND",
        "",
    ),
    (
        "CreateModelVersion",
        new_version(ModelSource(external_uri="s3://a", run=f"{W}/experiments/1")),
        "RESOURCE_NAME_INVALID",
        "model_version.source.run",
    ),
    ("CreateModelVersion", new_version(tags={"k": BIG}), "FIELD_TOO_LONG", "model_version.tags['k']"),
    ("CreateModelVersion", new_version(description="a\0"), "FIELD_INVALID", "model_version.description"),
    *(
        ("GetModelVersion", pb.GetModelVersionRequest(name=name), "RESOURCE_NAME_INVALID", "name")
        for name in BAD_VERSIONS
    ),
    ("GetModelVersion", pb.GetModelVersionRequest(name=f"{W}/models/other/versions/1"), "MODEL_VERSION_NOT_FOUND", ""),
    ("GetModelVersion", pb.GetModelVersionRequest(name=f"{TAXI}/versions/{'9' * 18}"), "MODEL_VERSION_NOT_FOUND", ""),
    ("GetModelVersion", pb.GetModelVersionRequest(name=f"{TAXI}/versions/{'9' * 19}"), "RESOURCE_NAME_INVALID", "name"),
    ("GetModelVersionByAlias", pb.GetModelVersionByAliasRequest(name=TAXI), "FIELD_REQUIRED", "alias"),
    ("GetModelVersionByAlias", pb.GetModelVersionByAliasRequest(name=TAXI, alias="no"), "MODEL_ALIAS_NOT_FOUND", ""),
    ("SetModelAlias", pb.SetModelAliasRequest(name=TAXI, version=1), "FIELD_REQUIRED", "alias"),
    ("SetModelAlias", pb.SetModelAliasRequest(name=TAXI, alias="a"), "FIELD_REQUIRED", "version"),
    ("SetModelAlias", alias("a", -1), "FIELD_INVALID", "version"),
    ("SetModelAlias", alias("a", 2**63 - 1), "MODEL_VERSION_NOT_FOUND", ""),
    ("SetModelAlias", alias("a", etag="99"), "ETAG_STALE", ""),
    *(
        row
        for bad in BAD_ALIASES
        for row in (
            ("SetModelAlias", alias(bad), "FIELD_INVALID", "alias"),
            ("DeleteModelAlias", pb.DeleteModelAliasRequest(name=TAXI, alias=bad), "FIELD_INVALID", "alias"),
            (
                "GetModelVersionByAlias",
                pb.GetModelVersionByAliasRequest(name=TAXI, alias=bad),
                "FIELD_INVALID",
                "alias",
            ),
        )
    ),
    ("DeleteModelAlias", pb.DeleteModelAliasRequest(name=f"{W}/models/no", alias="a"), "MODEL_NOT_FOUND", ""),
    *(
        row
        for stage in BAD_STAGES
        for row in (
            ("TransitionModelVersionStage", move(stage), "FIELD_INVALID", "stage"),
            (
                "GetLatestVersions",
                pb.GetLatestVersionsRequest(name=TAXI, stages=["None", stage]),
                "FIELD_INVALID",
                "stages[1]",
            ),
        )
    ),
    ("TransitionModelVersionStage", move(""), "FIELD_REQUIRED", "stage"),
    ("GetLatestVersions", pb.GetLatestVersionsRequest(name=TAXI, stages=[""]), "FIELD_INVALID", "stages[0]"),
    ("GetLatestVersions", pb.GetLatestVersionsRequest(name=f"{W}/models/no"), "MODEL_NOT_FOUND", ""),
    *(
        (
            "TransitionModelVersionStage",
            move(stage, archive_existing_versions=True),
            "FIELD_INVALID",
            "archive_existing_versions",
        )
        for stage in ("None", "archived")
    ),
    ("TransitionModelVersionStage", move("Staging", reason="x" * 2049), "FIELD_TOO_LONG", "reason"),
    ("TransitionModelVersionStage", move("Staging", reason="a\0"), "FIELD_INVALID", "reason"),
    ("TransitionModelVersionStage", move("Staging", etag="99"), "ETAG_STALE", ""),
    ("TransitionModelVersionStage", move("Staging", etag="01"), "ETAG_STALE", ""),
    ("SearchModelVersions", pb.SearchModelVersionsRequest(parent=W, page_size=-5), "FIELD_INVALID", "page_size"),
    (
        "SearchModelVersions",
        pb.SearchModelVersionsRequest(parent=W, filter="name = 'a"),
        "FILTER_INVALID",
        "filter",
    ),
    (
        "UpdateModelVersion",
        pb.UpdateModelVersionRequest(model_version=ModelVersion(name=ONE), update_mask=FieldMask(paths=["stage"])),
        "UPDATE_MASK_INVALID",
        "update_mask",
    ),
    (
        "UpdateModelVersion",
        pb.UpdateModelVersionRequest(
            model_version=ModelVersion(name=ONE, description=BIG_DESCRIPTION), update_mask=DESCRIPTION
        ),
        "FIELD_TOO_LONG",
        "model_version.description",
    ),
    (
        "SetModelVersionTags",
        pb.SetModelVersionTagsRequest(name=ONE, tags={"a": "1"}, deleted_tags=["a"]),
        "FIELD_INVALID",
        "deleted_tags",
    ),
    ("SetModelVersionTags", pb.SetModelVersionTagsRequest(name=TAXI, tags={}), "RESOURCE_NAME_INVALID", "name"),
    ("DeleteModelVersion", pb.DeleteModelVersionRequest(name=TAXI), "RESOURCE_NAME_INVALID", "name"),
    ("DeleteModelVersion", pb.DeleteModelVersionRequest(name=ONE, etag="99"), "ETAG_STALE", ""),
]

ROWS += [
    (
        "CopyModelVersion",
        pb.CopyModelVersionRequest(name=TAXI, destination_model=TAXI),
        "RESOURCE_NAME_INVALID",
        "name",
    ),
    ("CopyModelVersion", pb.CopyModelVersionRequest(name=ONE), "FIELD_REQUIRED", "destination_model"),
    (
        "CopyModelVersion",
        pb.CopyModelVersionRequest(name=ONE, destination_model=f"{W}/models/a:b"),
        "RESOURCE_NAME_INVALID",
        "destination_model",
    ),
    (
        "CopyModelVersion",
        pb.CopyModelVersionRequest(name=ONE, destination_model="workspaces/default/models/taxi"),
        "WORKSPACES_MIXED",
        "",
    ),
    (
        "CopyModelVersion",
        pb.CopyModelVersionRequest(name=ONE, destination_model=TAXI, request_id="x"),
        "FIELD_INVALID",
        "request_id",
    ),
    (
        "CopyModelVersion",
        pb.CopyModelVersionRequest(name=f"{TAXI}/versions/9", destination_model=f"{W}/models/new"),
        "MODEL_VERSION_NOT_FOUND",
        "",
    ),
    ("RenameModel", pb.RenameModelRequest(name=TAXI, new_model_id="x", reason="x" * 2049), "FIELD_TOO_LONG", "reason"),
    ("DeleteModel", pb.DeleteModelRequest(name=TAXI, reason="\0"), "FIELD_INVALID", "reason"),
    ("DeleteModelVersion", pb.DeleteModelVersionRequest(name=ONE, reason="x" * 2049), "FIELD_TOO_LONG", "reason"),
    (
        "SetModelAlias",
        pb.SetModelAliasRequest(name=TAXI, alias="a", version=1, reason="x" * 2049),
        "FIELD_TOO_LONG",
        "reason",
    ),
    (
        "DeleteModelAlias",
        pb.DeleteModelAliasRequest(name=TAXI, alias="champion", reason="x" * 2049),
        "FIELD_TOO_LONG",
        "reason",
    ),
    (
        "DeleteModelAlias",
        pb.DeleteModelAliasRequest(name=TAXI, alias="champion", etag="99"),
        "ETAG_STALE",
        "",
    ),
    ("GetPromotionRules", GetPromotionRulesRequest(), "FIELD_REQUIRED", "workspace"),
    ("GetPromotionRules", GetPromotionRulesRequest(workspace=TAXI), "RESOURCE_NAME_INVALID", "workspace"),
    ("UpdatePromotionRules", UpdatePromotionRulesRequest(), "FIELD_REQUIRED", "rules"),
    (
        "UpdatePromotionRules",
        UpdatePromotionRulesRequest(rules=PromotionRules(stages=["None"]), update_mask=FieldMask(paths=["stages"])),
        "FIELD_REQUIRED",
        "rules.workspace",
    ),
    (
        "UpdatePromotionRules",
        UpdatePromotionRulesRequest(rules=PromotionRules(workspace=W), update_mask=FieldMask(paths=["etag"])),
        "UPDATE_MASK_INVALID",
        "update_mask",
    ),
    ("ListModelHistory", ListModelHistoryRequest(name=ONE), "RESOURCE_NAME_INVALID", "name"),
    ("ListModelHistory", ListModelHistoryRequest(name=TAXI, version=-1), "FIELD_INVALID", "version"),
    ("ListModelHistory", ListModelHistoryRequest(name=TAXI, page_size=-1), "FIELD_INVALID", "page_size"),
    ("ListModelHistory", ListModelHistoryRequest(name=TAXI, page_token="x"), "PAGE_TOKEN_INVALID", "page_token"),
    ("GetModelAsOf", GetModelAsOfRequest(name=TAXI), "FIELD_REQUIRED", "time"),
    ("GetModelAsOf", GetModelAsOfRequest(name=TAXI, time=Timestamp(seconds=-1)), "FIELD_INVALID", "time"),
    ("VerifyModel", VerifyModelRequest(name=ONE), "RESOURCE_NAME_INVALID", "name"),
    ("VerifyModel", VerifyModelRequest(name=TAXI, known_sequence=-1), "FIELD_INVALID", "known_sequence"),
    ("VerifyModel", VerifyModelRequest(name=TAXI, known_sequence=1), "FIELD_INVALID", "known_sha256"),
    ("VerifyModel", VerifyModelRequest(name=TAXI, known_sha256=bytes(32)), "FIELD_INVALID", "known_sha256"),
]
TESTED_ELSEWHERE = {"WatchModelEvents"} | {name for name in METHODS if "Webhook" in name or "PromotionRequest" in name}
"""In test_events.py, test_webhooks.py and test_promotion_requests.py."""

CODES = {
    "WORKSPACE_NOT_FOUND": "NOT_FOUND",
    "MODEL_NOT_FOUND": "NOT_FOUND",
    "MODEL_VERSION_NOT_FOUND": "NOT_FOUND",
    "MODEL_ALIAS_NOT_FOUND": "NOT_FOUND",
    "MODEL_NAME_TAKEN": "ALREADY_EXISTS",
    "ETAG_STALE": "ABORTED",
}
"""Codes of reasons; all others are INVALID_ARGUMENT."""


@pytest.mark.parametrize(
    ("method", "request_", "reason", "field"),
    ROWS,
    ids=[f"{number}-{row[0]}-{row[2]}-{row[3]}" for number, row in enumerate(ROWS)],
)
def test_bad_input_is_refused(kept: Registry, method: str, request_: Message, reason: str, field: str) -> None:
    copy = type(request_)()
    copy.CopyFrom(request_)
    failure = error_of(lambda: ask(kept, method, copy))
    assert (failure.reason, failure.code) == (reason, grpc.StatusCode[CODES.get(reason, "INVALID_ARGUMENT")])
    if field:
        assert failure.fields == (field,)


def test_the_table_has_every_method() -> None:
    assert {row[0] for row in ROWS} == set(METHODS) - TESTED_ELSEWHERE
