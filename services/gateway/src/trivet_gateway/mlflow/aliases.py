"""Which version of a registered model an alias means."""

from __future__ import annotations

from trivet_gateway.errors import MlflowError, invalid
from trivet_gateway.upstream import Caller, last
from trivet_proto.registry.v1 import model_pb2, model_version_pb2
from trivet_proto.registry.v1 import registry_service_pb2 as pb


async def read_model(caller: Caller, name: str) -> model_pb2.Model:
    """A model with the newest version in each stage. Raises MlflowError."""
    request = pb.GetModelRequest(name=caller.model(name), with_latest_versions=True)
    model: model_pb2.Model = await caller.call(caller.upstream.registry.GetModel, request)
    return model


def number_of(version: model_version_pb2.ModelVersion) -> int:
    """The number of a version."""
    return int(last(version.name))


async def version_of_alias(caller: Caller, name: str, alias: str) -> model_version_pb2.ModelVersion:
    """The version that an alias points at; `latest` is the newest one.

    Raises:
        MlflowError: there is no such model, or none of its versions is meant.
    """
    if alias.lower() == "latest":
        newest = (await read_model(caller, name)).latest_versions
        if newest:
            return max(newest, key=number_of)
    else:
        request = pb.GetModelVersionByAliasRequest(name=caller.model(name), alias=alias)
        try:
            found: model_version_pb2.ModelVersion = await caller.call(
                caller.upstream.registry.GetModelVersionByAlias, request
            )
        except MlflowError as error:
            if error.reason != "MODEL_ALIAS_NOT_FOUND":
                raise
        else:
            return found
    # The client looks for this code, and for no other.
    raise invalid(f"Registered model alias {alias} not found.")
