"""What the registry does, in plain Python and in memory: the oracle that real servers are compared with.

It is written from the contract alone (`registry_service.proto`, `model.proto`, `model_version.proto`) and shares no
code with the service. Outside sources only: a version is READY when it is created.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from trivet_proto.registry.v1.model_pb2 import Model
from trivet_proto.registry.v1.model_version_pb2 import ModelVersion

STAGES: Final = ("None", "Staging", "Production", "Archived")


class RefusedError(Exception):
    """The call fails with this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Version:
    """A version."""

    uri: str
    description: str = ""
    stage: str = "None"
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class RegisteredModel:
    """A model."""

    description: str = ""
    next_version: int = 1
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)

    def version(self, number: int) -> Version:
        """A version."""
        if number not in self.versions:
            raise RefusedError("MODEL_VERSION_NOT_FOUND")
        return self.versions[number]


@dataclass
class Workspace:
    """The models of one workspace. Not safe for threads."""

    models: dict[str, RegisteredModel] = field(default_factory=dict)

    def model(self, name: str) -> RegisteredModel:
        """A model."""
        if name not in self.models:
            raise RefusedError("MODEL_NOT_FOUND")
        return self.models[name]

    def create_model(self, name: str, tags: dict[str, str]) -> None:
        """Does what CreateModel does."""
        if name in self.models:
            raise RefusedError("MODEL_NAME_TAKEN")
        self.models[name] = RegisteredModel(tags=dict(tags))

    def rename_model(self, name: str, new_name: str) -> None:
        """Does what RenameModel does."""
        model = self.model(name)
        if new_name != name and new_name in self.models:
            raise RefusedError("MODEL_NAME_TAKEN")
        del self.models[name]
        self.models[new_name] = model

    def delete_model(self, name: str) -> None:
        """Does what DeleteModel does."""
        self.model(name)
        del self.models[name]

    def create_version(self, name: str, uri: str, tags: dict[str, str]) -> int:
        """Does what CreateModelVersion does."""
        model = self.model(name)
        number = model.next_version
        model.next_version += 1
        model.versions[number] = Version(uri, tags=dict(tags))
        return number

    def delete_version(self, name: str, number: int) -> None:
        """Does what DeleteModelVersion does."""
        model = self.model(name)
        model.version(number)
        del model.versions[number]
        model.aliases = {alias: target for alias, target in model.aliases.items() if target != number}

    def move(self, name: str, number: int, stage: str, *, archive: bool) -> None:
        """Does what TransitionModelVersionStage does."""
        model = self.model(name)
        stage = next(known for known in STAGES if known.lower() == stage.lower())
        if archive and stage in {"None", "Archived"}:
            raise RefusedError("FIELD_INVALID")
        moved = model.version(number)
        if archive:
            for other in model.versions.values():
                if other.stage == stage and other is not moved:
                    other.stage = "Archived"
        moved.stage = stage

    def set_alias(self, name: str, alias: str, number: int) -> None:
        """Does what SetModelAlias does."""
        model = self.model(name)
        model.version(number)
        model.aliases[alias] = number

    def by_alias(self, name: str, alias: str) -> int:
        """The number that GetModelVersionByAlias answers with."""
        model = self.model(name)
        if alias not in model.aliases:
            raise RefusedError("MODEL_ALIAS_NOT_FOUND")
        return model.aliases[alias]

    def latest(self, name: str) -> list[int]:
        """The numbers that GetLatestVersions answers with."""
        versions = self.model(name).versions
        by_stage = ([number for number, version in versions.items() if version.stage == stage] for stage in STAGES)
        return [max(numbers) for numbers in by_stage if numbers]


def model_facts(model: Model) -> tuple[str, dict[str, str], dict[str, int]]:
    """What a message says of a model and the oracle knows: description, tags, aliases."""
    return model.description, dict(model.tags), dict(model.aliases)


def version_facts(version: ModelVersion) -> tuple[str, str, str, dict[str, str], list[str]]:
    """What a message says of a version and the oracle knows: source, description, stage, tags, aliases."""
    uri = version.source.external_uri
    return uri, version.description, version.stage, dict(version.tags), list(version.aliases)
