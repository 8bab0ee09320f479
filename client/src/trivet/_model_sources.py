"""Where the files of a new version are, as the registry takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trivet._model_entities import ModelVersion
from trivet._model_origins import ModelOrigin
from trivet._names import FilesUri, LoggedModelFiles, Names, Outside, Registered, RunFiles
from trivet_proto.registry.v1 import model_version_pb2


@dataclass(frozen=True)
class ModelSource:
    """Files that a URI names."""

    owner: str
    """Who has them in the artifact service; empty where they are outside."""
    path: str
    """Where they are in it; or the URI of what is outside."""
    origin: ModelOrigin
    """What the URI itself, or the version that it names, says of their making."""


@dataclass(frozen=True)
class ModelSources:
    """The sources of one workspace."""

    names: Names
    version_at: Callable[[Registered], ModelVersion]
    """Finds the version that a URI names."""

    def named_by(self, uri: FilesUri) -> ModelSource:
        """The files that a URI names. Raises as `Registry.version_at`."""
        if isinstance(uri, Outside):
            return ModelSource("", uri.uri, ModelOrigin())
        if isinstance(uri, LoggedModelFiles):
            return ModelSource(self.names.logged_model(uri.model_id), uri.path, ModelOrigin(model_id=uri.model_id))
        if isinstance(uri, RunFiles):
            return ModelSource(self.names.run(uri.run_id), uri.path, ModelOrigin(run_id=uri.run_id))
        version = self.version_at(uri)
        origin = ModelOrigin(version.run_id, version.model_id, version.git_commit, version.datasets, version.signature)
        return ModelSource(self.names.model_version(version.name, version.version), uri.path, origin)

    def message(self, source: ModelSource, origin: ModelOrigin) -> model_version_pb2.ModelSource:
        """What the contract has of files and of their making."""
        message = model_version_pb2.ModelSource(
            run=self.names.run(origin.run_id) if origin.run_id else "",
            logged_model=self.names.logged_model(origin.model_id) if origin.model_id else "",
            commit=origin.git_commit,
            datasets=[
                model_version_pb2.ModelDataset(name=dataset.name, digest=dataset.digest, context=dataset.context)
                for dataset in origin.datasets
            ],
        )
        if source.owner:
            message.artifacts.owner = source.owner
            message.artifacts.path = source.path
        else:
            message.external_uri = source.path
        return message
