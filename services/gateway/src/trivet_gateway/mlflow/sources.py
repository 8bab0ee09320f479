"""What the URI of a model's version may name, and what it names here."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_plus, urlsplit

from trivet_gateway.errors import MlflowError, invalid
from trivet_gateway.mlflow.aliases import version_of_alias
from trivet_gateway.mlflow.places import place_in
from trivet_gateway.upstream import Caller
from trivet_proto.registry.v1 import model_version_pb2
from trivet_proto.registry.v1 import registry_service_pb2 as pb
from trivet_proto.tracking.v1.logged_model_service_pb2 import GetLoggedModelRequest

_OF_LOGGED_MODEL: Final = re.compile(r"models:/(m-[^/@]+)(?:/(.*))?")
_OF_VERSION: Final = re.compile(r"models:/([^/@]+)/([0-9]+)(?:/(.*))?")
_OF_ALIAS: Final = re.compile(r"models:/([^/@]+)@([^/@]+)")
_OF_RUN: Final = re.compile(r"runs:/([^/]+)(?:/(.*))?")
# Whoever loads a version of these opens what is on their own machine, or asks a host that somebody else chose.
_REFUSED_SCHEMES: Final = frozenset({"", "file", "http", "https", "ftp", "sftp", "hdfs", "viewfs", "dbfs"})
# Each round of unescaping goes through all of it.
_LONGEST: Final = 8_192
_ESCAPED_AT_MOST: Final = 5
_PROMPTS: Final = frozenset({"dummy-source", "prompt-template"})


async def source_of(caller: Caller, uri: str, run_id: str, model_id: str) -> model_version_pb2.ModelSource:
    """Files of Trivet, or a URI of something else.

    Args:
        caller: Who registers it.
        uri: What the client registers.
        run_id: The run that the files are said to be of; empty: that of the logged model, if any.
        model_id: The logged model that they are said to be of; empty: none.

    Raises:
        MlflowError: the URI is none, names what nobody should load, or files of another run or logged model.
    """
    _check_plain(uri)
    source = model_version_pb2.ModelSource()
    if run_id:
        source.run = caller.run(run_id)
    if model_id:
        source.logged_model = caller.logged_model(model_id)
        if not run_id:
            get = GetLoggedModelRequest(name=source.logged_model)
            source.run = (await caller.call(caller.upstream.tracking.GetLoggedModel, get)).source_run
    if place := place_in(caller, uri):
        owner, path = place.owner, place.path
    elif found := _OF_VERSION.fullmatch(uri):  # a registered model, too, may have a name as those of logged models are
        return await _copied(caller, source, caller.version(found[1], found[2]), found[3] or "")
    elif found := _OF_LOGGED_MODEL.fullmatch(uri):
        owner, path = caller.logged_model(found[1]), found[2] or ""
    elif found := _OF_ALIAS.fullmatch(uri):
        return await _copied(caller, source, await _version_of(caller, found[1], found[2]), "")
    elif found := _OF_RUN.fullmatch(uri):
        owner, path = caller.run(found[1]), found[2] or ""
    else:
        _check_elsewhere(uri)
        source.external_uri = uri
        return source
    _check_owner(uri, owner, source)
    source.artifacts.owner, source.artifacts.path = owner, path
    return source


async def _copied(
    caller: Caller, source: model_version_pb2.ModelSource, version: str, path: str
) -> model_version_pb2.ModelSource:
    """The files of another version, which was made by the same run and logged model."""
    found: model_version_pb2.ModelVersion = await caller.call(
        caller.upstream.registry.GetModelVersion, pb.GetModelVersionRequest(name=version)
    )
    source.run = source.run or found.source.run
    source.logged_model = source.logged_model or found.source.logged_model
    if found.source.external_uri:
        source.external_uri = found.source.external_uri
    else:
        source.artifacts.owner, source.artifacts.path = version, path
    return source


async def _version_of(caller: Caller, name: str, alias: str) -> str:
    try:
        return str((await version_of_alias(caller, name, alias)).name)
    except MlflowError as error:
        if error.code == "RESOURCE_DOES_NOT_EXIST":
            raise invalid(f"Registered model alias {alias} not found.") from None
        raise


def _check_plain(uri: str) -> None:
    """That it has no `..`, however its characters are escaped. What is escaped again and again is refused."""
    if len(uri) > _LONGEST:
        raise invalid(f"Invalid model version source: {uri[:250]!r}… It may have {_LONGEST} characters at most.")
    plain = uri
    for _ in range(_ESCAPED_AT_MOST):
        unquoted = unquote_plus(plain)
        if unquoted == plain:
            break
        plain = unquoted
    else:
        raise invalid(f"Invalid model version source: {uri[:250]!r}. Its characters are escaped too often.")
    if "\0" in plain or ".." in re.split(r"[/\\]", plain):
        raise invalid(f"Invalid model version source: {uri[:250]!r}. It must have no relative parts.")


def _check_owner(uri: str, owner: str, source: model_version_pb2.ModelSource) -> None:
    """That the files are those of the run, or of the logged model, that the request names."""
    named = source.run if "/runs/" in owner else source.logged_model if "/loggedModels/" in owner else owner
    # A run that logged a model has the model's files: clients of 3.x name both.
    if named != owner:
        wanted = "run_id" if "/runs/" in owner else "model_id"
        raise invalid(
            f"Invalid model version source: {uri[:250]!r}. The {wanted} request parameter must identify the resource "
            "that contains the source."
        )


def _check_elsewhere(uri: str) -> None:
    scheme = urlsplit(uri).scheme.lower()
    if uri in _PROMPTS or scheme not in _REFUSED_SCHEMES:
        return
    what = f"the {scheme!r} scheme" if scheme else "a local path"
    raise invalid(f"Invalid model version source: {uri[:250]!r}. It cannot be {what}.")
