"""What is changed of the points of runs after they were written, and what is asked of the store for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from trivet_tracking.domain.metrics import MetricContext
from trivet_tracking.domain.runs import NewRun, Run


@dataclass(frozen=True)
class DeletedSeries:
    """What was removed."""

    series: int
    points: int


class Rewrites(Protocol):
    """Changes points of runs, each change in one step for every reader and writer. Every method sees one workspace."""

    def delete_metrics(
        self, workspace: str, run_id: str, keys: Sequence[str], context: MetricContext | None
    ) -> DeletedSeries:
        """Removes the series of keys, in one context or, for None, in all. Raises RunNotFound, RunDeleted."""
        ...

    def rewind(self, workspace: str, run_id: str, step: int, revision: int | None) -> Run:
        """Removes the points of later steps and ends all writers, where `revision` is given only if it is current.

        Raises:
            RunNotFound, RunDeleted, EtagStale: nothing is changed.
        """
        ...

    def fork(self, workspace: str, run_id: str, step: int, new: NewRun) -> Run:
        """Creates a run out of another one; the same creation again returns the run as it is by now.

        Args:
            workspace: Of both runs.
            run_id: The run that is forked.
            step: The last step whose points the fork gets.
            new: The fork. Its experiment is that of the run that is forked, whatever it says; params and tags are added
                to those of that run; an empty description becomes that of that run.

        Raises:
            RunIdTaken: the new id was used with another fingerprint.
            RunNotFound, RunDeleted: there is nothing to fork.
        """
        ...
