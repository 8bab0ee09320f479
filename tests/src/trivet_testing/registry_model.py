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
    copied_from: str = ""


@dataclass
class RegisteredModel:
    """A model."""

    description: str = ""
    next_version: int = 1
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    entries: int = 1
    """Of its history."""

    def version(self, number: int) -> Version:
        """A version."""
        if number not in self.versions:
            raise RefusedError("MODEL_VERSION_NOT_FOUND")
        return self.versions[number]


@dataclass
class Workspace:
    """The models of one workspace. Not safe for threads."""

    name: str
    """The resource name."""
    models: dict[str, RegisteredModel] = field(default_factory=dict)
    stages: tuple[str, ...] = STAGES
    protected_stages: frozenset[str] = frozenset()
    protected_aliases: frozenset[str] = frozenset()

    def change_stages(self, stages: tuple[str, ...]) -> None:
        """Does what UpdatePromotionRules does with `stages`."""
        used = {version.stage for model in self.models.values() for version in model.versions.values()}
        if used - set(stages):
            raise RefusedError("STAGE_IN_USE")
        self.stages = stages
        self.protected_stages &= frozenset(stages)

    def protect(self, stages: frozenset[str], aliases: frozenset[str]) -> None:
        """Does what UpdatePromotionRules does with what is protected."""
        if stages - set(self.stages):
            raise RefusedError("FIELD_INVALID")
        self.protected_stages, self.protected_aliases = stages, aliases

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
        if new_name != name:
            self._check_name_may_go(model)
        del self.models[name]
        self.models[new_name] = model
        model.entries += new_name != name

    def describe_model(self, name: str, description: str) -> None:
        """Does what UpdateModel does."""
        model = self.model(name)
        model.entries += model.description != description
        model.description = description

    def tag_model(self, name: str, tags: dict[str, str]) -> None:
        """Does what SetModelTags does where it removes all others."""
        model = self.model(name)
        model.entries += model.tags != tags
        model.tags = dict(tags)

    def delete_model(self, name: str) -> None:
        """Does what DeleteModel does."""
        self._check_name_may_go(self.model(name))
        del self.models[name]

    def create_version(self, name: str, uri: str, tags: dict[str, str]) -> int:
        """Does what CreateModelVersion does."""
        model = self.model(name)
        return self._add(model, Version(uri, tags=dict(tags)))

    def copy_version(self, name: str, number: int, destination: str) -> int:
        """Does what CopyModelVersion does."""
        origin = self.model(name).version(number)
        copied_from = f"{self.name}/models/{name}/versions/{number}"
        copy = Version(origin.uri, origin.description, tags=dict(origin.tags), copied_from=copied_from)
        return self._add(self.models.setdefault(destination, RegisteredModel()), copy)

    def _check_name_may_go(self, model: RegisteredModel) -> None:
        if model.aliases.keys() & self.protected_aliases:
            raise RefusedError("ALIAS_PROTECTED")
        if {version.stage for version in model.versions.values()} & self.protected_stages:
            raise RefusedError("STAGE_PROTECTED")

    def _add(self, model: RegisteredModel, version: Version) -> int:
        number = model.next_version
        model.next_version += 1
        model.versions[number] = version
        model.entries += 1
        return number

    def delete_version(self, name: str, number: int) -> None:
        """Does what DeleteModelVersion does."""
        model = self.model(name)
        if model.version(number).stage in self.protected_stages:
            raise RefusedError("STAGE_PROTECTED")
        if {alias for alias, target in model.aliases.items() if target == number} & self.protected_aliases:
            raise RefusedError("ALIAS_PROTECTED")
        del model.versions[number]
        model.entries += 1
        model.aliases = {alias: target for alias, target in model.aliases.items() if target != number}

    def move(self, name: str, number: int, stage: str, *, archive: bool) -> None:
        """Does what TransitionModelVersionStage does."""
        model = self.model(name)
        known = {each.lower(): each for each in self.stages}
        if stage.lower() not in known:
            raise RefusedError("FIELD_INVALID")
        stage = known[stage.lower()]
        if archive and stage in {"None", "Archived"}:
            raise RefusedError("FIELD_INVALID")
        moved = model.version(number)
        moves = [(moved, stage)]
        if archive:
            others = [
                other for _, other in sorted(model.versions.items()) if other.stage == stage and other is not moved
            ]
            moves = [*((other, "Archived") for other in others), *moves]
        moves = [(version, to) for version, to in moves if version.stage != to]
        for version, to in moves:
            if to in self.protected_stages:  # all sources are outside ones
                raise RefusedError("MODEL_VERSION_UNVERIFIED")
            if version.stage in self.protected_stages:
                raise RefusedError("STAGE_PROTECTED")
        for version, to in moves:
            version.stage = to
        model.entries += len(moves)

    def set_alias(self, name: str, alias: str, number: int) -> None:
        """Does what SetModelAlias does."""
        model = self.model(name)
        model.version(number)
        if model.aliases.get(alias) == number:
            return
        if alias in self.protected_aliases:
            raise RefusedError("ALIAS_PROTECTED")
        model.aliases[alias] = number
        model.entries += 1

    def delete_alias(self, name: str, alias: str) -> None:
        """Does what DeleteModelAlias does."""
        model = self.model(name)
        if alias not in model.aliases:
            return
        if alias in self.protected_aliases:
            raise RefusedError("ALIAS_PROTECTED")
        del model.aliases[alias]
        model.entries += 1

    def by_alias(self, name: str, alias: str) -> int:
        """The number that GetModelVersionByAlias answers with."""
        model = self.model(name)
        if alias not in model.aliases:
            raise RefusedError("MODEL_ALIAS_NOT_FOUND")
        return model.aliases[alias]

    def latest(self, name: str) -> list[int]:
        """The numbers that GetLatestVersions answers with."""
        versions = self.model(name).versions
        by_stage = ([number for number, version in versions.items() if version.stage == stage] for stage in self.stages)
        return [max(numbers) for numbers in by_stage if numbers]


def model_facts(model: Model) -> tuple[str, dict[str, str], dict[str, int]]:
    """What a message says of a model and the oracle knows: description, tags, aliases."""
    return model.description, dict(model.tags), dict(model.aliases)


def version_facts(version: ModelVersion) -> tuple[str, str, str, dict[str, str], list[str], str]:
    """What a message says of a version and the oracle knows: source, description, stage, tags, aliases, origin."""
    uri, origin = version.source.external_uri, version.copied_from
    return uri, version.description, version.stage, dict(version.tags), list(version.aliases), origin
