"""Registered models, their versions, stages and aliases."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask

from trivet_gateway.answers import millis, pairs, without_empty
from trivet_gateway.errors import invalid, missing
from trivet_gateway.fields import Fields
from trivet_gateway.mlflow.aliases import number_of, read_model, version_of_alias
from trivet_gateway.mlflow.keys import key_of
from trivet_gateway.mlflow.paging import check_max_results, gathered, ordered
from trivet_gateway.mlflow.places import version_location
from trivet_gateway.mlflow.sources import source_of
from trivet_gateway.upstream import Caller, last
from trivet_proto.registry.v1 import model_pb2, model_version_pb2
from trivet_proto.registry.v1 import registry_service_pb2 as pb

_STATUSES: Final = {1: "PENDING_REGISTRATION", 2: "READY", 3: "FAILED_REGISTRATION"}
_NO_PROMPT: Final = re.compile(r"(tags?\.`mlflow\.prompt\.is_prompt`)\s*!=\s*('true'|\"true\")", re.IGNORECASE)
_SOURCE_TAG: Final = "trivet.mlflow.source"
"""The URI that a client registered, which it is told again."""
_LINK_TAG: Final = "trivet.mlflow.runLink"
_NOBODY: Final = "anonymous"
_MOST_MODELS: Final = 1_000
_MOST_VERSIONS: Final = 200_000
_PROMPT_TAG: Final = "mlflow.prompt.is_prompt"
_SOURCE_PATH: Final = re.compile(
    r"""\bsource_path\s*(!=|=|I?LIKE\b)\s*('(?:[^']|'')*'|"(?:[^"]|"")*")|'(?:[^']|'')*'|"[^"]*"|`[^`]*`""",
    re.IGNORECASE,
)


def to_version(version: model_version_pb2.ModelVersion) -> dict[str, Any]:
    """As MLflow has it."""
    _, _, _, name, _, number = version.name.split("/")
    tags = {key: value for key, value in version.tags.items() if key not in (_SOURCE_TAG, _LINK_TAG)}
    return {
        "name": name,
        "version": number,
        "creation_timestamp": millis(version.create_time),
        "last_updated_timestamp": millis(version.update_time),
        "current_stage": version.stage,
        "description": version.description,
        "source": version.tags.get(_SOURCE_TAG) or _location(version),
        "run_id": last(version.source.run),
        "run_link": version.tags.get(_LINK_TAG, ""),
        "status": _STATUSES[version.state],
        **without_empty(
            {
                "user_id": _user(version.created_by),
                "model_id": last(version.source.logged_model),
                "status_message": version.state_message,
                "tags": pairs(tags),
                "aliases": list(version.aliases),
            }
        ),
    }


def to_model(model: model_pb2.Model) -> dict[str, Any]:
    """As MLflow has it."""
    return without_empty(
        {
            "name": last(model.name),
            "creation_timestamp": millis(model.create_time),
            "last_updated_timestamp": millis(model.update_time),
            "user_id": _user(model.created_by),
            "description": model.description,
            "latest_versions": [
                {name: value for name, value in version.items() if name != "aliases"}
                for version in _by_number(model.latest_versions)
            ],
            "tags": pairs(model.tags),
            "aliases": [{"alias": alias, "version": str(version)} for alias, version in sorted(model.aliases.items())],
        }
    )


def _user(principal: str) -> str:
    """Who made it, if that is known."""
    return "" if principal == _NOBODY else principal


def _by_number(versions: Iterable[model_version_pb2.ModelVersion]) -> list[dict[str, Any]]:
    """The newest versions of stages, by their numbers."""
    return [to_version(version) for version in sorted(versions, key=number_of)]


def _location(version: model_version_pb2.ModelVersion) -> str:
    """Where the files of a version are."""
    if version.artifact_owner:
        _, _, _, uid, _, number = version.artifact_owner.split("/")
        return version_location(uid, number)
    return version.source.external_uri


