"""Runs and their points on the way out of the service, for analysis elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol

from trivet_kit.page_tokens import Cursor
from trivet_kit.search.expressions import And
from trivet_tracking.domain.experiments import View
from trivet_tracking.domain.metrics import MetricContext
from trivet_tracking.domain.runs import RunStatus
from trivet_tracking.domain.series import SeriesPoints


class RunTable(IntEnum):
    """What there is of runs, besides points; numbered as in the contract."""

    RUNS = 1
    PARAMS = 2
    TAGS = 3


@dataclass(frozen=True)
class RunSelection:
    """Which runs are exported."""

    experiment_ids: tuple[int, ...]
    """Empty: all of the workspace."""
    where: And
    view: View


# These are tuples, whose columns `zip` gives at once: there may be millions of them.


class ExportedRun(NamedTuple):
    """A run as it is exported. Times are milliseconds since the Unix epoch."""

    run_id: str
    experiment_id: int
    experiment_name: str
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
    deleted: bool
    create_time: int
    update_time: int
    delete_time: int | None


class ExportedParam(NamedTuple):
    """A param of a run."""

    run_id: str
    key: str
    value: str
    number: float | None


class ExportedTag(NamedTuple):
    """A tag of a run."""

    run_id: str
    key: str
    value: str


@dataclass(frozen=True)
class RunBatch:
    """Some runs with what was asked for of them: of one moment."""

    runs: Sequence[ExportedRun]
    params: Sequence[ExportedParam]
    """Run by run, sorted by key."""
    tags: Sequence[ExportedTag]
    """Run by run, sorted by key."""
    run_count: int
    """How many runs are finished with it, those included that have nothing to send."""
    cursor: Cursor
    """Where to go on."""


class ExportedSeries(NamedTuple):
    """What a series belongs to."""

    run_id: str
    key: str
    context: MetricContext


@dataclass(frozen=True, eq=False)
class PointBatch:
    """The points of series of some runs, or of a part of a long run: of one moment."""

    series: Sequence[ExportedSeries]
    """Run by run, sorted by key."""
    points: SeriesPoints
    """The points of each series, in its order."""
    run_count: int
    """How many runs are finished with it, those without points included."""
    cursor: Cursor
    """Where to go on."""


class Exports(Protocol):
    """Reads runs for an export, by run id, each once. Whatever was acknowledged before is seen.

    Each batch is read when it is asked for; no transaction is open in between.
    """

    def runs(
        self, workspace: str, selection: RunSelection, tables: frozenset[RunTable], after: Cursor | None
    ) -> Iterator[RunBatch]:
        """Yields what was asked for of the runs, after a cursor. Raises ExperimentNotFound, PageTokenInvalid."""
        ...

    def points(self, workspace: str, selection: RunSelection, after: Cursor | None) -> Iterator[PointBatch]:
        """Yields the points of the runs, after a cursor. Raises ExperimentNotFound, PageTokenInvalid."""
        ...
