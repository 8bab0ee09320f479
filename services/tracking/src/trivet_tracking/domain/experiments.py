"""Experiments, and what is asked of the store that keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from trivet_kit.page_tokens import Cursor
from trivet_kit.requests import RepeatableRequest
from trivet_kit.search.expressions import And, OrderClause

DEFAULT_EXPERIMENT_ID = 0
DEFAULT_EXPERIMENT_NAME = "Default"


class View(Enum):
    """Which resources a search looks at."""

    ACTIVE = "active"
    DELETED = "deleted"
    ALL = "all"


@dataclass(frozen=True)
class Experiment:
    """An experiment as it is kept. Times are milliseconds since the Unix epoch."""

    workspace: str
    experiment_id: int
    display_name: str
    description: str
    artifact_location: str
    tags: Mapping[str, str]
    create_time: int
    update_time: int
    delete_time: int | None
    revision: int
    """Counts the changes of its own fields."""


@dataclass(frozen=True)
class NewExperiment:
    """An experiment to create, checked."""

    display_name: str
    description: str
    artifact_location: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class ExperimentChange:
    """New values, checked; None leaves a field as it is."""

    display_name: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class ExperimentQuery:
    """A search for experiments."""

    where: And
    order_by: tuple[OrderClause, ...]
    view: View
    size: int
    """From 1 up."""
    after: Cursor | None
    """The sort key of the last entry of the page before."""


@dataclass(frozen=True)
class ExperimentPage:
    """A page of experiments."""

    experiments: tuple[Experiment, ...]
    cursors: tuple[Cursor, ...]
    """The sort key of each experiment."""
    is_last: bool
    """Whether nothing follows the last experiment."""


@dataclass(frozen=True)
class ExperimentActivity:
    """What goes on in an experiment: counts of its runs, where those that are deleted count only as that."""

    workspace: str
    experiment_id: int
    runs: int
    running: int
    deleted: int
    last_time: int | None
    """Of the last change of a run, or write to one that is RUNNING, in milliseconds since the Unix epoch."""


class Experiments(Protocol):
    """Keeps experiments. Every method sees one workspace; experiment `0` is made when a workspace is first used."""

    def create(self, workspace: str, new: NewExperiment, request: RepeatableRequest | None) -> Experiment:
        """Creates an experiment with the workspace's next id.

        Raises:
            ExperimentNameTaken: the display name is in use, also by a deleted one.
            RequestIdReused: the request id came before with another fingerprint.
        """
        ...

    def get(self, workspace: str, experiment_id: int) -> Experiment:
        """Returns an experiment, also a deleted one. Raises ExperimentNotFound."""
        ...

    def lookup(self, workspace: str, display_name: str) -> Experiment:
        """Returns the experiment with a display name, also a deleted one. Raises ExperimentNotFound."""
        ...

    def search(self, workspace: str, query: ExperimentQuery) -> ExperimentPage:
        """Returns a page. Raises PageTokenInvalid for a cursor of another shape than this search's."""
        ...

    def activity(self, workspace: str, experiment_ids: Sequence[int]) -> list[ExperimentActivity]:
        """What goes on in experiments, also in deleted ones, by id. Raises ExperimentNotFound."""
        ...

    def update(self, workspace: str, experiment_id: int, change: ExperimentChange, revision: int | None) -> Experiment:
        """Changes an experiment, where `revision` is given only if it is still the current one.

        Raises:
            ExperimentNotFound, ExperimentDeleted, ExperimentNameTaken, EtagStale: nothing is changed.
            ExperimentProtected: `Default` cannot be renamed.
        """
        ...

    def set_tags(
        self, workspace: str, experiment_id: int, tags: Mapping[str, str], deleted: frozenset[str]
    ) -> Experiment:
        """Sets and removes tags, all or none.

        Raises:
            ExperimentNotFound, ExperimentDeleted, TagNotFound: nothing is changed.
        """
        ...

    def delete(self, workspace: str, experiment_id: int) -> Experiment:
        """Deletes an experiment; again changes nothing. Raises ExperimentNotFound, ExperimentProtected."""
        ...

    def restore(self, workspace: str, experiment_id: int) -> Experiment:
        """Restores an experiment; one in use stays as it is. Raises ExperimentNotFound."""
        ...
