"""Exports: runs by run id, a group at a time, each group in a transaction of its own.

Run ids never change, so that each run comes once whatever happens meanwhile, and an export can go on from anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy.engine import Connection

from trivet_kit.db import Database
from trivet_kit.db.keyset import checked
from trivet_kit.errors import PageTokenInvalid
from trivet_kit.page_tokens import Cursor
from trivet_kit.search.expressions import Entity, Key, OrderClause
from trivet_tracking.domain.exports import (
    ExportedParam,
    ExportedRun,
    ExportedTag,
    PointBatch,
    RunBatch,
    RunSelection,
    RunTable,
)
from trivet_tracking.store import export_points, export_runs
from trivet_tracking.store.experiments import SqlExperiments
from trivet_tracking.store.export_points import Place
from trivet_tracking.store.run_attributes import RunAttributes
from trivet_tracking.store.run_probes import DEFAULT_BOUNDS
from trivet_tracking.store.run_search import RunSearch
from trivet_tracking.store.runs import searched_runs

# Some megabyte of ids. To look them up costs about the same for all pages, since it takes a sort of all that passes.
_PAGE_RUNS = 10_000
# At most so many runs are measured at once for how many of them make a batch.
_GROUP_RUNS = 256

_BY_RUN_ID = (OrderClause(Key(Entity.ATTRIBUTE, "run_id"), descending=False),)


class _Run(NamedTuple):
    run_pk: int
    run_id: str


class SqlExports:
    """Implements `Exports`. Safe for threads."""

    def __init__(self, database: Database, of_experiments: SqlExperiments, attributes: RunAttributes) -> None:
        self._database = database
        self._experiments = of_experiments
        self._attributes = attributes

    def runs(
        self, workspace: str, selection: RunSelection, tables: frozenset[RunTable], after: Cursor | None
    ) -> Iterator[RunBatch]:
        """Yields what was asked for of the runs."""
        after_run = None if after is None else _only_text(after)
        for page in self._pages(workspace, selection, after_run):
            done = group = 0
            while done < len(page):
                run_pks = [run.run_pk for run in page[done : done + _group_size(group)]]
                group, rows = self._database.read(partial(_group, run_pks=run_pks, asked=tables))
                done += group
                yield RunBatch(*rows, run_count=group, cursor=[page[done - 1].run_id])

    def points(self, workspace: str, selection: RunSelection, after: Cursor | None) -> Iterator[PointBatch]:
        """Yields the points of the runs."""
        finished, resumed, place = _checked_place(after)
        for page in self._pages(workspace, selection, finished):
            # Runs that came into view since, before the one that goes on, are left out.
            runs = [run for run in page if run.run_id >= resumed]
            done = group = 0
            while done < len(runs):
                place = place if runs[done].run_id == resumed else None
                candidates = runs[done : done + _group_size(group)]
                window = self._database.read(partial(export_points.read, runs=candidates, begin=place))
                group, place = window.run_count, window.end
                done += group
                finished = runs[done - 1].run_id if group else finished
                cursor: Cursor = [finished]
                if place is not None:
                    resumed = runs[done].run_id
                    cursor = [finished, resumed, *place]
                yield PointBatch(window.series, window.points, group, cursor)

    def _pages(self, workspace: str, selection: RunSelection, after: str | None) -> Iterator[Sequence[_Run]]:
        """The runs after an id, by id."""
        self._experiments.ensure_default(workspace)
        while True:
            page = self._database.read(
                partial(_page, attributes=self._attributes, workspace=workspace, selection=selection, after=after)
            )
            if page:
                yield page
            if len(page) < _PAGE_RUNS:
                return
            after = page[-1].run_id


def _page(
    connection: Connection, attributes: RunAttributes, workspace: str, selection: RunSelection, after: str | None
) -> list[_Run]:
    searched = searched_runs(connection, attributes, workspace, selection.experiment_ids, selection.view)
    search = RunSearch(connection, searched, selection.where, _BY_RUN_ID, DEFAULT_BOUNDS)
    # Behind the id come the parts of a search's order that decide between equal ones, of which there are none.
    found = search.page(None if after is None else [after, 0, after], _PAGE_RUNS)
    return [_Run(run.run_pk, str(run.cursor[0])) for run in found]


def _group(
    connection: Connection, run_pks: Sequence[int], asked: frozenset[RunTable]
) -> tuple[int, tuple[list[ExportedRun], list[ExportedParam], list[ExportedTag]]]:
    """How many of the runs make a batch, and what was asked for of these."""
    count = export_runs.fitting(connection, run_pks, asked)
    return count, export_runs.load(connection, run_pks[:count], asked)


def _group_size(last: int) -> int:
    """How many runs to measure: twice as many as the last group had, so that few are measured in vain."""
    return min(2 * last + 8, _GROUP_RUNS)


def _only_text(cursor: Cursor) -> str:
    if len(cursor) != 1:
        raise PageTokenInvalid("resume_token")
    return str(checked(cursor[0], str))


def _checked_place(cursor: Cursor | None) -> tuple[str | None, str, Place | None]:
    """The run after which to go on, None for the first; and the run that goes on, and from where."""
    match cursor:
        case None:
            return None, "", None
        case [finished]:
            return str(checked(finished, str)), "", None
        case [finished, run_id, key, context, step, time]:
            place = Place(
                str(checked(key, str)),
                int(checked(context, int)),
                int(checked(step, int)),
                int(checked(time, int)),
            )
            return None if finished is None else str(checked(finished, str)), str(checked(run_id, str)), place
    raise PageTokenInvalid("resume_token")
