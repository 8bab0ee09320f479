"""A random forest that is asked how much it knows by each of its columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from trivet_tracking.domain.param_columns import Codes, Numbers
from trivet_tracking.domain.regression_tree import Bins, bins_of, grow

# Few rows have more trees: those take little time, and what single trees say of few rows differs more.
_FEWEST_TREES: Final = 100
_MOST_TREES: Final = 300
_ROWS_OF_TREES: Final = 100_000
# Each column of what a tree has not seen, and the mean of all of them: what remains of chance is that of the trees.
_SHUFFLES: Final = 5
# A third of the columns for each split, and no split of fewer than five rows: L. Breiman, Random Forests, 2001,
# https://doi.org/10.1023/A:1010933404324. Of many rows, one part of a hundred, which is as good and takes less time.
_PART_TRIED: Final = 1 / 3
_LEAST_TO_SPLIT: Final = 5
_LEAST_PART_TO_SPLIT: Final = 0.01
_SEED: Final = 20_260_101

_FEWEST_SHADOWS: Final = 20
# Of a normal distribution, one value of 700 is farther above the mean.
_DEVIATIONS: Final = 3


@dataclass(frozen=True)
class Forest:
    """What a forest knows of a target."""

    explained: float
    """The part of the variance that it predicts, of rows that its trees have not seen; below 0 for none."""
    importances: Numbers
    """[n_columns]: how much of the variance is lost where the column is shuffled; about 0 for what tells nothing."""
    chance: float
    """How important a column may look that tells nothing."""


def forest_of(columns: Sequence[Codes], target: Numbers) -> Forest:
    """Grows a forest; the same for the same columns.

    Importance is Breiman's, of rows that a tree has not seen: how trees divide the rows that they were grown from makes
    a column of many values look important, whatever it means. What is only chance is seen by copies of the columns in
    random order, as in Boruta: Kursa and Rudnicki, 2010, https://doi.org/10.18637/jss.v036.i11.

    Args:
        columns: Each [n_rows]; at least one.
        target: [n_rows], not always the same.
    """
    random = np.random.default_rng(_SEED)
    binned = [bins_of(column) for column in columns]
    shadows = [random.permutation(column) for column in binned * math.ceil(_FEWEST_SHADOWS / len(binned))]
    rows = np.column_stack([*binned, *shadows])
    explained, losses = _ask(rows, (target - target.mean()) / target.std(), random)
    of_shadows = losses[len(binned) :]
    chance = max(0.0, float(of_shadows.max()), float(of_shadows.mean() + _DEVIATIONS * of_shadows.std(ddof=1)))
    return Forest(explained, losses[: len(binned)], chance)


def _ask(rows: Bins, target: Numbers, random: np.random.Generator) -> tuple[float, Numbers]:
    """The part of the variance that trees predict, and [n_columns] how much of it is lost where a column is shuffled.

    Args:
        rows: [n_rows, n_columns].
        target: [n_rows] with the mean 0 and the variance 1.
        random: Draws rows and columns.
    """
    count, columns = rows.shape
    trees = min(_MOST_TREES, max(_FEWEST_TREES, _ROWS_OF_TREES // count))
    losses = np.zeros(columns)
    predicted, asked = np.zeros(count), np.zeros(count)
    for _ in range(trees):
        weights = np.bincount(random.integers(count, size=count), minlength=count).astype(np.float64)
        seen, unseen = np.flatnonzero(weights), np.flatnonzero(weights == 0)
        if not len(unseen):
            continue
        tree = grow(
            rows[seen],
            target[seen],
            weights[seen],
            tried=int(columns * _PART_TRIED),
            least_to_split=max(_LEAST_TO_SPLIT, math.ceil(count * _LEAST_PART_TO_SPLIT)),
            random=random,
        )
        answers, looked = tree.predict(rows[unseen])
        # A column that the tree does not look at makes no difference.
        of_row, column = np.nonzero(looked)
        for _ in range(_SHUFFLES):
            other = random.permuted(np.tile(np.arange(len(unseen)), (columns, 1)), axis=1)[column, of_row]
            shuffled = tree.predict_shuffled(rows[unseen], of_row, column, other)
            rise = np.square(shuffled - target[unseen][of_row]) - np.square(answers - target[unseen])[of_row]
            losses += np.bincount(column, rise, columns) / len(unseen)
        predicted[unseen] += answers
        asked[unseen] += 1
    errors = np.square(predicted / np.maximum(asked, 1) - target)
    return 1 - float(errors.mean()), losses / (trees * _SHUFFLES)
