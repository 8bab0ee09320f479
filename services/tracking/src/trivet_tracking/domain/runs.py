"""Runs, and what is asked of the store that keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, TypeAlias

from trivet_kit.page_tokens import Cursor
from trivet_kit.search.expressions import And, OrderClause
from trivet_tracking.domain.experiments import View
from trivet_tracking.domain.metrics import Metric
from trivet_tracking.domain.run_inputs import RunLinks
from trivet_tracking.domain.run_keys import RunKeyPage, RunKeyQuery


class RunStatus(IntEnum):
    """Where a run stands; numbered as in the contract."""

    RUNNING = 1
    SCHEDULED = 2
    FINISHED = 3
    FAILED = 4
    KILLED = 5


@dataclass(frozen=True)
class Run:
    """A run as it is kept. Times are milliseconds since the Unix epoch."""

    workspace: str
    run_id: str
    experiment_id: int
    display_name: str
    status: RunStatus
    start_time: int
    end_time: int | None
    begun_time: int
    """When somebody last began to write to it."""
    user: str
    created_by: str
    source: str
    git_commit: str
    parent_run_id: str
    description: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: tuple[Metric, ...]
    """Over all contexts, sorted by key."""
    links: RunLinks
    """Inputs sorted by name and digest, or id; outputs by step and id."""
    deleted: bool
    """Whether it, or its experiment, is deleted."""
    create_time: int
    update_time: int
    delete_time: int | None
    """When it was deleted by itself."""
    revision: int
    """Counts the changes of its own fields."""
    left_out: frozenset[str] = frozenset()
    """Of `metrics`, `params` and `tags`, those that are empty here because there are too many to load at once."""
    forked_from: ForkPoint | None = None
    last_write_time: int | None = None
    """When a message last reached it, or its own fields were changed; None where that was not asked for."""
    stale: bool = False
    """Whether it is RUNNING and was not written for too long."""


@dataclass(frozen=True)
class ForkPoint:
    """Where a fork begins."""

    run_id: str
    """The run that was forked."""
    step: int
    """The last step whose points the fork has from it."""


@dataclass(frozen=True)
class ExperimentById:
    """A run goes into the experiment with this id."""

    experiment_id: int


@dataclass(frozen=True)
class ExperimentByName:
    """A run goes into the experiment with this display name."""

    display_name: str
    create: bool
    """Whether it is created where there is none."""


@dataclass(frozen=True)
class NewRun:
    """A run to create, checked."""

    run_id: str
    experiment: ExperimentById | ExperimentByName
    display_name: str
    status: RunStatus
    start_time: int
    end_time: int | None
    user: str
    created_by: str
    source: str
    git_commit: str
    parent_run_id: str
    description: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    fingerprint: str
    """Differs for requests with different content; tells a repeated creation from another run with the same id."""


@dataclass(frozen=True)
class RunChange:
    """New values, checked; None leaves a field as it is."""

    display_name: str | None = None
    description: str | None = None
    status: RunStatus | None = None
    start_time: int | None = None
    end_time: int | None = None
    clear_end_time: bool = False
    begun_time: int | None = None
    """When the one who makes the change began to write to the run; None where that does not matter."""

    def is_out_of_date(self, begun_time: int, end_time: int | None) -> bool:
        """Whether somebody else has begun since, who is at work, or has ended the run after this change would.

        Args:
            begun_time: When somebody last began to write to the run.
            end_time: When it ended, if it has.
        """
        if self.begun_time is None or begun_time <= self.begun_time:
            return False
        return self.end_time is None or end_time is None or self.end_time < end_time


KeySelection: TypeAlias = frozenset[str] | None
"""Some keys; None stands for all."""


@dataclass(frozen=True)
class RunFields:
    """What is loaded of runs, besides the fields that cost nothing."""

    metrics: KeySelection = None
    params: KeySelection = None
    tags: KeySelection = None
    description: bool = True
    last_write: bool = True
    """Whether `last_write_time` and `stale` are."""
    inputs: bool = True
    outputs: bool = True


ALL_FIELDS = RunFields()


@dataclass(frozen=True)
class RunQuery:
    """A search for runs."""

    experiment_ids: tuple[int, ...]
    """Empty: all of the workspace."""
    where: And
    order_by: tuple[OrderClause, ...]
    view: View
    size: int
    """From 1 up."""
    after: Cursor | None
    """The sort key of the last entry of the page before."""
    fields: RunFields = ALL_FIELDS
    count: bool = False
    """Whether to count all that pass."""


@dataclass(frozen=True)
class RunPage:
    """A page of runs."""

    runs: tuple[Run, ...]
    cursors: tuple[Cursor, ...]
    """The sort key of each run."""
    is_last: bool
    """Whether nothing follows the last run."""
    total: int | None
    """How many pass, on all pages; None where that was not asked for."""


class Runs(Protocol):
    """Keeps runs. Every method sees one workspace."""

    def create(self, workspace: str, new: NewRun) -> Run:
        """Creates a run; the same creation again returns the run as it is by now.

        Raises:
            RunIdTaken: the id was used with another fingerprint.
            ExperimentNotFound, ExperimentDeleted: there is nowhere to put it.
        """
        ...

    def get(self, workspace: str, run_id: str, fields: RunFields = ALL_FIELDS) -> Run:
        """Returns a run, also a deleted one, with those fields. Raises RunNotFound."""
        ...

    def search(self, workspace: str, query: RunQuery) -> RunPage:
        """Returns a page. Raises ExperimentNotFound, and PageTokenInvalid for a cursor of another shape."""
        ...

    def get_several(self, workspace: str, run_ids: Sequence[str]) -> list[Run]:
        """Returns runs in their order, also deleted ones, without inputs and outputs. Raises RunNotFound."""
        ...

    def keys(self, workspace: str, query: RunKeyQuery) -> RunKeyPage:
        """Returns a page of keys. Raises ExperimentNotFound, RunNotFound, PageTokenInvalid."""
        ...

    def exists(self, workspace: str, run_id: str) -> bool:
        """Whether there is such a run, also a deleted one."""
        ...

    def count(self, workspace: str) -> int:
        """Returns how many there are, deleted ones too, until they are purged."""
        ...

    def update(
        self, workspace: str, run_id: str, change: RunChange, revision: int | None, fields: RunFields = ALL_FIELDS
    ) -> Run:
        """Changes a run, where `revision` is given only if it is still the current one; returns it with these fields.

        Raises:
            RunNotFound, RunDeleted, EtagStale: nothing is changed.
        """
        ...

    def delete(self, workspace: str, run_id: str) -> Run:
        """Deletes a run; again changes nothing. Raises RunNotFound."""
        ...

    def restore(self, workspace: str, run_id: str) -> Run:
        """Restores a run; one in use stays as it is. Raises RunNotFound, ExperimentDeleted."""
        ...
