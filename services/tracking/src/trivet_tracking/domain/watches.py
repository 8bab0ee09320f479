"""Changes of runs, as watchers get them, and what is asked of the store that finds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Protocol, TypeAlias

from trivet_tracking.domain.metrics import Metric
from trivet_tracking.domain.runs import Run, RunFields

Position: TypeAlias = str
"""A moment in the order of commits, as the store writes it; whatever it has not seen comes after it."""


class ChangeKind(IntFlag):
    """What changed of a run; bits, as the database has them."""

    CREATED = 1
    FIELDS = 2
    """Its own fields, also that it was deleted or restored."""
    PARAMS = 4
    TAGS = 8
    METRICS = 16
    """Points were written."""
    METRICS_REMOVED = 32
    """Points were removed."""


@dataclass(frozen=True)
class ChangedRun:
    """That something of a run changed."""

    run_pk: int
    """The store's own key."""
    workspace: str
    experiment_id: int
    run_id: str
    kinds: ChangeKind


@dataclass(frozen=True)
class ChangedExperiment:
    """That an experiment was deleted or restored."""

    workspace: str
    experiment_id: int
    deleted: bool
    """What it is by now."""


@dataclass(frozen=True)
class Changed:
    """What changed between two positions."""

    position: Position
    """The later one."""
    runs: Sequence[ChangedRun] = ()
    """Each once."""
    experiments: Sequence[ChangedExperiment] = ()


@dataclass(frozen=True)
class RunChange:
    """What changed of a run, with the newest state."""

    changed: ChangedRun
    run: Run | None
    """Without metrics; None where only metrics changed."""
    metrics: tuple[Metric, ...]
    """The current values, over all contexts, of the metrics that changed, sorted by key."""


@dataclass(frozen=True)
class WatchQuery:
    """What a watcher wants to hear of. With neither experiments nor runs: all of the workspace."""

    workspace: str
    experiment_ids: frozenset[int]
    """Those whose runs are watched; of watched runs, those that they belong to."""
    run_ids: frozenset[str]
    mask: frozenset[str]
    """The fields of runs to send."""
    fields: RunFields
    """What that needs to be loaded."""

    def covers(self, changed: ChangedRun) -> bool:
        """Whether a change is one of a watched run."""
        if changed.workspace != self.workspace:
            return False
        if self.run_ids:
            return changed.run_id in self.run_ids
        return not self.experiment_ids or changed.experiment_id in self.experiment_ids

    def covers_experiment(self, changed: ChangedExperiment) -> bool:
        """Whether an experiment has runs that are watched."""
        return changed.workspace == self.workspace and (
            not self.experiment_ids or changed.experiment_id in self.experiment_ids
        )


class Changes(Protocol):
    """Finds changes. No change that was committed is ever missed, on whichever replica."""

    def experiments_of(self, workspace: str, experiment_ids: Sequence[int], run_ids: Sequence[str]) -> frozenset[int]:
        """The ids of experiments and of those that runs are in. Raises ExperimentNotFound, RunNotFound."""
        ...

    def position(self) -> Position:
        """The position now."""
        ...

    def since(self, position: Position, workspaces: Iterable[str]) -> Changed:
        """What changed in workspaces after a position, up to now.

        Raises:
            FieldInvalid: `position` is none.
            ResumeTokenExpired: changes are no longer kept from there on.
        """
        ...

    def load(self, position: Position, changed: Sequence[ChangedRun], fields: RunFields) -> list[RunChange]:
        """The state by now of what changed after a position. Runs that are gone by now are left out."""
        ...
