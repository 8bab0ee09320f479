"""What is removed for good, and what is asked of the store for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from trivet_kit.page_tokens import Cursor


@dataclass(frozen=True)
class PurgeQuery:
    """What to remove, or to name as what would be removed."""

    older_than_millis: int
    """Only what was deleted at least so long ago."""
    experiment_ids: tuple[int, ...]
    """Only these, or runs of these; empty: all of the workspace."""
    run_ids: tuple[str, ...]
    """Only these runs; empty: all of the workspace."""
    dry_run: bool
    size: int
    """From 1 up."""
    after: Cursor | None
    """The key of the last entry of the page before."""


@dataclass(frozen=True)
class PurgedExperiment:
    """An experiment that is gone, or would be."""

    experiment_id: int
    display_name: str
    runs: int


@dataclass(frozen=True)
class PurgedRun:
    """A run that is gone, or would be."""

    run_id: str
    display_name: str
    points: int
    bytes: int
    """Of its points, packed."""


@dataclass(frozen=True)
class PurgedExperimentPage:
    """A page of experiments, in the order in which they were created."""

    experiments: tuple[PurgedExperiment, ...]
    next_cursor: Cursor | None
    """None at the end."""


@dataclass(frozen=True)
class PurgedRunPage:
    """A page of runs, in the order in which they were created."""

    runs: tuple[PurgedRun, ...]
    next_cursor: Cursor | None
    """None at the end."""


class Purge(Protocol):
    """Removes for good what has been deleted. Every method sees one workspace.

    Each step is a transaction of bounded size; where the process ends in between, the next call takes up what is left.
    """

    def experiments(self, workspace: str, query: PurgeQuery) -> PurgedExperimentPage:
        """Removes experiments, whose runs are left to `runs`. Raises PageTokenInvalid."""
        ...

    def runs(self, workspace: str, query: PurgeQuery) -> PurgedRunPage:
        """Removes runs that were deleted by themselves, and runs of removed experiments. Raises PageTokenInvalid.

        In a dry run, runs of experiments that `experiments` would remove too.
        """
        ...
