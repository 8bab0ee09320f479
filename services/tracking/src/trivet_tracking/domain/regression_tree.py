"""A tree of a random forest: from the bins of some columns to a number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from trivet_tracking.domain.param_columns import Codes, Numbers

BINS: Final = 32

# Of a target whose variance is 1. A division of rows that are alike gains what rounding makes of nothing.
_LEAST_GAIN: Final = 1e-9

Bins: TypeAlias = npt.NDArray[np.uint8]
Places: TypeAlias = npt.NDArray[np.intp]


def bins_of(codes: Codes) -> Bins:
    """[n_rows] numbers below `BINS` that rise with the codes: about as many rows in each where there are more codes.

    Args:
        codes: [n_rows]; -1 for what is missing, which has a bin for itself.
    """
    different, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    if len(different) <= BINS:
        return places.astype(np.uint8)
    there = counts * (different >= 0)
    bins = np.where(different >= 0, 1 + (np.cumsum(there) - there) * (BINS - 1) // there.sum(), 0)
    return bins[places].astype(np.uint8)


@dataclass(frozen=True)
class Tree:
    """Where each node sends rows. A leaf sends all of them to itself."""

    columns: Places
    """[n_nodes]: by which column."""
    ends: Places
    """[n_nodes]: up to which bin to the lower of its two nodes."""
    lower: Places
    """[n_nodes]: the lower of its two nodes; the other one is the next."""
    values: Numbers
    """[n_nodes]: what it says of rows that stay; 0 for other nodes than leaves."""
    depth: int
    """After how many nodes every row is at a leaf."""

    def predict(self, rows: Bins) -> tuple[Numbers, npt.NDArray[np.bool_]]:
        """[n_rows]: what the tree says; and [n_rows, n_columns]: whether it may have looked at a column to say so.

        Args:
            rows: [n_rows, n_columns].
        """
        own = np.arange(len(rows))
        nodes = np.zeros(len(rows), np.intp)
        looked = np.zeros(rows.shape, np.bool_)
        for _ in range(self.depth):
            by = self.columns[nodes]
            looked[own, by] = True
            nodes = self.lower[nodes] + (rows[own, by] > self.ends[nodes])
        return self.values[nodes], looked

    def predict_shuffled(self, rows: Bins, own: Places, columns: Places, others: Places) -> Numbers:
        """[n_questions]: what the tree says of a row that has one column of another row.

        Args:
            rows: [n_rows, n_columns].
            own: [n_questions]: of which row.
            columns: [n_questions]: which column is of the other row.
            others: [n_questions]: which other row.
        """
        nodes = np.zeros(len(own), np.intp)
        for _ in range(self.depth):
            by = self.columns[nodes]
            nodes = self.lower[nodes] + (rows[np.where(by == columns, others, own), by] > self.ends[nodes])
        return self.values[nodes]


def grow(
    rows: Bins, target: Numbers, weights: Numbers, *, tried: int, least_to_split: int, random: np.random.Generator
) -> Tree:
    """Grows a tree, all nodes of a depth at once, until no division makes the squared error less.

    Args:
        rows: [n_rows, n_columns].
        target: [n_rows] of the variance 1, more or less.
        weights: [n_rows] how often a row counts, at least once.
        tried: Among how many columns a node looks for the best division: any that differ in its rows.
        least_to_split: Nodes of fewer rows are leaves.
        random: Draws the columns.
    """
    size = 2 * len(rows)  # every node has a row
    columns, ends, lower = np.zeros(size, np.intp), np.full(size, BINS), np.arange(size)
    at = np.zeros(len(rows), np.intp)
    weighted = weights * target
    opened, made, depth = np.zeros(1, np.intp), 1, 0
    while len(opened):
        nodes = opened[np.bincount(at, minlength=size)[opened] >= least_to_split]
        if not len(nodes):
            break
        place_of = np.full(size, -1)
        place_of[nodes] = np.arange(len(nodes))
        places = place_of[at]
        inside = np.argsort(places, kind="stable")[np.count_nonzero(places < 0) :]
        places = places[inside]
        drawn = _draw(rows[inside], places, tried, random)
        which, end, gain = _best(rows[inside[:, np.newaxis], drawn[places]], places, weights[inside], target[inside])
        split = np.flatnonzero(gain > _LEAST_GAIN)
        parents = nodes[split]
        columns[parents], ends[parents] = drawn[split, which[split]], end[split]
        opened = np.arange(made, made + 2 * len(split))
        lower[parents] = opened[::2]
        from_ = at[inside]
        at[inside] = lower[from_] + (rows[inside, columns[from_]] > ends[from_])
        made += len(opened)
        depth += bool(len(opened))
    counts = np.bincount(at, weights, made)
    values = np.bincount(at, weighted, made) / np.maximum(counts, 1)
    return Tree(columns[:made], ends[:made], lower[:made], values, depth)


def _draw(rows: Bins, places: Places, tried: int, random: np.random.Generator) -> Places:
    """[n_nodes, tried] columns in random order; those last that are the same in all rows of a node.

    Args:
        rows: [n_inside, n_columns], those of a node together.
        places: [n_inside]: of which node.
        tried: How many columns.
        random: Draws them.
    """
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    are_same = np.minimum.reduceat(rows, starts) == np.maximum.reduceat(rows, starts)
    return np.argsort(random.random(are_same.shape, np.float32) + are_same, axis=1)[:, :tried]


def _best(rows: Bins, places: Places, weights: Numbers, target: Numbers) -> tuple[Places, Places, Numbers]:
    """The best division of each node: which of its columns, up to which bin, and by how much the error falls.

    Args:
        rows: [n_rows, n_columns] of the columns that its node may be divided by.
        places: [n_rows]: of which node.
        weights: [n_rows].
        target: [n_rows].
    """
    totals = np.bincount(places, weights)
    nodes, tried = len(totals), rows.shape[1]
    means = np.bincount(places, weights * target) / totals
    cells = ((places[:, np.newaxis] * tried + np.arange(tried)) * BINS + rows).ravel()
    shape = (nodes, tried, BINS)
    counts = _up_to_bins(cells, np.repeat(weights, tried), shape)
    sums = _up_to_bins(cells, np.repeat(weights * (target - means[places]), tried), shape)
    # The sum of one side is minus that of the other. Of a side without rows it is 0, and such a division gains nothing.
    np.square(sums, out=sums)
    sums /= np.maximum(counts * (totals[:, np.newaxis, np.newaxis] - counts), 1)
    which, first = np.divmod(sums.reshape(nodes, -1).argmax(axis=1), BINS)
    node = np.arange(nodes)
    # Halfway to the next bin that has rows.
    below = counts[node, which]
    following = (below > below[node, first][:, np.newaxis]).argmax(axis=1)
    gains: Numbers = sums[node, which, first] * totals
    return which, (first + following) // 2, gains


def _up_to_bins(cells: Places, values: Numbers, shape: tuple[int, int, int]) -> Numbers:
    """[n_nodes, n_columns, `BINS`]: the sums of the values in each bin and those before it.

    Args:
        cells: [n_values]: the place of each in an array of the shape.
        values: [n_values].
        shape: Of the answer.
    """
    sums = np.asarray(np.bincount(cells, values, math.prod(shape)), np.float64).reshape(shape)
    return np.cumsum(sums, axis=2, out=sums)
