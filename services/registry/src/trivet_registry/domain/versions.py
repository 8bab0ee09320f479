"""Versions of models, and what is asked of the store that keeps them. Times are milliseconds since the Unix epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import ModelName, ModelVersionName
from trivet_registry.domain.history import By
from trivet_registry.domain.models import Page, Query


class VersionState(Enum):
    """Whether a version's files are in place; numbered as in the contract."""

    PENDING = 1
    READY = 2
    FAILED = 3


@dataclass(frozen=True)
class ArtifactSource:
    """Files of an owner in the artifact service."""

    owner: str
    """As the caller named it."""
    path: str
    """Empty: all that the owner has."""


@dataclass(frozen=True)
class ExternalSource:
    """A URI outside Trivet."""

    uri: str


Source = ArtifactSource | ExternalSource


@dataclass(frozen=True)
class Dataset:
    """A dataset that a version was made of."""

    name: str
    digest: str
    context: str


@dataclass(frozen=True)
class Provenance:
    """How a version was made, as who registers it says; empty where it is not known."""

    run_id: str = ""
    logged_model_id: str = ""
    commit: str = ""
    datasets: tuple[Dataset, ...] = ()


@dataclass(frozen=True)
class Signature:
    """What a model takes and gives, each as JSON; empty where it is not known."""

    inputs: str = ""
    outputs: str = ""
    params: str = ""


@dataclass(frozen=True)
class ModelVersion:
    """A version as it is kept."""

    name: ModelVersionName
    state: VersionState
    state_message: str
    stage: str
    aliases: tuple[str, ...]
    source: Source
    provenance: Provenance
    signature: Signature
    copied_from: str
    """The name of the version that it is a copy of, as it was then; empty where it is none."""
    artifact_owner: str
    """The owner of its files; empty for an outside source."""
    manifest_sha256: bytes
    """Of a copy that is PENDING: what it must become."""
    verified: bool
    description: str
    tags: Mapping[str, str]
    create_time: int
    update_time: int
    created_by: str
    revision: int
    """Counts the changes of its own fields."""


@dataclass(frozen=True)
class NewVersion:
    """A version to register, checked."""

    model: ModelName
    source: Source
    provenance: Provenance
    signature: Signature
    description: str
    tags: Mapping[str, str]
    copied_from: str = ""
    manifest_sha256: bytes = b""
    """Of a copy: what its files must be."""


@dataclass(frozen=True)
class Link:
    """What a PENDING version waits for: files to be linked."""

    workspace: str
    model_uid: str
    version: int
    """Its number; with the uid, never that of another one."""
    source_owner: str
    """Who has the files, by a name that no rename changes."""
    source_path: str
    destination_owner: str


@dataclass(frozen=True)
class Linked:
    """The files are in place."""

    manifest_sha256: bytes


@dataclass(frozen=True)
class LinkRefused:
    """The files cannot be linked, however often it is tried."""

    problem: str
    """A clause without a full stop."""


LinkOutcome = Linked | LinkRefused


@dataclass(frozen=True)
class Move:
    """A version's move into a stage, checked."""

    stage: str
    """As the caller spells it."""
    archive_existing: bool


class VersionLookups(Protocol):
    """Finds single versions. Raises ModelNotFound, and ModelVersionNotFound where it is not there."""

    def get(self, name: ModelVersionName) -> ModelVersion:
        """Returns a version."""
        ...

    def get_by_alias(self, model: ModelName, alias: str) -> ModelVersion:
        """Returns the version that an alias points at. Raises ModelAliasNotFound."""
        ...

    def latest(self, model: ModelName, stages: Sequence[str]) -> Sequence[ModelVersion]:
        """The READY version with the greatest number in each of these stages that has any, of all of them for none.

        They come in the order of the workspace's stages. Case does not count. Raises FieldInvalid for an unknown stage.
        """
        ...

    def latest_of_models(self, workspace: str, uids: Sequence[str]) -> Mapping[str, Sequence[ModelVersion]]:
        """The same for all stages of several models, by their uids; models without such versions are left out."""
        ...


class Versions(Protocol):
    """Keeps versions.

    Methods that name a version raise ModelNotFound or ModelVersionNotFound where it is not there. Those that take a
    `revision` raise EtagStale where it is given and is not the current one. What raises changes nothing.
    """

    def register(self, new: NewVersion, by: By, request: RepeatableRequest | None) -> tuple[ModelVersion, Link | None]:
        """Takes the model's next number; returns the version, and what it waits for while it is PENDING.

        Returns what the same request registered before, as it is by now.

        Raises:
            ModelVersionNotFound, ModelVersionNotReady, ModelSourceUnusable: of a source that is a version.
            RequestIdReused: the request id came before with another fingerprint.
        """
        ...

    def copy(
        self, name: ModelVersionName, destination: ModelName, by: By, request: RepeatableRequest | None
    ) -> tuple[ModelVersion, Link | None]:
        """Registers a copy of a version in a model, which is created where it is not there; returns as `register` does.

        Raises:
            ModelVersionNotReady: its files are not in place.
            RequestIdReused: the request id came before with another fingerprint.
        """
        ...

    def finish(self, link: Link, outcome: LinkOutcome) -> ModelVersion:
        """Makes a PENDING version READY or FAILED; another one stays as it is. Returns it as it is then.

        Raises:
            ModelVersionNotFound: it was deleted meanwhile.
        """
        ...

    def claim_overdue(self, older_than_millis: int, limit: int) -> Sequence[tuple[Link, int]]:
        """What PENDING versions wait for that nobody has tried to finish for so long, each with when it was created.

        They count as tried from now on: of several replicas, one gets each.
        """
        ...

    def search(self, workspace: str, query: Query) -> Page[ModelVersion]:
        """Returns a page. Raises PageTokenInvalid for a cursor of another shape than this search's."""
        ...

    def describe(self, name: ModelVersionName, description: str, by: By, revision: int | None) -> ModelVersion:
        """Gives a version another description."""
        ...

    def set_tags(
        self, name: ModelVersionName, tags: Mapping[str, str], deleted: frozenset[str], by: By
    ) -> ModelVersion:
        """Sets and removes tags, all or none."""
        ...

    def move(
        self, name: ModelVersionName, move: Move, by: By, revision: int | None, request: RepeatableRequest | None
    ) -> ModelVersion:
        """Moves a version into a stage, and, where asked, those that were there to Archived, in one step.

        Raises:
            FieldInvalid: the workspace has no such stage, or it is one that nothing is archived for.
            ModelVersionNotReady: its files are not in place.
            StageProtected, ModelVersionUnverified: of a protected stage.
            RequestIdReused: the request id came before with another fingerprint.
        """
        ...

    def delete(self, name: ModelVersionName, by: By, revision: int | None) -> None:
        """Deletes a version with the aliases that point at it. Raises StageProtected, AliasProtected."""
        ...
