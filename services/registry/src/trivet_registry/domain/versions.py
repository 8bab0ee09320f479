"""Versions of models, and what is asked of the store that keeps them. Times are milliseconds since the Unix epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import ModelName, ModelVersionName
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
class ModelVersion:
    """A version as it is kept."""

    name: ModelVersionName
    state: VersionState
    state_message: str
    stage: str
    aliases: tuple[str, ...]
    source: Source
    run_id: str
    """Empty where no run is known."""
    artifact_owner: str
    """The owner of its files; empty for an outside source."""
    manifest_sha256: bytes
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
    run_id: str
    description: str
    tags: Mapping[str, str]
    created_by: str


@dataclass(frozen=True)
class Link:
    """What a PENDING version waits for: files to be linked."""

    version_key: int
    """The store's key of the version; never that of another one."""
    workspace: str
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
    archive_existing: bool
    reason: str
    moved_by: str


class Versions(Protocol):
    """Keeps versions.

    Methods that name a version raise ModelNotFound or ModelVersionNotFound where it is not there. Those that take a
    `revision` raise EtagStale where it is given and is not the current one. What raises changes nothing.
    """

    def register(self, new: NewVersion, request: RepeatableRequest | None) -> tuple[ModelVersion, Link | None]:
        """Takes the model's next number; returns the version, and what it waits for while it is PENDING.

        Returns what the same request registered before, as it is by now.

        Raises:
            ModelVersionNotFound, ModelVersionNotReady, ModelSourceUnusable: of a source that is a version.
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

    def get(self, name: ModelVersionName) -> ModelVersion:
        """Returns a version."""
        ...

    def get_by_alias(self, model: ModelName, alias: str) -> ModelVersion:
        """Returns the version that an alias points at. Raises ModelAliasNotFound."""
        ...

    def latest(self, model: ModelName, stages: Sequence[str]) -> Sequence[ModelVersion]:
        """The READY version with the greatest number in each of these stages that has any, in the order of stages."""
        ...

    def search(self, workspace: str, query: Query) -> Page[ModelVersion]:
        """Returns a page. Raises PageTokenInvalid for a cursor of another shape than this search's."""
        ...

    def describe(self, name: ModelVersionName, description: str, revision: int | None) -> ModelVersion:
        """Gives a version another description."""
        ...

    def set_tags(self, name: ModelVersionName, tags: Mapping[str, str], deleted: frozenset[str]) -> ModelVersion:
        """Sets and removes tags, all or none."""
        ...

    def move(
        self, name: ModelVersionName, move: Move, revision: int | None, request: RepeatableRequest | None
    ) -> ModelVersion:
        """Moves a version into a stage, and, where asked, those that were there to Archived, in one step.

        Raises:
            ModelVersionNotReady: its files are not in place.
            RequestIdReused: the request id came before with another fingerprint.
        """
        ...

    def delete(self, name: ModelVersionName, revision: int | None) -> None:
        """Deletes a version with the aliases that point at it."""
        ...
