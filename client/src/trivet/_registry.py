"""Registered models and their versions."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from google.protobuf.field_mask_pb2 import FieldMask

from trivet._connection import Connection
from trivet._entities import PagedList
from trivet._errors import (
    DeadlineExceeded,
    InvalidArgument,
    ModelNameTaken,
    ModelNotFound,
    ModelSourceUnusable,
    ModelVersionNotFound,
)
from trivet._ids import new_request_id
from trivet._model_entities import ModelDataset, ModelSignature, ModelVersion, RegisteredModel
from trivet._model_history import ModelHistory
from trivet._model_origins import ModelOrigin
from trivet._model_sources import ModelSources
from trivet._names import (
    FilesUri,
    LoggedModelFiles,
    Names,
    Registered,
    RegisteredAlias,
    RegisteredVersion,
    RunFiles,
    parse_files_uri,
)
from trivet._paging import collect, joined
from trivet._promotion import Promotion
from trivet._promotion_requests import PromotionRequests
from trivet._records import check_key, to_text
from trivet._registry_messages import from_model, from_model_version, to_signature
from trivet._webhooks import Webhooks
from trivet_proto.registry.v1 import model_pb2, model_version_pb2
from trivet_proto.registry.v1 import registry_service_pb2 as pb
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub

_FIRST_POLL_SECONDS: Final = 0.1
_LONGEST_POLL_SECONDS: Final = 2.0
# model.proto, Model.tags
_MAX_TAG_BYTES: Final = 100_000


class FindOrigin(Protocol):
    """Looks up what the other services know of the making of files; their signature only where it is asked for."""

    def __call__(self, uri: FilesUri, *, with_signature: bool) -> ModelOrigin: ...


class Registry:
    """The registry in one workspace.

    Every method calls the server and waits. Besides what it says, each may raise a `TrivetError`: ServerUnavailable
    where no server answers, ModelNotFound or ModelVersionNotFound where the name is of none, else the class of what
    went wrong.

    Safe for use by several threads, and in the child after a fork.
    """

    def __init__(self, connection: Connection, workspace: str, find_origin: FindOrigin) -> None:
        """Calls no server.

        Args:
            connection: To the registry.
            workspace: Its id.
            find_origin: Looks up what the other services know of the making of files.
        """
        self._connection = connection
        self._names = Names(workspace)
        self._find_origin = find_origin
        self._sources = ModelSources(self._names, self.version_at)

    @property
    def history(self) -> ModelHistory:
        """What happened to models, how they stood at some time, and whether somebody altered them."""
        return ModelHistory(self._connection, self._names)

    @property
    def promotion(self) -> Promotion:
        """The stages of the workspace, and what is protected."""
        return Promotion(self._connection, self._names)

    @property
    def promotion_requests(self) -> PromotionRequests:
        """Changes of what is protected: asked for by some, approved by others."""
        return PromotionRequests(self._connection, self._names)

    @property
    def webhooks(self) -> Webhooks:
        """URLs that are told what happens to models."""
        return Webhooks(self._connection, self._names)

    @property
    def _stub(self) -> RegistryServiceStub:
        return self._connection.stub(RegistryServiceStub)

    # --- models

    def create_registered_model(
        self, name: str, *, tags: Mapping[str, object] | None = None, description: str = ""
    ) -> RegisteredModel:
        """Creates a model without versions and returns it.

        Args:
            name: 1 to 250 characters without `/` and `:`.
            tags: What to mark it with.
            description: What it is for, in markdown.

        Raises:
            ModelNameTaken: there is one of that name.
        """
        self._names.model(name)
        request = pb.CreateModelRequest(
            parent=self._names.parent,
            model_id=name,
            model=model_pb2.Model(description=description, tags=_tags(tags)),
            request_id=new_request_id(),
        )
        return from_model(self._connection.call(self._stub.CreateModel, request, repeatable=True))

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Returns a model with its newest versions."""
        request = pb.GetModelRequest(name=self._names.model(name), with_latest_versions=True)
        return from_model(self._connection.call(self._stub.GetModel, request, repeatable=True))

    def search_registered_models(
        self,
        *,
        filter_string: str = "",
        max_results: int = 100,
        order_by: Sequence[str] | str | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """Returns the models that pass a filter, each with its newest versions.

        Args:
            filter_string: Such as `name LIKE 'taxi%'`. Empty passes all.
            max_results: How many at most; as many calls are made as that takes.
            order_by: Such as `["last_updated_timestamp DESC"]`. Default: by name.
            page_token: The `token` of an earlier answer, to go on after it.

        Raises:
            FilterInvalid, OrderByInvalid: they cannot be understood; says where.
        """

        def ask(size: int, token: str) -> pb.SearchModelsResponse:
            request = pb.SearchModelsRequest(
                parent=self._names.parent,
                filter=filter_string,
                order_by=joined(order_by),
                page_size=size,
                page_token=token,
                with_latest_versions=True,
            )
            return self._connection.call(self._stub.SearchModels, request, repeatable=True)

        return collect(ask, lambda page: page.models, from_model, max_results, page_token)

    def update_registered_model(self, name: str, *, description: str, etag: str = "") -> RegisteredModel:
        """Changes the description of a model and returns it; with an `etag`, only if it has not changed since."""
        model = model_pb2.Model(name=self._names.model(name), description=description, etag=etag)
        request = pb.UpdateModelRequest(model=model, update_mask=FieldMask(paths=["description"]))
        return from_model(self._connection.call(self._stub.UpdateModel, request, repeatable=False))

    def rename_registered_model(self, name: str, new_name: str, *, reason: str = "") -> RegisteredModel:
        """Gives a model another name and returns it; versions, aliases and history follow. Raises ModelNameTaken."""
        request = pb.RenameModelRequest(
            name=self._names.model(name), new_model_id=new_name, request_id=new_request_id(), reason=reason
        )
        return from_model(self._connection.call(self._stub.RenameModel, request, repeatable=True))

    def set_registered_model_tag(self, name: str, key: str, value: object) -> None:
        """Sets a tag of a model."""
        request = pb.SetModelTagsRequest(name=self._names.model(name), tags=_tags({key: value}))
        self._connection.call(self._stub.SetModelTags, request, repeatable=False)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Removes a tag of a model; one that is not there is no fault."""
        request = pb.SetModelTagsRequest(name=self._names.model(name), deleted_tags=[check_key(key)])
        self._connection.call(self._stub.SetModelTags, request, repeatable=False)

    def delete_registered_model(self, name: str, *, reason: str = "", etag: str = "") -> None:
        """Deletes a model with its versions and aliases; there is no way back. Its history stays, under its `uid`.

        Args:
            name: Of the model.
            reason: Why; kept in the history.
            etag: Only if the model has not changed since.

        Raises:
            StageProtected, AliasProtected: a version of it is protected.
            Conflict: it has changed since.
        """
        request = pb.DeleteModelRequest(name=self._names.model(name), reason=reason, etag=etag)
        self._connection.call(self._stub.DeleteModel, request, repeatable=False)

    # --- versions

    def register_model(
        self,
        model_uri: str,
        name: str,
        *,
        await_registration_for: float = 300,
        tags: Mapping[str, object] | None = None,
        description: str = "",
        signature: ModelSignature | None = None,
    ) -> ModelVersion:
        """Registers files as the next version of a model, waits until it is ready, and returns it.

        Where they are those of a run or of a logged model, the version notes what tracking says of it by now: the run,
        its commit and its dataset inputs; a copy of another version's files notes what that one does.

        Args:
            model_uri: `runs:/RUN_ID/PATH`, `models:/MODEL_ID` (of a logged model), `models:/NAME/VERSION`,
                `models:/NAME/STAGE`, `models:/NAME@ALIAS`, or a URI outside Trivet, which is kept as given and not
                opened. `latest` as the stage is the newest version of all stages; `/PATH` after any of them is a part
                of its files.
            name: Of the model; it is created where there is none.
            await_registration_for: Seconds to wait at most. 0 returns the version as it is.
            tags: What to mark the version with.
            description: What it is, in markdown.
            signature: What it takes and gives. Default: what its MLmodel file says, where PyYAML is installed.

        Raises:
            ModelSourceUnusable: the files are not there, or may not be read.
            DeadlineExceeded: it is not ready in time; the server goes on with it.
        """
        uri = parse_files_uri(model_uri)
        source = self._sources.named_by(uri)
        origin = source.origin
        if isinstance(uri, RunFiles | LoggedModelFiles):
            origin = self._find_origin(uri, with_signature=signature is None)
        version = model_version_pb2.ModelVersion(
            source=self._sources.message(source, origin),
            description=description,
            tags=_tags(tags),
            signature=to_signature(signature or origin.signature),
        )
        try:
            created = self._create_version(name, version)
        except ModelNotFound:
            with contextlib.suppress(ModelNameTaken):  # by somebody who does the same
                self.create_registered_model(name)
            created = self._create_version(name, version)
        return self._until_ready(created, await_registration_for)

    def create_model_version(
        self,
        name: str,
        source: str,
        *,
        run_id: str = "",
        model_id: str = "",
        git_commit: str = "",
        datasets: Sequence[ModelDataset] = (),
        signature: ModelSignature | None = None,
        tags: Mapping[str, object] | None = None,
        description: str = "",
        await_creation_for: float = 300,
    ) -> ModelVersion:
        """Registers files as the next version of a model that is there, waits until it is ready, and returns it.

        Nothing is looked up: of its making it says what is given here. `register_model` finds out itself.

        Args:
            name: Of the model.
            source: Where the files are; as `model_uri` of `register_model`.
            run_id: The run that made it. Default: that of the source.
            model_id: The logged model that it is. Default: that of the source.
            git_commit: Of the code that made it.
            datasets: What it was made of.
            signature: What it takes and gives.
            tags: What to mark the version with.
            description: What it is, in markdown.
            await_creation_for: Seconds to wait at most. 0 returns the version as it is.

        Raises:
            ModelNotFound: there is no such model.
            ModelSourceUnusable: the files are not there, or may not be read.
            DeadlineExceeded: it is not ready in time; the server goes on with it.
        """
        uri = parse_files_uri(source)
        found = self._sources.named_by(uri)
        of_source = found.origin
        origin = ModelOrigin(
            run_id=run_id or of_source.run_id,
            model_id=model_id or of_source.model_id,
            git_commit=git_commit or of_source.git_commit,
            datasets=tuple(datasets) or of_source.datasets,
        )
        version = model_version_pb2.ModelVersion(
            source=self._sources.message(found, origin),
            description=description,
            tags=_tags(tags),
            signature=to_signature(signature or of_source.signature),
        )
        return self._until_ready(self._create_version(name, version), await_creation_for)

    def copy_model_version(self, src_model_uri: str, dst_name: str, *, await_creation_for: float = 300) -> ModelVersion:
        """Copies a version into another model, with its files, digest, description, tags and origin, and returns it.

        The copy is in the stage `None`, and says in `copied_from` what it is a copy of. No bytes move.

        Args:
            src_model_uri: `models:/NAME/VERSION`, `models:/NAME/STAGE` or `models:/NAME@ALIAS`.
            dst_name: The model that gets it; it is created where there is none.
            await_creation_for: Seconds to wait at most. 0 returns the version as it is.

        Raises:
            ModelVersionNotReady: its files are not in place.
            ModelSourceUnusable: its files are no longer those that were registered.
        """
        uri = parse_files_uri(src_model_uri)
        if not isinstance(uri, Registered) or uri.path:
            raise InvalidArgument(
                f"{src_model_uri!r} is no version that can be copied; use models:/NAME/VERSION, models:/NAME/STAGE or "
                "models:/NAME@ALIAS."
            )
        version = uri if isinstance(uri, RegisteredVersion) else self.version_at(uri)
        request = pb.CopyModelVersionRequest(
            name=self._names.model_version(version.name, version.version),
            destination_model=self._names.model(dst_name),
            request_id=new_request_id(),
        )
        copied = from_model_version(self._connection.call(self._stub.CopyModelVersion, request, repeatable=True))
        return self._until_ready(copied, await_creation_for)

    def _create_version(self, name: str, version: model_version_pb2.ModelVersion) -> ModelVersion:
        request = pb.CreateModelVersionRequest(
            parent=self._names.model(name), model_version=version, request_id=new_request_id()
        )
        return from_model_version(self._connection.call(self._stub.CreateModelVersion, request, repeatable=True))

    def version_at(self, uri: Registered) -> ModelVersion:
        """Returns the version that a URI names. Raises ModelAliasNotFound, and InvalidArgument for an unknown stage."""
        if isinstance(uri, RegisteredVersion):
            return self.get_model_version(uri.name, uri.version)
        if isinstance(uri, RegisteredAlias):
            return self.get_model_version_by_alias(uri.name, uri.alias)
        is_latest = uri.stage.lower() == "latest"
        try:
            newest = self.get_latest_versions(uri.name, stages=None if is_latest else [uri.stage])
        except InvalidArgument as error:
            raise InvalidArgument(
                f"models:/{uri.name}/{uri.stage} names no version: {error}", reason=error.reason
            ) from error
        if not newest:
            where = "that is ready" if is_latest else f"in {uri.stage!r}"
            raise ModelVersionNotFound(f"The model {uri.name!r} has no version {where}.")
        return max(newest, key=lambda version: version.version)

    def _until_ready(self, version: ModelVersion, seconds: float) -> ModelVersion:
        deadline = time.monotonic() + seconds
        pause = _FIRST_POLL_SECONDS
        while version.status == "PENDING" and seconds > 0:
            if time.monotonic() + pause > deadline:
                raise DeadlineExceeded(
                    f"Version {version.version} of {version.name!r} is not ready after {seconds:g} s. The server goes "
                    "on with it; get_model_version() tells when it is."
                )
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_POLL_SECONDS)
            version = self.get_model_version(version.name, version.version)
        if version.status == "FAILED":
            raise ModelSourceUnusable(f"Version {version.version} of {version.name!r} failed: {version.status_message}")
        return version

    def get_model_version(self, name: str, version: str | int) -> ModelVersion:
        """Returns a version."""
        request = pb.GetModelVersionRequest(name=self._names.model_version(name, version))
        return from_model_version(self._connection.call(self._stub.GetModelVersion, request, repeatable=True))

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Returns the version that an alias points at. Raises ModelAliasNotFound."""
        request = pb.GetModelVersionByAliasRequest(name=self._names.model(name), alias=alias)
        return from_model_version(self._connection.call(self._stub.GetModelVersionByAlias, request, repeatable=True))

    def get_latest_versions(self, name: str, *, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """Returns the newest ready version in each stage that has any, in the order of the stages.

        Args:
            name: Of the model.
            stages: Only these; case does not count. Default: all.
        """
        request = pb.GetLatestVersionsRequest(name=self._names.model(name), stages=stages or ())
        answer = self._connection.call(self._stub.GetLatestVersions, request, repeatable=True)
        return [from_model_version(version) for version in answer.model_versions]

    def search_model_versions(
        self,
        *,
        filter_string: str = "",
        max_results: int = 10_000,
        order_by: Sequence[str] | str | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """Returns the versions that pass a filter, such as `name = 'taxi' AND stage = 'Production'`.

        Args and errors as those of `search_registered_models`; by default, what was changed last comes first.
        """

        def ask(size: int, token: str) -> pb.SearchModelVersionsResponse:
            request = pb.SearchModelVersionsRequest(
                parent=self._names.parent,
                filter=filter_string,
                order_by=joined(order_by),
                page_size=size,
                page_token=token,
            )
            return self._connection.call(self._stub.SearchModelVersions, request, repeatable=True)

        return collect(ask, lambda page: page.model_versions, from_model_version, max_results, page_token)

    def transition_model_version_stage(
        self,
        name: str,
        version: str | int,
        stage: str,
        *,
        archive_existing_versions: bool = False,
        reason: str = "",
        etag: str = "",
    ) -> ModelVersion:
        """Moves a version into a stage and returns it.

        Args:
            name: Of the model.
            version: Its number.
            stage: `None`, `Staging`, `Production` or `Archived`, unless the workspace has others; case does not count.
            archive_existing_versions: Whether other versions in that stage go to `Archived` in the same step.
            reason: Why; kept in the history.
            etag: Only if the version has not changed since: its `etag`.

        Raises:
            InvalidArgument: there is no such stage.
            ModelVersionNotReady: its files are not in place.
            StageProtected, ModelVersionUnverified: it may not enter or leave that stage.
            Conflict: the version has changed since.
        """
        request = pb.TransitionModelVersionStageRequest(
            name=self._names.model_version(name, version),
            stage=stage,
            archive_existing_versions=archive_existing_versions,
            reason=reason,
            etag=etag,
            request_id=new_request_id(),
        )
        return from_model_version(
            self._connection.call(self._stub.TransitionModelVersionStage, request, repeatable=True)
        )

    def update_model_version(self, name: str, version: str | int, *, description: str, etag: str = "") -> ModelVersion:
        """Changes the description of a version and returns it; with an `etag`, only if it has not changed since."""
        changed = model_version_pb2.ModelVersion(
            name=self._names.model_version(name, version), description=description, etag=etag
        )
        request = pb.UpdateModelVersionRequest(model_version=changed, update_mask=FieldMask(paths=["description"]))
        return from_model_version(self._connection.call(self._stub.UpdateModelVersion, request, repeatable=False))

    def set_model_version_tag(self, name: str, version: str | int, key: str, value: object) -> None:
        """Sets a tag of a version."""
        request = pb.SetModelVersionTagsRequest(name=self._names.model_version(name, version), tags=_tags({key: value}))
        self._connection.call(self._stub.SetModelVersionTags, request, repeatable=False)

    def delete_model_version_tag(self, name: str, version: str | int, key: str) -> None:
        """Removes a tag of a version; one that is not there is no fault."""
        request = pb.SetModelVersionTagsRequest(
            name=self._names.model_version(name, version), deleted_tags=[check_key(key)]
        )
        self._connection.call(self._stub.SetModelVersionTags, request, repeatable=False)

    def set_registered_model_alias(
        self, name: str, alias: str, version: str | int, *, reason: str = "", etag: str = ""
    ) -> RegisteredModel:
        """Lets an alias point at a version, wherever it pointed before, and returns the model without its versions.

        Args:
            name: Of the model.
            alias: Letters, digits, `_` and `-`; not `latest`, nor `v` with digits.
            version: Its number.
            reason: Why; kept in the history.
            etag: Only if the model has not changed since: its `etag`.

        Raises:
            ModelVersionNotReady: its files are not in place.
            AliasProtected: the alias may not be moved.
            Conflict: the model has changed since.
        """
        self._names.model_version(name, version)
        request = pb.SetModelAliasRequest(
            name=self._names.model(name), alias=alias, version=int(version), reason=reason, etag=etag
        )
        return from_model(self._connection.call(self._stub.SetModelAlias, request, repeatable=False))

    def delete_registered_model_alias(self, name: str, alias: str, *, reason: str = "", etag: str = "") -> None:
        """Removes an alias; one that is not there is no fault. Raises AliasProtected, and Conflict by an old `etag`."""
        request = pb.DeleteModelAliasRequest(name=self._names.model(name), alias=alias, reason=reason, etag=etag)
        self._connection.call(self._stub.DeleteModelAlias, request, repeatable=False)

    def delete_model_version(self, name: str, version: str | int, *, reason: str = "", etag: str = "") -> None:
        """Deletes a version with the aliases that point at it; its number is not used again.

        Args:
            name: Of the model.
            version: Its number.
            reason: Why; kept in the history.
            etag: Only if the version has not changed since.

        Raises:
            StageProtected, AliasProtected: it may not be deleted where it stands.
            Conflict: it has changed since.
        """
        request = pb.DeleteModelVersionRequest(name=self._names.model_version(name, version), reason=reason, etag=etag)
        self._connection.call(self._stub.DeleteModelVersion, request, repeatable=False)


def _tags(tags: Mapping[str, object] | None) -> dict[str, str]:
    return {check_key(key): to_text(f"tag {key!r}", value, _MAX_TAG_BYTES) for key, value in (tags or {}).items()}
