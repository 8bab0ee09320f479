"""The registry service as its tests see it: a real process on a real database."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from trivet_proto.registry.v1 import registry_service_pb2 as pb
from trivet_proto.registry.v1.model_history_pb2 import (
    GetModelAsOfRequest,
    ListModelHistoryRequest,
    ModelAsOf,
    ModelHistoryEntry,
    VerifyModelRequest,
    VerifyModelResponse,
)
from trivet_proto.registry.v1.model_pb2 import Model
from trivet_proto.registry.v1.model_version_pb2 import ArtifactSource, ModelSource, ModelVersion
from trivet_proto.registry.v1.promotion_request_pb2 import (
    PROMOTION_REQUEST_STATE_UNSPECIFIED,
    AliasMove,
    ApprovePromotionRequestRequest,
    CreatePromotionRequestRequest,
    GetPromotionRequestRequest,
    ListPromotionRequestsRequest,
    PromotionRequest,
    PromotionRequestState,
    RejectPromotionRequestRequest,
    StageMove,
    WithdrawPromotionRequestRequest,
)
from trivet_proto.registry.v1.promotion_rules_pb2 import (
    GetPromotionRulesRequest,
    PromotionRules,
    UpdatePromotionRulesRequest,
)
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_registry.server import migrations, open_database
from trivet_testing.servers import ServerProcess, free_port
from trivet_testing.workspaces import WORKSPACES

READY = r"^trivet-registry is ready: grpc (\S+)$"
COMMAND = (sys.executable, "-m", "trivet_registry")


def migrate(database_url: str) -> None:
    """Brings a database to the current schema, as the command does, and without the second that it takes to start."""
    with closing(open_database(database_url)) as database:
        database.check_usable()
        migrations(database).upgrade()


def start_server(database_url: str, listen: str = "127.0.0.1:0", artifacts_url: str = "", **env: str) -> ServerProcess:
    """Starts a registry server on a migrated database; without an `artifacts_url`, no artifact service answers it."""
    return ServerProcess.start(
        [*COMMAND, "serve"],
        {
            "TRIVET_DATABASE_URL": database_url,
            "TRIVET_LISTEN": listen,
            "TRIVET_WORKSPACES": ",".join(WORKSPACES),
            "TRIVET_ARTIFACTS_URL": artifacts_url or f"grpc://127.0.0.1:{free_port()}",
            **env,
        },
        READY,
    )


@dataclass(frozen=True)
class Registry:
    """A registry server in one workspace. `model` and `version` are the last segments of names."""

    stub: RegistryServiceStub
    workspace: str

    @property
    def parent(self) -> str:
        """The workspace's resource name."""
        return f"workspaces/{self.workspace}"

    def model_name(self, model: str) -> str:
        """A model's resource name."""
        return f"{self.parent}/models/{model}"

    def version_name(self, model: str, version: int) -> str:
        """A version's resource name."""
        return f"{self.model_name(model)}/versions/{version}"

    def create_model(
        self, model: str = "taxi", *, description: str = "", tags: Mapping[str, str] | None = None, request_id: str = ""
    ) -> Model:
        """Creates a model."""
        return self.stub.CreateModel(
            pb.CreateModelRequest(
                parent=self.parent,
                model_id=model,
                model=Model(description=description, tags=tags or {}),
                request_id=request_id,
            )
        )

    def get_model(self, model: str = "taxi") -> Model:
        """Reads a model."""
        return self.stub.GetModel(pb.GetModelRequest(name=self.model_name(model)))

    def describe_model(self, model: str, description: str, etag: str = "") -> Model:
        """Gives a model another description."""
        return self.stub.UpdateModel(
            pb.UpdateModelRequest(
                model=Model(name=self.model_name(model), description=description, etag=etag),
                update_mask=FieldMask(paths=["description"]),
            )
        )

    def rename_model(self, model: str, new_model: str, request_id: str = "", reason: str = "") -> Model:
        """Renames a model."""
        return self.stub.RenameModel(
            pb.RenameModelRequest(
                name=self.model_name(model), new_model_id=new_model, request_id=request_id, reason=reason
            )
        )

    def tag_model(self, model: str, tags: Mapping[str, str], deleted: Iterable[str] = ()) -> Model:
        """Sets and removes tags of a model."""
        return self.stub.SetModelTags(
            pb.SetModelTagsRequest(name=self.model_name(model), tags=tags, deleted_tags=deleted)
        )

    def delete_model(self, model: str, etag: str = "", reason: str = "") -> None:
        """Deletes a model."""
        self.stub.DeleteModel(pb.DeleteModelRequest(name=self.model_name(model), etag=etag, reason=reason))

    def create_version(
        self,
        model: str = "taxi",
        uri: str = "s3://bucket/model",
        *,
        run_id: str = "",
        description: str = "",
        tags: Mapping[str, str] | None = None,
        request_id: str = "",
    ) -> ModelVersion:
        """Registers a version of an outside source."""
        source = ModelSource(external_uri=uri, run=f"{self.parent}/runs/{run_id}" if run_id else "")
        return self._create_version(model, source, description, tags, request_id)

    def link_version(
        self, model: str, owner: str, path: str = "", *, request_id: str = "", timeout_seconds: float | None = None
    ) -> ModelVersion:
        """Registers a version of files in the artifact service."""
        source = ModelSource(artifacts=ArtifactSource(owner=owner, path=path))
        return self._create_version(model, source, "", None, request_id, timeout_seconds)

    def _create_version(
        self,
        model: str,
        source: ModelSource,
        description: str,
        tags: Mapping[str, str] | None,
        request_id: str,
        timeout_seconds: float | None = None,
    ) -> ModelVersion:
        return self.stub.CreateModelVersion(
            pb.CreateModelVersionRequest(
                parent=self.model_name(model),
                model_version=ModelVersion(source=source, description=description, tags=tags or {}),
                request_id=request_id,
            ),
            timeout=timeout_seconds,
        )

    def register(self, model: str, version: ModelVersion) -> ModelVersion:
        """Registers a version as the message has it."""
        return self.stub.CreateModelVersion(
            pb.CreateModelVersionRequest(parent=self.model_name(model), model_version=version)
        )

    def copy_version(self, model: str, version: int, destination: str, request_id: str = "") -> ModelVersion:
        """Copies a version to a model."""
        return self.stub.CopyModelVersion(
            pb.CopyModelVersionRequest(
                name=self.version_name(model, version),
                destination_model=self.model_name(destination),
                request_id=request_id,
            )
        )

    def get_version(self, model: str, version: int) -> ModelVersion:
        """Reads a version."""
        return self.stub.GetModelVersion(pb.GetModelVersionRequest(name=self.version_name(model, version)))

    def get_by_alias(self, model: str, alias: str) -> ModelVersion:
        """Reads the version of an alias."""
        return self.stub.GetModelVersionByAlias(
            pb.GetModelVersionByAliasRequest(name=self.model_name(model), alias=alias)
        )

    def describe_version(self, model: str, version: int, description: str, etag: str = "") -> ModelVersion:
        """Gives a version another description."""
        return self.stub.UpdateModelVersion(
            pb.UpdateModelVersionRequest(
                model_version=ModelVersion(name=self.version_name(model, version), description=description, etag=etag),
                update_mask=FieldMask(paths=["description"]),
            )
        )

    def tag_version(
        self, model: str, version: int, tags: Mapping[str, str], deleted: Iterable[str] = ()
    ) -> ModelVersion:
        """Sets and removes tags of a version."""
        return self.stub.SetModelVersionTags(
            pb.SetModelVersionTagsRequest(name=self.version_name(model, version), tags=tags, deleted_tags=deleted)
        )

    def move(
        self,
        model: str,
        version: int,
        stage: str,
        *,
        archive: bool = False,
        etag: str = "",
        request_id: str = "",
        reason: str = "",
    ) -> ModelVersion:
        """Moves a version into a stage."""
        return self.stub.TransitionModelVersionStage(
            pb.TransitionModelVersionStageRequest(
                name=self.version_name(model, version),
                stage=stage,
                archive_existing_versions=archive,
                etag=etag,
                request_id=request_id,
                reason=reason,
            )
        )

    def set_alias(self, model: str, alias: str, version: int, etag: str = "", reason: str = "") -> Model:
        """Lets an alias point at a version."""
        return self.stub.SetModelAlias(
            pb.SetModelAliasRequest(name=self.model_name(model), alias=alias, version=version, etag=etag, reason=reason)
        )

    def delete_alias(self, model: str, alias: str, etag: str = "", reason: str = "") -> Model:
        """Removes an alias."""
        return self.stub.DeleteModelAlias(
            pb.DeleteModelAliasRequest(name=self.model_name(model), alias=alias, etag=etag, reason=reason)
        )

    def delete_version(self, model: str, version: int, etag: str = "", reason: str = "") -> None:
        """Deletes a version."""
        self.stub.DeleteModelVersion(
            pb.DeleteModelVersionRequest(name=self.version_name(model, version), etag=etag, reason=reason)
        )

    def latest(self, model: str, *stages: str) -> list[ModelVersion]:
        """The newest versions by stage."""
        return list(
            self.stub.GetLatestVersions(
                pb.GetLatestVersionsRequest(name=self.model_name(model), stages=stages)
            ).model_versions
        )

    def search_models(self, filter: str = "", order_by: str = "", page_size: int = 0) -> list[Model]:  # noqa: A002 - as the contract has it
        """All models that pass, page by page."""
        found: list[Model] = []
        request = pb.SearchModelsRequest(parent=self.parent, filter=filter, order_by=order_by, page_size=page_size)
        while True:
            page = self.stub.SearchModels(request)
            found.extend(page.models)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def search_versions(self, filter: str = "", order_by: str = "", page_size: int = 0) -> list[ModelVersion]:  # noqa: A002 - as the contract has it
        """All versions that pass, page by page."""
        found: list[ModelVersion] = []
        request = pb.SearchModelVersionsRequest(
            parent=self.parent, filter=filter, order_by=order_by, page_size=page_size
        )
        while True:
            page = self.stub.SearchModelVersions(request)
            found.extend(page.model_versions)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def rules(self) -> PromotionRules:
        """How versions are promoted."""
        return self.stub.GetPromotionRules(GetPromotionRulesRequest(workspace=self.parent))

    def change_rules(
        self,
        *,
        stages: Iterable[str] | None = None,
        protected_stages: Iterable[str] | None = None,
        protected_aliases: Iterable[str] | None = None,
        stage_approvals: Mapping[str, int] | None = None,
        alias_approvals: Mapping[str, int] | None = None,
        etag: str = "",
    ) -> PromotionRules:
        """Changes the rules of promotion; those that are not None."""
        lists = {
            "stages": stages,
            "protected_stages": protected_stages,
            "protected_aliases": protected_aliases,
            "stage_approvals": stage_approvals,
            "alias_approvals": alias_approvals,
        }
        rules = PromotionRules(
            workspace=self.parent,
            stages=stages or (),
            protected_stages=protected_stages or (),
            protected_aliases=protected_aliases or (),
            stage_approvals=stage_approvals or {},
            alias_approvals=alias_approvals or {},
            etag=etag,
        )
        mask = FieldMask(paths=[path for path, given in lists.items() if given is not None])
        return self.stub.UpdatePromotionRules(UpdatePromotionRulesRequest(rules=rules, update_mask=mask))

    def ask_for_stage(
        self,
        model: str,
        version: int,
        stage: str,
        *,
        archive: bool = False,
        reason: str = "",
        expire_time: Timestamp | None = None,
        request_id: str = "",
    ) -> PromotionRequest:
        """Asks for a move into a stage."""
        move = StageMove(version=version, stage=stage, archive_existing_versions=archive)
        asked = PromotionRequest(model=self.model_name(model), stage_move=move, reason=reason, expire_time=expire_time)
        return self.ask(asked, request_id)

    def ask_for_alias(self, model: str, alias: str, version: int = 0, reason: str = "") -> PromotionRequest:
        """Asks for another version of an alias; 0: for none."""
        move = AliasMove(alias=alias, version=version)
        return self.ask(PromotionRequest(model=self.model_name(model), alias_move=move, reason=reason))

    def ask(self, asked: PromotionRequest, request_id: str = "") -> PromotionRequest:
        """Asks as the message has it."""
        return self.stub.CreatePromotionRequest(
            CreatePromotionRequestRequest(parent=self.parent, promotion_request=asked, request_id=request_id)
        )

    def get_request(self, name: str) -> PromotionRequest:
        """Reads a promotion request."""
        return self.stub.GetPromotionRequest(GetPromotionRequestRequest(name=name))

    def list_requests(
        self,
        state: PromotionRequestState.ValueType = PROMOTION_REQUEST_STATE_UNSPECIFIED,
        model: str = "",
        size: int = 0,
    ) -> list[PromotionRequest]:
        """All promotion requests in a state, page by page."""
        found: list[PromotionRequest] = []
        request = ListPromotionRequestsRequest(
            parent=self.parent, state=state, model=self.model_name(model) if model else "", page_size=size
        )
        while True:
            page = self.stub.ListPromotionRequests(request)
            found.extend(page.promotion_requests)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def approve(self, name: str, reason: str = "") -> PromotionRequest:
        """Approves a promotion request."""
        return self.stub.ApprovePromotionRequest(ApprovePromotionRequestRequest(name=name, reason=reason))

    def reject(self, name: str, reason: str = "no") -> PromotionRequest:
        """Rejects a promotion request."""
        return self.stub.RejectPromotionRequest(RejectPromotionRequestRequest(name=name, reason=reason))

    def withdraw(self, name: str, reason: str = "") -> PromotionRequest:
        """Takes a promotion request back."""
        return self.stub.WithdrawPromotionRequest(WithdrawPromotionRequestRequest(name=name, reason=reason))

    def history(
        self, model: str, *, version: int = 0, newest_first: bool = False, page_size: int = 0
    ) -> list[ModelHistoryEntry]:
        """All entries of a model's history, page by page."""
        found: list[ModelHistoryEntry] = []
        request = ListModelHistoryRequest(
            name=self.model_name(model), version=version, newest_first=newest_first, page_size=page_size
        )
        while True:
            page = self.stub.ListModelHistory(request)
            found.extend(page.entries)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def as_of(self, model: str, time: Timestamp) -> ModelAsOf:
        """How a model stood at a time."""
        return self.stub.GetModelAsOf(GetModelAsOfRequest(name=self.model_name(model), time=time))

    def verify(self, model: str, known_sequence: int = 0, known_sha256: bytes = b"") -> VerifyModelResponse:
        """Compares a model with its history."""
        return self.stub.VerifyModel(
            VerifyModelRequest(name=self.model_name(model), known_sequence=known_sequence, known_sha256=known_sha256)
        )

    def snapshot(self) -> list[bytes]:
        """All that can be read in the workspace."""
        seen = [*self.search_models(), *self.search_versions(order_by="name, version_number")]
        return [message.SerializeToString(deterministic=True) for message in seen]


def number_of(version: ModelVersion) -> int:
    """The number in a version's name."""
    return int(version.name.rsplit("/", 1)[1])