async def create(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Creates a model."""
    model = model_pb2.Model(description=fields.text("description"), tags=fields.pairs("tags"))
    request = pb.CreateModelRequest(parent=caller.parent, model_id=fields.needed("name"), model=model)
    return {"registered_model": to_model(await caller.call(caller.upstream.registry.CreateModel, request))}


async def get(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns a model."""
    return {"registered_model": to_model(await read_model(caller, fields.needed("name")))}


async def rename(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Gives a model another name."""
    request = pb.RenameModelRequest(name=caller.model(fields.needed("name")), new_model_id=fields.needed("new_name"))
    renamed = await caller.call(caller.upstream.registry.RenameModel, request)
    return {"registered_model": to_model(await read_model(caller, last(renamed.name)))}


async def update(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Describes a model."""
    model = model_pb2.Model(name=caller.model(fields.needed("name")), description=fields.text("description"))
    request = pb.UpdateModelRequest(model=model, update_mask=FieldMask(paths=["description"]))
    await caller.call(caller.upstream.registry.UpdateModel, request)
    return {"registered_model": to_model(await read_model(caller, fields.needed("name")))}


async def delete(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Deletes a model."""
    request = pb.DeleteModelRequest(name=caller.model(fields.needed("name")))
    await caller.call(caller.upstream.registry.DeleteModel, request)
    return {}


def _filter(text: str) -> str:
    """The client asks for what is no prompt by a tag that most models do not have, and means those too.

    Who does not ask, gets no prompts either.
    """
    text = text.strip()
    if _PROMPT_TAG in text:
        return _NO_PROMPT.sub(lambda found: f"NOT {found[1]} = {found[2]}", text)
    no_prompt = f"NOT tags.`{_PROMPT_TAG}` = 'true'"
    return f"({text}) AND {no_prompt}" if text else no_prompt


async def search(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns a page of models."""
    request = pb.SearchModelsRequest(
        parent=caller.parent,
        filter=_filter(fields.text("filter")),
        order_by=ordered(fields),
        page_token=fields.text("page_token"),
        with_latest_versions=True,
    )
    most = check_max_results(fields, 100, _MOST_MODELS)
    found, token = await gathered(
        caller, caller.upstream.registry.SearchModels, request, lambda page: page.models, most
    )
    return without_empty({"registered_models": [to_model(model) for model in found], "next_page_token": token})


async def get_latest_versions(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns the newest version in each stage."""
    request = pb.GetLatestVersionsRequest(name=caller.model(fields.needed("name")), stages=fields.texts("stages"))
    found = await caller.call(caller.upstream.registry.GetLatestVersions, request)
    return without_empty({"model_versions": _by_number(found.model_versions)})


async def set_tag(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Sets a tag of a model."""
    request = pb.SetModelTagsRequest(
        name=caller.model(fields.needed("name")), tags={key_of(fields): fields.text("value")}
    )
    await caller.call(caller.upstream.registry.SetModelTags, request)
    return {}


async def delete_tag(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Removes a tag of a model."""
    request = pb.SetModelTagsRequest(name=caller.model(fields.needed("name")), deleted_tags=[fields.needed("key")])
    await caller.call(caller.upstream.registry.SetModelTags, request)
    return {}


async def set_alias(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Lets an alias point at a version."""
    request = pb.SetModelAliasRequest(
        name=caller.model(fields.needed("name")), alias=fields.needed("alias"), version=fields.whole("version")
    )
    await caller.call(caller.upstream.registry.SetModelAlias, request)
    return {}


async def delete_alias(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Removes an alias."""
    request = pb.DeleteModelAliasRequest(name=caller.model(fields.needed("name")), alias=fields.needed("alias"))
    await caller.call(caller.upstream.registry.DeleteModelAlias, request)
    return {}


async def get_by_alias(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns the version that an alias points at; `latest` is the newest one."""
    return {"model_version": to_version(await version_of_alias(caller, fields.needed("name"), fields.needed("alias")))}


# --- versions


async def create_version(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Registers files."""
    uri = fields.needed("source")
    run_id, model_id = fields.text("run_id"), fields.text("model_id")
    source = await source_of(caller, uri, run_id, model_id)
    tags = fields.pairs("tags")
    for key in tags:
        _check_not_own(key)
    tags[_SOURCE_TAG] = uri
    if fields.text("run_link"):
        tags[_LINK_TAG] = fields.text("run_link")
    version = model_version_pb2.ModelVersion(source=source, description=fields.text("description"), tags=tags)
    request = pb.CreateModelVersionRequest(parent=caller.model(fields.needed("name")), model_version=version)
    return {"model_version": to_version(await caller.call(caller.upstream.registry.CreateModelVersion, request))}


def _version_name(caller: Caller, fields: Fields) -> str:
    name, number = fields.needed("name"), fields.whole("version")
    if number < 1:
        raise missing(f"Model Version (name={name}, version={number}) not found")
    return caller.version(name, str(number))


async def get_version(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns a version."""
    request = pb.GetModelVersionRequest(name=_version_name(caller, fields))
    return {"model_version": to_version(await caller.call(caller.upstream.registry.GetModelVersion, request))}


async def get_download_uri(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns where the files of a version are."""
    request = pb.GetModelVersionRequest(name=_version_name(caller, fields))
    return {"artifact_uri": _location(await caller.call(caller.upstream.registry.GetModelVersion, request))}


async def update_version(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Describes a version."""
    version = model_version_pb2.ModelVersion(name=_version_name(caller, fields), description=fields.text("description"))
    request = pb.UpdateModelVersionRequest(model_version=version, update_mask=FieldMask(paths=["description"]))
    return {"model_version": to_version(await caller.call(caller.upstream.registry.UpdateModelVersion, request))}


async def transition_stage(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Moves a version."""
    request = pb.TransitionModelVersionStageRequest(
        name=_version_name(caller, fields),
        stage=fields.needed("stage"),
        archive_existing_versions=fields.flag("archive_existing_versions"),
    )
    moved = await caller.call(caller.upstream.registry.TransitionModelVersionStage, request)
    return {"model_version": to_version(moved)}


async def delete_version(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Deletes a version."""
    request = pb.DeleteModelVersionRequest(name=_version_name(caller, fields))
    await caller.call(caller.upstream.registry.DeleteModelVersion, request)
    return {}


def _by_source(text: str) -> str:
    """A filter whose `source_path` is the URI that was registered, of versions that have one here."""

    def replaced(found: re.Match[str]) -> str:
        if not found[1]:
            return found[0]
        registered = f"tags.`{_SOURCE_TAG}`"
        return f"({registered} {found[1]} {found[2]} OR ({registered} IS NULL AND {found[0]}))"

    return _SOURCE_PATH.sub(replaced, text)


async def search_versions(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Returns a page of versions."""
    request = pb.SearchModelVersionsRequest(
        parent=caller.parent,
        filter=_by_source(fields.text("filter")),
        order_by=ordered(fields),
        page_token=fields.text("page_token"),
    )
    found, token = await gathered(
        caller,
        caller.upstream.registry.SearchModelVersions,
        request,
        lambda page: page.model_versions,
        check_max_results(fields, _MOST_VERSIONS, _MOST_VERSIONS),
    )
    return without_empty({"model_versions": [to_version(version) for version in found], "next_page_token": token})


def _check_not_own(key: str) -> None:
    if key in (_SOURCE_TAG, _LINK_TAG):
        raise invalid(f"The tag {key!r} is Trivet's own. Choose another name.")


async def set_version_tag(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Sets a tag of a version."""
    _check_not_own(fields.text("key"))
    request = pb.SetModelVersionTagsRequest(
        name=_version_name(caller, fields), tags={key_of(fields): fields.text("value")}
    )
    await caller.call(caller.upstream.registry.SetModelVersionTags, request)
    return {}


async def delete_version_tag(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Removes a tag of a version."""
    _check_not_own(fields.text("key"))
    request = pb.SetModelVersionTagsRequest(name=_version_name(caller, fields), deleted_tags=[fields.needed("key")])
    await caller.call(caller.upstream.registry.SetModelVersionTags, request)
    return {}
