"""Whether few runs pass a search, asked of indexes, and which those are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_tracking.store import tables
from trivet_tracking.store.run_attributes import RunAttributes
from trivet_tracking.store.run_terms import AllOf, AnyOf, EntryTerm, LeafTerm, RowTerm, RunTerm, joined

_run = tables.run

# Probes of more terms would cost more than they save.
_MAX_PROBES = 16
# A pattern that passes more than one in so many of a sample passes many.
_SAMPLE_SHARE = 50


@dataclass(frozen=True)
class PlanBounds:
    """How far plans go; measured (metric-storage.md)."""

    driven: int = 1000
    """Fewer runs than this are looked at one by one."""
    walked: int = 4000
    """At most this many entries of an index are walked."""


DEFAULT_BOUNDS = PlanBounds()


@dataclass(frozen=True)
class Searched:
    """Where a search looks."""

    workspace: str
    experiments: list[int] | sa.Select[tuple[int]]
    """Keys of the experiments, those that are not in view included."""
    in_view: sa.ColumnElement[bool]
    """Whether the run of a statement is in view."""
    attributes: RunAttributes

    def scope(self, table: sa.FromClause) -> sa.ColumnElement[bool]:
        """Which rows of a table with `experiment_pk` are of these experiments."""
        return table.c.experiment_pk.in_(self.experiments)

    @property
    def is_single(self) -> bool:
        """Whether it is one experiment, whose indexes have an order then."""
        return isinstance(self.experiments, list) and len(self.experiments) == 1


Runs = sa.Select[Any] | sa.CompoundSelect[Any]
"""Selects `run_pk`."""


class Probes:
    """Asks how many runs pass terms that indexes serve."""

    def __init__(self, connection: Connection, searched: Searched, bounds: PlanBounds) -> None:
        self._connection = connection
        self._searched = searched
        self._bounds = bounds

    def few(self, term: RunTerm) -> Runs | None:
        """Runs that hold all that pass, and are fewer than the bound; None if many may pass."""
        probed = _served_by_index(term)[:_MAX_PROBES]
        if not probed:
            return None
        row = self._connection.execute(sa.select(*(self._probe(leaf) for leaf in probed))).one()
        counts = {id(leaf): count for leaf, count in zip(probed, row, strict=True) if count is not None}
        runs = {id(leaf): self._runs(leaf) for leaf in probed}
        best = self._best(term, counts)
        if best is None:
            # Of some patterns a sample has shown no more than that few may pass.
            for leaf in probed:
                if id(leaf) not in counts:
                    found = self._connection.scalars(joined(runs[id(leaf)]).limit(self._bounds.driven)).all()
                    # To look at all texts is done once.
                    runs[id(leaf)] = [sa.select(_run.c.run_pk).where(_run.c.run_pk.in_(found))]
                    counts[id(leaf)] = len(found)
            best = self._best(term, counts)
        if best is None:
            return None
        driving = joined([select for leaf in best for select in runs[id(leaf)]]).subquery("driving")
        # The bound only tells the database how few there are.
        return sa.select(driving.c.run_pk).limit(self._bounds.driven)

    def _best(self, term: RunTerm, counts: Mapping[int, int]) -> Sequence[LeafTerm] | None:
        cover = _cover(term, counts)
        return cover[1] if cover is not None and cover[0] < self._bounds.driven else None

    def _probe(self, leaf: LeafTerm) -> sa.ColumnElement[Any]:
        """How many runs pass, up to where it does not matter any more; NULL for a pattern that seems to pass few."""
        few = self._bounds.driven
        if isinstance(leaf, EntryTerm) and leaf.is_pattern:
            sampled = leaf.sampled(self._searched.scope, self._bounds.walked).scalar_subquery()
            return sa.case((sampled > self._bounds.walked // _SAMPLE_SHARE, few))
        passing = joined(self._runs(leaf)).limit(few).subquery()
        return sa.select(sa.func.count()).select_from(passing).scalar_subquery()

    def _runs(self, leaf: LeafTerm) -> list[sa.Select[Any]]:
        found = leaf.runs(self._searched.scope)
        if isinstance(leaf, RowTerm):
            # Run ids have an index by workspace.
            return [select.where(_run.c.workspace == self._searched.workspace) for select in found]
        return found


def _served_by_index(term: RunTerm) -> list[LeafTerm]:
    """The leaves whose runs an index finds."""
    match term:
        case AllOf(terms) | AnyOf(terms):
            return [leaf for inner in terms for leaf in _served_by_index(inner)]
        case EntryTerm(negated=False) | RowTerm(negated=False, indexed=True):
            return [term]
    return []


def _cover(term: RunTerm, counts: Mapping[int, int]) -> tuple[int, list[LeafTerm]] | None:
    """The leaves that together hold all that passes, with the fewest runs; None if there are no such."""
    match term:
        case AllOf(terms):
            covers = [cover for cover in (_cover(inner, counts) for inner in terms) if cover is not None]
            return min(covers, key=lambda cover: cover[0], default=None)
        case AnyOf(terms):
            total, leaves = 0, []
            for inner in terms:
                cover = _cover(inner, counts)
                if cover is None:
                    return None
                total += cover[0]
                leaves += cover[1]
            return total, leaves
    return (counts[id(term)], [term]) if id(term) in counts else None
